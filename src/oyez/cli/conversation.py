"""What a person does in `oyez client`: lines they type become posts and commands, activities become lines they read.

Guarantees: a mistake, a refusal or a lost link is told, and never ends the conversation. Must not know: terminals; a
`Screen` is given.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

import oyez
from oyez.cli import links, options, status, who
from oyez.cli.printing import missed, printable
from oyez.client.encryption import WITHIN, Encryption

if TYPE_CHECKING:
    from collections.abc import Coroutine

HELP = """\
a text             posts it to everyone, as a Note
{"type": …}        posts this JSON object as it is
/register USER     take a name, and log in under it
/login USER        log in as somebody (anonymous needs no secret)
/logout            leave the network
/who               who is connected, and where
/status            how the network is
/help              this
/quit              the end, like Ctrl-D"""


class Quit(Exception):
    """The person wants to leave."""


class Screen(Protocol):
    """Where a person reads and types."""

    def activity(self, user: str, text: str) -> None:
        """Somebody has said something. Both are harmless to a terminal."""
        ...

    def info(self, text: str) -> None:
        """A word from this program."""
        ...

    async def secret(self, user: str, *, new: bool) -> str | None:
        """Ask for a secret, twice for a `new` one; None where there is none to be had, which has been told."""
        ...


class Conversation:
    """One person's, from `begin` to `end`."""

    def __init__(self, centrals: list[str], screen: Screen, secured: Encryption = WITHIN) -> None:
        self.network: oyez.Network | None = None
        self._centrals = centrals
        self._screen = screen
        self._tls = links.as_tls(secured)
        self._lost = False
        self._feed: asyncio.Task[None] | None = None
        self._posts: set[asyncio.Task[None]] = set()
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/register": self._register,
            "/login": self._login,
            "/logout": self._logout,
            "/who": self._who,
            "/status": self._status,
            "/help": self._help,
            "/quit": self._quit,
        }

    @property
    def commands(self) -> list[str]:
        """What a line may begin with."""
        return list(self._commands)

    @property
    def place(self) -> str:
        """Who and where this person is, in a few words."""
        if self.network is None:
            return "not logged in"
        where = f"at server {self.network.server}" if self.network.connected else "looking for a server"
        return f"{printable(self.network.user)}, {where}"

    async def begin(self, user: str, secret: str | None) -> None:
        """Log in; the session there was before ends once this one is open. Raises OyezError."""
        network = oyez.connect(self._centrals, user=user, secret=secret, on_event=self._happened, tls=self._tls)
        await network.open()
        await self.end()
        self.network = network
        self._feed = asyncio.create_task(self._show(network))
        self._screen.info(f"you are {self.place}; /help says what you can type")

    async def end(self) -> None:
        """Log out, once what was posted has come back or failed."""
        while self._posts:
            await asyncio.wait(self._posts)
        network, self.network, self._lost = self.network, None, False
        if network is not None:
            await network.aclose()
        if self._feed is not None:
            await self._feed

    async def typed(self, line: str) -> None:
        """Do what a line says. Raises Quit."""
        line = line.strip()
        name, _, rest = line.partition(" ")
        if not line.startswith("/"):
            self._post(line)
            return
        command = self._commands.get(name)
        if command is None:
            self._screen.info(f"there is no {printable(name)}: /help says what there is")
            return
        try:
            await command(rest.strip())
        except oyez.OyezError as error:
            self._screen.info(str(error))

    # -- posts and activities -----------------------------------------------------------------------------------

    def _post(self, line: str) -> None:
        if self.network is None:
            self._screen.info("not posted, because you are not logged in: /login USER")
        elif line:
            posting = self.network.post(line.encode() if line.startswith("{") else line)
            task = asyncio.create_task(self._settle(posting))
            self._posts.add(task)
            task.add_done_callback(self._posts.discard)

    async def _settle(self, posting: "Coroutine[object, object, str]") -> None:
        try:
            await posting
        except oyez.OyezError as error:
            self._screen.info(f"not posted: {error}" if isinstance(error, oyez.NotAnActivity) else str(error))

    async def _show(self, network: oyez.Network) -> None:
        try:
            async for activity in network:
                self._screen.activity(printable(activity.user), _readable(activity))
        except oyez.OyezError as error:
            self._screen.info(f"this session is over: {error}; /login USER begins another one")
            if self.network is network:
                self.network = None

    def _happened(self, event: oyez.Event) -> None:
        match event:
            case oyez.Disconnected(info):
                self._lost = True
                self._screen.info(f"the server is gone ({info}); looking for another one")
            case oyez.Connected(server) if self._lost:
                self._lost = False
                self._screen.info(f"connected again, at server {server}")
            case oyez.Moved(server):
                self._screen.info(f"moved to server {server}")
            case oyez.Gap():
                self._screen.info(missed(event.count))

    # -- commands -----------------------------------------------------------------------------------------------

    async def _register(self, user: str) -> None:
        if (user := self._name(user)) and (secret := await self._screen.secret(user, new=True)) is not None:
            await oyez.register(user, secret, self._centrals, tls=self._tls)
            self._screen.info(f"{printable(user)} is registered")
            await self.begin(user, secret)

    async def _login(self, user: str) -> None:
        if not (user := self._name(user)):
            return
        if user == "anonymous":
            await self.begin(user, None)
        elif (secret := await self._screen.secret(user, new=False)) is not None:
            await self.begin(user, secret)

    def _name(self, user: str) -> str:
        try:
            return options.parse_user(user)
        except ValueError:
            self._screen.info("say which name, as in /login alice")
            return ""

    async def _logout(self, _: str) -> None:
        await self.end()
        self._screen.info("logged out; /login USER brings you back")

    async def _who(self, _: str) -> None:
        if self.network is None:
            self._screen.info("log in first: /login USER")
        else:
            who.print_report(await self.network.who())

    async def _status(self, _: str) -> None:
        status.print_report(await oyez.status(self._centrals, tls=self._tls))

    async def _help(self, _: str) -> None:
        for line in HELP.splitlines():
            self._screen.info(line)

    async def _quit(self, _: str) -> None:
        raise Quit


def _readable(activity: oyez.Activity) -> str:
    """The text of a Note; anything else as JSON."""
    given = dict(activity.object)
    content = given.get("content")
    if given.get("type") == "Note" and isinstance(content, str):
        return "\n".join(printable(line) for line in content.splitlines())
    given.pop("authenticated_user", None)
    return printable(msgspec.json.encode(given).decode())

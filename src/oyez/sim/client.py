"""Simulated client programs that behave like the old ones of other people, and write down all that they see.

They speak JSON lines by themselves, with nothing of the project's codec, so that they notice where it is wrong. A
`Manner` says how one behaves: well, or badly in some way. What they see goes into the history; nothing is judged here.
(The library's client is a role like the others, and is driven by a host on a node of its own.)
"""

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from oyez.protocol.messages import Address
from oyez.sim.connection import AT_ONCE, NEVER, SLOWLY, Connection
from oyez.sim.history import Ended, Entered, Heard, Posted, Said, Saw, Unreachable
from oyez.sim.rubbish import CATALOGUE, FLOOD

if TYPE_CHECKING:
    from oyez.sim.world import World

_decode = msgspec.json.Decoder().decode

ANONYMOUS = "anonymous"

_FOR_NOW = ("no_server", "joining", "central_away")
"""Reasons of a refused login for which it is worth while to come back."""

_TRIES = 3
"""How often a client that sends rubbish tries."""


@dataclass(slots=True, frozen=True)
class Manner:
    """How a client behaves. Times are in seconds, those of a session since it began."""

    username: str = ANONYMOUS
    secret: str | None = None
    starts: float = 0.0
    registers: bool = False
    modern: bool = False
    """It uses tickets, names its session and numbers its posts."""
    posts: int = 0
    """How many, in each session."""
    pace: float = 1.0
    """Mean time between two posts."""
    size: int = 0
    """Longest text of a post, in characters."""
    forges: bool = False
    """It claims to be somebody else, within the activity."""
    reads: str = AT_ONCE
    stops_at: float = 0.0
    """When it begins to read in that way."""
    nibble: int = 0
    """Most bytes that it writes at once; 0: everything."""
    leaves: str = ""
    """ "logs out", "closes", "vanishes"; nothing: it stays."""
    leaves_at: float = 0.0
    rubbish: str = ""
    """What it sends of the catalogue: where `rubbish_in` says, "central" or "server" (there once it is in)."""
    rubbish_in: str = "central"
    central_link: str = "closes"
    """What it does with its link to the central after a REDIRECT: "closes", "logs out", "keeps"."""
    returns: bool = True
    """It is started again when its link has ended."""

    @property
    def prompt(self) -> bool:
        """Whether it reads whatever comes, at once, and keeps to the rules: nothing that happens to it is its fault."""
        return self.reads == AT_ONCE and not self.rubbish


class Client:
    """One program and its user. `session` names its present session, "" where it has none."""

    def __init__(self, world: "World", name: str, central: Address, manner: Manner) -> None:
        self.world = world
        self.name = name
        self.manner = manner
        self.session = ""
        self.posted = 0
        self.heard: dict[str, int] = {}
        """The highest number that the present session saw, of each session."""
        self.quiet = False
        """It posts no more by itself."""
        self.gone = False
        """It has left for good."""
        self.connection: Connection | None = None
        self._central = central
        self.acknowledged = False
        """It was told that its name is its own."""
        self._registered = not manner.registers
        self._sessions = 0
        self._ticket: str | None = None
        self._permit: str | None = None
        self._visit = 0  # counts the starts: what was meant for an earlier one is void

    # -- getting in ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Somebody starts the program."""
        self._visit += 1
        self._permit = None
        self._dial(self._central)

    def _dial(self, address: Address) -> None:
        clock, random = self.world.clock, self.world.random
        self.connection = connection = Connection(clock, random, self._line, self._over)
        connection.nibble = self.manner.nibble
        connection.dial(self.world.network, self.name, address, self._connected, self._failed)

    def _failed(self, connection: Connection, why: str) -> None:
        self.world.record(Unreachable(self.world.clock.now, self.name, connection.node, why))
        if connection is self.connection:
            self.connection = None
            self._come_back()

    def _connected(self, connection: Connection) -> None:
        if self._at_central(connection):
            if self.manner.rubbish and self.manner.rubbish_in == "central":
                self._misbehave(connection)
            elif self._registered:
                self._login(connection)
            else:
                self._say(connection, "REGISTER", username=self.manner.username, secret=self.manner.secret)
        else:
            self._login(connection)

    def _at_central(self, connection: Connection) -> bool:
        return connection.node == self._central.hostname

    def _login(self, connection: Connection) -> None:
        manner = self.manner
        fields: dict[str, object] = {"username": manner.username}
        permit = self._ticket if self._at_central(connection) else self._permit
        if manner.modern and permit is not None:
            fields["ticket"] = permit
        elif manner.secret is not None:
            fields["secret"] = manner.secret
        if manner.modern and not self._at_central(connection):
            fields["session"] = f"session of {self.name:>8} no {self._sessions + 1:>4}"
        self._say(connection, "LOGIN", **fields)

    def _say(self, connection: Connection, command: str, **fields: object) -> None:
        username, secret = str(fields.get("username", "")), self.manner.secret if "username" in fields else None
        now = self.world.clock.now
        self.world.record(Said(now, self.name, connection.number, connection.node, command, username, secret or ""))
        connection.write(json.dumps({"command": command, **fields}).encode() + b"\n")

    def _misbehave(self, connection: Connection) -> None:
        what = self.manner.rubbish
        now = self.world.clock.now
        self.world.record(Said(now, self.name, connection.number, connection.node, f"rubbish: {what}"))
        if what == FLOOD:
            connection.reads = NEVER
        connection.write(CATALOGUE[what])

    # -- hearing ------------------------------------------------------------------------------------------------

    def _line(self, connection: Connection, line: bytes) -> None:
        message: dict[str, Any] = _decode(line)
        command = message["command"]
        if command == "ACTIVITY_BROADCAST":
            self._see(message, line)
            return
        now = self.world.clock.now
        info, reason = message.get("info"), message.get("reason", "")
        self.world.record(Heard(now, self.name, connection.number, connection.node, command, info, reason))
        if connection is not self.connection:
            return
        match command:
            case "REGISTER_SUCCESS":
                self._registered = self.acknowledged = True
                self._login(connection)
            case "REGISTER_FAILED":
                self._registered = self._registered or reason == "already_registered"
            case "LOGIN_SUCCESS" if self._at_central(connection):
                self._ticket = message.get("ticket")
            case "LOGIN_SUCCESS":
                self._enter(connection)
            case "LOGIN_FAILED":
                self._ticket = None
                self.gone = self.gone or not (reason in _FOR_NOW or reason.startswith("ticket"))
            case "REDIRECT":
                self._follow(connection, message)
            case _:
                pass  # the node closes after every refusal

    def _follow(self, connection: Connection, message: dict[str, Any]) -> None:
        self._leave_session(connection)
        self._permit = message.get("ticket")
        self._dial(Address(message["hostname"], message["port"]))
        if self.manner.central_link == "logs out":
            self._say(connection, "LOGOUT")
        if self.manner.central_link != "keeps":
            connection.close()

    def _see(self, message: dict[str, Any], line: bytes) -> None:
        activity = message["activity"]
        by, number, text = activity.get("by", "?"), activity.get("number", 0), activity.get("text", "")
        intact = text == _text(by, number, len(text)) and line.count(b"authenticated") == 1
        user = activity["authenticated_user"]
        self.heard[by] = number
        self.world.record(Saw(self.world.clock.now, self.session, by, number, user, message.get("id", ""), intact))

    # -- a session ----------------------------------------------------------------------------------------------

    def _enter(self, connection: Connection) -> None:
        manner, now = self.manner, self.world.clock.now
        self._sessions += 1
        self.session = connection.session = session = f"{self.name}.{self._sessions}"
        self.posted = 0
        self.heard = {}
        self.world.record(
            Entered(now, session, self.name, manner.username, connection.node, connection.number, manner.prompt)
        )
        if manner.reads != AT_ONCE:
            self._later(manner.stops_at, partial(self._read_badly, connection))
        if manner.leaves:
            self._later(manner.leaves_at, self.leave)
        if manner.rubbish and manner.rubbish_in == "server":
            self._later(self.world.random.random(), partial(self._misbehave, connection))
        if manner.posts:
            self._later(self._pause(), self._post_on)

    def _pause(self) -> float:
        return self.world.random.expovariate(1 / self.manner.pace) if self.manner.pace else 0.0

    def _later(self, delay: float, action: Any) -> None:
        """Unless this session is over by then."""
        session = self.session

        def unless_over() -> None:
            if self.session == session:
                action()

        self.world.clock.after(delay, unless_over)

    def _read_badly(self, connection: Connection) -> None:
        connection.reads = self.manner.reads

    def _post_on(self) -> None:
        if self.quiet:
            return
        self.post()
        if self.posted < self.manner.posts:
            self._later(self._pause(), self._post_on)

    def post(self) -> None:
        """Post the next activity."""
        connection, manner = self.connection, self.manner
        if not self.session or connection is None:
            return
        self.posted += 1
        text = _text(self.session, self.posted, int(self.world.random.random() * manner.size))
        activity = json.dumps({"by": self.session, "number": self.posted, "text": text})
        if manner.forges:
            activity = '{"authenticated_user":"root","authenticated\\u005fuser":"root",' + activity[1:]
        fields: dict[str, object] = {"username": manner.username}
        if manner.secret is not None and not (manner.modern and self._permit):
            fields["secret"] = manner.secret
        if manner.modern:
            fields["id"] = self.posted
        head = json.dumps({"command": "ACTIVITY_MESSAGE", **fields})[:-1]
        self.world.record(Posted(self.world.clock.now, self.session, self.posted))
        connection.write(f'{head},"activity":{activity}}}\n'.encode())

    # -- getting out --------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Its user has had enough."""
        self.gone = True
        connection = self.connection
        if connection is None:
            return
        match self.manner.leaves:
            case "logs out":
                self._say(connection, "LOGOUT")
            case "vanishes":
                self.world.network.power(self.name, up=False)
                connection.disappear()
            case _:
                connection.close()

    def _leave_session(self, connection: Connection) -> None:
        if connection is self.connection:
            self.session = ""
            self.connection = None

    def _over(self, connection: Connection, by: str, why: str) -> None:
        current = connection is self.connection
        now, unread = self.world.clock.now, connection.stuck or self.manner.reads == SLOWLY
        self.world.record(
            Ended(now, self.name, connection.number, connection.node, connection.session, by, why, unread)
        )
        self._leave_session(connection)
        if current:
            self._come_back()

    def _come_back(self) -> None:
        tired = self.manner.rubbish and self._visit >= _TRIES
        if self.manner.returns and not self.gone and not tired:
            self.world.clock.after(0.1 + self.world.random.random(), partial(self._start_again, self._visit))

    def _start_again(self, visit: int) -> None:
        if visit == self._visit:
            self.start()


def _text(by: str, number: int, length: int) -> str:
    """What a post says: made of who posts and which it is, so that whoever sees it can tell whether it is intact."""
    piece = f"{by}-{number} "
    return (piece * (length // len(piece) + 1))[:length]

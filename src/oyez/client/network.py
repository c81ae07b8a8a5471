"""The connection that a program holds: posts, activities, events, one session.

It gives the client role (`core.client`) a user. Guarantees: it comes back by itself after each loss, to where it left
off, until it is closed or refused for good; a program that does not take its activities holds up its own link and
nothing else, and costs a bounded amount of memory. Everything happens on the event loop on which it was opened,
whichever that is. Must not know: sockets; what runs the role is given (`oyez.connect` gives `net`'s).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from random import SystemRandom
from types import TracebackType
from typing import Any, Protocol, Self

from oyez.client import central, cursors, events
from oyez.client.activity import Activity, encode
from oyez.client.addresses import show
from oyez.client.encryption import Encryption
from oyez.client.errors import Closed, PostUnsettled, Refused, Unreachable
from oyez.client.inbox import Inbox
from oyez.client.outbox import Outbox
from oyez.core import effects as fx
from oyez.core.client.client import UNREACHABLE, Client
from oyez.core.role import Role
from oyez.host import Host
from oyez.protocol import limits
from oyez.protocol import messages as m

_log = logging.getLogger("oyez")

_NOT_TAKEN = (
    "this program does not take its activities, so the link is not read: iterate over the network, or connect with"
    " receive=False"
)


class Machine(Protocol):
    """Runs a role."""

    host: Host

    def start(self) -> None:
        """The node is up."""
        ...

    async def stop(self) -> None:
        """End it, links and all."""
        ...


class Engine(Protocol):
    """Makes a `Machine` on the running loop: `net.environment.NetEnvironment` is one."""

    def __call__(
        self,
        role: Role,
        on_end: Callable[[Exception], None],
        *,
        line_limit: int,
        deliver: Callable[[m.ActivityBroadcast], None],
        log: Callable[[str, Mapping[str, object]], None],
    ) -> Machine:
        """`on_end` hears why it can't go on."""
        ...


class Network:
    """A session in a network: `async with` opens and closes it; `async for` gives the activities.

    Made by `oyez.connect`, which says what the parameters mean.
    """

    def __init__(
        self,
        engine: Engine,
        centrals: list[m.Address],
        user: str,
        secret: str | None,
        *,
        register: bool,
        timeout: float,
        receive: bool,
        buffer: int,
        on_event: events.OnEvent | None,
        cursor: str | None,
        secured: Encryption,
    ) -> None:
        _check_credentials(user, secret, register)
        self.user = user
        """The username of this session."""
        self.server: str | None = None
        """The id of the server that has the session now; None while there is none."""
        self._engine = engine
        self._centrals = centrals
        self._secret = None if user == m.ANONYMOUS else secret
        self._timeout = timeout
        self._receive = receive
        self._on_event = on_event
        self._secured = secured
        self._around = len(user.encode()) + len((secret or "").encode())
        start = None if cursor is None else cursors.decode(cursor)
        self._role = Client(centrals, user, self._secret, SystemRandom(), register, start)
        self._inbox = Inbox(buffer, self._regulate_soon)
        self._outbox = Outbox(self._pump_soon, self._role.withdraw)
        self._machine: Machine | None = None
        self._first = asyncio.Event()  # connected for the first time, or ended
        self._end: Exception | None = None
        self._refusal: Refused | None = None  # why the role has given up
        self._moving = False
        self._held: int | None = None  # the link that is not read because the inbox is full
        self._pumping = False
        self._stopping: asyncio.Task[None] | None = None

    # -- the program's side -------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Connect and log in (after registering, where that was asked for). Raises Refused, Unreachable."""
        if self._machine is not None:
            raise Closed("this connection was opened before: make another one with oyez.connect")
        self._machine = self._engine(
            self._role,
            self._cannot_go_on,
            line_limit=limits.NODE_LINE,  # an activity of the longest line comes back in a longer one
            deliver=self._deliver,
            log=self._reported,
        )
        self._machine.start()
        try:
            async with asyncio.timeout(self._timeout):
                await self._first.wait()
            if self._end is not None:
                raise self._end
        except TimeoutError:
            await self.aclose()
            addresses = ", ".join(show(address) for address in self._centrals)
            raise Unreachable(f"{addresses}: no login within {self._timeout:g} s") from None
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Log out and close. Posts on their way are unsettled; a loop over the activities ends after what is here."""
        if self._machine is None:
            return
        self._finish(Closed("this connection was closed"))
        await asyncio.shield(self._stop())

    async def post(self, activity: Mapping[str, Any] | bytes | str, *, timeout: float | None = None) -> str:
        """Post an activity to everyone; returns its id, "origin-sequence", once it has come back like to everyone.

        `activity` is any JSON object, as a mapping or, to be sent byte for byte, as JSON text in `bytes`; a `str` is
        the text of a Note. Posts of one connection keep the order of their calls, also of calls that don't wait for
        each other. Without a link it waits for the next one; where a link breaks before it has come back it is sent
        again, and is shown once all the same. `timeout` (seconds) is `connect`'s unless given.

        Raises NotAnActivity, PostUnsettled once the time is over (it says what is known), Refused, Closed.
        """
        self._check_open()
        try:
            return await self._outbox.post(encode(activity, self._around), timeout or self._timeout)
        except PostUnsettled as unsettled:
            if self._inbox.full:
                raise PostUnsettled(f"{unsettled}; {_NOT_TAKEN}", times=unsettled.times) from None
            raise

    def __aiter__(self) -> AsyncIterator[Activity]:
        """Every activity of the network from the login on; several loops share them. Ends when this is closed."""
        return self

    async def __anext__(self) -> Activity:
        """The next activity. Raises Refused, Unreachable once this connection has ended for good."""
        self._check_open()
        try:
            return await self._inbox.take()
        except Closed:
            raise StopAsyncIteration from None

    @property
    def connected(self) -> bool:
        """Whether a server has the session now."""
        return self._role.live

    @property
    def waiting(self) -> int:
        """How many activities have arrived and not been taken."""
        return len(self._inbox)

    @property
    def cursor(self) -> str | None:
        """How far this program has taken the network's activities: a string to be kept, for `connect(cursor=…)`.

        None before the first login, unless one was given; and in a network that knows no cursors.
        """
        seen = self._role.seen
        return cursors.encode(seen.network, cursors.before(seen.origins, self._inbox.ids)) if seen.network else None

    async def status(self) -> m.StatusReport:
        """How the network is, from a central, on a link of its own. Raises Unreachable."""
        return await central.ask_status(self._role.centrals, self._timeout, self._secured)

    async def who(self) -> m.WhoReport:
        """Who is connected, and where, from a central, on a link of its own. Raises Refused, Unreachable."""
        question = m.Who(self.user, self._secret)
        return await central.ask(self._role.centrals, question, m.WhoReport, self._timeout, self._secured)

    def _check_open(self) -> None:
        if self._machine is None:
            raise Closed("this connection is not open: use `async with`")

    # -- the role's side ----------------------------------------------------------------------------------------

    def _deliver(self, broadcast: m.ActivityBroadcast) -> None:
        if self._receive:
            self._inbox.put(Activity(broadcast.id, bytes(broadcast.activity)))

    def _reported(self, event: str, fields: Mapping[str, object]) -> None:
        match event:
            case "settled":
                number = fields["number"]
                assert isinstance(number, int)
                self._outbox.came_back(number, str(fields["id"]))
            case "connected":
                _log.debug("connected: %s", fields)
                self._connected(str(fields["server"]))
            case "disconnected":
                self._disconnected(str(fields["info"]))
            case "doubtful":
                numbers = fields["numbers"]
                assert isinstance(numbers, tuple)
                for number in numbers:
                    self._outbox.doubtful(number)
            case "gap":
                gaps = fields["gaps"]
                assert isinstance(gaps, tuple)
                self._emit(events.Gap(gaps))
            case "gave_up":
                self._refusal = Refused(str(fields["reason"]), str(fields["info"]))
            case _:
                _log.debug("%s %s", event, fields)

    def _connected(self, server: str) -> None:
        self.server = server
        self._emit(events.Moved(server) if self._moving else events.Connected(server))
        self._moving = False
        self._first.set()
        self._outbox.sent_again()
        self._pump_soon()
        self._regulate_soon()

    def _disconnected(self, info: str) -> None:
        self.server = None
        self._moving = info == "redirected"
        if not self._moving and self._end is None:  # closing is the program's own doing
            self._emit(events.Disconnected(info))

    def _emit(self, event: events.Event) -> None:
        """Outside of the role's turn: what the program does then is its own affair, errors included."""
        if self._on_event is not None:
            asyncio.get_running_loop().call_soon(self._on_event, event)

    # -- between the two ----------------------------------------------------------------------------------------

    def _pump_soon(self) -> None:
        if self._machine is not None and self._role.live and not self._pumping:
            self._pumping = True
            self._machine.host.environment.soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        assert self._machine is not None
        while self._role.live and (post := self._outbox.next()) is not None:
            number, effects = self._role.post(post.activity)
            self._outbox.sent(post, number)
            self._machine.host.perform(effects)

    def _regulate_soon(self) -> None:
        if self._machine is not None:
            self._machine.host.environment.soon(self._regulate)

    def _regulate(self) -> None:
        """Read the link, or not, according to the inbox; while it is not read, its silence means nothing."""
        assert self._machine is not None
        self._role.reading = not self._inbox.full
        if not self._inbox.full:
            if self._held is not None:
                link, self._held = self._held, None
                self._machine.host.perform([fx.Release(link)])
        elif self._role.live and self._role.link is not None and self._role.link != self._held:
            self._held = self._role.link
            self._machine.host.perform([fx.Hold(self._held)])

    # -- the end ------------------------------------------------------------------------------------------------

    def _cannot_go_on(self, why: Exception) -> None:
        """Refused for good, never connected, or a bug of ours: then `why` is it."""
        if self._refusal is not None:
            self._finish(Unreachable(self._refusal.info) if self._refusal.reason == UNREACHABLE else self._refusal)
        else:
            self._finish(why)
        self._stop()

    def _finish(self, why: Exception) -> None:
        if self._end is None:
            self._end = why
            self.server = None
            self._inbox.end(why)
            self._outbox.end(why)
            self._first.set()

    def _stop(self) -> asyncio.Task[None]:
        assert self._machine is not None
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._machine.stop())
        return self._stopping


def _check_credentials(user: str, secret: str | None, register: bool) -> None:
    """Raises ValueError for what no central would accept."""
    if not 1 <= len(user) <= limits.USERNAME:
        raise ValueError(f"a username has 1 to {limits.USERNAME} characters")
    if user == m.ANONYMOUS:
        if register:
            raise ValueError(f"{m.ANONYMOUS} can't be registered: choose a name with `user`")
    elif secret is None or not 1 <= len(secret) <= limits.SECRET:
        raise ValueError(f"{user} needs a secret of 1 to {limits.SECRET} characters")

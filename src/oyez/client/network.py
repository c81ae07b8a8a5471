"""The connection that a program holds: posts, activities, callbacks, events, one session.

It gives the client role (`core.client`) a user. Guarantees: it comes back by itself after each loss, to where it left
off, until it is closed or refused for good; a program that does not take its activities holds up its own link and
nothing else, and costs a bounded amount of memory. Everything happens on the event loop on which it was opened,
whichever that is. Must not know: sockets; what runs the role is given (`oyez.connect` gives `net`'s).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import SystemRandom
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from oyez.client import central, cursors, events
from oyez.client.activity import Activity, encode
from oyez.client.addresses import show
from oyez.client.callbacks import Callback, Callbacks
from oyez.client.encryption import Encryption
from oyez.client.engine import Engine, Machine
from oyez.client.errors import Closed, PostUnsettled, Refused, Unreachable
from oyez.client.filters import Predicate, Wanted, predicate
from oyez.client.inbox import Activities, Inbox
from oyez.client.outbox import Outbox
from oyez.core import effects as fx
from oyez.core.client.client import UNREACHABLE, Client
from oyez.protocol import limits
from oyez.protocol import messages as m

_log = logging.getLogger("oyez")

C = TypeVar("C", bound=Callback)

_NOT_TAKEN = (
    "this program does not take its activities, so the link is not read: iterate over the network, or connect with"
    " receive=False"
)


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
        self._inbox = Inbox(buffer, self._regulate_soon, self._soon)
        self._own: Activities | None = None  # the reader that this is itself, once it has been one
        self._callbacks = Callbacks(self._callback_failed)
        self._outbox = Outbox(self._pump_soon, self._role.withdraw)
        self._machine: Machine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first = asyncio.Event()  # connected for the first time, or ended
        self._ended = asyncio.Event()
        self._end: Exception | None = None
        self._failure: Exception | None = None  # what a callback has raised
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
        if self._failure is None or self._failure is error:
            return
        if error is None:
            raise self._failure
        error.add_note(f"Besides, a callback failed: {self._failure!r}")

    async def open(self) -> None:
        """Connect and log in (after registering, where that was asked for). Raises Refused, Unreachable."""
        if self._machine is not None:
            raise Closed("this connection was opened before: make another one with oyez.connect")
        self._loop = asyncio.get_running_loop()
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
            self._callbacks.start()
        except TimeoutError:
            await self.aclose()
            addresses = ", ".join(show(address) for address in self._centrals)
            raise Unreachable(f"{addresses}: no login within {self._timeout:g} s") from None
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Log out and close. Posts on their way are unsettled; a loop over the activities ends after what is here.

        Callbacks are cancelled where they are, and called no more; but one that closes the connection goes on.
        """
        if self._machine is None:
            return
        self._finish(Closed("this connection was closed"))
        try:
            await self._callbacks.stop()
        finally:
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

    def activities(self, *, where: Predicate | None = None, **members: Wanted) -> Activities:
        """A reader of its own: `async for activity in network.activities(type="Create", actor="urn:ada")`.

        Each keyword is a member of the activity (`type`, `actor`, `authenticated_user`, any other) and what it has to
        be: a text, a number, True or False; or one of several, in a list, tuple or set; or an object with members like
        these, as in `object={"type": "Note"}`. None: whatever it is. Where the activity has a list there, one of its
        elements is enough; an object is also meant by its `id`. `where` is a function of the `Activity` that says the
        rest. An activity is decoded at most once for all of that, and `Activity.object` is what it was decoded to.

        Readers are independent: each gets everything that it wants. One begins where the program is, with the first
        activity that no reader has passed: all since the login, as long as none has. What has not been passed by all
        readers waits, within `connect`'s `buffer`; so a reader that does not go on holds up the link, in the end. See
        `Activities` for when it is over. A `Gap` is for all readers: nobody knows what would have been in it.

        Raises TypeError for what no activity can have.
        """
        if not self._receive:
            raise ValueError("this connection was made with receive=False: no activities come")
        return Activities(self._inbox, predicate(where, members), self._check_open)

    def __aiter__(self) -> Activities:
        """Every activity of the network from the login on; several loops share them. Ends when this is closed.

        It is a reader like those of `activities`, from its first loop on and as long as the connection: what comes
        after a loop that was left waits for the next one.
        """
        if self._own is None:
            self._own = self.activities()
        return self._own

    async def __anext__(self) -> Activity:
        """The next activity. Raises Refused, Unreachable, a callback's error once this has ended for good."""
        self._check_open()
        return await anext(aiter(self))

    @overload
    def on(self, callback: C, /, *, where: Predicate | None = None, **members: Wanted) -> C: ...
    @overload
    def on(self, /, *, where: Predicate | None = None, **members: Wanted) -> Callable[[C], C]: ...
    def on(
        self, callback: C | None = None, /, *, where: Predicate | None = None, **members: Wanted
    ) -> C | Callable[[C], C]:
        """Call a function, `async` or not, with each activity that is wanted: `@network.on(type="Create")`.

        Filters and the beginning are those of `activities`; before `async with` is early enough for everything since
        the login. A callback gets one activity at a time, in order, and several callbacks do not wait for each other.
        One that is not `async` holds up the whole program as long as it takes.

        What a callback raises ends the connection: `run`, every loop and every post raise it, and so does the end of
        the `async with`, unless something else is raised there, which then has it as a note.
        """

        def add(callback: C) -> C:
            self._callbacks.add(callback, self.activities(where=where, **members))
            return callback

        return add if callback is None else add(callback)

    async def run(self) -> None:
        """Wait until this is closed, while callbacks do the work. Raises what ends it otherwise: what a callback has
        raised, Refused, Unreachable."""
        self._check_open()
        await self._ended.wait()
        if self._end is not None and not isinstance(self._end, Closed):
            raise self._end

    @property
    def connected(self) -> bool:
        """Whether a server has the session now."""
        return self._role.live

    @property
    def waiting(self) -> int:
        """How many activities have arrived and not been passed by all readers."""
        return len(self._inbox)

    @property
    def cursor(self) -> str | None:
        """How far this program has taken the network's activities: a string to be kept, for `connect(cursor=…)`.

        Of several readers the slowest counts. An activity is taken when it is handed to a loop or a callback.
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

    def _soon(self, call: Callable[[], None]) -> None:
        """From any thread: where a reader is dropped is for the program, or its garbage collector."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

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

    def _callback_failed(self, error: Exception) -> None:
        """Unless it has met the end of the connection, which is known."""
        known = self._end is not None and self._end in (error, error.__cause__)
        known |= isinstance(self._end, Closed) and isinstance(error, Closed)
        if not known and self._failure is None:
            self._failure = error
            self._finish(error)
            self._stop()

    def _finish(self, why: Exception) -> None:
        if self._end is None:
            self._end = why
            self.server = None
            self._inbox.end(why)
            self._outbox.end(why)
            self._first.set()
            self._ended.set()

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

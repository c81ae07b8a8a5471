"""Oyez for programs without asyncio: plain scripts, threads, notebooks.

    import oyez.sync

    with oyez.sync.connect("127.0.0.1:3780") as network:
        print("posted", network.post("hear ye"))
        for activity in network.activities(type="Note"):
            print(activity.user, activity.object)

It is the same library: each connection runs an event loop in a daemon thread of its own, in which an `oyez.Network`
does the work, and each call waits for that. So it also works where a loop is running already, as in Jupyter; a
connection may be used by several threads at once; what is raised is what `oyez` raises. Ctrl-C (Interrupt, in Jupyter)
ends the waiting and nothing else. A forked process has none of the threads: there every call raises `oyez.Closed`.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial, wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

import oyez
from oyez.client.activity import Activity
from oyez.client.callbacks import Callback
from oyez.client.errors import Closed
from oyez.client.filters import Predicate, Wanted
from oyez.protocol.messages import StatusReport, WhoReport

__all__ = ["Activities", "Network", "connect", "register", "status", "who"]

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Callback)

_OVER = "this connection was closed"


class Network:
    """A session in a network, as `oyez.Network` is: `with` opens and closes it, `for` gives the activities.

    Made by `oyez.sync.connect`. `on_event` is called in the connection's own thread, where nothing may wait for it.
    """

    def __init__(self, network: oyez.Network) -> None:
        self._network = network
        self._own: Activities | None = None  # the reader that this is itself, once it has been one
        self._callers: list[ThreadPoolExecutor] = []
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._main: asyncio.Task[None] | None = None
        self._scheduling = threading.RLock()  # nothing is given to the loop behind the end
        self._closed = False
        self._closing = asyncio.Event()
        self._over: Future[None] = Future()

    # -- open and closed ----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception as failure:
            if error is None:
                raise
            if failure is not error:
                error.add_note(f"Besides, a callback failed: {failure!r}")

    def open(self) -> None:
        """Connect and log in (after registering, where that was asked for). Raises Refused, Unreachable."""
        if self._loop is not None:
            raise Closed("this connection was opened before: make another one with oyez.sync.connect")
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, args=(self._loop, opened), name="oyez", daemon=True)
        self._thread.start()
        try:
            opened.result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out and close, once the callbacks that are being called have returned. Once more does no harm.

        Raises what a callback has raised. In a callback it waits for nothing, and whoever else closes does.
        """
        if self._loop is None or os.getpid() != self._process:
            return  # a forked process has a copy of the sockets, and of nothing that uses them
        with self._scheduling:
            if not self._closed and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._leave)
            self._closed = True
        if threading.current_thread() is not self._thread and not _calling.here:
            assert self._thread is not None
            self._thread.join()
            self._over.result()

    @property
    def user(self) -> str:
        """The username of this session."""
        return self._network.user

    @property
    def server(self) -> str | None:
        """The id of the server that has the session now; None while there is none."""
        return self._network.server

    @property
    def connected(self) -> bool:
        """Whether a server has the session now."""
        return self._network.connected

    @property
    def waiting(self) -> int:
        """How many activities have arrived and not been passed by all readers."""
        return self._network.waiting

    @property
    def cursor(self) -> str | None:
        """How far this program has taken the network's activities: see `oyez.Network.cursor`."""

        async def look() -> str | None:
            return self._network.cursor

        return self._network.cursor if self._over.done() or self._loop is None else self._call(look)

    # -- posts and activities -----------------------------------------------------------------------------------

    def post(self, activity: Mapping[str, Any] | bytes | str, *, timeout: float | None = None) -> str:
        """Post an activity to everyone; returns its id once it has come back: see `oyez.Network.post`.

        Raises NotAnActivity, PostUnsettled, Refused, Closed.
        """
        return self._call(partial(self._network.post, activity, timeout=timeout))

    def activities(
        self, *, timeout: float | None = None, where: Predicate | None = None, **members: Wanted
    ) -> "Activities":
        """A reader of its own, with the filters of `oyez.Network.activities`: `network.activities(type="Create")`.

        A loop over it ends when nothing has come for `timeout` seconds; another loop goes on from there. `where` is
        called in the connection's thread, and must not use the connection.
        """
        make = partial(self._network.activities, where=where, **members)
        return Activities(self, self._in_its_thread(make), timeout)

    def __iter__(self) -> Iterator[Activity]:
        """Every activity of the network from the login on; several loops share them. Ends when this is closed."""
        return iter(self._itself())

    def take(self, timeout: float | None = None) -> Activity:
        """The next activity, of those that a loop over this would give. See `Activities.take`."""
        return self._itself().take(timeout)

    def _itself(self) -> "Activities":
        own = self._own
        if own is None:
            made = Activities(self, self._in_its_thread(self._network.__aiter__), None, lasting=True)
            with self._scheduling:
                self._own = own = self._own or made
        return own

    @overload
    def on(self, callback: C, /, *, where: Predicate | None = None, **members: Wanted) -> C: ...
    @overload
    def on(self, /, *, where: Predicate | None = None, **members: Wanted) -> Callable[[C], C]: ...
    def on(
        self, callback: C | None = None, /, *, where: Predicate | None = None, **members: Wanted
    ) -> C | Callable[[C], C]:
        """Call a function with each activity that is wanted, in a thread of its own: `@network.on(type="Create")`.

        It may use the connection. It gets one activity at a time, in order. See `oyez.Network.on` for the rest, and
        for what becomes of an error; `close` and the end of the `with` raise it, too.
        """

        def add(callback: C) -> C:
            if iscoroutinefunction(callback):
                raise TypeError("a callback is a plain function here: those of oyez.connect may be async")
            caller = ThreadPoolExecutor(1, thread_name_prefix="oyez-callback", initializer=_calling.begin)
            call = partial(_call_in, caller, callback)
            self._in_its_thread(partial(self._network.on, call, where=where, **members))
            self._callers.append(caller)
            return callback

        return add if callback is None else add(callback)

    def run(self) -> None:
        """Wait until this is closed, while callbacks do the work. Raises what ends it otherwise."""
        self._call(self._network.run)

    def status(self) -> StatusReport:
        """How the network is, from a central. Raises Unreachable."""
        return self._call(self._network.status)

    def who(self) -> WhoReport:
        """Who is connected, and where, from a central. Raises Refused, Unreachable."""
        return self._call(self._network.who)

    # -- the loop and its thread --------------------------------------------------------------------------------

    def _work(self, loop: asyncio.AbstractEventLoop, opened: "Future[None]") -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._live(opened))
        except asyncio.CancelledError:
            opened.set_exception(Closed(_OVER))  # before it was open
        except BaseException as error:  # noqa: BLE001 - whoever opens or closes raises it
            (self._over if opened.done() else opened).set_exception(error)
        finally:
            for caller in self._callers:
                caller.shutdown(wait=False)
            if not self._over.done():
                self._over.set_result(None)

    async def _live(self, opened: "Future[None]") -> None:
        self._main = asyncio.current_task()
        if self._closed:
            raise Closed(_OVER)
        async with self._network:
            self._main = None
            opened.set_result(None)
            await self._closing.wait()

    def _leave(self) -> None:
        self._closing.set()
        if self._main is not None:  # not open yet
            self._main.cancel()

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine of the connection returns. Where the waiting is interrupted, it is cancelled."""
        self._check_here()
        with self._scheduling:
            if self._loop is None:
                raise Closed("this connection is not open: use `with`")
            if self._closed:
                raise Closed(_OVER)
            future = asyncio.run_coroutine_threadsafe(make(), self._loop)
        try:
            return future.result()
        except CancelledError:
            raise Closed(_OVER) from None
        except BaseException:
            future.cancel()
            raise

    def _in_its_thread(self, call: Callable[[], T]) -> T:
        """What a plain call returns that is for the connection's thread, as soon as there is one."""
        if self._loop is None and os.getpid() == self._process:
            return call()

        async def calling() -> T:
            return call()

        return self._call(calling)

    def _check_here(self) -> None:
        if os.getpid() != self._process:
            raise Closed("this connection is another process's, from before a fork: make one in this process")
        if threading.current_thread() is self._thread:
            raise RuntimeError("this is the connection's own thread, which must not wait for itself: use on()")

    def _drop(self, reader: oyez.Activities) -> None:
        """Nobody refers to it any more, but its end has to come in the connection's thread."""
        if os.getpid() == self._process:  # else somebody else may have held the lock
            with self._scheduling:
                if self._loop is not None and not self._closed:
                    self._loop.call_soon_threadsafe(reader.close)


class Activities:
    """One reader: `for` gives it the activities that it wants. It is over when nothing refers to it any more.

    What it has not taken yet waits, and holds up the link once the connection's `buffer` is full.
    """

    def __init__(
        self, network: Network, reader: oyez.Activities, timeout: float | None, *, lasting: bool = False
    ) -> None:
        self._network = network
        self._lasting = lasting  # as long as the connection, which is this reader itself
        self._reader = reader
        self._timeout = timeout
        self._handed = deque[Activity]()  # over from the connection's thread

    def __iter__(self) -> Iterator[Activity]:
        """Ends when the connection is closed, or nothing has come for the `timeout` of this reader."""
        while True:
            try:
                activity = self._take(self._timeout)
            except TimeoutError:
                return
            if activity is None:
                return
            yield activity

    def take(self, timeout: float | None = None) -> Activity:
        """The next one. Raises TimeoutError where none has come for `timeout` seconds (that of this reader unless
        given), Closed where none will; what has ended the connection, if that is something else."""
        activity = self._take(self._timeout if timeout is None else timeout)
        if activity is None:
            raise Closed(_OVER)
        return activity

    def _take(self, timeout: float | None) -> Activity | None:
        """None: there are no more. What an interruption has left on the way comes first the next time."""
        over = False
        while True:
            try:
                return self._handed.popleft()
            except IndexError:
                if over:
                    return None
            over = not self._network._call(partial(self._hand, timeout))

    async def _hand(self, timeout: float | None) -> bool:
        async with asyncio.timeout(timeout):
            activity = await anext(self._reader, None)
        if activity is not None:
            self._handed.append(activity)
        return activity is not None

    def __del__(self) -> None:
        if not self._lasting:
            self._network._drop(self._reader)


async def _call_in(caller: ThreadPoolExecutor, callback: Callback, activity: Activity) -> None:
    """A callback, in a thread. Who cancels this waits for its end: a thread can't be cancelled."""
    calling = asyncio.get_running_loop().run_in_executor(caller, callback, activity)
    try:
        await asyncio.shield(calling)
    except asyncio.CancelledError:
        await calling
        raise


class _Calling(threading.local):
    """Whether this thread is one that calls a callback."""

    here = False

    def begin(self) -> None:
        self.here = True


_calling = _Calling()


def _connecting(make: Callable[P, oyez.Network]) -> Callable[P, Network]:
    @wraps(make)
    def connect(*arguments: P.args, **options: P.kwargs) -> Network:
        return Network(make(*arguments, **options))

    connect.__doc__ = "A session in a network; `with` opens and closes it. Takes what `oyez.connect` takes."
    return connect


def _blocking(ask: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The same, in a loop and a thread that last as long as the call: in this thread a loop may be running already."""

    @wraps(ask)
    def wait(*arguments: P.args, **options: P.kwargs) -> T:
        answer: Future[T] = Future()

        def work() -> None:
            try:
                answer.set_result(asyncio.run(ask(*arguments, **options)))
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                answer.set_exception(error)

        threading.Thread(target=work, name="oyez", daemon=True).start()
        return answer.result()

    return wait


connect = _connecting(oyez.connect)
register = _blocking(oyez.register)
status = _blocking(oyez.status)
who = _blocking(oyez.who)

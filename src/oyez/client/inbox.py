"""Activities that have arrived and wait for the program, within a bound; and the program's readers of them.

They wait once, however many readers there are: each reader has a place among them. Guarantees: nothing is dropped
before each reader has passed it, or the program, where there is none; `regulate` is called whenever `full` changes, so
that the link is read no further while the slowest reader is behind, and the network holds what follows; `ids` names
what waits. Must not know: links.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from oyez.client.activity import Activity
from oyez.client.errors import Closed
from oyez.client.filters import Predicate

OVERHEAD = 256
"""Bytes that an activity costs beside its text."""


class Inbox:
    """Counts bytes; `full` from `limit` on, until half of it has been passed by all readers.

    `soon` calls a function a little later where the inbox lives, and may itself be called in any thread: whoever drops
    a reader may do so anywhere.
    """

    def __init__(
        self, limit: int, regulate: Callable[[], None], soon: Callable[[Callable[[], None]], None] = lambda call: call()
    ) -> None:
        self.full = False
        self._limit = limit
        self._regulate = regulate
        self._soon = soon
        self._waiting = deque[Activity]()
        self._first = 0  # the place of the first that waits: how many came before it
        self._taken = 0  # the place up to which any reader has come
        self._bytes = 0
        self._readers: list[weakref.ref[Activities]] = []
        self._wakers: dict[asyncio.Future[None], None] = {}  # in the order in which they came
        self._end: Exception | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def ids(self) -> list[str]:
        """Of what waits, in order."""
        return [activity.id for activity in self._waiting]

    def put(self, activity: Activity) -> None:
        """It has arrived."""
        self._bytes += len(activity.raw) + OVERHEAD
        self._waiting.append(activity)
        if self._wakers:
            self._wake()
        if self._bytes >= self._limit and not self.full:
            self._fill()

    def _fill(self) -> None:
        """Readers that have only not looked yet whether they want anything of this are no reason to hold the link."""
        for reader in self._present():
            reader.skip()
        self._forget()
        if self._bytes >= self._limit:
            self.full = True
            self._regulate()

    def _present(self) -> "list[Activities]":
        return [reader for kept in self._readers if (reader := kept()) is not None]

    def end(self, why: Exception) -> None:
        """Nothing follows: who takes more than there is gets `why`."""
        if self._end is None:
            self._end = why
            self._wake()

    def _wake(self) -> None:
        wakers, self._wakers = self._wakers, {}
        for waker in wakers:
            if not waker.done():
                waker.set_result(None)

    # -- for readers --------------------------------------------------------------------------------------------

    @property
    def taken(self) -> int:
        """The place where a reader begins: behind what any reader has taken."""
        return self._taken

    def enter(self, reader: "Activities") -> None:
        """Keep what it has not passed, as long as it is there."""
        self._readers.append(weakref.ref(reader, lambda _: self._soon(self._forget)))

    def leave(self, reader: "Activities") -> None:
        """Nothing is kept for it any more, and it waits no longer."""
        self._readers = [kept for kept in self._readers if kept() not in (None, reader)]
        self._forget()
        self._wake()

    def at(self, place: int) -> Activity | None:
        """The activity there, or None if there is none yet."""
        index = place - self._first
        return self._waiting[index] if index < len(self._waiting) else None

    def passed(self, place: int) -> None:
        """A reader has come from this place to the next."""
        if place >= self._taken:
            self._taken = place + 1
        if place == self._first:
            if len(self._readers) == 1:
                self._drop()
            else:
                self._forget()

    async def arrival(self) -> None:
        """Wait until there may be more. Raises what `end` was given."""
        if self._end is not None:
            raise self._end
        waker = asyncio.get_running_loop().create_future()
        self._wakers[waker] = None
        try:
            await waker
        finally:
            self._wakers.pop(waker, None)

    def _forget(self) -> None:
        """What every reader has passed; without any, what was taken."""
        readers = self._present()
        keep = min([reader.place for reader in readers], default=self._taken)
        while self._first < keep:
            self._drop()
        if len(readers) < len(self._readers):
            self._readers = [kept for kept in self._readers if kept() is not None]

    def _drop(self) -> None:
        self._first += 1
        self._bytes -= len(self._waiting.popleft().raw) + OVERHEAD
        if self.full and self._bytes <= self._limit // 2:
            self.full = False
            self._regulate()


class Activities:
    """One reader: `async for` gives it the activities that it wants, whatever other readers take.

    Several loops over one reader share what it gets. What it has not taken yet holds up the link once the connection's
    `buffer` is full; so it is over when it is closed (`close`, or `with`), or when nothing refers to it any more, which
    for a reader that is made in the line of the `async for` is when that loop is left.
    """

    def __init__(self, inbox: Inbox, wanted: Predicate | None, check_open: Callable[[], None]) -> None:
        self._inbox = inbox
        self._wanted = wanted
        self._check_open = check_open
        self._closed = False
        self.place = inbox.taken
        """How many activities of this connection came before the next that it looks at."""
        inbox.enter(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Activity:
        """The next one. Raises Refused, Unreachable, a callback's error once the connection has ended for good."""
        self._check_open()
        inbox = self._inbox
        try:
            while not self._closed:
                if (activity := inbox.at(self.place)) is None:
                    await inbox.arrival()
                    continue
                self._pass()
                if self._wanted is None or self._wanted(activity):
                    return activity
        except Closed:
            pass
        raise StopAsyncIteration

    def _pass(self) -> None:
        self.place += 1
        self._inbox.passed(self.place - 1)

    def skip(self) -> None:
        """Pass what comes before the next that it wants."""
        while (activity := self._inbox.at(self.place)) is not None:
            try:
                if self._wanted is None or self._wanted(activity):
                    return
            except Exception:  # noqa: BLE001 - it comes again in the loop that this reader is for, and out of that
                return
            self._pass()

    def close(self) -> None:
        """It is over: loops over it end, and nothing is kept for it any more."""
        if not self._closed:
            self._closed = True
            self._inbox.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

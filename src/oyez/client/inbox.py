"""Activities that have arrived and wait for the program, within a bound.

Guarantees: nothing is dropped; `regulate` is called whenever `full` changes, so that the link is read no further while
the program is behind, and the network holds what follows; `ids` names what waits. Must not know: links.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from oyez.client.activity import Activity

OVERHEAD = 256
"""Bytes that an activity costs beside its text."""


class Inbox:
    """Counts bytes; `full` from `limit` on, until half of it has been taken."""

    def __init__(self, limit: int, regulate: Callable[[], None]) -> None:
        self.full = False
        self.ids = deque[str]()  # of what waits, in order
        self._limit = limit
        self._regulate = regulate
        self._bytes = 0
        self._queue = asyncio.Queue[Activity | None]()  # None: nothing follows
        self._end: Exception | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def put(self, activity: Activity) -> None:
        """It has arrived."""
        self._bytes += len(activity.raw) + OVERHEAD
        self.ids.append(activity.id)
        self._queue.put_nowait(activity)
        if self._bytes >= self._limit and not self.full:
            self.full = True
            self._regulate()

    def end(self, why: Exception) -> None:
        """Nothing follows: who takes more than there is gets `why`."""
        if self._end is None:
            self._end = why
            self._queue.put_nowait(None)

    async def take(self) -> Activity:
        """The next one. Raises what `end` was given."""
        activity = await self._queue.get()
        if activity is None:
            assert self._end is not None
            self._queue.put_nowait(None)  # for whoever else waits
            raise self._end
        self.ids.popleft()
        self._bytes -= len(activity.raw) + OVERHEAD
        if self.full and self._bytes <= self._limit // 2:
            self.full = False
            self._regulate()
        return activity

"""Group commit: what is to be stored while a commit runs forms the next one.

So the disk is asked as often as it can answer, and a thousand registrations at once cost a handful of fsyncs.
Guarantees: records are stored in the order in which they came, and each `done` runs on the loop, in that order, once
its records are durable. A store that fails ends the node: what it had been given may be stored or not, and nobody is
told that it is. Must not know: what a record says.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from oyez.core.effects import Record
from oyez.host.measures import FAST, Histogram
from oyez.net.guard import GuardedLoop
from oyez.storage.port import Store

Done = Callable[[], None]


class Writer:
    """Writes to `store` on a thread of its own; `times` gets how long each commit took."""

    def __init__(self, loop: GuardedLoop, store: Store, times: Histogram | None = None) -> None:
        self._loop = loop
        self._store = store
        self._times = Histogram(FAST) if times is None else times
        self._thread = ThreadPoolExecutor(1, "oyez-storage")
        self._records: list[Record] = []
        self._waiting: list[Done] = []
        self._commit: asyncio.Future[float] | None = None

    def write(self, records: Sequence[Record], done: Done) -> None:
        """Store the records, then call `done`."""
        self._records += records
        self._waiting.append(done)
        if self._commit is None:
            self._begin()

    async def close(self) -> None:
        """Finish what was begun; after a failure, only the commit that runs. The store stays open."""
        while self._commit is not None:
            await asyncio.wait([self._commit])  # `_committed` has run before this goes on
            if self._loop.failure is not None:
                break
        self._thread.shutdown()

    def _begin(self) -> None:
        records, self._records = self._records, []
        waiting, self._waiting = self._waiting, []
        self._commit = self._loop.loop.run_in_executor(self._thread, self._append, records)
        self._commit.add_done_callback(lambda commit: self._loop.run(self._committed, commit, waiting))

    def _append(self, records: list[Record]) -> float:
        """On the thread; the seconds that it took."""
        began = time.perf_counter()
        self._store.append(records)
        return time.perf_counter() - began

    def _committed(self, commit: asyncio.Future[float], waiting: list[Done]) -> None:
        self._times.observe(commit.result())
        self._commit = None
        if self._waiting:
            self._begin()  # the disk works while we tell who waited
        for done in waiting:
            done()

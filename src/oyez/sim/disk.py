"""A simulated disk: what is on it survives a crash, what was on its way there may or may not.

Guarantees: what was acknowledged is kept; records given while it writes share the next write (group commit); one
write is kept whole or not at all, in order. What the records add up to is the in-memory store's business, which
passes the same tests as the real one.
"""

from collections.abc import Callable
from random import Random

from oyez.core.central.stored import Stored
from oyez.core.effects import Record, Replacement, UserRecord
from oyez.sim.clock import Clock, Event
from oyez.storage.memory import MemoryStore

Done = Callable[[], None]

USUAL = (0.0003, 0.003)
"""Seconds that a write takes, at least and at most, on a disk that is not busy."""


class Disk:
    """`latency` is the range of seconds that a write takes."""

    def __init__(self, clock: Clock, random: Random, key: bytes, id: str) -> None:
        self.latency = USUAL
        self.since: dict[tuple[str, str], float] = {}
        """Since when each user has been on it, by name and hash."""
        self._clock = clock
        self._random = random
        self._store = MemoryStore(key, id)
        self._waiting: list[tuple[tuple[Record, ...], Done]] = []
        self._written: list[tuple[tuple[Record, ...], Done]] = []
        self._write: Event | None = None

    def persist(self, records: tuple[Record, ...], done: Done) -> None:
        """Call `done` once these are durable."""
        self._waiting.append((records, done))
        if self._write is None:
            self._begin()

    def crash(self) -> None:
        """Whoever wrote is gone, and with it what waited; the write under way is kept or not."""
        self._waiting.clear()
        if self._write is not None:
            self._write.cancel()
            self._write = None
            if self._random.random() < 0.5:
                self._keep()
        self._written.clear()
        self._store = self._store.reopen()

    def stored(self) -> Stored:
        """What a process finds when it starts."""
        return self._store.load()

    def _begin(self) -> None:
        self._written, self._waiting = self._waiting, []
        self._write = self._clock.after(self._random.uniform(*self.latency), self._end)

    def _end(self) -> None:
        self._write = None
        written = self._written
        self._keep()
        self._written = []
        if self._waiting:
            self._begin()
        for _, done in written:
            done()

    def _keep(self) -> None:
        records = [record for records, _ in self._written for record in records]
        self._store.append(records)
        for record in records:
            users = record.users if isinstance(record, Replacement) else (record,)
            for user in users:
                if isinstance(user, UserRecord):
                    self.since.setdefault((user.username, user.hash), self._clock.now)

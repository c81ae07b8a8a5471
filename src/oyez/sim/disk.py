"""A simulated disk: what is on it survives a crash, what was on its way there may or may not.

Guarantees: what was acknowledged is kept; records given while it writes share the next write (group commit); one
write is kept whole or not at all, in order. Knows nothing of what the records mean but how they add up.
"""

from collections.abc import Callable
from random import Random

from oyez.core.effects import Record, ServerGone, ServerRecord, UserRecord
from oyez.sim.clock import Clock, Event
from oyez.storage.port import Stored

Done = Callable[[], None]


class Disk:
    """`latency` is the range of seconds that a write takes."""

    def __init__(self, clock: Clock, random: Random, key: bytes) -> None:
        self.latency = (0.0003, 0.003)
        self.records: list[Record] = []
        """What is durable, in order."""
        self._clock = clock
        self._random = random
        self._key = key
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

    def stored(self) -> Stored:
        """What a process finds when it starts."""
        stored = Stored(self._key)
        servers: dict[str, ServerRecord] = {}
        for record in self.records:
            match record:
                case UserRecord(username=username, hash=hash):
                    stored.users[username] = hash
                case ServerRecord(id=id):
                    servers[id] = record
                case ServerGone(id=id):
                    servers.pop(id, None)
        stored.servers.extend(servers.values())
        return stored

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
        for records, _ in self._written:
            self.records += records

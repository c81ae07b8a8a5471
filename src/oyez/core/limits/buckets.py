"""Token buckets: how much of something may happen in a time, for one or for each of many.

Guarantees: one number for each key; keys that have not been asked for longest are forgotten first, so the table is
bounded, whatever comes. Knows no clock: `now` is given, in seconds, and never goes back.
"""

from dataclasses import dataclass

KEYS = 20_000
"""Most keys of one table."""

PRECISION = 1e-6
"""Seconds: the clock is not told more exactly."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and `burst` at once. 0 a second: any number."""

    per_second: float
    burst: float = 1.0


UNLIMITED = Rate(0.0)


class Bucket:
    """What one may do. It begins full."""

    __slots__ = ("_at", "_owed", "_room", "_second")

    def __init__(self, rate: Rate) -> None:
        self._second = 1.0 / rate.per_second if rate.per_second else 0.0
        self._room = rate.burst * self._second
        self._owed = 0.0  # seconds until all that was taken is paid for, at `_at`
        self._at = 0.0

    def take(self, now: float, amount: float = 1.0) -> float:
        """0, and it is taken; or the seconds after which it could be, and nothing is."""
        owed = self._owes(now) + amount * self._second
        if owed > self._room + PRECISION:
            return owed - self._room
        self._owed = owed
        return 0.0

    def charge(self, now: float, amount: float) -> float:
        """It has happened already: the seconds until it is paid for, 0 where there was enough."""
        self._owed = self._owes(now) + amount * self._second
        wait = self._owed - self._room
        return wait if wait > PRECISION else 0.0

    def _owes(self, now: float) -> float:
        self._owed = max(0.0, self._owed - (now - self._at))
        self._at = now
        return self._owed


class Buckets:
    """One for each key, in a table of `most`."""

    def __init__(self, rate: Rate, most: int = KEYS) -> None:
        self._rate = rate
        self._most = most
        self._buckets: dict[object, Bucket] = {}  # the one asked for longest ago first

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, now: float, key: object, amount: float = 1.0) -> float:
        """See `Bucket.take`."""
        if not self._rate.per_second:
            return 0.0
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            bucket = Bucket(self._rate)
            while len(self._buckets) >= self._most:
                del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        return bucket.take(now, amount)

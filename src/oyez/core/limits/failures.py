"""How long somebody has to wait who has failed too often: nothing at first, then twice as long each time.

Guarantees: bounded; those that have failed longest ago are forgotten first. Knows no clock, and nothing of what failed.
"""

from collections import Counter
from dataclasses import dataclass

KEYS = 20_000
"""Most keys of one table."""


@dataclass(frozen=True, slots=True)
class Delay:
    """After `free` failures: `first` seconds, then twice as long each time, `most` at most. One failure is forgotten
    every `forgets` seconds. `free` 0: no delay, ever."""

    free: int
    first: float = 1.0
    most: float = 900.0
    forgets: float = 900.0


class Failures:
    """Of many, by key."""

    def __init__(self, delay: Delay, most: int = KEYS) -> None:
        self._delay = delay
        self._most = most
        self._trying: Counter[object] = Counter()  # tries that have not ended yet
        self._failed: dict[object, tuple[float, float]] = {}  # how often and when last; that one longest ago first

    def __len__(self) -> int:
        return len(self._failed)

    def count(self, now: float, key: object) -> float:
        """How often it has failed, as far as that is not forgotten."""
        count, last = self._failed.get(key, (0.0, now))
        return max(0.0, count - (now - last) / self._delay.forgets)

    def wait(self, now: float, key: object) -> float:
        """Seconds until the next try is allowed, 0 where it is.

        Who has failed too often has one try at a time: else all that begin at the end of a delay would fail together.
        """
        count, last = self._failed.get(key, (0.0, now))
        over = round(count) - self._delay.free  # what is forgotten of one does not count until it is half
        if over < 0 or not self._delay.free:
            return 0.0
        delay = min(self._delay.most, self._delay.first * 2.0 ** min(over, 40))
        return max(0.0, last + delay - now) or (self._delay.first if key in self._trying else 0.0)

    def begins(self, key: object) -> None:
        """It tries; `ends` follows, whatever comes of it."""
        self._trying[key] += 1

    def ends(self, key: object) -> None:
        """That try is over."""
        self._trying[key] -= 1
        if not self._trying[key]:
            del self._trying[key]

    def failed(self, now: float, key: object) -> None:
        """It has failed once more."""
        if not self._delay.free:
            return
        count = self.count(now, key)
        self._failed.pop(key, None)
        while len(self._failed) >= self._most:
            del self._failed[next(iter(self._failed))]
        self._failed[key] = (count + 1, now)

    def forgive(self, key: object) -> None:
        """It has succeeded."""
        self._failed.pop(key, None)

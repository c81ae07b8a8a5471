"""What a node counts and times about itself, for its metrics.

Whoever runs something at the edge (a commit, a hash, a turn of the loop) says here how long it took; every report is
counted here. Guarantees: nothing here is asked for per activity, and what it holds does not grow with time. Must not
know: how it is shown, and who asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds, in seconds, for what ought to take milliseconds."""

SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""The same for what takes tens of them."""

LAG_EVERY = 0.5
"""Seconds between two looks at how late the loop is."""


class Histogram:
    """How long something took, in seconds, counted by upper `bounds`; what is above the last is counted, too."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """It has taken so long once more."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How often."""
        return sum(self.counts)


class Measures:
    """Of one node, which runs this `version`. Everything is called on its loop's thread."""

    def __init__(self, version: str = "") -> None:
        self.version = version
        self.events: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()  # by reason
        self.turned_away: Counter[str] = Counter()  # by reason
        self.certificate_ends: float | None = None  # in seconds since 1970, where there is one
        self.gaps = 0  # sessions that were told of one
        self.commits = Histogram(FAST)
        self.hashing = Histogram(SLOW)
        self.lag = Histogram(FAST)

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        """Something was reported: see `effects.Report`. Reasons are the code's own words, so there are few."""
        self.events[event] += 1
        if event == "refused":
            self.refused[str(fields["reason"])] += 1
        elif event == "turned_away":
            self.turned_away[str(fields["reason"])] += 1
        elif event == "gap":
            links = fields.get("links", 0)
            self.gaps += links if isinstance(links, int) else 0

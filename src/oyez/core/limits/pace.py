"""How fast a session may post: beyond that its link is not read for a while (ADR 11).

Back-pressure instead of a refusal: the sender's own socket fills up, nothing is lost, and the most that is taken beyond
the limit is what was read at once. Guarantees: no cost where there is no limit. Knows nothing of what is posted.
"""

from math import ceil

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.limits.buckets import Bucket, Rate

REST = 0.05
"""Seconds of the shortest rest: what may be posted meanwhile is posted after it at once, without a timer for each."""

_GO_ON = "go on:"


class Pace:
    """Of all sessions of a server, each with its own buckets."""

    def __init__(self, activities: Rate, bytes: Rate) -> None:
        self.limited = bool(activities.per_second or bytes.per_second)
        self._rates = (activities, bytes)
        self._buckets: dict[int, tuple[Bucket, Bucket]] = {}
        self._told: set[int] = set()

    def posted(self, now: float, link: int, username: str, activities: int, bytes: int) -> Effects:
        """So much has been posted on this link: does it have to rest now?"""
        buckets = self._buckets.get(link)
        if buckets is None:
            buckets = self._buckets[link] = (Bucket(self._rates[0]), Bucket(self._rates[1]))
        wait = max(buckets[0].charge(now, activities), buckets[1].charge(now, bytes))
        if not wait:
            return []
        effects: Effects = [fx.Hold(link), fx.SetTimer(f"{_GO_ON}{link}", max(wait, REST))]
        if link not in self._told:
            self._told.add(link)
            effects.append(fx.Report("slowed", {"username": username, "link": link, "seconds": ceil(wait)}))
        return effects

    @staticmethod
    def timer(key: str) -> Effects | None:
        """A rest is over; None where the timer is another's."""
        return [fx.Release(int(key.removeprefix(_GO_ON)))] if key.startswith(_GO_ON) else None

    def gone(self, link: int) -> None:
        """The link is closed."""
        self._buckets.pop(link, None)
        self._told.discard(link)

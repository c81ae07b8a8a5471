"""Says in time that what a node shows, or believes, ends: when it is loaded, and once a day from then on (ADR 10).

Guarantees: within `NOTICE` of an end a warning a day; at the end itself an error, and again each day after it. Must not
know: what the files are, what becomes of the links.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from oyez.net.guard import GuardedLoop
from oyez.net.identity import Ending, shown

NOTICE = timedelta(days=30)
"""How long before the end the warnings begin."""

LOOK = 86_400.0
"""Seconds between two looks, unless an end comes first."""

LEAST = 1.0
"""Fewest seconds between two looks: the loop's clock and the calendar need not agree on when a day is over."""


def _now() -> datetime:
    return datetime.now(UTC)


class Expiry:
    """Of one node. `report` hears of `certificate_ends` and `certificate_ended`; `now` tells the time of the day."""

    def __init__(
        self,
        loop: GuardedLoop,
        report: Callable[[str, Mapping[str, object]], None],
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._loop = loop
        self._report = report
        self._now = now
        self._ends: tuple[Ending, ...] = ()
        self._next: asyncio.TimerHandle | None = None

    def watch(self, ends: tuple[Ending, ...]) -> None:
        """Look at these now and from now on, and at no others."""
        self.stop()
        self._ends = ends
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        now, ahead = self._now(), [LOOK]
        for file, at in self._ends:
            left = at - now
            fields = {"file": str(file), "expires": shown(at)}
            if left <= timedelta(0):
                self._report("certificate_ended", fields)
                continue
            ahead.append(left.total_seconds())
            if left <= NOTICE:
                self._report("certificate_ends", {**fields, "days": left.days})
        if self._ends:
            self._next = self._loop.later(max(LEAST, min(ahead)), self._look)

"""Which numbers of each series have been here: the posts of each session (ADR 7, ADR 9).

Nearly always they come one after the other; then a series is its highest number. Where some were left out they may come
late, when a partition has healed, say; so holes are remembered. Guarantees: says of no number twice that it is new;
bounded, however many series and holes there are. Knows nothing of what is numbered.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

Series = TypeVar("Series", bound=Hashable)

HOLES = 16
"""Most holes of one series."""

DIGITS = 16
"""Most of a number on the wire: it is 2**53 at most. Of thousands, Python reads none."""


def number_of(text: str) -> int | None:
    """What these digits say, which somebody else has written; None where they are none, or too many."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


class Numbers(Generic[Series]):
    """Of `most` series at most; beyond it the one that has been unheard of for longest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._highest: dict[Series, int] = {}
        self._holes: dict[Series, list[range]] = {}

    def __len__(self) -> int:
        return len(self._highest)

    def add(self, series: Series, number: int) -> bool:
        """True where it was not here before."""
        highest = self._highest
        before = highest.pop(series, 0)
        if number <= before:
            highest[series] = before
            return self._fills(series, number)
        highest[series] = number
        if number != before + 1:
            holes = self._holes.setdefault(series, [])
            holes.append(range(before + 1, number))
            del holes[:-HOLES]
        if len(highest) > self._most:
            oldest = next(iter(highest))
            del highest[oldest]
            self._holes.pop(oldest, None)
        return True

    def _fills(self, series: Series, number: int) -> bool:
        holes = self._holes.get(series, [])
        for index, hole in enumerate(holes):
            if number in hole:
                parts = (range(hole.start, number), range(number + 1, hole.stop))
                holes[index : index + 1] = [part for part in parts if part]
                del holes[:-HOLES]
                if not holes:
                    del self._holes[series]
                return True
        return False

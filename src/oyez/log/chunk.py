"""What a log holds: runs of activity lines of one origin, each line encoded once, in the bytes in which it travels.

Guarantees: a chunk never changes; its lines are whole and numbered without a hole. Must not know: what is in a line.
"""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Chunk:
    """`count` whole lines of `origin`, numbered from `first` on without a hole."""

    origin: str
    first: int
    count: int
    data: bytes

    @property
    def last(self) -> int:
        """Sequence of the last line."""
        return self.first + self.count - 1

    @property
    def lines(self) -> list[bytes]:
        """One by one, with their ends."""
        return [line + b"\n" for line in self.data.split(b"\n")[:-1]]

    def offset(self, sequence: int) -> int:
        """Where in `data` the line with this sequence begins; `last + 1` gives the end."""
        place = 0
        for _ in range(sequence - self.first):
            place = self.data.index(b"\n", place) + 1
        return place

    def after(self, sequence: int) -> "Chunk":
        """The part of this chunk behind `sequence`: all of it, some of it, or nothing."""
        if sequence < self.first:
            return self
        first = min(sequence, self.last) + 1
        return Chunk(self.origin, first, self.last - first + 1, self.data[self.offset(first) :])

    def through(self, sequence: int) -> "Chunk":
        """The part of this chunk up to `sequence`, which is in it, or its last."""
        if sequence == self.last:
            return self
        return Chunk(self.origin, self.first, sequence - self.first + 1, self.data[: self.offset(sequence + 1)])

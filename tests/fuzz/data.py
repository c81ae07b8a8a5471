"""Bytes read as decisions: what a fuzzer gives becomes numbers, choices and pieces, the same ones each time.

`atheris` has a reader like this; ours is here so that the kept inputs are replayed where there is no atheris. It reads
from the front, so that a fuzzer which changes the end changes what happens last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Data:
    """What is left of the bytes. Behind their end everything is 0, False, the first, or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def byte(self) -> int:
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def flag(self) -> bool:
        return bool(self.byte() & 1)

    def below(self, bound: int) -> int:
        """A number from 0 on, less than `bound` (65,536 at most)."""
        number = self.byte() if bound <= 256 else self.byte() << 8 | self.byte()
        return number % bound

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def take(self, size: int) -> bytes:
        """So many bytes, or what is left."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        return self.take(self.left)

    def text(self, size: int) -> str:
        """At most so many characters; what is no UTF-8 is a letter like another."""
        return self.take(self.below(size + 1)).decode("utf-8", "replace")

    def places(self, most: int = 8) -> list[int]:
        """Where something may be cut: to be used with `cut`."""
        return [self.below(65_536) for _ in range(self.below(most + 1))]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces, none of them empty."""
    ends = sorted({place % len(stream) for place in places} if stream else set())
    pieces = [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]
    return [piece for piece in pieces if piece]

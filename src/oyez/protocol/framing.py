"""Cuts a byte stream into lines.

Guarantees: lines come out whole, in order, without their line end; an unfinished line is kept only up to the limit,
whatever the peer does. Knows nothing of what a line says.
"""

import re
from collections.abc import Iterator

from oyez.protocol.messages import Malformed

MESSAGE_PREFIX = b'{"command":"ACTIVITY_BROADCAST",'
"""How every activity line begins that a server makes (see `activity`); no other line of a server does."""

_TLS = b"\x16"
_OTHER = re.compile(rb"\n(?!" + re.escape(MESSAGE_PREFIX) + rb"|\Z)")


class LineBuffer:
    """The unfinished end of a stream: `rest`. `limit` is the longest line, in bytes."""

    __slots__ = ("limit", "rest")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take what has arrived; return the block of whole lines that it completes (with their `\\n`), or nothing."""
        end = data.rfind(b"\n") + 1
        if not end:
            self.rest += data
            return b""
        block = self.rest + data[:end] if self.rest else data[:end]
        self.rest = data[end:]
        return block

    @property
    def overlong(self) -> bool:
        """True once the unfinished line can no longer become one within the limit (`\\r` allowed)."""
        return len(self.rest) > self.limit + 1

    @property
    def hopeless(self) -> bool:
        """True once nothing that may follow makes the unfinished line a message: it is too long, or it begins TLS.

        That is not spoken here, and whoever begins it says no more before it has an answer.
        """
        return self.overlong or self.rest[:1] == _TLS

    def give_up(self) -> bytes:
        """The unfinished line, as far as it has come; what follows begins a new one."""
        rest, self.rest = self.rest, b""
        return rest


def lines(block: bytes) -> list[bytes]:
    """The lines of a block from `LineBuffer.feed`, without line ends; `\\r\\n` is accepted."""
    if b"\r" in block and b"\r\n" in block:  # the search for one byte is far cheaper
        return [line.removesuffix(b"\r") for line in block[:-1].split(b"\n")]
    return block[:-1].split(b"\n")


def within(block: bytes, limit: int) -> bool:
    """Is no line of this block longer than that? Looks at a line in every so many bytes, not at each."""
    start = 0
    while len(block) - start > limit + 1:
        end = block.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return False
        start = end + 1
    return True


def too_long(limit: int) -> Malformed:
    """The answer to a line over the limit."""
    return Malformed(f"the line is longer than {limit} bytes", "line_too_long")


def too_slow(patience: float) -> Malformed:
    """The answer to a line that does not end."""
    return Malformed(f"a line has not ended {patience:g} s after it began", "too_slow")


def too_much(most: int) -> Malformed:
    """The answer to one of the lines that have not ended, where they are too much in all."""
    return Malformed(f"all links together have more than {most} bytes of lines that have not ended", "too_much")


def runs(block: bytes) -> Iterator[tuple[bool, bytes]]:
    """The block in pieces, in order: each run of activity lines whole, with its line ends, and True; each other line by
    itself, and False."""
    start = 0
    while start < len(block):
        are_activities = block.startswith(MESSAGE_PREFIX, start)
        if are_activities:
            other = _OTHER.search(block, start)
            end = other.start() + 1 if other else len(block)
        else:
            end = block.index(b"\n", start) + 1
        yield are_activities, block[start:end]
        start = end

"""An origin: where activities first accepted here get their sequence and their one line (DESIGN section 1).

Guarantees: sequences are 1, 2, 3 … in the order of acceptance; a line is made once. Knows nothing of links.
"""

import re

from oyez.core.numbers import DIGITS
from oyez.log import Chunk, Log
from oyez.protocol import limits
from oyez.protocol.framing import MESSAGE_PREFIX


def name(server: str, incarnation: int) -> str:
    """The origin that this lifetime of this server is."""
    return f"{server}.{incarnation}"


def beginning(origin: str) -> bytes:
    """How each line of this origin begins, up to its sequence."""
    return MESSAGE_PREFIX + b'"id":"' + origin.encode() + b"-"


class Origin:
    """The activities accepted by this server, numbered, and the log of them that the other servers read."""

    def __init__(self, server: str, incarnation: int, retention: int) -> None:
        self.name = name(server, incarnation)
        self.log = Log(retention)
        self.sequence = 0
        self._beginning = beginning(self.name)
        self._parts: list[bytes] = []
        self._first = 1

    def accept(self, opening: bytes, members: bytes) -> bool:
        """Number an activity and make its line: `opening` and `members` as of `protocol.activity`.

        True if it is the first since `take`.
        """
        self.sequence += 1
        first = not self._parts
        self._parts += (self._beginning, b'%d",' % self.sequence, opening, members, b"}\n")
        return first

    def accept_all(self, opening: bytes, members: list[bytes]) -> bool:
        """The same of several that have this opening; `members` are none empty, and without their commas."""
        first, count, begin = not self._parts, len(members), self.sequence + 1
        self.sequence += count
        fields: list[int | bytes] = [0] * (2 * count)
        fields[0::2], fields[1::2] = range(begin, begin + count), members
        line = b'%b%%d",%b,%%b}\n' % (_literal(self._beginning), _literal(opening))
        self._parts.append(line * count % tuple(fields))  # at once: three times as fast as line by line
        return first

    def take(self) -> Chunk | None:
        """What was accepted since the last take."""
        if not self._parts:
            return None
        first, self._first = self._first, self.sequence + 1
        data = b"".join(self._parts)
        self._parts = []
        return Chunk(self.name, first, self.sequence - first + 1, data)


_NAME = limits.NODE_ID + 1 + DIGITS
"""Most letters of an origin's name."""


def _literal(text: bytes) -> bytes:
    """As it stands in a format."""
    return text.replace(b"%", b"%%")


_LINE = re.compile(re.escape(MESSAGE_PREFIX) + rb'"id":"([A-Za-z0-9_.-]{1,%d})-([0-9]{1,%d})"' % (_NAME, DIGITS))


def runs(block: bytes) -> list[Chunk] | None:
    """The chunks in a block of several origins' lines; None if a line is not one of an origin."""
    runs: list[tuple[str, int, list[bytes]]] = []
    for line in [part + b"\n" for part in block.split(b"\n")[:-1]]:
        found = _LINE.match(line)
        if found is None:
            return None
        origin, sequence = found[1].decode(), int(found[2])
        if runs and runs[-1][0] == origin and runs[-1][1] + len(runs[-1][2]) == sequence:
            runs[-1][2].append(line)
        else:
            runs.append((origin, sequence, [line]))
    return [Chunk(origin, first, len(lines), b"".join(lines)) for origin, first, lines in runs]


def check_run(block: bytes, origin: str, after: int) -> Chunk | None:
    """The chunk in a block of `origin`'s lines that must follow its sequence `after`; None if they do not."""
    count = block.count(b"\n")
    start = beginning(origin)
    last = block.rfind(b"\n", 0, -1) + 1
    if block.startswith(start + b'%d"' % (after + 1)) and block.startswith(start + b'%d"' % (after + count), last):
        return Chunk(origin, after + 1, count, block)
    return None

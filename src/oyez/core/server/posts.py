"""Which posts of each session have been accepted, so that a repeated one is shown once (DESIGN section 5.4, ADR 9).

A session numbers its posts, and servers write that number before the activity. Guarantees: reads only what servers put
before an activity, never what a sender put into one; bounded. Knows no links.
"""

import re

from oyez.core.numbers import DIGITS, Numbers
from oyez.log import Chunk
from oyez.protocol.framing import MESSAGE_PREFIX

SESSIONS = 200_000
"""Most sessions remembered; beyond it the one that has posted nothing for longest goes."""

_POST = re.escape(MESSAGE_PREFIX) + rb'"id":"[^"]*","post":"([^"]*)-(\d{1,%d})"' % DIGITS
_LINE = re.compile(_POST)
_LINES = re.compile(rb"\n" + _POST)  # begins with fixed bytes: ten times as fast as `^`

Post = tuple[bytes, int]
"""A session's tag, and the number in that session."""


def of(chunk: Chunk) -> list[Post]:
    """The numbered posts among its lines."""
    return [(tag, int(number)) for tag, number in _LINES.findall(b"\n" + chunk.data)]


class Posts:
    """Those of each session, by tag and number."""

    def __init__(self) -> None:
        self._numbers: Numbers[bytes] = Numbers(SESSIONS)
        self._overtaken: set[Post] = set()

    def accept(self, tag: bytes, number: int) -> bool:
        """Take the post of a session that is here; False for a repetition."""
        return self._numbers.add(tag, number)

    def shown(self, chunk: Chunk, waiting: list[Chunk]) -> list[Chunk]:
        """What is to be shown of another server's lines: all but those that repeat what was shown. `waiting` are this
        server's own that wait to be: of a post that is among them the other one is shown first, and so alone."""
        posts = of(chunk)
        new = [self.accept(*post) for post in posts]
        if all(new):
            return [chunk]
        pending = {post for own in waiting for post in of(own)} - self._overtaken
        for index, post in enumerate(posts):
            if not new[index] and post in pending:
                new[index] = True
                pending.remove(post)
                self._overtaken.add(post)
        return _only(chunk, new)

    def own(self, chunk: Chunk) -> list[Chunk]:
        """What is to be shown of this server's own lines, now that enough servers hold them."""
        if not self._overtaken:
            return [chunk]
        posts = of(chunk)
        new = [post not in self._overtaken for post in posts]
        self._overtaken.difference_update(posts)
        return [chunk] if all(new) else _only(chunk, new)


def _only(chunk: Chunk, new: list[bool]) -> list[Chunk]:
    """The runs of lines between those numbered posts that are not new."""
    runs: list[Chunk] = []
    lines: list[bytes] = []
    first = chunk.first
    flags = iter(new)
    for sequence, line in enumerate(chunk.lines, chunk.first):
        if _LINE.match(line) is None or next(flags):
            lines.append(line)
            continue
        if lines:
            runs.append(Chunk(chunk.origin, first, len(lines), b"".join(lines)))
        lines, first = [], sequence + 1
    if lines:
        runs.append(Chunk(chunk.origin, first, len(lines), b"".join(lines)))
    return runs

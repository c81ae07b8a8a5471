"""Which posts of each session have been accepted, so that a repeated one is shown once (DESIGN section 5.4, ADR 9).

A session numbers its posts; its highest number in any log that is held here stands for all below it. Guarantees: reads
only what servers put before an activity, never what a sender put into one; bounded. Knows no links.
"""

import re

from oyez.log import Chunk
from oyez.protocol.framing import MESSAGE_PREFIX

SESSIONS = 200_000
"""Most sessions remembered; beyond it the one that has posted nothing for longest goes."""

_POST = re.compile(rb"^" + re.escape(MESSAGE_PREFIX) + rb'"id":"[^"]*","post":"([^"]*)-(\d+)"', re.MULTILINE)

Post = tuple[bytes, int]
"""A session's tag, and the number in that session."""


def of(chunk: Chunk) -> list[Post]:
    """The numbered posts among its lines."""
    return [(tag, int(number)) for tag, number in _POST.findall(chunk.data)]


class Posts:
    """The highest post by session tag."""

    def __init__(self) -> None:
        self._highest: dict[bytes, int] = {}
        self._overtaken: set[Post] = set()

    def accept(self, tag: bytes, number: int) -> bool:
        """Take the post of a session that is here; False for a repetition."""
        highest = self._highest
        before = highest.pop(tag, 0)
        highest[tag] = max(before, number)
        if len(highest) > SESSIONS:
            del highest[next(iter(highest))]
        return number > before

    def shown(self, chunk: Chunk, waiting: list[Chunk]) -> list[Chunk]:
        """What is to be shown of another server's lines: all but those that repeat what was shown. `waiting` are this
        server's own that wait to be: of a post that is among them the other one is shown first, and so alone."""
        repeated = {post for post in of(chunk) if not self.accept(*post)}
        if not repeated:
            return [chunk]
        pending = {post for own in waiting for post in of(own)}
        self._overtaken |= repeated & pending
        return _without(chunk, repeated - pending)

    def own(self, chunk: Chunk) -> list[Chunk]:
        """What is to be shown of this server's own lines, now that enough servers hold them."""
        if not self._overtaken:
            return [chunk]
        repeated = self._overtaken.intersection(of(chunk))
        self._overtaken -= repeated
        return _without(chunk, repeated)


def _without(chunk: Chunk, repeated: set[Post]) -> list[Chunk]:
    """The runs of lines between those of these posts."""
    runs: list[Chunk] = []
    lines: list[bytes] = []
    first = chunk.first
    for sequence, line in enumerate(chunk.lines, chunk.first):
        found = _POST.match(line)
        if found is None or (found[1], int(found[2])) not in repeated:
            lines.append(line)
            continue
        if lines:
            runs.append(Chunk(chunk.origin, first, len(lines), b"".join(lines)))
        lines, first = [], sequence + 1
    if lines:
        runs.append(Chunk(chunk.origin, first, len(lines), b"".join(lines)))
    return runs

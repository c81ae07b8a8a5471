"""What a session has seen: its cursor, and the posts behind the activities (DESIGN section 1, ADR 9).

Guarantees: no activity is new twice, and neither is a post that two sides of a partition have accepted under two ids;
bounded, however many origins and sessions there are. Must not know: links, servers, what is in an activity.
"""

from collections.abc import Iterable

from oyez.core.numbers import Numbers, number_of
from oyez.protocol.messages import Range, Resume

ORIGINS = 1024
"""Most origins in a cursor, as the wire has it; the one that moved longest ago goes first."""

ORIGINS_BYTES = 48 * 1024
"""Most bytes of them in a LOGIN, so that its line stays well below what a server takes."""

SERVERS = 8
"""Most servers that a session names which had it before, and with which the next one has to come to terms."""

TAGS = 10_000
"""Most sessions whose highest post is remembered; the one unseen for longest goes first."""

_MEMBER = 24
"""Bytes of one sequence in a LOGIN, with what stands around it."""


class Seen:
    """Begins with the cursor of an earlier session, or with nothing: then a server gives the first one."""

    def __init__(self, cursor: Resume | None = None) -> None:
        self.network = "" if cursor is None else cursor.network
        self.origins: dict[str, int] = {} if cursor is None else dict(cursor.origins)
        self.last: list[str] = []  # origins of servers that had the session, and may still hold posts of it back
        self._moved = ""  # the origin that has moved last
        self._posts: Numbers[str] = Numbers(TAGS)  # by tag

    def welcomed(self, network: str, origin: str, first: dict[str, int] | None, posted: bool) -> None:
        """By a server. `first` is its cursor, for a session that has none yet; `posted`: the session has."""
        before = [last for last in self.last if last != origin] if posted else []
        self.last = [*before, origin][-SERVERS:]
        if not self.network and network:
            self.network, self._moved = network, ""
            self.origins = dict(list((first or {}).items())[-ORIGINS:])

    def is_new(self, id: str, post: str | None) -> bool:
        """Move to this activity; False where it, or another that carries the same post, was here before."""
        origin, _, digits = id.rpartition("-")
        sequence = number_of(digits)
        if sequence is not None:  # else it has no id, and nothing can be known
            if sequence <= self.origins.get(origin, 0):
                return False
            self._move(origin, sequence)
        return post is None or self._is_new_post(post)

    def _is_new_post(self, post: str) -> bool:
        tag, _, digits = post.rpartition("-")
        number = number_of(digits)
        return number is None or self._posts.add(tag, number)

    def came_back(self, id: str) -> None:
        """A post of this session has, by way of this origin: those that had the session before hold nothing back."""
        origin = id.rpartition("-")[0]
        if len(self.last) > 1 and origin == self.last[-1]:
            self.last = [origin]

    def skip(self, gaps: Iterable[Range]) -> list[Range]:
        """These will never come; returns what of them was not seen before."""
        missed = []
        for gap in gaps:
            first = max(gap.first, self.origins.get(gap.origin, 0) + 1)
            if first <= gap.last:
                missed.append(Range(gap.origin, first, gap.last))
                self._move(gap.origin, gap.last)
        return missed

    def _move(self, origin: str, sequence: int) -> None:
        origins = self.origins
        if origin != self._moved:
            self._moved = origin
            origins.pop(origin, None)
        origins[origin] = sequence
        if len(origins) > ORIGINS:
            del origins[next(iter(origins))]

    def resume(self) -> Resume:
        """For LOGIN at a server. Without a cursor it is empty, which says that GAP and HEARTBEAT are understood."""
        if not self.network:
            return Resume(last=list(self.last))
        origins = dict(self.origins)
        size = sum(len(origin.encode()) + _MEMBER for origin in origins)
        while size > ORIGINS_BYTES:
            oldest = next(iter(origins))
            size -= len(oldest.encode()) + _MEMBER
            del origins[oldest]
        return Resume(self.network, origins, list(self.last))

"""Posts that come twice, here and by way of other servers: each is shown once, whatever comes first.

The input is what sessions post where, and when this server's own lines are released.
"""

from __future__ import annotations

from collections import deque

from oyez.core.origin import Origin
from oyez.core.server.posts import Posts, of
from oyez.core.server.sessions import Session
from oyez.log import Chunk
from tests.fuzz.data import Data

LONGEST, RUNS = 256, 3_000
WORDS: list[str] = []
SESSIONS = [Session(1, "bob", None, "b0b", aware=False), Session(2, "eve", None, "e7e", aware=False)]


def check(data: bytes) -> None:
    decisions = Data(data)
    posts, here, there = Posts(), Origin("m", 1, 1000), Origin("a", 1, 1000)
    waiting: deque[Chunk] = deque()
    shown: list[tuple[bytes, int]] = []
    accepted: set[tuple[bytes, int]] = set()
    while decisions.left:
        step, session = decisions.below(4), decisions.pick(SESSIONS)
        number = 1 + decisions.below(6)
        if step < 2:
            for one in range(number, number + 1 + decisions.below(3)):
                if step == 0 and posts.accept(session.key, one):
                    _post(here, session, one)
                elif step == 1:
                    _post(there, session, one)
                accepted.add((session.key, one))
        if step < 3:
            own, other = here.take(), there.take()
            if own is not None:
                waiting.append(own)
            if other is not None:
                shown += _shown(posts.shown(other, list(waiting)), other)
        elif waiting:
            own = waiting.popleft()
            shown += _shown(posts.own(own), own)
    for own in waiting:
        shown += _shown(posts.own(own), own)
    assert len(shown) == len(set(shown)), "a post is shown twice"
    assert set(shown) == accepted, "a post is not shown"


def _post(origin: Origin, session: Session, number: int) -> None:
    origin.accept(session.opening_for(number), b',"id":"x-1","post":"e7e-9"}')


def _shown(parts: list[Chunk], whole: Chunk) -> list[tuple[bytes, int]]:
    """These parts are lines of the whole, with their numbers."""
    for part in parts:
        lines = whole.lines[part.first - whole.first : part.last - whole.first + 1]
        assert part.lines == lines
        assert part.count == len(lines)
    return [post for part in parts for post in of(part)]

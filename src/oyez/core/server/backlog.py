"""What comes of several logs at once, put into an order in which each session's posts ascend (ADR 9): what a newcomer
reads before it serves, and where two copies are not enough, what may be shown of each log.

The logs of several origins come side by side, in any order; a session that moved from one server to another has its
earlier posts in one log and the later ones in another. Guarantees: each origin's activities keep their order; a post
comes behind the earlier posts of its session, unless two logs contradict each other. Knows no links.
"""

from collections import deque
from dataclasses import dataclass

from oyez.core.server import posts
from oyez.core.server.posts import Post
from oyez.log import Chunk

ROUNDS = 64
"""Of each log a share at a time goes into the whole, so that what is recent in one is recent in it."""


class Backlog:
    """What has been read so far. `size` in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: list[Chunk] = []

    def add(self, chunk: Chunk) -> None:
        """The next of its origin."""
        self._chunks.append(chunk)
        self.size += len(chunk.data)

    def take(self) -> list[Chunk]:
        """All of it, in order."""
        chunks, self._chunks, self.size = self._chunks, [], 0
        return in_order(chunks)


def in_turn(allowed: list[Chunk], withheld: list[Chunk]) -> tuple[list[Chunk], list[Chunk]]:
    """Of the chunks that may be shown, those parts, in order, that no post in the `withheld` ones has to precede; and
    the rest, by origin, in sequence."""
    first: dict[bytes, int] = {}
    _note(first, withheld)
    come, rest = allowed, list[Chunk]()
    while first:
        kept, cut = _cut(come, first)
        if not cut:
            break
        come, rest = kept, [*rest, *cut]
        _note(first, cut)  # what follows these has to wait, too
    return in_order(come), sorted(rest, key=lambda chunk: (chunk.origin, chunk.first))


def _note(first: dict[bytes, int], chunks: list[Chunk]) -> None:
    for chunk in chunks:
        for tag, number in posts.of(chunk):
            first[tag] = min(number, first.get(tag, number))


def _cut(chunks: list[Chunk], first: dict[bytes, int]) -> tuple[list[Chunk], list[Chunk]]:
    """What comes before the first post, in each log, of a session of which an earlier one is still to come; and the
    rest."""
    kept, cut = list[Chunk](), list[Chunk]()
    for chunk in chunks:
        if any(chunk.origin == other.origin for other in cut):
            cut.append(chunk)
            continue
        last = chunk.last
        if any(number > first.get(tag, number) for tag, number in posts.of(chunk)):
            lines = enumerate(chunk.lines, chunk.first)
            last = next(sequence for sequence, line in lines if _waits(line, first)) - 1
            cut.append(chunk.after(last))
        if last >= chunk.first:
            kept.append(chunk.through(last))
    return kept, cut


def _waits(line: bytes, first: dict[bytes, int]) -> bool:
    return any(number > first.get(tag, number) for tag, number in posts.of(Chunk("", 1, 1, line)))


@dataclass(slots=True)
class _Piece:
    """What moves as one: a chunk, or a line whose post has a place among those of other logs."""

    chunk: Chunk
    post: Post | None = None


def in_order(chunks: list[Chunk]) -> list[Chunk]:
    """These chunks of several origins, or parts of them, as they may be shown."""
    found = [(chunk, posts.of(chunk)) for chunk in chunks]
    waiting = _numbers_in_several_logs(found)
    logs: dict[str, deque[_Piece]] = {}
    for chunk, its in found:
        logs.setdefault(chunk.origin, deque()).extend(_pieces(chunk, its, waiting))
    shares = {origin: 1 + len(pieces) // ROUNDS for origin, pieces in logs.items()}
    ordered: list[Chunk] = []
    while logs:
        before = len(ordered)
        for origin, pieces in list(logs.items()):
            for _ in range(shares[origin]):
                if pieces and _may_come(pieces[0], waiting):
                    ordered.append(_come(pieces.popleft(), waiting))
            if not pieces:
                del logs[origin]
        if len(ordered) == before:  # they contradict each other: one of them has to come first
            ordered.append(_come(next(iter(logs.values())).popleft(), waiting))
            logs = {origin: pieces for origin, pieces in logs.items() if pieces}
    return _joined(ordered)


def _numbers_in_several_logs(found: list[tuple[Chunk, list[Post]]]) -> dict[bytes, list[int]]:
    """The posts of each session that is in more than one log, the first of them last."""
    logs: dict[bytes, set[str]] = {}
    numbers: dict[bytes, list[int]] = {}
    for chunk, its in found:
        for tag, number in its:
            logs.setdefault(tag, set()).add(chunk.origin)
            numbers.setdefault(tag, []).append(number)
    return {tag: sorted(numbers[tag], reverse=True) for tag, origins in logs.items() if len(origins) > 1}


def _pieces(chunk: Chunk, its: list[Post], waiting: dict[bytes, list[int]]) -> list[_Piece]:
    if not any(tag in waiting for tag, _ in its):
        return [_Piece(chunk)]
    pieces = []
    for sequence, line in enumerate(chunk.lines, chunk.first):
        one = Chunk(chunk.origin, sequence, 1, line)
        post = next(iter(posts.of(one)), None)
        pieces.append(_Piece(one, post if post is not None and post[0] in waiting else None))
    return pieces


def _may_come(piece: _Piece, waiting: dict[bytes, list[int]]) -> bool:
    return piece.post is None or piece.post[1] <= waiting[piece.post[0]][-1]


def _come(piece: _Piece, waiting: dict[bytes, list[int]]) -> Chunk:
    if piece.post is not None:
        numbers = waiting[piece.post[0]]
        if numbers[-1] == piece.post[1]:
            numbers.pop()
        else:  # out of turn, because two logs contradict each other
            numbers.remove(piece.post[1])
    return piece.chunk


def _joined(chunks: list[Chunk]) -> list[Chunk]:
    """The same with single lines that follow each other made one again."""
    runs: list[list[Chunk]] = []
    for chunk in chunks:
        last = runs[-1][-1] if runs else None
        if last is not None and last.origin == chunk.origin and last.last + 1 == chunk.first and chunk.count == 1:
            runs[-1].append(chunk)
        else:
            runs.append([chunk])
    return [
        run[0]
        if len(run) == 1
        else Chunk(run[0].origin, run[0].first, run[-1].last - run[0].first + 1, b"".join([one.data for one in run]))
        for run in runs
    ]

"""Two copies before anyone sees it: activities wait until enough servers hold them (DESIGN section 4, ADR 9).

`Copies` is the origin's side, `Withheld` that of the other servers where two copies are not enough. Guarantees: what is
released is held by `copies` servers, this one and the origin counted, or by all that there are; in the order of each
log. Know the others by how far they hold a log.
"""

from collections import deque

from oyez.log import Chunk

TWO = 2
"""Copies that there are as soon as a server has received an activity: its own and the origin's."""


_ANY = 2**62
"""Of an origin whose activities don't have to wait for copies."""


class Copies:
    """This server's own activities that wait. `copies` counts this server's own."""

    def __init__(self, copies: int) -> None:
        self.wanted = copies
        self.released = 0  # the last sequence that was
        self._waiting: deque[Chunk] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def waiting(self) -> list[Chunk]:
        """What is not released yet."""
        return list(self._waiting)

    def add(self, chunk: Chunk) -> None:
        """Accepted here, and on its way to the others."""
        self._waiting.append(chunk)

    def release(self, held: list[int], awaited: int) -> list[Chunk]:
        """What may be shown now. `held`: how far each connected server holds the log; `awaited`: how many others are
        expected back any moment."""
        through = enough(held, min(self.wanted - 1, len(held) + awaited))
        released = []
        while self._waiting and (through is None or self._waiting[0].last <= through):
            released.append(self._waiting.popleft())
        if released:
            self.released = released[-1].last
        return released


class Withheld:
    """Other servers' activities that must not be shown before enough servers hold them, by origin."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Chunk]] = {}
        self._through: dict[str, int] = {}

    def __contains__(self, origin: str) -> bool:
        return origin in self._waiting

    @property
    def origins(self) -> list[str]:
        """Those whose activities wait."""
        return list(self._waiting)

    def waits(self, origin: str, through: int | None = None) -> bool:
        """Is anything of this origin (up to this sequence) not to be shown yet?"""
        waiting = self._waiting.get(origin)
        if not waiting:
            return False
        last = waiting[-1].last if through is None else min(through, waiting[-1].last)
        return last > self._through.get(origin, 0)

    def begin(self, origin: str) -> None:
        """From now on this origin's activities wait."""
        self._waiting.setdefault(origin, deque())

    def forget(self, origin: str) -> None:
        """It is gone; nothing more of it waits, unless something still does."""
        if not self._waiting.get(origin, True):
            del self._waiting[origin]
            self._through.pop(origin, None)

    def add(self, chunk: Chunk) -> None:
        """One of an origin whose activities wait."""
        self._waiting[chunk.origin].append(chunk)

    @property
    def chunks(self) -> list[Chunk]:
        """All that waits."""
        return [chunk for waiting in self._waiting.values() for chunk in waiting]

    def put_back(self, chunks: list[Chunk]) -> None:
        """These were released, and have to wait all the same; they are in sequence."""
        for chunk in reversed(chunks):
            if chunk.origin not in self._waiting:
                self._waiting[chunk.origin] = deque()
                self._through[chunk.origin] = _ANY
            self._waiting[chunk.origin].appendleft(chunk)

    def allow(self, origin: str, through: int) -> None:
        """Enough servers hold this origin's log up to there."""
        self._through[origin] = max(through, self._through.get(origin, 0))

    def release(self) -> list[Chunk]:
        """What may be shown now."""
        return [chunk for origin, waiting in self._waiting.items() if waiting for chunk in self._release(origin)]

    def _release(self, origin: str) -> list[Chunk]:
        waiting, through = self._waiting[origin], self._through.get(origin, 0)
        released = []
        while waiting and waiting[0].first <= through:
            chunk = waiting.popleft()
            if chunk.last > through:
                waiting.appendleft(chunk.after(through))
                chunk = chunk.through(through)
            released.append(chunk)
        return released


def enough(held: list[int], needed: int) -> int | None:
    """How far the `needed` that hold a log farthest hold it: 0 if there are not so many, None if none is needed."""
    if needed <= 0:
        return None
    return 0 if len(held) < needed else sorted(held, reverse=True)[needed - 1]

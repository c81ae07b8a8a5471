"""Two copies before anyone sees it: own activities wait until enough other servers hold them (DESIGN section 4, ADR 9).

Guarantees: with `copies - 1` other servers up, what is released is held by that many of them; in the order of the log;
with fewer, by all that there are. Knows the others by how far they hold this server's log.
"""

from collections import deque

from oyez.log import Chunk


class Copies:
    """The chunks that wait. `copies` counts this server's own."""

    def __init__(self, copies: int) -> None:
        self.released = 0  # the last sequence that was
        self._others = copies - 1
        self._waiting: deque[Chunk] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, chunk: Chunk) -> None:
        """Accepted here, and on its way to the others."""
        self._waiting.append(chunk)

    def release(self, held: list[int], awaited: int) -> list[Chunk]:
        """What may be shown now. `held`: how far each connected server holds the log; `awaited`: how many others are
        expected back any moment."""
        needed = min(self._others, len(held) + awaited)
        if len(held) < needed:
            return []
        through = sorted(held, reverse=True)[needed - 1] if needed else None
        released = []
        while self._waiting and (through is None or self._waiting[0].last <= through):
            released.append(self._waiting.popleft())
        if released:
            self.released = released[-1].last
        return released

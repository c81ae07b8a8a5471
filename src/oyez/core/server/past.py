"""What was accepted before a server had clients: it is shown to nobody but those who resume (ADR 9).

A server may serve before it has heard of another, as no central told it. That one says how far its log was when this
one began to serve (`Marks`); up to there it is kept from who is here (`Past`). But a session that had resumed here
before may lack it. Guarantees: such a session is to come in again before it is shown anything that is behind what it
lacks. Knows neither links nor sessions.
"""

from collections import deque

from oyez.log import Chunk, Log


class Marks:
    """How far the own log was, and when, for as long as it holds that."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, now: float, log: Log) -> None:
        """To be done regularly."""
        if not self._marks or self._marks[-1][1] < log.last:
            self._marks.append((now, log.last))
        while len(self._marks) > 1 and self._marks[1][1] < log.first:
            self._marks.popleft()

    def at(self, moment: float) -> int:
        """How far the log was then, at least."""
        return max((sequence for at, sequence in self._marks if at <= moment), default=0)


class Past:
    """Of the other origins. `kept_back`: something was kept from those who are here; `complete`: all that there was of
    one of them. Then those who may lack it are to come in again."""

    def __init__(self) -> None:
        self.kept_back = self.complete = False
        self._through: dict[str, int] = {}

    def begin(self, origin: str, sequence: int, through: int) -> None:
        """Its log will come from behind this sequence on; up to `through` that is past."""
        if through > sequence:
            self._through[origin] = through
        elif through:
            self.complete = True  # and nobody holds any of it

    def of(self, chunk: Chunk) -> Chunk:
        """The part of this chunk that is past, which may be empty."""
        last = min(chunk.last, self._through.get(chunk.origin, 0))
        if last < chunk.first:
            return Chunk(chunk.origin, chunk.first, 0, b"")
        return Chunk(chunk.origin, chunk.first, last - chunk.first + 1, chunk.data[: chunk.offset(last + 1)])

    def kept(self, past: Chunk) -> None:
        """This part was kept from those who are here."""
        self.kept_back = True
        if past.last == self._through[past.origin]:
            del self._through[past.origin]
            self.complete = True

    def recalled(self) -> None:
        """Those who may lack something come in again."""
        self.kept_back = self.complete = False

    def forget(self, origin: str) -> None:
        """Nothing of it can come any more."""
        self._through.pop(origin, None)

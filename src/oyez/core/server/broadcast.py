"""The way of an activity through a server: accepted, numbered, copied, shown (DESIGN section 1, ADR 2, ADR 9).

What clients post goes into the own log, from which the other servers read; once enough of them hold it, it is
published in the merged log, from which the clients read. What other servers' logs bring goes there, too. Guarantees:
each origin's activities are shown in sequence, once, and none before enough servers hold it; a numbered post is shown
once. Knows no links.
"""

from collections import deque

from oyez.core.origin import Origin
from oyez.core.server.backlog import Backlog, in_turn
from oyez.core.server.copies import Copies, Withheld
from oyez.core.server.holdings import Holdings
from oyez.core.server.past import Past
from oyez.core.server.posts import Posts
from oyez.core.server.sessions import Session
from oyez.core.server.trace import Trace
from oyez.log import Chunk, Log


class Broadcast:
    """Of one server. `retention` in bytes, `age` in seconds: what is older is forgotten, too. `trace` gets what becomes
    of each activity, where anybody wants to know."""

    def __init__(
        self, origin: Origin, retention: int, age: float | None, copies: int, trace: Trace | None = None
    ) -> None:
        self.origin = origin
        self.trace = trace
        self.merged = Log(retention)
        self.copies = Copies(copies)
        self.withheld = Withheld()
        self.posts = Posts()
        self.holdings = Holdings(origin, self.merged)
        self.holdings.on_skip = self._show_before
        self.age = age
        self._ages: deque[tuple[float, int]] = deque()  # how far the merged log was, and when
        self.past = Past()
        self._arrived: list[Chunk] = []  # from other servers, since the last turn
        self._backlog: Backlog | None = Backlog()

    @property
    def lag(self) -> int:
        """How many of the own activities are not shown yet."""
        return self.origin.sequence - self.copies.released

    def accept(self, session: Session, number: int | None, members: bytes) -> bool:
        """A session posts `members` (as of `protocol.activity`). True if it is the first since the last turn."""
        if number is not None and not self.posts.accept(session.key, number):
            return False  # a repetition: the sender will see, or has seen, the first
        return self.origin.accept(session.opening_for(number), members)

    def accept_all(self, session: Session, numbers: list[int | None], members: list[bytes]) -> bool:
        """The same of several posts at once; `members` are none empty, and without their commas."""
        if not any(numbers):
            return self.origin.accept_all(session.opening, members)
        first = False
        for number, one in zip(numbers, members, strict=True):
            first |= self.accept(session, number, b"," + one)
        return first

    def take(self, chunks: list[Chunk]) -> bool:
        """Another server's log has brought these; they are held. True if they are the first since the last turn."""
        first = not self._arrived
        if self.trace is not None:
            self.trace.held += chunks
        for chunk in chunks:
            past = self.past.of(chunk)
            if past.count:
                self._keep(past)
                chunk = chunk.after(past.last)
            if not chunk.count:
                continue
            if chunk.origin in self.withheld:
                self.withheld.add(chunk)
            else:
                self._arrived.append(chunk)
        return first

    def _keep(self, past: Chunk) -> None:
        """For those who resume, and show it to nobody."""
        shown = self.posts.shown(past, [])
        if shown:
            self.merged.publish(shown, silently=True)
        self.merged.pass_over(past.origin, past.last)
        self.past.kept(past)

    def write(self) -> None:
        """What was accepted in this turn goes to the other servers."""
        own = self.origin.take()
        if own is not None:
            self.origin.log.publish([own])
            self.copies.add(own)
            if self.trace is not None:
                self.trace.accepted.append(own)

    def show(self, own: list[Chunk]) -> None:
        """Publish what came in this turn, and what may be shown now: of others' activities, and of the `own`."""
        arrived = self._come()
        if self._backlog is not None:
            for chunk in arrived:
                self._backlog.add(chunk)
            full = self._backlog.size > self.merged.retention  # it may never be complete, and holds no more
            arrived = self._backlog.take() if full else []
        self._publish(arrived, own)

    def _come(self) -> list[Chunk]:
        """What came in this turn, and what may be shown now of what came before. What one log brings may follow what is
        still withheld of another: then it waits, too."""
        arrived, self._arrived = self._arrived + self.withheld.release(), []
        if arrived and self.withheld.origins:
            arrived, rest = in_turn(arrived, self.withheld.chunks)
            self.withheld.put_back(rest)
        return arrived

    @property
    def gathering(self) -> bool:
        """Is what other servers' logs bring gathered, and not shown yet? So it is before this server serves."""
        return self._backlog is not None

    def gather(self) -> None:
        """Several logs are to be read that this server is behind in: gather what they bring, to show it in order."""
        self._backlog = self._backlog or Backlog()

    def begin(self) -> None:
        """All that there was to gather is here: this server serves from now on."""
        assert self._backlog is not None
        for chunk in self._come():
            self._backlog.add(chunk)
        backlog, self._backlog = self._backlog.take(), None
        self.holdings.begun = True
        self._publish(backlog, [])

    def _show_before(self, origin: str, sequence: int) -> None:
        """A gap up to there is to be told: show first what came before. Whoever has forgotten it has shown it."""
        if origin in self.withheld:
            self.withheld.allow(origin, sequence)
        gathered = [] if self._backlog is None else self._backlog.take()
        arrived, self._arrived = self._arrived + self.withheld.release(), []
        self._publish([*gathered, *arrived], [])

    def _publish(self, arrived: list[Chunk], own: list[Chunk]) -> None:
        waiting = [*self.copies.waiting, *own]
        shown = [part for chunk in arrived for part in self.posts.shown(chunk, waiting)]
        shown += [part for chunk in own for part in self.posts.own(chunk)]
        if shown:
            self.merged.publish(shown)
            if self.trace is not None:
                self.trace.shown += shown
        for chunk in (*arrived, *own):
            self.merged.pass_over(chunk.origin, chunk.last)

    def tick(self, now: float) -> None:
        """Once a heartbeat: forget what is too old."""
        if self.age is None:
            return
        self._ages.append((now, self.merged.end))
        while self._ages[0][0] <= now - self.age:
            self.merged.forget_to(self._ages.popleft()[1])

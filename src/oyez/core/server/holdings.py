"""What this server holds of every origin's log, its own among them (DESIGN section 4, ADR 9).

Chunks are shared with the merged log, and forgotten with it; but nothing of an origin that is kept. Guarantees: what is
held of an origin has no hole and no repetition, whoever supplied it. Knows nothing of links.
"""

from collections.abc import Callable

from oyez.core.numbers import number_of
from oyez.core.origin import Origin
from oyez.log import Chunk, Log
from oyez.protocol.peers import Held

SUPPLY = 256 * 1024
"""Most bytes supplied to another server at once."""

REMEMBERED = 512
"""Origins of which it is still known how far they came, though nothing of them is retained."""

_NEVER = 2**62  # bytes: these logs forget when the merged log does


class Holdings:
    """By origin. `position` is how far one is held. `begun`: this server serves."""

    def __init__(self, own: Origin, merged: Log) -> None:
        self.begun = False
        self._floor = -1  # the newest incarnation that has been given up
        self._own = own
        self._merged = merged
        self._logs: dict[str, Log] = {}
        self._positions: dict[str, int] = {}
        self._kept: set[str] = set()
        self.on_skip: Callable[[str, int], None] | None = None
        own.log.retention = _NEVER
        merged.on_forget = self._forgotten

    def position(self, origin: str) -> int | None:
        """The highest sequence held; None where nothing is known of the origin."""
        return self._own.log.last if origin == self._own.name else self._positions.get(origin)

    @property
    def own(self) -> str:
        """This server's own origin."""
        return self._own.name

    @property
    def origins(self) -> list[str]:
        """Of the other servers, those that are known."""
        return list(self._positions)

    def held(self, origin: str) -> Held:
        """What there is of another server's log."""
        last = self._positions[origin]
        log = self._logs.get(origin)
        return Held(last + 1 if log is None else log.first, last)

    def begin(self, origin: str, sequence: int) -> tuple[int, int] | None:
        """Its log will come from behind this sequence on. Returns the first and the last sequence that are missed by
        it; for who does not serve yet, what was before counts for nothing."""
        position = self._positions.get(origin)
        if position is not None and sequence <= position:
            return None
        if self.begun and position is not None and self.on_skip is not None:
            self.on_skip(origin, sequence)  # before: what came earlier must not be shown behind the gap
        self._positions[origin] = sequence
        self._logs.pop(origin, None)
        self._merged.skip_to(origin, sequence)
        missed = sequence if position is None and self.begun else 0 if position is None else sequence - position
        return (sequence - missed + 1, sequence) if missed else None

    def take(self, chunk: Chunk) -> Chunk | None:
        """Hold it; returns the part that is new, which may be empty, or None if it would leave a hole."""
        position = self._positions.get(chunk.origin)
        if position is None or chunk.first > position + 1:
            return None
        new = chunk.after(position)
        if new.count:
            self._logs.setdefault(chunk.origin, Log(_NEVER)).publish([new])
            self._positions[chunk.origin] = new.last
        return new

    def after(self, origin: str, sequence: int) -> tuple[bytes, int]:
        """Lines behind this sequence, as many as are supplied at once, and the sequence of the last one."""
        log = self._logs.get(origin)
        if log is None or sequence >= log.last:
            return b"", sequence
        start = log.position_after(sequence)
        if start is None:
            return b"", sequence  # not held any more: what is behind it would leave a hole
        data = log.read(start, SUPPLY)
        lines = data[: data.rfind(b"\n") + 1]
        return lines, sequence + lines.count(b"\n")

    def keep(self, origins: set[str]) -> None:
        """Forget nothing of these for now; of the others what the merged log has forgotten meanwhile."""
        done, self._kept = self._kept - origins, origins
        for origin in done:
            self._forget(origin, self._merged.forgotten.get(origin, 0))

    def _forgotten(self, chunk: Chunk) -> None:
        if chunk.origin == self._own.name:
            self._own.log.forget_through(chunk.last)
        elif chunk.origin not in self._kept:
            self._forget(chunk.origin, chunk.last)

    def _forget(self, origin: str, sequence: int) -> None:
        if sequence == self._positions.get(origin):
            self._logs.pop(origin, None)
        elif origin in self._logs:
            self._logs[origin].forget_through(sequence)

    def prune(self, spare: list[str]) -> list[str]:
        """Of these, of which nothing is held, remember only the newest; returns the others. Every server goes by the
        incarnation, so that they remember the same."""
        gone = sorted((origin for origin in spare if origin not in self._logs), key=_incarnation)
        if not self.begun or len(gone) <= REMEMBERED:
            return []
        dropped = gone[:-REMEMBERED]
        self._floor = max(self._floor, _incarnation(dropped[-1]))
        for origin in dropped:
            del self._positions[origin]
            self._merged.drop(origin)
        return dropped

    def is_past(self, origin: str) -> bool:
        """Is it so old that nothing is known, or wanted, of it any more?"""
        return origin not in self._positions and _incarnation(origin) <= self._floor


def _incarnation(origin: str) -> int:
    return number_of(origin.rpartition(".")[2]) or 0

"""What this server holds of every origin's log, its own among them (DESIGN section 4, ADR 9).

Chunks are shared with the merged log, and forgotten with it. Guarantees: what is held of an origin has no hole and no
repetition, whoever supplied it. Knows nothing of links.
"""

from oyez.core.origin import Origin
from oyez.log import Chunk, Log

SUPPLY = 256 * 1024
"""Most bytes supplied to another server at once."""

_NEVER = 2**62  # bytes: these logs forget when the merged log does


class Holdings:
    """By origin. `position` is how far one is held."""

    def __init__(self, own: Origin, merged: Log) -> None:
        self._own = own
        self._logs: dict[str, Log] = {}
        self._positions: dict[str, int] = {}
        own.log.retention = _NEVER
        merged.on_forget = self._forgotten

    def position(self, origin: str) -> int | None:
        """The highest sequence held; None where nothing is known of the origin."""
        return self._own.log.last if origin == self._own.name else self._positions.get(origin)

    @property
    def supplies(self) -> dict[str, int]:
        """Position of each other origin of which there is something to be had here."""
        return {origin: self._positions[origin] for origin in self._logs}

    def begin(self, origin: str, sequence: int) -> int | None:
        """Its log will come from behind this sequence on. Returns the first sequence that is missed by it, if any."""
        position = self._positions.get(origin)
        if position is not None and sequence <= position:
            return None
        self._positions[origin] = sequence
        return None if position is None else position + 1

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

    def _forgotten(self, chunk: Chunk) -> None:
        if chunk.origin == self._own.name:
            self._own.log.forget_through(chunk.last)
        elif chunk.last == self._positions.get(chunk.origin):
            self._logs.pop(chunk.origin, None)
        elif chunk.origin in self._logs:
            self._logs[chunk.origin].forget_through(chunk.last)

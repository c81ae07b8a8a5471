"""Sessions that have gone to another server, which asks whether all that they posted here is everywhere (ADR 9).

Guarantees: the answer is given once every linked server holds what this one had accepted when it was asked. Knows
servers by link.
"""

from collections import deque

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.protocol import peers as p


class Departures:
    """The questions that wait for their answers."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, p.Settled]] = deque()  # by sequence

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def asked(self, link: int, message: p.Settle, sequence: int) -> None:
        """The session is over there now; the last activity accepted here is `sequence`."""
        self._waiting.append((link, p.Settled(message.request, sequence)))

    def review(self, held_by_all: int) -> Effects:
        """Every linked server holds this server's log so far."""
        effects: Effects = []
        while self._waiting and self._waiting[0][1].sequence <= held_by_all:
            effects.append(fx.Send(*self._waiting.popleft()))
        return effects

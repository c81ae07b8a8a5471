"""When a server has died: the survivors fill each other's gaps in its log (DESIGN section 4, ADR 9).

Each tells the others which origins it has lost and how far it holds them; who holds less asks one who holds more, a
bounded piece at a time. Guarantees: what any survivor holds of an origin, every survivor that is linked with it will
hold. Knows the others by link, and nothing of how links are made.
"""

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.holdings import Holdings
from oyez.protocol import peers as p


class Repair:
    """The questions of one server. `linked` tells which origins come over a link of their own."""

    def __init__(self, holdings: Holdings) -> None:
        self.linked: set[str] = set()
        self._holdings = holdings
        self._asked: dict[str, float] = {}  # since when, by origin

    @property
    def positions(self) -> p.Positions:
        """How things stand here."""
        lost = {origin: held for origin, held in self._holdings.supplies.items() if origin not in self.linked}
        return p.Positions(lost, sorted(self.linked))

    def told(self, now: float, link: int, message: p.Positions) -> Effects:
        """Another server says how things stand there."""
        effects: Effects = []
        for origin, held in sorted(message.lost.items()):
            effects += self._ask(now, link, origin, held)
        return effects

    def _ask(self, now: float, link: int, origin: str, held: int) -> Effects:
        position = self._holdings.position(origin)
        if position is None or held <= position or origin in self.linked:
            return []
        if now - self._asked.get(origin, -timing.SUSPICION) < timing.SUSPICION:
            return []
        self._asked[origin] = now
        return [fx.Send(link, p.RequestActivities(origin, position))]

    def requested(self, link: int, message: p.RequestActivities) -> Effects:
        """Another server asks for what this one holds."""
        lines, through = self._holdings.after(message.origin, message.after)
        supplied = p.ActivitiesSupplied(message.origin, through, self._holdings.position(message.origin) or 0)
        return [*([fx.Relay(link, lines)] if lines else []), fx.Send(link, supplied)]

    def supplied(self, now: float, link: int, message: p.ActivitiesSupplied) -> Effects:
        """All that was asked for has come; there may be more."""
        self._asked.pop(message.origin, None)
        position = self._holdings.position(message.origin)
        report = fx.Report("repaired", {"origin": message.origin, "through": position})
        if position is None or message.through > position:
            return []
        return [report, *self._ask(now, link, message.origin, message.held)]

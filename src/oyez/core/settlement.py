"""A session that comes from another server: nothing it posted there may turn up behind what it posts here (ADR 9).

If its last server lives, that one ends the session there and says how far its log is; if not, every other server has to
have said how far it holds that log. Once all of it is held here, the session may go on: a post that it repeats is then
known. Guarantees: whoever waits gets an answer within `PATIENCE`. Knows sessions by tag, servers by origin.
"""

from collections.abc import Callable
from dataclasses import dataclass

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.holdings import Holdings
from oyez.protocol import peers as p

PATIENCE = 5.0
"""Seconds after which a session goes on though its last server's log could not be settled: longer than suspicion."""

Go = Callable[[float], Effects]


@dataclass(slots=True)
class Arrival:
    """A session that waits. `through` is how far its last server's log must be held, once that is known."""

    tag: str
    origin: str
    since: float
    go: Go
    asked: int | None = None  # the link over which its last server was asked
    through: int | None = None


class Settlement:
    """`links` gives the link by origin, of connected servers; `told` what each of them has said of lost origins."""

    def __init__(self, own: str, holdings: Holdings) -> None:
        self.links: dict[str, int] = {}
        self.told: dict[int, p.Positions] = {}
        self._own = own
        self._holdings = holdings
        self._waiting: dict[int, Arrival] = {}
        self._last = 0

    def left(self, origin: str, link: int) -> None:
        """This server is connected no more, at least not on this link."""
        self.links.pop(origin, None)
        self.told.pop(link, None)

    def arrive(self, now: float, tag: str, origin: str, go: Go) -> Effects:
        """Go on with `go` once the session's last origin is settled."""
        if not origin or origin == self._own:
            return go(now)
        self._last += 1
        self._waiting[self._last] = Arrival(tag, origin, now, go)
        return self.review(now)

    def review(self, now: float) -> Effects:
        """Something has changed: ask whom to ask, let go whom it settles."""
        effects: Effects = []
        for request, arrival in list(self._waiting.items()):
            link = self.links.get(arrival.origin)
            if link is not None and arrival.asked != link:
                arrival.asked, arrival.through = link, None
                effects.append(fx.Send(link, p.Settle(request, arrival.tag)))
            if now - arrival.since >= PATIENCE or self._is_settled(arrival, link):
                del self._waiting[request]
                effects += arrival.go(now)
        return effects

    def _is_settled(self, arrival: Arrival, link: int | None) -> bool:
        held = self._holdings.position(arrival.origin) or 0
        if link is not None:
            return arrival.through is not None and held >= arrival.through
        others = [self.told.get(other) for other in self.links.values()]
        return all(
            told is not None and arrival.origin not in told.linked and held >= told.lost.get(arrival.origin, 0)
            for told in others
        )

    def settled(self, now: float, message: p.Settled) -> Effects:
        """Its last server has answered."""
        arrival = self._waiting.get(message.request)
        if arrival is None:
            return []
        arrival.through = message.sequence
        return self.review(now)

    def __bool__(self) -> bool:
        return bool(self._waiting)

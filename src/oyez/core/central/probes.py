"""A central's looks at other centrals: one short link to each that it misses, again and again (ADR 8).

Each is asked for its STATUS, by whoever is main or would be. Guarantees: one link at most to each; one that says
nothing is given up. Decides nothing: what the answers mean is `office`'s.
"""

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.protocol.messages import Status
from oyez.protocol.nodes import CentralAddress


class Probes:
    """Of one central. `links` names whom each is to, by id."""

    def __init__(self) -> None:
        self.links: dict[int, str] = {}
        self._under_way: set[str] = set()
        self._since: dict[int, float] = {}

    def due(self, now: float, missing: list[CentralAddress]) -> Effects:
        """Look at these. To be asked once a heartbeat."""
        silent = [link for link, since in self._since.items() if now - since >= timing.SUSPICION]
        missing = [central for central in missing if central.id not in self._under_way]
        self._under_way.update(central.id for central in missing)
        closed: Effects = [fx.Close(link, at_once=True) for link in silent]
        return [*closed, *[fx.Dial(central.address, f"probe:{central.id}") for central in missing]]

    def dialed(self, now: float, link: int, id: str) -> Effects:
        """Connected to one of them."""
        self.links[link] = id
        self._since[link] = now
        return [fx.Send(link, Status())]

    def failed(self, id: str) -> None:
        """Nobody there."""
        self._under_way.discard(id)

    def closed(self, link: int) -> None:
        """A link is gone, which may have been one of these."""
        self._since.pop(link, None)
        id = self.links.pop(link, None)
        if id is not None:
            self._under_way.discard(id)

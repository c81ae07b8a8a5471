"""What an operator asks of a central with the cluster's secret: PROMOTE, DRAIN_SERVER (docs/operations.md).

Guarantees: nothing is done for who does not know the secret; every refusal says why. Knows neither servers nor votes:
`office` and `moving` do.
"""

from oyez.core import effects as fx
from oyez.core.central.moving import Moving
from oyez.core.central.office import Office
from oyez.core.effects import Effects
from oyez.core.gate import Gate
from oyez.core.refusal import refuse
from oyez.core.uplink import Uplink
from oyez.protocol import messages as m
from oyez.protocol import nodes as n


class Orders:
    """To one central."""

    def __init__(self, gate: Gate, office: Office, uplink: Uplink, moving: Moving) -> None:
        self._gate = gate
        self._office = office
        self._uplink = uplink
        self._moving = moving

    def promote(self, now: float, link: int, message: n.Promote) -> Effects:
        """PROMOTE."""
        if not self._gate.knows_secret(message.secret):
            return refuse(link, n.PromoteFailed("the cluster secret is wrong", "wrong_secret"))
        main = self._office.replication
        if main is not None and main.can_acknowledge:
            return refuse(link, n.PromoteFailed("this central is the main already", "is_main"))

        def promoted(now: float) -> Effects:
            return [fx.Send(link, n.PromoteSuccess("this central is the main now", self._office.term))]

        return [*self._office.promote(now), fx.Then(promoted)]

    def drain(self, now: float, link: int, message: n.DrainServer) -> Effects:
        """DRAIN_SERVER: done by the main, to which a backup sends the operator."""
        if not self._gate.knows_secret(message.secret):
            return refuse(link, n.DrainServerFailed("the cluster secret is wrong", "wrong_secret"))
        if self._uplink.joined:
            main = self._uplink.central
            return [fx.Send(link, m.Redirect(main.hostname, main.port)), fx.Close(link)]
        if not self._office.is_main:
            return refuse(link, n.DrainServerFailed("the network has no main central now, try again", "no_main"))
        effects = self._moving.drain(message.server)
        if isinstance(effects, n.DrainServerFailed):
            return refuse(link, effects)
        return [*effects, fx.Send(link, n.DrainServerSuccess(f"{message.server} has been told to leave"))]

"""A server's link to the central: joins, stays in touch, and comes back when it is lost.

Guarantees: one link at most; every central that is known is tried in turn, for ever; what waits for an answer from
the central is told when the link is lost. Knows nothing of sessions and peers.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.protocol import nodes as n
from oyez.protocol.messages import Address, Message, Refusal

if TYPE_CHECKING:
    from random import Random

PURPOSE = "central"
_CENTRAL_AWAY = Refusal("the central can't be asked now, try again later", "central_away")

Verified = Callable[[float, Refusal | None], Effects]
"""What goes on when the central has answered: with its refusal, or None."""


class Uplink:
    """`introduce` makes the AUTHENTICATE of the moment."""

    def __init__(self, centrals: list[Address], entropy: "Random", introduce: Callable[[], n.Authenticate]) -> None:
        self.centrals = list(centrals)
        self.link: int | None = None
        self.joined = False
        self.ever_joined = False
        self.term = 0
        self._introduce = introduce
        self._backoff = timing.Backoff(entropy)
        self._next = 0
        self._heard = 0.0
        self._asking: dict[int, Verified] = {}
        self._last_request = 0

    @property
    def central(self) -> Address:
        """Where clients are sent to register: the central of this link, or the one to be tried next."""
        return self.centrals[self._next % len(self.centrals)]

    def dial(self) -> Effects:
        """Try the central whose turn it is."""
        return [fx.Dial(self.central, PURPOSE)]

    def dialed(self, now: float, link: int) -> Effects:
        """Connected: introduce this server."""
        self.link, self._heard = link, now
        return [fx.Trust(link), fx.Send(link, self._introduce())]

    def failed(self) -> Effects:
        """Not connected, or connected no more: the next one, after a while."""
        self._next += 1
        return [fx.SetTimer(PURPOSE, self._backoff.next())]

    def heard(self, now: float) -> None:
        """The central has said something."""
        self._heard = now

    def welcomed(self, message: n.AuthenticateSuccess) -> None:
        """This server belongs to the network."""
        self.joined = self.ever_joined = True
        self.term = message.term
        self._backoff.reset()
        here = self.central
        named = message.centrals or self.centrals
        self.centrals = named if here in named else [*named, here]  # what it calls itself need not be reachable
        self._next = named.index(here) if here in named else 0

    def lost(self, now: float) -> Effects:
        """The link is gone: whoever waits for an answer gets one."""
        self.link, self.joined = None, False
        asking, self._asking = self._asking, {}
        effects = [effect for then in asking.values() for effect in then(now, _CENTRAL_AWAY)]
        return [*effects, *self.failed()]

    def verify(self, now: float, username: str, secret: str, then: Verified) -> Effects:
        """Ask whether these credentials are right."""
        if self.link is None or not self.joined:
            return then(now, _CENTRAL_AWAY)
        self._last_request += 1
        self._asking[self._last_request] = then
        return [fx.Send(self.link, n.VerifyLogin(self._last_request, username, secret))]

    def verified(self, now: float, message: n.VerifyLoginSuccess | n.VerifyLoginFailed) -> Effects:
        """The answer."""
        then = self._asking.pop(message.request, None)
        if then is None:
            return []
        return then(now, message if isinstance(message, n.VerifyLoginFailed) else None)

    def send(self, message: Message) -> Effects:
        """Say something to the central, if it is there; what is lost is corrected by the next AUTHENTICATE."""
        return [fx.Send(self.link, message)] if self.link is not None else []

    def watch(self, now: float, slept: bool) -> Effects:
        """Once a heartbeat: act on silence. After this process itself has slept, everyone gets a new chance."""
        if slept:
            self._heard = now
        if self.link is not None and now - self._heard >= timing.SUSPICION:
            return [fx.Report("central_silent", {"central": str(self.central)}), fx.Close(self.link, at_once=True)]
        return []

"""A node's link to the main: joins, stays in touch, and finds the main again when it is lost.

Servers and backups have one. Guarantees: one link at most; every central that is known is tried in turn, for ever;
a link that closed is tried again first, one that fell silent is not. Knows nothing of what is said once it has joined.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.protocol.messages import Address, Message

if TYPE_CHECKING:
    from random import Random

PURPOSE = "central"

WELCOME = 1.5
"""Seconds within which a central must have answered the introduction, or have shown that it waits itself."""


class Uplink:
    """`introduce` makes the first message of the moment; `own` is never dialed."""

    def __init__(
        self,
        centrals: list[Address],
        entropy: "Random",
        introduce: Callable[[], Message],
        own: Address | None = None,
    ) -> None:
        self.centrals = list(centrals)
        self._given = tuple(centrals)
        self.link: int | None = None
        self.joined = False
        self.ever_joined = False
        self._introduce = introduce
        self._own = own
        self._backoff = timing.Backoff(entropy, first=0.02, most=1.0)
        self._next = 0
        self._hint: Address | None = None
        self._silent: Address | None = None  # it accepts connections, perhaps, and says nothing
        self._dialing = False
        self._heard = 0.0

    @property
    def central(self) -> Address:
        """The central of this link, or the one to be tried next."""
        return self._hint or self.centrals[self._next % len(self.centrals)]

    def dial(self) -> Effects:
        """Try the central whose turn it is."""
        if self.link is not None or self._dialing or not self.centrals:
            return []
        self._dialing = True
        return [fx.Dial(self.central, PURPOSE)]

    def dialed(self, now: float, link: int) -> Effects:
        """Connected: introduce this node."""
        self._dialing = False
        self.link, self._heard = link, now
        return [fx.Trust(link), fx.Send(link, self._introduce())]

    def failed(self) -> Effects:
        """Not connected: the next one, after a while."""
        self._dialing = False
        self._turn()
        return [fx.SetTimer(PURPOSE, self._backoff.next())]

    def _turn(self) -> None:
        if self._hint is None:
            self._next += 1
        self._hint = None

    def heard(self, now: float) -> None:
        """The central has said something."""
        self._heard = now

    def welcomed(self, centrals: list[Address]) -> None:
        """This node belongs to the network; these are its centrals, the main among them."""
        here = self.central
        self.joined = self.ever_joined = True
        self._backoff.reset()
        self._hint = self._silent = None
        self.learn(centrals)
        self._next = self.centrals.index(here) if here in self.centrals else 0

    def learn(self, centrals: list[Address]) -> None:
        """These are the network's centrals. Those that the operator named stay: an address may have changed, or be
        one that only others reach."""
        here = self.central if self.centrals else None
        named = list(dict.fromkeys(central for central in (*centrals, *self._given) if central != self._own))
        if here is not None and here not in named and self.joined:
            named.append(here)  # what it calls itself need not be reachable
        self.centrals = named
        self._next = named.index(here) if here in named else 0

    def not_main(self, main: Address | None) -> Effects:
        """The central is not the main, and may know who is: try there next."""
        link = self.link
        self._turn()
        if main not in (self._own, self._silent):
            self._hint = main
        return [] if link is None else [fx.Close(link)]

    def lost(self) -> Effects:
        """The link is gone."""
        if not self.joined and self._hint is None:
            self._turn()
        self.link, self.joined = None, False
        return [fx.SetTimer(PURPOSE, self._backoff.next())]

    def give_up(self) -> Effects:
        """Close the link, if there is one: this node needs no main any more, or not this one."""
        link, self.link, self.joined = self.link, None, False
        return [] if link is None else [fx.Close(link, at_once=True)]

    def send(self, message: Message) -> Effects:
        """Say something to the central, if it is there; what is lost is corrected by the next introduction."""
        return [fx.Send(self.link, message)] if self.link is not None else []

    def watch(self, now: float, slept: bool) -> Effects:
        """Once a heartbeat: act on silence. After this process itself has slept, everyone gets a new chance."""
        if slept:
            self._heard = now
        patience = timing.SUSPICION if self.joined else WELCOME
        if self.link is None or now - self._heard < patience:
            return []
        silent = fx.Report("central_silent", {"central": str(self.central)})
        self._silent = self.central
        self._turn()
        self._hint = self.central  # `lost` is to leave the turn where it is
        return [silent, fx.Close(self.link, at_once=True)]

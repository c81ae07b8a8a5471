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

WAIT = 6.0
"""Seconds for which a node waits at a central that is not elected: another may be luckier."""

WELCOME = 1.5
"""Seconds within which a central must have answered the introduction, or have shown that it waits itself; and before
that the dial."""

SHUN = 1.5
"""Seconds for which a central that fell silent is passed over, if there are others: it may still accept connections.
Not less: others notice up to a second later, and who then tries the silent one again waits there for `WELCOME`."""

UNREACHED = 30.0
"""Seconds for which a central that could not be reached is no reason to leave one that waits, too."""


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
        self._target = centrals[0] if centrals else None  # where the link is, or the next dial goes
        self._turned = False  # since the dial
        self._adviser: Address | None = None  # who has named the target; the round goes on behind it
        self._silent: Address | None = None  # it accepts connections, perhaps, and says nothing
        self._shunned_until = 0.0
        self._now = 0.0  # within a heartbeat
        self._dialing = False
        self._heard = 0.0
        self._dialed_at = 0.0
        self._dialed: Address | None = None
        self._unreached: dict[Address, float] = {}  # since when
        self.introduced = False

    @property
    def central(self) -> Address:
        """The central of this link, or the one to be tried next."""
        assert self._target is not None, "no central is known"
        return self._target

    def dial(self) -> Effects:
        """Try the central whose turn it is."""
        if self.link is not None or self._dialing or self._target is None:
            return []
        self._dialing = True
        self._turned = False
        self._dialed = self._target
        # Who did not answer in time may have had a crowd at its door: it has longer then.
        return [fx.Dial(self._target, PURPOSE, timing.REACH if self._target in self._unreached else WELCOME)]

    def dialed(self, now: float, link: int) -> Effects:
        """Connected: introduce this node."""
        self._dialing = False
        self.link, self.introduced = link, False
        self._heard = self._dialed_at = now
        if self._dialed is not None:
            self._unreached.pop(self._dialed, None)

        def introduce(now: float) -> Effects:
            if self.link != link:
                return []
            self.introduced = True
            return [fx.Send(link, self._introduce())]

        return [fx.Trust(link), fx.Then(introduce)]

    def unwanted(self, link: int) -> Effects:
        """Connected, when this node needs no main any more; it may dial again when it does."""
        self._dialing = False
        return [fx.Close(link)]

    def failed(self) -> Effects:
        """Not connected: the next one, after a while."""
        self._dialing = False
        if self._dialed is not None:
            self._unreached[self._dialed] = self._now
        if not self._turned:  # else somebody has named another meanwhile
            self._turn()
        return [fx.SetTimer(PURPOSE, self._backoff.next())]

    def _turn(self, to: Address | None = None) -> None:
        """Whom to try next: the one that is named, or the one whose turn it is.

        Who was named by another may name nobody: else two that are wrong, or lie, could keep this node between them.
        """
        self._turned = True
        adviser, self._adviser = self._adviser, None
        if to is not None and adviser is None:
            self._adviser, self._target = self._target, to
        elif self.centrals:
            next = self._following(adviser or self._target)
            self._target = self._following(next) if self._shuns(next) else next

    def _shuns(self, central: Address | None) -> bool:
        return central == self._silent and self._now < self._shunned_until

    def _following(self, central: Address | None) -> Address:
        at = self.centrals.index(central) if central in self.centrals else -1
        return self.centrals[(at + 1) % len(self.centrals)]

    def heard(self, now: float) -> None:
        """The central has said something."""
        self._heard = now

    def welcomed(self, centrals: list[Address]) -> None:
        """This node belongs to the network; these are its centrals, the main among them."""
        self.joined = self.ever_joined = True
        self._adviser = None
        self._backoff.reset()
        self._silent = None
        self.learn(centrals)

    def learn(self, centrals: list[Address]) -> None:
        """These are the network's centrals. Those that the operator named stay: an address may have changed, or be
        one that only others reach."""
        named = list(dict.fromkeys(central for central in (*centrals, *self._given) if central != self._own))
        here = self._target
        if here is not None and here not in named and self.joined:
            named.append(here)  # what it calls itself need not be reachable
        self.centrals = named
        if here not in named and not self._dialing and self.link is None:
            self._target = named[0] if named else None

    def not_main(self, main: Address | None) -> Effects:
        """The central is not the main, and may know who is: try there next."""
        self._turn(None if main == self._own or self._shuns(main) else main)
        return [] if self.link is None else [fx.Close(self.link)]

    def lost(self) -> Effects:
        """The link is gone: to the main it is tried again, with others it is the next one's turn."""
        if not self.joined and not self._turned:
            self._turn()
        self.link, self.joined = None, False
        return [fx.SetTimer(PURPOSE, self._backoff.next())]

    def give_up(self) -> Effects:
        """Close the link, if there is one: this node needs no main any more, or not this one."""
        link, self.link, self.joined = self.link, None, False
        return [] if link is None else [fx.Close(link, at_once=True)]

    @property
    def greeting(self) -> Message:
        """What this node would introduce itself with now."""
        return self._introduce()

    def send(self, message: Message) -> Effects:
        """Say something to the central, if it is there; what is lost is corrected by the next introduction."""
        return [fx.Send(self.link, message)] if self.link is not None and self.introduced else []

    def watch(self, now: float, slept: bool) -> Effects:
        """Once a heartbeat: act on silence. After this process itself has slept, everyone gets a new chance."""
        self._now = now
        if slept:
            self._heard = now
        patience = timing.SUSPICION if self.joined else WELCOME
        if self.link is None:
            return []
        if not self.joined and now - self._dialed_at >= WAIT:
            return self._leave(now)
        if now - self._heard < patience:
            return []
        return self._give_up_silent(now)

    def _leave(self, now: float) -> Effects:
        """It waits itself, and for longer than an election takes: perhaps another is luckier, if one can be reached."""
        assert self.link is not None
        others = [central for central in self.centrals if central != self.central]
        if all(now - self._unreached.get(central, -UNREACHED) < UNREACHED for central in others):
            self._dialed_at = now
            return []
        self._turn()
        return [fx.Close(self.link)]

    def _give_up_silent(self, now: float) -> Effects:
        assert self.link is not None
        silent = fx.Report("central_silent", {"central": str(self.central)})
        self._silent, self._shunned_until = self.central, now + SHUN
        self._turn()
        return [silent, fx.Close(self.link, at_once=True)]

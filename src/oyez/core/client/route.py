"""Where a client looks for its network: the centrals in turn, and where none of them helps, alternates (ADR 9).

A round dials each central once, then each alternate once. Guarantees: whoever has just failed or been left comes last
among the alternates; an address is dialed once in a round. Must not know: links, messages, time.
"""

from collections.abc import Iterable
from typing import NamedTuple

from oyez.protocol.messages import Address, Alternate

ALTERNATES = 8
"""Most alternates that are kept; the oldest goes first."""


class Step(NamedTuple):
    """Whom to dial. `ticket` is for an alternate; a central has none here."""

    address: Address
    ticket: str | None


class Route:
    """What a client knows of its network. `centrals` was given by its user."""

    def __init__(self, centrals: Iterable[Address]) -> None:
        self._given = tuple(centrals)
        self.centrals = list(self._given)
        self._next = 0
        self._tickets: dict[Address, str] = {}  # for the alternates, the newest last
        self._last: Address | None = None  # the server that had the session last
        self._shunned: list[Address] = []
        self._centrals_left: list[Address] = []
        self._alternates_left: list[Address] = []

    # -- a round ------------------------------------------------------------------------------------------------

    def begin(self, whole: bool) -> None:
        """A new round; without `whole` it is the next central alone."""
        count = len(self.centrals)
        turns = count if whole else 1
        self._centrals_left = [self.centrals[(self._next + turn) % count] for turn in range(turns)]
        self._alternates_left = self._alternates() if whole else []

    def next(self) -> Step | None:
        """The next one of this round, or None: it is over."""
        if self._centrals_left:
            return Step(self._centrals_left.pop(0), None)
        while self._alternates_left:
            address = self._alternates_left.pop(0)
            if address in self._tickets:
                return Step(address, self._tickets[address])
        return None

    def takes_in(self, central: Address) -> None:
        """Somebody has sent the client there: it need not be dialed again in this round."""
        if central in self._centrals_left:
            self._centrals_left.remove(central)

    def central_failed(self) -> None:
        """The next round begins at the next one."""
        self._next += 1

    def _alternates(self) -> list[Address]:
        """The last server first, the rest newest first; behind them whom to shun, the longest ago first."""
        fresh = [address for address in reversed(self._tickets) if address not in self._shunned]
        return sorted(fresh, key=lambda address: address != self._last) + self._shunned

    # -- what it is told ----------------------------------------------------------------------------------------

    @property
    def has_alternates(self) -> bool:
        """Is there anybody else than the centrals?"""
        return bool(self._tickets)

    def learn_centrals(self, here: Address, others: list[Address]) -> None:
        """`here` has let the client in, and says who the others are: that may be other names than those given."""
        self.centrals = list(dict.fromkeys([here, *others, *self._given]))
        self._next = 0

    def learn_alternates(self, alternates: Iterable[Alternate]) -> None:
        """A central has given these."""
        for alternate in alternates:
            self._keep(Address(alternate.hostname, alternate.port), alternate.ticket)

    def opened(self, server: Address, ticket: str | None) -> None:
        """This server has the session now, and gives a ticket for itself."""
        self._last = server
        if server in self._shunned:
            self._shunned.remove(server)
        if ticket:
            self._keep(server, ticket)

    def _keep(self, server: Address, ticket: str) -> None:
        self._tickets.pop(server, None)
        self._tickets[server] = ticket
        if len(self._tickets) > ALTERNATES:
            del self._tickets[next(iter(self._tickets))]

    def shun(self, server: Address) -> None:
        """It has failed, or sent the client away: try it last."""
        if server in self._tickets:
            self._shunned = [other for other in self._shunned if other != server and other in self._tickets] + [server]

    def drop(self, server: Address) -> None:
        """Its ticket is not good any more."""
        self._tickets.pop(server, None)

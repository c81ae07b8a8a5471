"""Which tickets have been used at this server (ADR 5, ADR 9.7).

Guarantees: no ticket is used twice; what is remembered is bounded. A ticket from a REDIRECT is remembered until it
expires, 60 s at most, so no more than the main hands out in that time. Of the lasting ones at most `most`: beyond that,
those that expire first are forgotten, and with them every lasting ticket that expires no later counts as used.
Knows no keys.
"""

import heapq

from oyez.core.tickets import Ticket

MOST = 50_000
"""Lasting tickets that are remembered: about 10 MB."""


class UsedTickets:
    """Of one server."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._soon = _Nonces()
        self._lasting = _Nonces()
        self._floor = 0.0  # whatever expires by then is taken for used

    def __len__(self) -> int:
        return len(self._soon) + len(self._lasting)

    def use(self, ticket: Ticket) -> bool:
        """Whether it may be used now: the first time, that is."""
        nonces = self._lasting if ticket.lasting else self._soon
        if ticket.nonce in nonces or (ticket.lasting and ticket.expires <= self._floor):
            return False
        nonces.add(ticket)
        if len(self._lasting) > self._most:
            self._floor = self._lasting.drop_first()
        return True

    def expire(self, now: float) -> None:
        """Forget those that nobody can use any more."""
        self._soon.expire(now)
        self._lasting.expire(now)


class _Nonces:
    """Nonces, by expiry."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._by_expiry: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, nonce: str) -> bool:
        return nonce in self._known

    def add(self, ticket: Ticket) -> None:
        self._known.add(ticket.nonce)
        heapq.heappush(self._by_expiry, (ticket.expires, ticket.nonce))

    def drop_first(self) -> float:
        """Forget the one that expires first; when it does."""
        expires, nonce = heapq.heappop(self._by_expiry)
        self._known.discard(nonce)
        return expires

    def expire(self, now: float) -> None:
        while self._by_expiry and self._by_expiry[0][0] <= now:
            self.drop_first()

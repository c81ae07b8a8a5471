"""What one central signs with the network's key, and checks: tickets for servers and for the centrals (ADR 9.7).

Guarantees: what it signs, it signs by the key of the present term; the keys that it gives to check with are those of
that term and of the last few before it. Knows no accounts and no loads.
"""

import base64
from typing import TYPE_CHECKING

from oyez.core import tickets
from oyez.core.tickets import CENTRALS, Ticket

if TYPE_CHECKING:
    from random import Random


class Permits:
    """Of one central. `term` is the one in which it signs, once it is main."""

    def __init__(self, key: bytes, entropy: "Random") -> None:
        self._entropy = entropy
        self.key = key
        self.term = 0
        self.own: dict[int, bytes] = {}  # what tickets for the centrals are checked with
        self._signing: dict[str, bytes] = {}  # of this term, by audience

    def use(self, key: bytes, term: int) -> None:
        """This is the network's key, and the term."""
        self.key, self.term = key, term
        self.own = tickets.keys(key, CENTRALS, term)
        self._signing.clear()

    @property
    def network(self) -> str:
        """The public name of the network."""
        return tickets.network(self.key)

    def for_centrals(self, username: str, now: float, since: int = 0) -> str:
        """A ticket that logs this user in at any central. `since`: the entry that set the user's secret."""
        return self._signed(self._ticket(username, CENTRALS, now + tickets.FOR_CENTRALS, since))

    def for_server(self, username: str, server: str, now: float, since: int = 0) -> tuple[str, str]:
        """A ticket that opens a session on this server soon, and its nonce."""
        ticket = self._ticket(username, f"server:{server}", now + tickets.FOR_SERVER, since)
        return self._signed(ticket), ticket.nonce

    def for_alternate(self, username: str, server: str, now: float, since: int = 0) -> str:
        """A ticket that opens a session on this server some time."""
        return self._signed(self._ticket(username, f"server:{server}", now + tickets.FOR_ALTERNATE, since, True))

    def keys_of(self, server: str) -> dict[int, str]:
        """The keys with which this server checks tickets, as they travel."""
        keys = tickets.keys(self.key, f"server:{server}", self.term)
        return {term: base64.b64encode(key).decode() for term, key in keys.items()}

    def _ticket(self, username: str, audience: str, expires: float, since: int, lasting: bool = False) -> Ticket:
        return Ticket(username, audience, expires, self._entropy.randbytes(12).hex(), lasting, since)

    def _signed(self, ticket: Ticket) -> str:
        key = self._signing.get(ticket.audience)
        if key is None:
            key = self._signing[ticket.audience] = tickets.derive_key(self.key, ticket.audience, self.term)
        return tickets.sign(key, self.term, ticket)

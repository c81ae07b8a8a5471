"""Where the next client goes: least (connected + reserved) first, ties at random (DESIGN section 4).

A placement reserves its place until the server reports that the ticket was redeemed, or for `KEPT`: so a
thousand logins in one second still spread evenly. Knows servers by id and load alone.
"""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

KEPT = 10.0
"""Seconds for which a place is kept: less than the ticket's life, as who never comes must not count for long."""


@dataclass(slots=True, frozen=True)
class Reservation:
    """A place kept for `username` on `server` until `expires`."""

    server: str
    username: str
    expires: float


class Placement:
    """The reservations of one central."""

    def __init__(self, entropy: "Random") -> None:
        self._entropy = entropy
        self._reservations: dict[str, Reservation] = {}
        self._by_expiry: list[tuple[float, str]] = []  # of the reservations, and of some that are no more
        self._reserved: dict[str, int] = {}
        self._kept_for: dict[tuple[str, str], dict[str, None]] = {}  # nonces by server and username, oldest first

    def reserved(self, server: str) -> int:
        """Places kept on this server."""
        return self._reserved.get(server, 0)

    def choose(self, loads: Mapping[str, int]) -> str | None:
        """The server with the least load, of those given; None where there is none."""
        return self.least({server: load + self.reserved(server) for server, load in loads.items()})

    def least(self, totals: Mapping[str, int]) -> str | None:
        """The same, where the places kept are in what is given."""
        if not totals:
            return None
        least = min(totals.values())
        return self._entropy.choice([server for server, total in totals.items() if total == least])

    def reserve(self, nonce: str, reservation: Reservation) -> None:
        """Keep a place, under the nonce of its ticket."""
        self._reservations[nonce] = reservation
        heapq.heappush(self._by_expiry, (reservation.expires, nonce))
        self._reserved[reservation.server] = self.reserved(reservation.server) + 1
        self._kept_for.setdefault((reservation.server, reservation.username), {})[nonce] = None

    def arrived(self, server: str, usernames: list[str], nonces: list[str]) -> None:
        """These have come, some of them with the tickets of these nonces: their places are in the server's count now.

        Who came without a ticket takes up the oldest place that is kept for its user.
        """
        without = Counter(usernames)
        for nonce in nonces:
            reservation = self.redeem(nonce)
            if reservation is not None:
                without[reservation.username] -= 1
        for username, count in without.items():
            for nonce in list(self._kept_for.get((server, username), ()))[: max(0, count)]:
                self.redeem(nonce)

    def redeem(self, nonce: str) -> Reservation | None:
        """The place is kept no longer; returns what it was."""
        reservation = self._reservations.pop(nonce, None)
        if reservation is not None:
            self._reserved[reservation.server] -= 1
            place = reservation.server, reservation.username
            del self._kept_for[place][nonce]
            if not self._kept_for[place]:
                del self._kept_for[place]
        return reservation

    def expire(self, now: float) -> None:
        """Free the places that are kept no longer."""
        while self._by_expiry and self._by_expiry[0][0] <= now:
            self.redeem(heapq.heappop(self._by_expiry)[1])

    def forget(self, server: str) -> None:
        """The server is gone, and the places on it."""
        for nonce in [nonce for nonce, kept in self._reservations.items() if kept.server == server]:
            self.redeem(nonce)

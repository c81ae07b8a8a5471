"""Wrong secrets: who has to wait before the next is looked at (ADR 11).

Three counts: of one user from one address, of one address, and of one user from addresses from which he has never
logged in. Guarantees: nobody can lock a user out of an address from which he has logged in, but from that address
itself; the answer does not depend on whether the user exists; bounded. Knows no secrets and no links.
"""

from oyez.core.limits import addresses
from oyez.core.limits.buckets import Buckets
from oyez.core.limits.failures import KEYS, Failures
from oyez.core.limits.settings import GuessLimits
from oyez.core.peer import From

PLACES = 16
"""Most addresses that are known of one user: whoever has thousands could else have those of all others forgotten."""

Tries = list[tuple[Failures, object]]
"""Where one try is counted."""


class Guesses:
    """At the secrets of all users."""

    def __init__(self, limits: GuessLimits, most: int = KEYS) -> None:
        self._loopback = limits.loopback
        self._most = most
        self._pairs = Failures(limits.pair, most)
        self._addresses = Failures(limits.address, most)
        self._users = Failures(limits.user, most)
        self._first_tries = Buckets(limits.first_tries, most)
        self._known: dict[str, tuple[str, ...]] = {}  # from where each has logged in; both longest ago first

    def wait(self, now: float, username: str, who: From) -> float:
        """0: look at the secret; else the seconds after which that is possible. Each 0 counts as a try."""
        address = addresses.key(who)
        pair = (username, address)
        wait = self._pairs.wait(now, pair)
        if wait or self._is_known(username, address):
            return wait
        if addresses.limited(who, self._loopback):
            wait = self._addresses.wait(now, address)
        delay = self._users.wait(now, username)
        if wait or not delay:
            return wait
        if self._pairs.count(now, pair):
            return delay
        return self._first_tries.take(now, username)  # it may be the user himself, somewhere new

    def begins(self, username: str, who: From) -> Tries:
        """The secret is being looked at: what is to be ended once it is."""
        address = addresses.key(who)
        pair = (username, address)
        tries: Tries = [(self._pairs, pair)]
        if addresses.limited(who, self._loopback):
            tries.append((self._addresses, address))
        if not self._is_known(username, address):
            tries.append((self._users, username))
        for counted, key in tries:
            counted.begins(key)
        return tries

    def failed(self, now: float, username: str, who: From) -> None:
        """The secret was wrong."""
        address = addresses.key(who)
        pair = (username, address)
        self._pairs.failed(now, pair)
        if addresses.limited(who, self._loopback):
            self._addresses.failed(now, address)
        if not self._is_known(username, address):
            self._users.failed(now, username)

    def succeeded(self, username: str, who: From) -> None:
        """It was right. What others have guessed stays counted, and so does what this address has guessed elsewhere."""
        address = addresses.key(who)
        self._pairs.forgive((username, address))
        known = self._known.pop(username, ())
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[username] = (*[other for other in known if other != address], address)[-PLACES:]

    def _is_known(self, username: str, address: str) -> bool:
        """Has he logged in from there?"""
        return address in self._known.get(username, ())

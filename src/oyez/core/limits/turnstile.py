"""Links that begin: before it is known whether they speak TLS, and while they shake hands (ADR 11).

A handshake is dear, and nothing can be said before it is done: who is one too many is closed without a word to it, and
with one to the operator. Guarantees: those that have begun are bounded for each address, and in their rate. Must not
know: sockets, TLS.
"""

from oyez.core.limits import addresses
from oyez.core.limits.buckets import Buckets
from oyez.core.limits.settings import DoorLimits
from oyez.core.peer import From


class Turnstile:
    """Of one node. `limits` are those of its door."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._connects = Buckets(limits.connects)
        self._each: dict[str, int] = {}
        self._under_way = 0

    def enters(self, now: float, who: From) -> str:
        """One more begins: nothing, or why it may not. Whoever may has to leave again."""
        if addresses.limited(who, self._limits.loopback):
            key = addresses.key(who)
            if self._connects.take(now, key):
                return "too_many_connects"
            if self._limits.strangers_each and self._each.get(key, 0) >= self._limits.strangers_each:
                return "too_many_links"
            self._each[key] = self._each.get(key, 0) + 1
        self._under_way += 1
        return ""

    def leaves(self, who: From) -> None:
        """It has begun, or come to nothing."""
        self._under_way -= 1
        if addresses.limited(who, self._limits.loopback):
            key = addresses.key(who)
            self._each[key] -= 1
            if not self._each[key]:
                del self._each[key]

    def crowded(self, links: int) -> bool:
        """Is it one more than there may be? `links` are those that have begun."""
        most = self._limits.links + self._limits.reserve if self._limits.links else 0
        strangers = self._limits.strangers
        return bool(most and links + self._under_way > most) or bool(strangers and self._under_way > strangers)

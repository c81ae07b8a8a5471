"""Links that begin: before anything is made for them, and while they shake hands over TLS (ADR 11).

Whoever connects too often is turned away here, where it costs least: a flood of such links must be cheaper to refuse
than to bring. A handshake is dear, and nothing can be said before it is done: who is one too many there is closed
without a word to it, and with one to the operator. Guarantees: those that have begun are bounded for each address, and
in their rate; so are the words for those who are turned away. Must not know: sockets, TLS.
"""

from oyez.core.limits import addresses
from oyez.core.limits.buckets import Bucket, Buckets, Rate
from oyez.core.limits.settings import DoorLimits
from oyez.core.peer import From

WORDS = Rate(500.0, 500.0)
"""How many are told why, of those who connect too often; who floods a node reads none of it."""


class Turnstile:
    """Of one node. `limits` are those of its door."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._connects = Buckets(limits.connects)
        self._words = Bucket(WORDS)
        self._each: dict[str, int] = {}
        self._under_way = 0

    def comes(self, now: float, who: From) -> float:
        """Somebody connects: 0, or the seconds after which they may do so again."""
        if addresses.limited(who, self._limits.loopback):
            return self._connects.take(now, addresses.key(who))
        return 0.0

    def tells(self, now: float) -> bool:
        """Is one more of those who may not told why?"""
        return not self._words.take(now)

    def enters(self, who: From) -> str:
        """One more begins whose link may be over TLS: nothing, or why it may not. Whoever may has to leave again."""
        if addresses.limited(who, self._limits.loopback):
            key = addresses.key(who)
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

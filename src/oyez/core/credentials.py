"""Remembers, for a short while, that a username and a secret belong together.

Guarantees: keeps keyed digests, never a secret; bounded; forgets after `LIFE`. A hit costs microseconds where argon2
costs tens of milliseconds. Knows nothing of users or links.
"""

import hashlib
import hmac

LIFE = 600.0
"""Seconds for which a verified secret is believed without another argon2."""

ENTRIES = 100_000
"""Most usernames remembered; beyond it the oldest goes."""


def digest(key: bytes, secret: str) -> bytes:
    """A keyed digest of a secret: tells two secrets apart, gives neither away."""
    return hashlib.blake2b(secret.encode(), key=key, digest_size=16).digest()


class VerifiedCredentials:
    """The memory; `key` is random, 32 bytes, of this process alone."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, tuple[bytes, float]] = {}

    def remember(self, username: str, secret: str, now: float) -> None:
        """This secret has just been verified, or set, for this user."""
        self._known.pop(username, None)
        while len(self._known) >= ENTRIES:
            del self._known[next(iter(self._known))]
        self._known[username] = (digest(self._key, secret), now + LIFE)

    def knows(self, username: str, secret: str, now: float) -> bool:
        """True if this very secret was verified for this user within LIFE."""
        known = self._known.get(username)
        if known is None:
            return False
        if now >= known[1]:
            del self._known[username]
            return False
        return hmac.compare_digest(known[0], digest(self._key, secret))

    def clear(self) -> None:
        """Forget everyone: who is registered may have changed."""
        self._known.clear()

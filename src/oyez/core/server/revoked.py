"""What the main has said is good no more: tickets and sessions of users whose secret was changed, or who are removed.

Guarantees: bounded by what the main knows; each is forgotten when no such ticket is good any more (ADR 12). Knows no
keys and no sessions.
"""

from collections.abc import Iterable

from oyez.protocol.users import Revoked

EVERY = 60.0
"""Seconds between two looks for what may be forgotten."""


class Revocations:
    """Of one server."""

    def __init__(self) -> None:
        self._known: dict[str, Revoked] = {}
        self._looked = 0.0

    def __len__(self) -> int:
        return len(self._known)

    def clear(self) -> None:
        """Another main, or another beginning: it tells everything anew."""
        self._known.clear()

    def take(self, revoked: Iterable[Revoked]) -> None:
        """The main says these."""
        for one in revoked:
            known = self._known.get(one.username)
            if known is None or known.since < one.since:
                self._known[one.username] = one

    def covers(self, username: str, since: int) -> bool:
        """Is what this user was given then good no more?"""
        known = self._known.get(username)
        return known is not None and since < known.since

    def expire(self, now: float) -> None:
        """Forget those whose time is over."""
        if now - self._looked < EVERY:
            return
        self._looked = now
        self._known = {name: one for name, one in self._known.items() if one.until > now}

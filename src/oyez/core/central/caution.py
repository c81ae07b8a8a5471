"""Before a secret is hashed or looked at: may this address register, is it guessing, is there room (ADR 11).

Hashing is the dearest thing that a stranger can ask of a central. Guarantees: bounded memory; who is refused is told
why and when to try again, in words that are the same whether the user exists or not. Knows no secrets.
"""

from collections.abc import Callable
from math import ceil

from oyez.core.effects import Effects
from oyez.core.limits import addresses
from oyez.core.limits.buckets import Bucket, Buckets
from oyez.core.limits.guesses import Guesses, Tries
from oyez.core.limits.jobs import Job, Jobs
from oyez.core.limits.settings import CentralLimits
from oyez.core.peer import From
from oyez.protocol.messages import Refusal

_BUSY = Refusal("too many secrets are being checked now: try again in a few seconds", "busy")


class Caution:
    """Of one central. `who` tells who is at the other end of a link."""

    def __init__(self, limits: CentralLimits, who: Callable[[int], From]) -> None:
        self.who = who
        self._loopback = limits.door.loopback
        self._guesses = Guesses(limits.guesses)
        self._tries: dict[int, Tries] = {}  # by the job
        self._jobs = Jobs(limits.jobs, limits.jobs_each)
        self._registrations = Bucket(limits.registrations)
        self._registrations_each = Buckets(limits.registrations_each)

    def __len__(self) -> int:
        return len(self._jobs)

    def registers(self, now: float, who: From) -> Refusal | None:
        """May one more be registered from there?"""
        wait, whose = 0.0, f"from {who.address}"
        if addresses.limited(who, self._loopback):
            wait = self._registrations_each.take(now, addresses.key(who))
        if not wait:
            wait, whose = self._registrations.take(now), "everywhere"
        if wait:
            info = f"too many registrations {whose}: try again in {ceil(wait)} s"
            return Refusal(info, "too_many_registrations")
        return None if self._jobs.room(self._key(who)) else _BUSY

    def tries(self, now: float, username: str, who: From) -> Refusal | None:
        """May this user's secret be tried from there?"""
        wait = self._guesses.wait(now, username, who)
        if wait:
            info = f"too many wrong secrets for {username}, or from {who.address}: try again in {ceil(wait)} s"
            return Refusal(info, "too_many_failures")
        return None if self._jobs.room(self._key(who)) else _BUSY

    def failed(self, now: float, username: str, who: From) -> None:
        """The secret was wrong."""
        self._guesses.failed(now, username, who)

    def succeeded(self, username: str, who: From) -> None:
        """It was right."""
        self._guesses.succeeded(username, who)

    def begins(self, who: From | None, job: Job, username: str | None = None) -> Effects:
        """A secret is to be hashed, or checked, of that user: now, or when it is its turn."""
        if who is not None and username is not None:
            self._tries[job.token] = self._guesses.begins(username, who)
        return self._jobs.begin(None if who is None else self._key(who), job)

    def ends(self, token: int) -> Effects:
        """It is done: what is to be done next."""
        for counted, key in self._tries.pop(token, ()):
            counted.ends(key)
        return self._jobs.end(token)

    def _key(self, who: From) -> str | None:
        return addresses.key(who) if addresses.limited(who, self._loopback) else None

"""Secrets that are hashed, and those that wait for it: each takes a thread tens of milliseconds (ADR 11).

Guarantees: bounded by whoever asks `room` before each `begin`; each address has its turn, one after the other, so that
who asks for many waits for himself, and others hardly notice. Knows no secrets but in the effects that it passes on.
"""

from collections import Counter, deque

from oyez.core.effects import Effects, HashSecret, VerifySecret

Job = HashSecret | VerifySecret

WIDTH = 4
"""Most that are given to the threads at once: enough to keep them busy, few enough for the next to be chosen late."""


class Jobs:
    """`most` at once, `each` of one key; 0: any number. A key is an address, None this machine."""

    def __init__(self, most: int, each: int, width: int = WIDTH) -> None:
        self._most = most
        self._each = each
        self._width = width
        self._of: Counter[str | None] = Counter()
        self._all = 0
        self._running: dict[int, str | None] = {}
        self._waiting: dict[str | None, deque[Job]] = {}  # whose turn is next first

    def __len__(self) -> int:
        return self._all

    def room(self, key: str | None) -> bool:
        """Is there room for one more, of this key?"""
        if self._most and len(self) >= self._most:
            return False
        return key is None or not self._each or self._of[key] < self._each

    def begin(self, key: str | None, job: Job) -> Effects:
        """One more: now, or when it is its turn."""
        self._of[key] += 1
        self._all += 1
        if key not in self._waiting:
            self._waiting[key] = deque()
        self._waiting[key].append(job)
        return self._next()

    def end(self, token: int) -> Effects:
        """It is done: what is to be done next."""
        key = self._running.pop(token)
        self._all -= 1
        self._of[key] -= 1
        if not self._of[key]:
            del self._of[key]
        return self._next()

    def _next(self) -> Effects:
        effects: Effects = []
        while self._waiting and len(self._running) < self._width:
            key = next(iter(self._waiting))
            jobs = self._waiting.pop(key)
            job = jobs.popleft()
            if jobs:
                self._waiting[key] = jobs  # behind the others
            self._running[job.token] = key
            effects.append(job)
        return effects

"""Hashes secrets and checks them, off the event loop.

argon2id, with the parameters that OWASP recommends; each takes tens of milliseconds and 19 MiB, so a small pool bounds
both, and steps back behind whatever else this machine has to do. A hash that was made with other parameters is good,
and told to be stale. Guarantees: a check against no hash takes as long as one against a hash; a plain secret is held no
longer than its job. Must not know: whose secret it is.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from oyez.host.measures import SLOW, Histogram
from oyez.net.guard import GuardedLoop

T = TypeVar("T")

NICE = 5
"""How far the threads step back: a flood of logins takes what is left over, and who is connected does not notice."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)


def hash_secret(secret: str) -> str:
    """The hash to store, salted, in argon2's own text form."""
    return _hasher.hash(secret)


def is_stale(hash: str) -> bool:
    """Was it made with other parameters than hashes are made with now?"""
    try:
        return _hasher.check_needs_rehash(hash)
    except InvalidHashError:
        return False


def verify_secret(hash: str | None, secret: str) -> bool | None:
    """Whether `secret` belongs to `hash`; None where that is no hash at all: whoever kept it has not."""
    if hash is None:
        _hasher.hash(secret)  # the same work as a check
        return False
    try:
        return _hasher.verify(hash, secret)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError, UnicodeEncodeError):  # the last: a letter that no hash has
        _hasher.hash(secret)
        return None


def _step_back() -> None:
    """Where threads have priorities of their own, this one's is lower."""
    if sys.platform == "linux":
        with suppress(OSError):  # a process may have been started with less than that
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + NICE)


class SecretPool:
    """`threads` threads that hash and check; the answers come back on the loop. `times` gets how long each took, from
    when a thread began with it."""

    def __init__(self, loop: GuardedLoop, threads: int = 2, times: Histogram | None = None) -> None:
        self._loop = loop
        self._pool = ThreadPoolExecutor(threads, "oyez-secrets", initializer=_step_back)
        self._times = Histogram(SLOW) if times is None else times
        self._closed = False

    def hash(self, secret: str, done: Callable[[str], None]) -> None:
        """Call `done` with the hash."""
        self._submit(partial(hash_secret, secret), done)

    def verify(self, hash: str | None, secret: str, done: Callable[[bool | None], None]) -> None:
        """Call `done` with the verdict: see `verify_secret`."""
        self._submit(partial(verify_secret, hash, secret), done)

    def close(self) -> None:
        """Forget the jobs that have not begun; no answer comes any more."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, job: Callable[[], T], done: Callable[[T], None]) -> None:
        answer = self._loop.loop.run_in_executor(self._pool, _timed, job)
        answer.add_done_callback(partial(self._answer, done))

    def _answer(self, done: Callable[[T], None], answer: asyncio.Future[tuple[T, float]]) -> None:
        if not self._closed:
            self._loop.run(self._tell, done, answer)

    def _tell(self, done: Callable[[T], None], answer: asyncio.Future[tuple[T, float]]) -> None:
        result, seconds = answer.result()
        self._times.observe(seconds)
        done(result)


def _timed(job: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = job()
    return result, time.perf_counter() - began

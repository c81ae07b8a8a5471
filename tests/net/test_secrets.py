"""Secrets: argon2id off the loop, no plain secret left behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref

import pytest
from argon2 import PasswordHasher

from oyez.core import effects as fx
from oyez.net import secrets
from oyez.net.guard import GuardedLoop
from oyez.net.secrets import SecretPool, hash_secret, is_stale, verify_secret
from oyez.storage.memory import MemoryStore
from tests.net.stage import PATIENCE, Recorder, node


def test_hashes_are_argon2id_with_the_parameters_of_owasp() -> None:
    first, second = hash_secret("secret"), hash_secret("secret")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second, "each has a salt of its own"


@pytest.mark.parametrize("secret", ["secret", "ø" * 1024, " ", "a\0b"])
def test_only_the_same_secret_is_right(secret: str) -> None:
    hash = hash_secret(secret)
    assert verify_secret(hash, secret) is True
    assert verify_secret(hash, secret + " ") is False


def test_a_check_against_no_hash_does_the_same_work_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = []

    class Hasher:
        def hash(self, secret: str) -> str:
            worked.append(secret)
            return ""

    monkeypatch.setattr(secrets, "_hasher", Hasher())
    assert verify_secret(None, "secret") is False
    assert worked == ["secret"]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own there")
async def test_hashing_steps_back_behind_everything_else() -> None:
    async with node(secret_threads=1) as stage:
        stage.perform(fx.HashSecret(1, "secret"))
        await stage.role.seen("hashed", 1)
        hashing = [thread for thread in threading.enumerate() if thread.name.startswith("oyez-secrets")]
        mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        found = [os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in hashing]
        assert found == [min(19, mine + secrets.NICE)] * len(found)
        assert found


async def test_answers_come_to_the_role_by_their_tokens() -> None:
    async with node(secret_threads=2) as stage:
        stage.perform(fx.HashSecret(1, "secret"))
        assert stage.role.all("hashed") == []
        await stage.role.seen("hashed", 1)
        hash = stage.role.all("hashed")[0][2]
        stage.perform(fx.VerifySecret(2, hash, "secret"), fx.VerifySecret(3, hash, "guess"))
        stage.perform(fx.VerifySecret(4, None, "secret"))
        await stage.role.until(lambda: len(stage.role.all("verified")) == 3)
        assert sorted(stage.role.all("verified")) == [
            ("verified", 2, True),
            ("verified", 3, False),
            ("verified", 4, False),
        ]


async def test_answers_come_on_the_loop() -> None:
    threads: list[int] = []
    async with node(secret_threads=1) as stage:

        def note_thread(token: int, hash: str) -> fx.Effects:
            threads.append(threading.get_ident())
            return []

        stage.role.answers["hashed"] = note_thread
        stage.perform(fx.HashSecret(1, "secret"))
        await stage.role.seen("hashed")
    assert threads == [threading.get_ident()]


def test_a_hash_of_other_parameters_is_good_and_stale() -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("secret")
    assert verify_secret(older, "secret") is True
    assert is_stale(older)
    assert not is_stale(hash_secret("secret"))
    assert not is_stale("no hash"), "that it is none, the check says"


async def test_a_right_secret_of_a_stale_hash_is_told_to_be() -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("secret")
    async with node(secret_threads=1) as stage:
        stage.perform(fx.VerifySecret(1, older, "secret"), fx.VerifySecret(2, hash_secret("secret"), "secret"))
        await stage.role.until(lambda: len(stage.role.all("verified")) == 2)
        assert stage.role.all("verified") == [("verified", 1, True, "stale"), ("verified", 2, True)]


@pytest.mark.parametrize(
    "hash",
    [
        "no hash",
        "",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$",
        "$argon2id$v=19$m=1,t=1,p=1$AA$AA",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdMOp$é",
    ],
)
async def test_a_hash_that_is_none_is_told_to_be(hash: str) -> None:
    """It stands in the store of every central: no reason for the main to end, and then the next one."""
    assert verify_secret(hash, "secret") is None
    async with node(secret_threads=1) as stage:
        stage.perform(fx.VerifySecret(1, hash, "secret"), fx.VerifySecret(2, hash_secret("secret"), "guess"))
        await stage.role.until(lambda: len(stage.role.all("verified")) == 2)
        assert stage.role.all("verified") == [("verified", 1, False, "stale"), ("verified", 2, False)]


async def test_no_answer_comes_after_the_end() -> None:
    """Its role would act on it: store a user, for one."""
    role = Recorder(hashed=lambda token, hash: [fx.Persist((fx.UserRecord("bob", hash),)), fx.Report("stored")])
    store = MemoryStore()
    async with node(role, secret_threads=1, store=store) as stage:
        stage.perform(*[fx.HashSecret(number, "secret") for number in range(1000)])
        await role.seen("report", "stored")
        stage.node.stop()
        await asyncio.wait([stage.task])
        before = len(role.events)
        await asyncio.to_thread(secrets.hash_secret, "as long as one job takes")
    assert len(role.all("hashed")) < 1000
    assert len(role.events) == before


async def test_a_plain_secret_is_not_kept() -> None:
    class Secret(str):
        """A string that can be watched."""

    def watched() -> tuple[Secret, weakref.ref[Secret]]:
        secret = Secret("secret")
        return secret, weakref.ref(secret)

    pool = SecretPool(GuardedLoop(asyncio.get_running_loop(), print), threads=1)
    answers: asyncio.Queue[object] = asyncio.Queue()
    secret, first = watched()
    pool.hash(secret, answers.put_nowait)
    secret, second = watched()
    pool.verify(None, secret, answers.put_nowait)
    del secret
    async with asyncio.timeout(PATIENCE):
        await answers.get()
        await answers.get()
        pool.hash("another", answers.put_nowait)  # the thread has let go of the job before
        await answers.get()
    assert (first(), second()) == (None, None)
    pool.close()

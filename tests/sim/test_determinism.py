"""One seed is one history: in this process, in another, and under any hash seed."""

import os
import subprocess
import sys

import pytest

from oyez.sim import simulate
from oyez.sim.story import digest

SEEDS = (3, 42, 381)
PROGRAM = f"from oyez.sim import simulate; print([simulate(seed).digest for seed in {SEEDS}])"


def digests_under(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_the_same_seed_gives_the_same_history_under_another_hash_seed() -> None:
    here = str([simulate(seed).digest for seed in SEEDS])
    assert digests_under("1") == here
    assert digests_under("2") == here


def test_other_seeds_give_other_histories() -> None:
    digests = {simulate(seed).digest for seed in range(5)}
    assert len(digests) == 5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_digest_is_of_everything_that_happened(seed: int) -> None:
    history = simulate(seed).history
    assert digest(history[:-1]) != digest(history)
    assert digest(list(history)) == digest(history)

"""Failures of delivery that the simulator found, each as a small plan that showed it."""

import pytest

from oyez.sim import judge
from oyez.sim.participant import Manner
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.wire import Conditions

LIBRARY = tuple(Manner(f"user{n}", f"secret{n}", registers=True, library=True, posts=30, pace=0.2) for n in range(6))
CENTRAL, S1, S2, S3 = 1, 2, 4, 8
"""Bits of these nodes in the targets of "cut"."""

SEEDS = range(4)


def cut(at: float, one: int, other: int, span: float) -> FaultPlan:
    return FaultPlan("cut", at, one | other << 8, span)


def keeps_its_promises(plan: Plan) -> None:
    verdict = judge(plan)
    assert verdict.ok, f"\n{verdict.told()}"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_session_posted_before_it_moved_reaches_those_who_were_cut_off_meanwhile(seed: int) -> None:
    """Seed 3233: they got what it posted afterwards first, and took what it had posted before for a repetition."""
    faults = (cut(1.0, S1 | S2, S3, 5.0), FaultPlan("stop server", 4.5, 0, 6.0))
    keeps_its_promises(Plan(seed, 3, rough=12.0, clients=LIBRARY, calm=6, faults=faults))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_newcomer_shows_what_a_session_posted_at_several_servers(seed: int) -> None:
    """Seed 2302: it read several logs side by side, and took the earlier for a repetition of the later."""
    power = FaultPlan("kill server", 0.5, 1, 4.0)
    move = FaultPlan("stop server", 1.5, 0, 1.0)
    slow = Conditions(latency=(0.001, 0.05))
    keeps_its_promises(Plan(seed, 4, rough=12.0, clients=LIBRARY, calm=6, faults=(power, move), conditions=slow))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_that_meets_another_late_tells_what_that_one_has_forgotten(seed: int) -> None:
    """Seed 3180: it knew nothing of the other's new lifetime, and took the beginning of what is left for the first."""
    restart = FaultPlan("kill server", 1.0, 0, 0.5)
    apart = cut(0.9, S1, S3, 6.0)
    keeps_its_promises(
        Plan(seed, 3, rough=12.0, clients=LIBRARY, calm=6, faults=(apart, restart), retention=1500, patience=2.0)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_told_to_miss_what_it_saw_at_the_server_before(seed: int) -> None:
    """Seed 5374: a server told its own hole to sessions that had come from another with more."""
    faults = (cut(1.0, S1 | S2, S3, 5.0), FaultPlan("stop server", 4.2, 0, 6.0))
    keeps_its_promises(Plan(seed, 3, rough=12.0, clients=LIBRARY, calm=6, faults=faults, retention=1500, patience=2.0))


@pytest.mark.parametrize("retention", [1500, 1 << 26])
@pytest.mark.parametrize("seed", SEEDS)
def test_who_resumed_at_a_server_that_knew_of_no_other_gets_what_was_before_it(seed: int, retention: int) -> None:
    """Seed 9002195: the others' activities of before were shown to nobody there, and what followed them was."""
    away = tuple(FaultPlan("part client", 2.0, 4096 + client, 4.0) for client in range(3))
    faults = (cut(0.5, CENTRAL, S1 | S2 | S3, 7.0), *away)
    keeps_its_promises(
        Plan(
            seed, 3, late=(4.5,), rough=14.0, clients=LIBRARY, calm=6, faults=faults, retention=retention, patience=2.0
        )
    )

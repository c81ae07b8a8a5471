"""Secrets that change, users who go, names that are given again: while mains die, disks are slow, backups come back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from oyez.core import effects as fx
from oyez.core.central.changes import Changes
from oyez.core.central.directory import Directory
from oyez.core.central.replication import Replication
from oyez.protocol.messages import Address
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.scenario import Scenario
from oyez.sim.wire import Conditions
from tests.sim.keeper import Keeper
from tests.sim.test_elections import CALM, MAIN, SECOND, THIRD, on, plan

KEEPERS = 20
SLOW = Conditions(latency=(0.01, 0.04))


LONG = 20.0
"""Seconds in which things go wrong."""


def dying_mains(seed: int) -> Plan:
    """Mains die in the middle of whatever they do."""
    deaths = [FaultPlan("main dies between effects", 0.5 + 1.9 * k, 3 * k + seed, 0.8) for k in range(10)]
    return plan(seed, *deaths, rough=LONG)


def killed_mains(seed: int) -> Plan:
    """Mains die one after the other, and disks are slow."""
    deaths = [FaultPlan("kill main", 1.0 + 2.5 * k, 0, 1.0) for k in range(7)]
    slow = [FaultPlan("slow disk", 0.2 + k, k + 7 * (seed + k), 0.9) for k in range(19)]
    return plan(seed, *deaths, *slow, rough=LONG, conditions=SLOW)


def blackouts(seed: int) -> Plan:
    """Everything loses its power at once, again and again."""
    return plan(seed, *[FaultPlan("blackout", 1.5 + 5.0 * k + seed / 7, 0, 1.0) for k in range(4)], rough=LONG)


def behind(seed: int) -> Plan:
    """Backups are away in turn, and come back for a snapshot, in small parts, while everything changes; then the main
    is away."""
    away = [on((SECOND, THIRD)[k % 2], "power cut", 0.3 + 2.0 * k, 1.2) for k in range(9)]
    return plan(seed, *away, on(MAIN, "power cut", 18.5, 8.0), entries=3, part=1, rough=LONG, conditions=SLOW)


def abandoned(seed: int) -> Plan:
    """The backup is away for a moment, and nobody has taken it off the list yet when the main dies, for longer."""
    faults = []
    for k in range(2):
        faults += [on(SECOND, "power cut", 1.0 + 9.0 * k, 0.8), on(MAIN, "power cut", 1.6 + 9.0 * k + seed / 50, 6.0)]
    return plan(seed, *faults, rough=LONG, centrals=2)


Schedule = Callable[[int], Plan]
SCHEDULES: tuple[Schedule, ...] = (killed_mains, dying_mains, blackouts, behind, abandoned)


def keep(plan: Plan) -> list[Keeper]:
    """Let the plan happen with keepers in it."""
    scenario = Scenario(replace(plan, clients=CALM, calm=len(CALM)))
    centrals = tuple(Address(node.name, 3780) for node in scenario.centrals)
    ends = [LONG * (0.5 + 0.6 * n / KEEPERS) for n in range(KEEPERS)]  # what was so last is found out in the end
    keepers = [Keeper(scenario.world, f"keeper{n}", centrals, plan.seed, end) for n, end in enumerate(ends)]
    for number, keeper in enumerate(keepers):
        scenario.world.clock.after(1.0 + number / 10, keeper.start)
    scenario.run()
    processes = [node.process for node in scenario.centrals if node.process is not None]
    for keeper in keepers:
        keeper.wrong += disagreements(keeper, [process.host.role.directory for process in processes])  # type: ignore[attr-defined]
    return keepers


def disagreements(keeper: Keeper, directories: list[Directory]) -> list[str]:
    """In the end all centrals have the same of each user, and it is what was acknowledged."""
    name = keeper._name
    found = {(d.users.get(name), d.since.get(name), name in d.revoked and d.revoked[name]) for d in directories}
    if len(found) > 1 and len(keeper.possible) == 1:
        return [f"{name}: the centrals differ: {found}"]
    return []


def wrong(schedule: Schedule, seeds: int = 3) -> list[str]:
    return [wrong for seed in range(seeds) for keeper in keep(schedule(seed)) for wrong in keeper.wrong]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.__name__)
def test_what_was_acknowledged_is_so_and_nothing_else(schedule: Schedule) -> None:
    keepers = [keeper for seed in range(3) for keeper in keep(schedule(seed))]
    assert [wrong for keeper in keepers for wrong in keeper.wrong] == []
    assert sum(keeper.done for keeper in keepers) > 5 * KEEPERS, "enough has happened"


# -- rules that are broken on purpose -------------------------------------------------------------------------------


def caught(*schedules: Schedule) -> bool:
    return any(wrong(schedule) for schedule in schedules)


def test_a_change_that_is_acknowledged_before_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(self: Replication, now: float, index: int, then: object) -> fx.Effects:
        return then(now, True)  # type: ignore[operator]

    monkeypatch.setattr(Replication, "when_committed", hasty)
    assert caught(abandoned)


def test_a_removal_that_is_not_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(self: Changes, now: float, main: Replication, record: fx.UserRecord | fx.Revocation) -> fx.Effects:
        self._directory.apply(record)
        if isinstance(record, fx.Revocation):
            return []
        return main.append(now, record)

    monkeypatch.setattr(Changes, "_write", forgets)
    assert caught(killed_mains, dying_mains, blackouts)

"""Deliberately broken rules of ADR 8: each must be caught, in schedules that give it the chance to do harm.

A schedule is made by hand and run under several seeds: that shifts who is faster. Without mutations it is harmless.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from oyez.core import configuration as cfg
from oyez.core import effects as fx
from oyez.core.following import Following
from oyez.core.office import Office
from oyez.core.replication import Replication
from oyez.core.voter import Voter
from oyez.protocol import nodes as n
from oyez.protocol.nodes import Configuration
from oyez.sim import judge
from oyez.sim.checkers import CHECKERS
from oyez.sim.participant import Manner
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.wire import Conditions

SEEDS = 6

CALM = tuple(Manner(f"user{n}", f"secret{n}", registers=True, starts=n / 10, knows=(0, 1, 2)) for n in range(4))
LATER = tuple(Manner(f"new{n}", f"n{n}", registers=True, modern=True, starts=n / 4) for n in range(40))

# The nodes of a plan with three centrals and two servers, as bits.
MAIN, SECOND, THIRD, S4, S5 = (1 << place for place in range(5))


def cut(at: float, one: int, other: int, span: float) -> FaultPlan:
    return FaultPlan("cut", at, one | other << 8, span)


def on(node: int, kind: str, at: float, span: float) -> FaultPlan:
    """A fault of one node, the place of whose bit is its number."""
    return FaultPlan(kind, at, node.bit_length() - 1, span)


def plan(seed: int, *faults: FaultPlan, **more: Any) -> Plan:
    given = sorted(faults, key=lambda fault: fault.at)
    basic = Plan(seed, 2, 3, rough=12.0, clients=CALM + busy(0.25), calm=4, faults=tuple(given), servers_know=3)
    return replace(basic, **more)


def busy(pace: float, begins: float = 0.0) -> tuple[Manner, ...]:
    """Clients that register, one after the other."""
    return tuple(replace(manner, starts=begins + k * pace, knows=(0, 1, 2)) for k, manner in enumerate(LATER))


Schedule = Callable[[int], Plan]


def caught(promise: str, schedule: Schedule, seeds: int = SEEDS) -> bool:
    """Whether the promise's checker finds something in any of these histories."""
    return any(CHECKERS[promise](judge(schedule(seed)).history) for seed in range(seeds))


# -- schedules -------------------------------------------------------------------------------------------------------


def failovers(seed: int) -> Plan:
    """Mains die one after the other, some in the middle of something, and disks are slow."""
    deaths = [FaultPlan("kill main", 1.0 + 2.5 * k, 0, 1.0) for k in range(4)]
    slow = [FaultPlan("slow disk", 0.2 + k, k + 7 * (seed + k), 0.9) for k in range(11)]
    return plan(seed, *deaths, *slow)


def cut_off_main(seed: int) -> Plan:
    """The main is alone with its clients for long enough for another to be elected, and for itself to act on it."""
    return plan(seed, cut(1.0, MAIN, SECOND | THIRD | S4 | S5, 7.0))


def forgotten_main(seed: int) -> Plan:
    """The main is alone; nothing is registered before it has removed the servers that it misses."""
    return plan(seed, cut(1.0, MAIN, ~MAIN & 255, 7.0), clients=CALM + busy(0.05, 5.0), centrals=2)


def lagging_backup(seed: int) -> Plan:
    """A backup that has missed a lot is given all of it, in many small parts, when the main dies."""
    away = on(SECOND, "power cut", 0.5, 2.0)
    die = on(MAIN, "power cut", 2.8 + seed / 10, 8.0)
    slow = Conditions(latency=(0.02, 0.05))
    return plan(seed, away, die, clients=CALM + busy(0.05), conditions=slow, centrals=2, entries=3, part=1)


def returning_backup(seed: int) -> Plan:
    """A backup that has missed something returns just when the main dies."""
    return plan(seed, on(SECOND, "power cut", 0.5, 3.5), on(MAIN, "power cut", 3.9, 8.0), centrals=2)


def replaced_and_back(seed: int) -> Plan:
    """The main sleeps until it is replaced; then the new main is cut off from everybody but its clients."""
    sleep = on(MAIN, "pause", 0.5, 4.6)
    away = cut(4.9, SECOND, MAIN | THIRD | S4 | S5, 8.0)
    return plan(seed, sleep, away, centrals=2)


def crowded(seed: int) -> Plan:
    """Many register at about the same time, the links are slow, and the backup is away."""
    away, slow = on(SECOND, "power cut", 0.0, 12.0), Conditions(latency=(0.01, 0.05))
    return plan(seed, away, clients=CALM + busy(0.02, 4.0), conditions=slow, centrals=2, servers=3)


SCHEDULES: tuple[Schedule, ...] = (
    failovers,
    cut_off_main,
    forgotten_main,
    lagging_backup,
    returning_backup,
    replaced_and_back,
    crowded,
)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_mutations_nothing_is_caught(schedule: Schedule) -> None:
    for seed in range(2):
        assert judge(schedule(seed)).violations == []


# -- acknowledgements ------------------------------------------------------------------------------------------------


def test_an_acknowledgement_before_the_mains_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    is_durable = Replication._is_durable
    append = Replication.append

    def hasty(self: Replication, now: float, record: Any) -> fx.Effects:
        effects = append(self, now, record)
        return [*effects, *is_durable(self, now, self._entries.last)]

    monkeypatch.setattr(Replication, "append", hasty)
    assert caught("durable", failovers)


def test_an_acknowledgement_before_the_backups_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Following.entry

    def hasty(self: Following, link: int, message: Any) -> Any:
        effects = entry(self, link, message)
        return effects if isinstance(effects, str) else sorted(effects, key=lambda one: isinstance(one, fx.Persist))

    monkeypatch.setattr(Following, "entry", hasty)
    assert caught("durable", failovers)


def test_a_round_that_covers_what_came_after_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    close = Replication._close_round

    def generous(self: Replication, now: float) -> fx.Effects:
        self._covers = self._replicated()
        return close(self, now)

    monkeypatch.setattr(Replication, "_close_round", generous)
    assert caught("consent", crowded)


def test_a_round_that_nobody_needs_to_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cfg, "confirmed", lambda configuration, by: True)
    assert caught("consent", failovers)
    assert caught("one main", cut_off_main)


# -- who is in sync, who votes ---------------------------------------------------------------------------------------


def test_a_backup_that_is_left_out_before_that_is_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(self: Replication) -> int:
        present = [follower.held or 0 for follower in self.followers.values() if follower.held is not None]
        return min([self._durable, *present])

    monkeypatch.setattr(Replication, "_replicated", hasty)
    assert caught("durable", failovers)


def test_a_backup_that_is_in_sync_before_it_holds_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    propose = Replication._propose

    def generous(self: Replication, now: float) -> fx.Effects:
        held = {link: follower.held for link, follower in self.followers.items()}
        for follower in self.followers.values():
            follower.held = max(follower.held or 0, self._entries.last)
        effects = propose(self, now)
        for link, follower in self.followers.items():
            follower.held = held[link]
        return effects

    monkeypatch.setattr(Replication, "_propose", generous)
    assert caught("one main", lagging_backup)


def test_a_change_of_voters_that_the_old_ones_need_not_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    changed, close = cfg.changed, Replication._close_round

    def by_the_new_ones(self: Replication, now: float) -> fx.Effects:
        self.adopted = self.configuration
        return close(self, now)

    def simple(*given: Any) -> Configuration | None:
        new = changed(*given)
        return new and Configuration(new.term, new.version, new.main, new.in_sync, new.centrals, new.servers)

    monkeypatch.setattr(cfg, "changed", simple)
    monkeypatch.setattr(Replication, "_close_round", by_the_new_ones)
    assert caught("one main", forgotten_main)


# -- votes -----------------------------------------------------------------------------------------------------------


def test_an_election_without_the_look_at_who_is_in_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    objection = Voter._objection

    def lenient(self: Voter, request: n.RequestVote, main_is_alive: bool) -> str:
        found = objection(self, request, main_is_alive)
        return "" if found == "the candidate is not in sync" else found

    monkeypatch.setattr(Voter, "_objection", lenient)
    monkeypatch.setattr(Office, "eligible", property(lambda self: self.voter.configuration is not None))
    assert caught("one main", returning_backup)

"""Deliberately broken rules of ADR 8: each must be caught, in schedules that give it the chance to do harm.

A schedule is made by hand and run under several seeds: that shifts who is faster. Without mutations it is harmless.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from oyez.core import configuration as cfg
from oyez.core import effects as fx
from oyez.core.central import central as central_module
from oyez.core.central import following as following_module
from oyez.core.central.central import Central
from oyez.core.central.following import Following
from oyez.core.central.office import Office
from oyez.core.central.replication import Replication
from oyez.core.server import server as server_module
from oyez.core.server.server import Server
from oyez.core.voter import Voter, VoterState
from oyez.protocol import nodes as n
from oyez.protocol.nodes import Configuration
from oyez.sim import judge
from oyez.sim.checkers import CHECKERS
from oyez.sim.participant import Manner
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.wire import Conditions

SEEDS = 40
"""Histories in which a mutation must be caught: the first that does it is the last, and mostly among the first ten."""

CALM = tuple(Manner(f"user{n}", f"secret{n}", registers=True, starts=n / 10, knows=(0, 1, 2)) for n in range(4))
LATER = tuple(Manner(f"new{n}", f"n{n}", registers=True, modern=True, starts=n / 4) for n in range(40))

# The nodes of a plan with three centrals, as bits.
MAIN, SECOND, THIRD, S4, S5, S6, S7 = (1 << place for place in range(7))


def cut(at: float, one: int, other: int, span: float) -> FaultPlan:
    return FaultPlan("cut", at, one | other << 8, span)


def on(node: int, kind: str, at: float, span: float) -> FaultPlan:
    """A fault of one node, the place of whose bit is its number."""
    return FaultPlan(kind, at, node.bit_length() - 1, span)


def plan(seed: int, *faults: FaultPlan, **more: Any) -> Plan:
    given = sorted(faults, key=lambda fault: fault.at)
    basic = Plan(seed, 2, 3, rough=12.0, clients=CALM + busy(0.25), calm=4, faults=tuple(given), servers_know=3)
    return replace(basic, **more)


def busy(pace: float, begins: float = 0.0, knows: tuple[int, ...] = (0, 1, 2)) -> tuple[Manner, ...]:
    """Clients that register, one after the other."""
    return tuple(replace(manner, starts=begins + k * pace, knows=knows) for k, manner in enumerate(LATER))


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


def rivals(seed: int) -> Plan:
    """The main dies. The second, whose disk is slow, has the votes and dies before anybody hears of it; then those who
    have voted for it come to the third, which knows nothing of that term."""
    die = FaultPlan("kill main", 1.0, 0, 30.0)
    apart = cut(0.9, SECOND, THIRD, 9.0)
    slow = FaultPlan("slow disk", 0.9, 16, 9.0)  # of the second
    die_too = FaultPlan("kill main", 2.2 + seed / 3, 0, 30.0)
    return plan(seed, die, apart, slow, die_too)


def deserted(seed: int) -> Plan:
    """The main sleeps until it is replaced, and is cut off from all but the other backup. The new main dies, while that
    backup reaches only the old one; then that dies, too, and the backup reaches the servers."""
    sleep = on(MAIN, "pause", 0.5, 4.6)
    apart = cut(4.8, MAIN, SECOND | S4 | S5, 40.0)
    away = cut(6.4 + seed / 10, THIRD, S4 | S5, 8.0)
    deaths = FaultPlan("kill main", 6.5 + seed / 10, 0, 40.0), on(MAIN, "pause", 14.0, 40.0)
    return plan(seed, sleep, apart, away, *deaths, clients=CALM + busy(0.05, 4.9, (1,)), rough=30.0)


def half_a_snapshot(seed: int) -> Plan:
    """Of what the main wrote last, only the second backup got something, and the third replaces the main: so the second
    needs a snapshot, though it counts as in sync. Then the new main dies."""
    crowd, slow = CALM + busy(0.02, 1.5), Conditions(latency=(0.04, 0.08))
    late = cut(2.05, MAIN, THIRD, 9.0)
    elsewhere = cut(2.1, SECOND, S4 | S5, 7.5)
    disk = FaultPlan("slow disk", 2.2, 2, 9.0)  # of the third
    deaths = [FaultPlan("kill main", at, 0, 20.0) for at in (2.2, 9.15 + seed * 0.05)]
    return plan(seed, late, elsewhere, disk, *deaths, clients=crowd, conditions=slow, part=1, rough=16.0)


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
    rivals,
    deserted,
    half_a_snapshot,
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
    assert caught("durable", half_a_snapshot)


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


def test_a_voter_that_votes_twice_in_a_term(monkeypatch: pytest.MonkeyPatch) -> None:
    consider = Voter.consider

    def forgetful(self: Voter, request: n.RequestVote, main_is_alive: bool) -> n.Vote:
        state = self.state
        vote = consider(self, request, main_is_alive)
        self.state = state
        return vote

    monkeypatch.setattr(Voter, "consider", forgetful)
    assert caught("ballots", rivals)
    assert caught("one main", rivals)


def test_a_vote_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def considered(self: Office, link: int, message: n.RequestVote) -> fx.Effects:
        return [fx.Send(link, self.voter.consider(message, self.is_main or self._uplink.joined))]

    monkeypatch.setattr(Office, "considered", considered)
    assert caught("ballots", rivals)


def test_a_voter_that_confirms_a_term_below_the_one_it_has_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes back to the main of that term, which does not hear of the other."""

    welcome = server_module._FROM_CENTRAL[n.AuthenticateSuccess]

    def welcomed(self: Server, now: float, link: int, message: n.AuthenticateSuccess) -> fx.Effects:
        message.term = max(message.term, self.voter.promised)
        return welcome(self, now, link, message)

    monkeypatch.setitem(server_module._FROM_CENTRAL, n.AuthenticateSuccess, welcomed)
    monkeypatch.setattr(Voter, "confirms", lambda self, term, version: True)
    monkeypatch.setattr(Office, "step_down", lambda self, now, term: [])
    assert caught("ballots", replaced_and_back)
    assert caught("one main", replaced_and_back)


def test_a_backup_that_goes_back_to_the_main_of_an_older_term(monkeypatch: pytest.MonkeyPatch) -> None:
    def introduction(self: Central) -> n.BackupAuthenticate:
        at, me = self.entries.position, self.me
        return n.BackupAuthenticate(self._secret, me.id, me.hostname, me.port, at.index, at.term)

    def welcomed(self: Central, now: float, link: int, message: n.BackupAuthenticationSuccess) -> fx.Effects:
        state = self.office.voter.state
        self.office.voter.state = VoterState()
        effects = Central._welcomed(self, now, link, message)
        self.office.voter.state = state
        return effects

    def from_main(self: Central, now: float, link: int, message: Any) -> fx.Effects:
        assert self._following is not None
        result = following_module.SYNCHRONISE[type(message)](self._following, link, message)
        assert not isinstance(result, str)
        return result

    monkeypatch.setattr(Central, "_introduction", introduction)
    monkeypatch.setitem(central_module._FROM_CENTRAL, n.BackupAuthenticationSuccess, welcomed)
    for command in following_module.SYNCHRONISE:
        monkeypatch.setitem(central_module._FROM_CENTRAL, command, from_main)
    monkeypatch.setattr(Office, "step_down", lambda self, now, term: [])
    assert caught("one main", deserted)


def test_a_snapshot_that_is_taken_over_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    users = Following.users

    def piecemeal(self: Following, link: int, message: n.SynchroniseUserStore) -> Any:
        if message.part == 1:
            self._directory.users.clear()
        if message.part:
            self._directory.users.update(message.users)
        return users(self, link, message)

    monkeypatch.setitem(following_module.SYNCHRONISE, n.SynchroniseUserStore, piecemeal)
    assert caught("one main", half_a_snapshot)

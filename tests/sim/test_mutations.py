"""Deliberately broken rules: each must be caught by the checker of the promise that it breaks."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from oyez.core import effects as fx
from oyez.core import refusal
from oyez.core.central import accounts as accounts_module
from oyez.core.central.accounts import Accounts
from oyez.core.central.entries import EntryRecord
from oyez.core.central.placement import Placement
from oyez.core.central.replication import Replication
from oyez.core.server.admission import Admission, Admit
from oyez.core.server.mesh import Mesh
from oyez.core.server.server import Server
from oyez.core.server.sessions import Sessions
from oyez.core.uplink import Uplink
from oyez.log import Chunk, Log
from oyez.protocol import activity
from oyez.protocol import messages as m
from oyez.protocol.nodes import DeLoad
from oyez.sim import Broken, judge
from oyez.sim.checkers import CHECKERS
from oyez.sim.participant import Manner
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.wire import Conditions

CALM = tuple(Manner(f"user{n}", f"secret{n}", registers=True, modern=n % 2 == 0, posts=10, pace=0.5) for n in range(6))


def plan(seed: int, *faults: FaultPlan, clients: tuple[Manner, ...] = CALM, **more: Any) -> Plan:
    return Plan(seed, 2, rough=8.0, clients=clients, calm=6, faults=faults, **more)


def caught(promise: str, plans: Iterator[Plan]) -> bool:
    """Whether the promise's checker finds something in any of these histories."""
    return any(CHECKERS[promise](judge(one).history) for one in plans)


def resets(seed: int) -> Plan:
    """Links of all kinds are reset, again and again; the first few are those between nodes."""
    return plan(seed, *[FaultPlan("reset", at / 5, at + seed, 0.0) for at in range(30)])


def test_without_mutations_nothing_is_caught() -> None:
    for seed in range(3):
        assert judge(resets(seed)).violations == []
        assert judge(plan(seed, clients=rivals())).violations == []
        assert judge(next(registrations(seed))).violations == []
        assert judge(readers(seed)).violations == []
        assert judge(plan(seed, clients=forgers())).violations == []


# -- the directory ---------------------------------------------------------------------------------------------------


def rivals() -> tuple[Manner, ...]:
    return CALM + tuple(Manner("rival", f"secret{n}", registers=True, starts=n / 100) for n in range(4))


def test_a_name_that_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def register(self: Accounts, now: float, link: int, message: m.Register) -> fx.Effects:
        self._registrants.add(link)
        reign = self.replication
        hashed = lambda now, hash: self._register_hashed(now, link, message, reign, hash)  # noqa: E731
        return [fx.Hold(link), *self.hash(message.secret, hashed)]

    monkeypatch.setattr(Accounts, "register", register)
    assert caught("unique", (plan(seed, clients=rivals()) for seed in range(3)))


def test_a_name_that_is_free_again_while_its_secret_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    register = Accounts.register

    def forgetful(self: Accounts, now: float, link: int, message: m.Register) -> fx.Effects:
        effects = register(self, now, link, message)
        self._names_taken.clear()
        return effects

    monkeypatch.setattr(Accounts, "register", forgetful)
    assert caught("unique", (plan(seed, clients=rivals()) for seed in range(10)))


def registrations(seed: int) -> Iterator[Plan]:
    """The central dies again and again while people register, and its disk is slow."""
    clients = CALM + tuple(Manner(f"new{n}", f"n{n}", registers=True, starts=n / 4) for n in range(24))
    faults = [FaultPlan("kill central", 1.5 * n, 0, 0.1) for n in range(1, 6)]
    faults += [FaultPlan("slow disk", 1.5 * n + 0.4, 0, 1.4) for n in range(5)]
    yield plan(seed, *faults, clients=clients)


def test_an_acknowledgement_before_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    append = Replication.append

    def hasty(self: Replication, now: float, record: EntryRecord) -> fx.Effects:
        effects = append(self, now, record)
        return sorted(effects, key=lambda effect: isinstance(effect, fx.Persist))

    monkeypatch.setattr(Replication, "append", hasty)
    assert caught("kept", (one for seed in range(5) for one in registrations(seed)))


def test_a_registration_that_is_never_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    append = Replication.append

    def careless(self: Replication, now: float, record: EntryRecord) -> fx.Effects:
        return [effect for effect in append(self, now, record) if not isinstance(effect, fx.Persist)]

    monkeypatch.setattr(Replication, "append", careless)
    assert caught("kept", (one for seed in range(5) for one in registrations(seed)))


def test_places_given_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Placement, "choose", lambda self, loads: self._entropy.choice(sorted(loads)) if loads else None)
    assert caught("even", (plan(seed) for seed in range(5)))


def test_places_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Placement, "reserve", lambda self, nonce, reservation: None)
    clients = tuple(replace(manner, starts=0.0) for manner in CALM)
    assert caught("even", (plan(seed, clients=clients) for seed in range(5)))


def test_a_server_that_miscounts_its_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sessions, "__len__", lambda self: 7)
    clients = tuple(replace(manner, starts=number / 2) for number, manner in enumerate(CALM))
    assert caught("even", (plan(seed, clients=clients) for seed in range(5)))


# -- delivery --------------------------------------------------------------------------------------------------------


def test_a_link_that_goes_on_from_the_present_instead_of_its_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mesh, "_where_to_begin", lambda self, hello: self._origin.log.last)
    assert caught("delivered", (resets(seed) for seed in range(10)))


def test_a_link_that_begins_a_little_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    where_to_begin = Mesh._where_to_begin
    monkeypatch.setattr(Mesh, "_where_to_begin", lambda *given: max(0, where_to_begin(*given) - 1))
    monkeypatch.setattr(Chunk, "after", lambda self, sequence: self)
    assert caught("delivered", (resets(seed) for seed in range(10)))


def test_a_slow_reader_for_whom_a_line_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    fall_behind = Log.fall_behind

    def skip(self: Log, cursor: Any, position: int) -> None:
        fall_behind(self, cursor, self.end if self.end - position > 1000 else position)

    monkeypatch.setattr(Log, "fall_behind", skip)
    small = Conditions(window=(600, 600))
    long_posts = tuple(replace(manner, size=2000) for manner in CALM)
    with pytest.raises(Broken):  # the client can't even parse what it gets
        caught("delivered", (plan(seed, clients=long_posts, conditions=small) for seed in range(10)))


def forgers() -> tuple[Manner, ...]:
    return tuple(replace(manner, forges=True) for manner in CALM)


def test_an_author_that_the_sender_may_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "body", lambda text: b"," + text[1:])
    assert caught("genuine", (plan(seed, clients=forgers()) for seed in range(2)))


# -- bounds ----------------------------------------------------------------------------------------------------------


def readers(seed: int) -> Plan:
    """Somebody stops reading what comes a lot."""
    silent = tuple(Manner(reads="never", starts=0.5) for _ in range(2))
    loud = tuple(replace(manner, posts=80, pace=0.05, size=4000) for manner in CALM)
    small = Conditions(window=(4096, 4096))
    return replace(plan(seed, clients=loud + silent, conditions=small, retention=40_000, patience=2.0), rough=14.0)


def test_a_slow_consumer_that_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "stalled", lambda self, now, patience: [])
    monkeypatch.setattr(Log, "fallen_out", lambda self: [])
    assert caught("bounded", (readers(seed) for seed in range(2)))


def test_a_log_that_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "_forget", lambda self, until: None)
    assert caught("bounded", (readers(seed) for seed in range(2)))


def test_everybody_waits_for_the_slowest(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Log.publish
    waiting: dict[Log, list[Chunk]] = {}

    def patiently(self: Log, chunks: list[Chunk]) -> None:
        chunks = waiting.pop(self, []) + chunks
        if any(cursor.blocked for cursor in self._behind):
            waiting[self] = chunks
        else:
            publish(self, chunks)

    monkeypatch.setattr(Log, "publish", patiently)
    assert caught("bounded", (readers(seed) for seed in range(3)))


# -- words -----------------------------------------------------------------------------------------------------------


def test_a_refusal_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(link: int, message: m.Refusal) -> fx.Effects:
        return [fx.Close(link), fx.Report("refused", {"link": link, "reason": message.reason})]

    monkeypatch.setattr(accounts_module, "refuse", silent)
    assert caught("told", (plan(seed, clients=rivals()) for seed in range(2)))


def test_a_refusal_without_a_reason_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    def curt(link: int, message: m.Refusal) -> fx.Effects:
        return refusal.refuse(link, type(message)("", message.reason))

    monkeypatch.setattr(accounts_module, "refuse", curt)
    assert caught("told", (plan(seed, clients=rivals()) for seed in range(2)))


def test_a_server_that_stops_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "on_stop", lambda self, now: [])
    alone = (replace(plan(seed, FaultPlan("stop server", 3.0, 0, 2.0)), servers=1) for seed in range(2))
    assert caught("told", alone)


# -- progress --------------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_come_back_to_the_central(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Uplink, "failed", lambda self: [])
    assert caught("progress", (plan(seed, FaultPlan("kill central", 3.0, 0, 2.0)) for seed in range(2)))


# -- counting --------------------------------------------------------------------------------------------------------


def leavers() -> tuple[Manner, ...]:
    return (*CALM, *[Manner(f"guest{n}", f"g{n}", registers=True, leaves="closes", leaves_at=1.0) for n in range(4)])


def test_somebody_who_left_and_is_still_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Uplink.send
    monkeypatch.setattr(Uplink, "send", lambda self, said: [] if isinstance(said, DeLoad) else send(self, said))
    assert caught("counted", (plan(seed, clients=leavers()) for seed in range(2)))


def test_sessions_that_a_restarted_central_does_not_learn_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sessions, "announce_all", Sessions.arrivals)
    assert caught("counted", (plan(seed, FaultPlan("kill central", 3.0, 0, 1.0)) for seed in range(2)))


def test_a_session_for_somebody_who_has_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """His secret was right, but he did not wait for the answer."""

    def by_secret(self: Admission, now: float, link: int, username: str, secret: str, admit: Admit) -> fx.Effects:
        def verified(now: float, refused: m.Refusal | None, since: int) -> fx.Effects:
            return [*admit(now, None, since), fx.Release(link)]

        return [fx.Hold(link), *self._inquiry.verify(now, username, secret, verified)]

    monkeypatch.setattr(Admission, "_by_secret", by_secret)
    impatient = tuple(Manner(f"user{n}", f"secret{n}", starts=1 + n, waits=0.002, returns=False) for n in range(6))
    assert caught("counted", (plan(seed, clients=CALM + impatient) for seed in range(5)))

"""Whole histories of the real roles: of drawn seeds, and of fault schedules that Hypothesis makes up and shrinks."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.sim import Broken, Verdict, judge, simulate
from oyez.sim.checkers.losses import losses_of
from oyez.sim.history import Away, Back, Died, Entered, Missed, Promoted, Reported, Saw, Stuck
from oyez.sim.participant import Manner
from oyez.sim.plan import DELIVERY, ELECTION, FAULTS, FaultPlan, Plan, Topology, draw
from oyez.sim.story import narrate
from oyez.sim.wire import Conditions

SEEDS = 300
CHUNK = 50


def kept(verdict: Verdict) -> Verdict:
    """Fail with the whole story where a promise was broken."""
    assert verdict.ok, f"\n{verdict.plan}\n{verdict.told()}"
    return verdict


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_the_promises_hold_in_drawn_histories(first: int) -> None:
    for seed in range(first, first + CHUNK):
        try:
            kept(simulate(seed))
        except Broken as broken:
            pytest.fail("\n".join([str(broken.plan), *narrate(broken.history), repr(broken.__cause__)]))


# -- plans as data ---------------------------------------------------------------------------------------------------

CALM = (
    Manner("alice", "a", registers=True, modern=True, posts=8, pace=0.8),
    Manner("bob", "b", registers=True, posts=8, pace=0.8),
    Manner(posts=8, pace=0.8),
    Manner("carol", "c", registers=True, posts=8, pace=0.8, central_link="keeps"),
)
LASTING = (
    Manner("lara", "l", registers=True, library=True, posts=8, pace=0.8),
    Manner(library=True, posts=8, pace=0.8),
)


faults = st.lists(
    st.builds(
        FaultPlan,
        kind=st.sampled_from(tuple(dict.fromkeys(FAULTS + ELECTION + DELIVERY))),
        at=st.integers(0, 60).map(lambda tenths: tenths / 10),
        target=st.integers(0, 200),
        span=st.sampled_from([0.0, 0.1, 1.0, 3.5, 6.0]),
    ),
    max_size=6,
).map(lambda drawn: tuple(sorted(drawn, key=lambda fault: fault.at)))

conditions = st.builds(
    Conditions,
    window=st.sampled_from([(300, 300), (4096, 4096), (262_144, 262_144)]),
    crumbs=st.sampled_from([0.0, 0.5]),
)


@given(
    faults=faults,
    servers=st.integers(1, 4),
    centrals=st.integers(1, 3),
    copies=st.integers(1, 3),
    conditions=conditions,
    seed=st.integers(0, 10),
)
def test_the_promises_hold_under_any_schedule_of_faults(
    faults: tuple[FaultPlan, ...], servers: int, centrals: int, copies: int, conditions: Conditions, seed: int
) -> None:
    plan = Plan(seed, servers, centrals, rough=8.0, clients=CALM + LASTING, calm=6, faults=faults)
    kept(judge(replace(plan, copies=copies, conditions=conditions)))


manners = st.builds(
    Manner,
    username=st.sampled_from(["dave", "erin", "rival"]),
    secret=st.sampled_from(["one", "two"]),
    registers=st.booleans(),
    modern=st.booleans(),
    starts=st.sampled_from([0.0, 1.0, 3.0]),
    posts=st.sampled_from([0, 3, 100]),
    pace=st.sampled_from([0.05, 0.5]),
    size=st.sampled_from([0, 300]),
    forges=st.booleans(),
    reads=st.sampled_from(["at once", "slowly", "never"]),
    leaves=st.sampled_from(["", "logs out", "closes", "vanishes"]),
    leaves_at=st.sampled_from([0.0, 2.0]),
    central_link=st.sampled_from(["closes", "logs out", "keeps"]),
    returns=st.booleans(),
)


@given(strangers=st.lists(manners, max_size=5).map(tuple), conditions=conditions, tight=st.booleans())
def test_no_client_can_disturb_the_others(strangers: tuple[Manner, ...], conditions: Conditions, tight: bool) -> None:
    plan = Plan(1, 2, rough=8.0, clients=(*CALM, *strangers), calm=4, conditions=conditions)
    kept(judge(replace(plan, retention=4000, patience=2.0) if tight else plan))


# -- the histories are worth something -------------------------------------------------------------------------------


def test_without_faults_everybody_sees_everything() -> None:
    verdict = kept(judge(Plan(7, 3, rough=20.0, clients=CALM, calm=4)))
    posts = sum(manner.posts + 1 for manner in CALM)
    for client in ("c0", "c1", "c2", "c3"):
        seen = {(e.by, e.number) for e in verdict.history if isinstance(e, Saw) and e.session == f"{client}.1"}
        assert len(seen & {(f"c{n}.1", k) for n in range(4) for k in range(1, 10)}) == posts
    assert {e.node for e in verdict.history if isinstance(e, Entered)} == {"s1", "s2", "s3"}


def test_plans_differ_from_seed_to_seed_and_only_by_it() -> None:
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_what_should_be_rare_but_not_absent_is_neither() -> None:
    """Faults that no history contains would prove nothing."""
    reported: set[str] = set()
    reasons: set[object] = set()
    seen: set[type] = set()
    deaths = dangerous = 0
    for seed in range(150):
        history = simulate(seed).history
        losses = losses_of(history)
        died = any(life.died < inf for life in losses.lives.values())
        deaths += died and not losses.partings and not losses.dangers
        dangerous += bool(losses.dangers)
        for entry in history:
            seen.add(type(entry))
            if isinstance(entry, Reported):
                reported.add(entry.event)
                reasons.add(entry.fields.get("reason"))
    assert {Away, Back, Missed, Died, Promoted, Stuck} <= seen
    assert deaths > 25  # nothing excuses a loss there
    assert dangerous > 10
    assert {"peer_silent", "central_silent", "server_removed", "mesh_lost", "server_lost"} <= reported
    assert {"elected", "stepped_down", "backup_joined", "main_lost", "synchronised"} <= reported
    assert {"no_main", "unsettled"} <= reasons
    assert {"slow_consumer", "wrong_credentials", "already_registered", "no_server", "central_away"} <= reasons


def test_a_network_is_as_large_as_asked_for() -> None:
    plan = draw(1, topology=Topology(centrals=3, servers=5))
    assert (plan.centrals, plan.servers) == (3, 5)

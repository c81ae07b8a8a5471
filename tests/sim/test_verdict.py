"""What people get to see of histories: the story, the verdict, and the outcome of many."""

import sys

import pytest

from oyez.core.server.server import Server
from oyez.sim import Broken, __main__, judge, simulate
from oyez.sim.participant import Manner
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.soak import outcome, soak

STOP = Plan(1, 2, rough=4.0, faults=(FaultPlan("stop server", 1.0, 0, 1.0),))


def test_a_history_can_be_read_as_a_story() -> None:
    story = judge(STOP).told()
    for piece in (
        "---- calm ----",
        "** stop: s1",
        "s1: stopped",
        "s1 starts (incarnation 2)",
        "every promise was kept",
    ):
        assert piece in story


def test_activities_can_be_left_out_of_the_story() -> None:
    verdict = simulate(1)
    assert " sees " in verdict.told()
    assert " sees " not in verdict.told(activities=False)


def test_a_broken_promise_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "on_stop", lambda self, now: [])
    clients = tuple(Manner(f"user{n}", f"secret{n}", registers=True) for n in range(3))
    verdict = judge(Plan(1, 1, rough=4.0, clients=clients, calm=len(clients), faults=STOP.faults))
    assert not verdict.ok
    assert "BROKEN told: s1 ended the link" in verdict.summary()


def test_a_node_that_raises_breaks_the_history_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_over(self: Server, now: float) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Server, "on_start", fall_over)
    with pytest.raises(Broken) as broken:
        simulate(5)
    assert isinstance(broken.value.__cause__, ZeroDivisionError)
    assert "seed 5" in str(broken.value)
    assert "ZeroDivisionError" in outcome(5, 60).broken[0]


def test_many_histories_have_the_outcomes_of_each_whatever_runs_them() -> None:
    alone = [outcome(seed, 20) for seed in range(4)]
    assert list(soak(4, first=0, processes=1, steps=20)) == alone
    assert list(soak(4, first=0, processes=2, steps=20)) == alone
    assert [one.broken for one in alone] == [()] * 4


@pytest.mark.parametrize(("mutated", "status"), [(False, 0), (True, 1)])
def test_many_histories_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mutated: bool, status: int
) -> None:
    if mutated:
        monkeypatch.setattr(Server, "on_start", lambda self, now: [])
    arguments = ["python -m oyez.sim", "--histories", "2", "--processes", "1", "--steps", "10"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert __main__.main() == status
    told = capsys.readouterr().out
    assert f"2 histories from seed 0 on, {2 if mutated else 0} broken" in told
    assert ("oyez simulate --seed 1" in told) == mutated

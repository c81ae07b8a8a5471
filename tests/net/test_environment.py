"""What the environment does for a role: time, timers, reports, and the refusal of what a node does not have."""

from __future__ import annotations

import asyncio
import time

import pytest

from oyez.core import effects as fx
from oyez.net.clock import Clock
from oyez.net.environment import GaveUp, NetEnvironment
from oyez.protocol.messages import ActivityBroadcast, Address
from oyez.storage.memory import MemoryStore
from tests.net.stage import PATIENCE, Recorder, node


def test_the_clock_is_near_the_wall_and_does_not_follow_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now()
    assert abs(before - time.time()) < 60
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= clock.now() < before + 60


async def test_timers_run_out_in_their_order() -> None:
    async with node() as stage:
        stage.perform(fx.SetTimer("later", 0.02), fx.SetTimer("sooner", 0.01), fx.SetTimer("now", 0))
        assert stage.role.all("timer") == []
        await stage.role.seen("timer", "later")
        assert stage.role.all("timer") == [("timer", "now"), ("timer", "sooner"), ("timer", "later")]


async def test_a_timer_that_is_set_again_moves() -> None:
    async with node() as stage:
        stage.perform(fx.SetTimer("moved", 0.01), fx.SetTimer("moved", 0.03), fx.SetTimer("between", 0.02))
        await stage.role.seen("timer", "moved")
        assert stage.role.all("timer") == [("timer", "between"), ("timer", "moved")]
        stage.perform(fx.SetTimer("moved", 100), fx.SetTimer("moved", 0.01))
        await stage.role.until(lambda: len(stage.role.all("timer")) == 3)


async def test_a_timer_that_is_cancelled_does_not_run_out() -> None:
    async with node() as stage:
        stage.perform(fx.SetTimer("never", 0.01), fx.SetTimer("marker", 0.02), fx.CancelTimer("never"))
        stage.perform(fx.CancelTimer("never"), fx.CancelTimer("unheard of"))
        await stage.role.seen("timer", "marker")
        assert stage.role.all("timer") == [("timer", "marker")]


async def test_a_timer_may_set_itself_again() -> None:
    role = Recorder()
    role.answers["timer"] = lambda key: [fx.SetTimer(key, 0)] if len(role.all("timer")) < 5 else []
    async with node(role) as stage:
        stage.perform(fx.SetTimer("again", 0))
        await role.until(lambda: len(role.all("timer")) == 5)


async def test_no_timer_runs_out_after_the_end() -> None:
    async with node() as stage:
        stage.perform(fx.SetTimer("late", 0.01))
    await asyncio.sleep(0.02)
    assert stage.role.all("timer") == []


async def test_nothing_comes_after_the_end() -> None:
    """What was stored last may be followed by a timer, a turn, a dial: all of them about a node that is gone."""
    role = Recorder()
    stored = fx.Persist((fx.UserRecord("bob", "hash"),))
    dial = fx.Dial(Address("127.0.0.1", 1), "late")
    role.answers["stop"] = lambda: [stored, fx.SetTimer("late", 0.01), fx.Flush(), dial, fx.Report("stored")]
    async with node(role, store=MemoryStore()):
        pass
    assert role.all("report") == [("report", "stored")]
    before = len(role.events)
    await asyncio.sleep(0.02)
    assert len(role.events) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_flush_comes_once_the_turn_is_over() -> None:
    async with node() as stage:
        stage.perform(fx.Flush())
        assert stage.role.all("flush") == []
        await stage.role.seen("flush")


async def test_reports_are_counted_and_passed_on() -> None:
    async with node() as stage:
        stage.perform(fx.Report("joined", {"server": "one"}), fx.Report("joined"), fx.Report("left"))
        assert stage.node.environment.measures.events == {"joined": 2, "left": 1}
        assert stage.reports == [("joined", {"server": "one"}), ("joined", {}), ("left", {})]


async def test_a_client_needs_no_port() -> None:
    delivered: list[ActivityBroadcast] = []
    ends: list[Exception] = []
    role = Recorder()
    client = NetEnvironment(role, ends.append, deliver=delivered.append, log=lambda event, fields: None)
    client.start()
    assert role.events == [("start",)]
    async with node() as stage:
        client.host.perform([fx.Dial(stage.node.address, "the server")])
        await role.seen("dialed")
        activity = ActivityBroadcast(b"{}")  # type: ignore[arg-type]
        client.host.perform([fx.Deliver(activity), fx.Quit("nobody wants me")])
        assert delivered == [activity]
        assert ends == [], "told from within the call"
        await asyncio.sleep(0)
        assert [(type(end), str(end)) for end in ends] == [(GaveUp, "nobody wants me")]
        async with asyncio.timeout(PATIENCE):
            await client.stop()
        assert [event[0] for event in role.events] == ["start", "dialed", "stop", "close"]


@pytest.mark.parametrize(
    ("effect", "sentence"),
    [
        (fx.Persist((fx.UserRecord("bob", "hash"),)), "no store"),
        (fx.HashSecret(1, "secret"), "no threads for secrets"),
        (fx.VerifySecret(1, None, "secret"), "no threads for secrets"),
        (fx.Deliver(ActivityBroadcast(b"{}")), "no user"),  # type: ignore[arg-type]
    ],
)
async def test_what_a_node_does_not_have_its_role_must_not_use(effect: fx.Effect, sentence: str) -> None:
    async with node() as stage:
        with pytest.raises(RuntimeError, match=sentence):
            stage.perform(effect)

"""Who does not take the answers is not heard: what waits for a stranger is one answer, not thousands."""

import pytest

from oyez.core import effects as fx
from oyez.host import Link
from oyez.log import Log
from tests.host.fakes import FakeTransport, Stage, said, send

QUESTIONS = said(*[f"question {number}" for number in range(50)])


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.role.answers["message"] = lambda link, message: [send(link, f"answer to {message.info}")]
    return stage


def reads(stage: Stage, link: Link, transport: FakeTransport, room: int | None) -> None:
    transport.room = room
    stage.host.drained(link)
    while stage.world.turn:
        stage.world.end_turn()


def test_a_stranger_that_takes_nothing_gets_one_answer(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    stage.host.received(link, QUESTIONS)
    assert stage.words_heard() == ["question 0"]
    assert transport.paused
    assert len(link.outbox) < 100


def test_it_gets_all_of_them_once_it_reads(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    stage.host.received(link, QUESTIONS)
    while len(stage.words_heard()) < 50:
        before = len(stage.words_heard())
        reads(stage, link, transport, room=200)
        assert len(stage.words_heard()) <= before + 5
    reads(stage, link, transport, room=None)
    assert transport.sent == said(*[f"answer to question {number}" for number in range(50)])
    assert not transport.paused
    assert not link.outbox


def test_what_comes_after_it_is_heard_again(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    stage.host.received(link, said("one", "two")[:-4])
    reads(stage, link, transport, room=None)
    stage.host.received(link, said("one", "two")[-4:])
    assert stage.words_heard() == ["one", "two"]


def test_a_link_that_is_held_and_choked_needs_both_to_end(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    stage.role.answers["message"] = lambda link, message: [send(link, "an answer"), fx.Hold(link)]
    stage.host.received(link, said("one", "two", "three"))
    stage.host.perform([fx.Release(link.id)])
    assert stage.words_heard() == ["one"]
    assert transport.paused
    reads(stage, link, transport, room=None)
    assert stage.words_heard() == ["one", "two"]
    assert transport.paused
    stage.host.perform([fx.Release(link.id)])
    assert stage.words_heard() == ["one", "two", "three"]


def test_the_other_way_round(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    stage.role.answers["message"] = lambda link, message: [send(link, "an answer"), fx.Hold(link)]
    stage.host.received(link, said("one", "two"))
    reads(stage, link, transport, room=None)
    assert stage.words_heard() == ["one"]
    stage.host.perform([fx.Release(link.id)])
    assert stage.words_heard() == ["one", "two"]


@pytest.mark.parametrize("how", ["trusted", "reads the log", "dialed"])
def test_others_are_heard_all_the_same(stage: Stage, how: str) -> None:
    transport = FakeTransport(0)
    if how == "dialed":
        link = stage.host.dialed(transport, "somewhere")
    else:
        link, transport = stage.open(room=0)
        stage.host.perform([fx.Trust(link.id) if how == "trusted" else fx.Follow(link.id, Log(1000))])
    stage.host.received(link, said("one", "two"))
    assert stage.words_heard() == ["one", "two"]


def test_one_that_leaves_meanwhile_is_gone(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    stage.host.received(link, QUESTIONS)
    stage.host.perform([fx.Close(link.id)])
    stage.host.drained(link)
    stage.host.closed(link)
    assert stage.words_heard() == ["question 0"]
    assert transport.ended == "closed"

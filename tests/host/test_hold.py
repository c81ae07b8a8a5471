"""Hold and Release: an answer is being prepared, and whatever the peer says meanwhile waits its turn."""

import pytest

from oyez.core import effects as fx
from oyez.host import Link
from oyez.protocol.framing import MESSAGE_PREFIX
from tests.host.fakes import FakeTransport, Stage, said, send

RECORD = fx.UserRecord("bob", "hash")
ACTIVITY = MESSAGE_PREFIX + b'"id":"a.1-1","activity":{}}\n'


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.on_words(
        {
            "wait": lambda link: [fx.Hold(link)],
            "blink": lambda link: [fx.Hold(link), fx.Release(link)],
            "write": lambda link: [fx.Hold(link), fx.Persist((RECORD,)), send(link, "written"), fx.Release(link)],
            "bye": lambda link: [fx.Close(link)],
        }
    )
    return stage


def release(stage: Stage, link: Link) -> None:
    stage.host.perform([fx.Release(link.id)])


def test_a_held_link_is_heard_no_more_and_pauses(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("wait", "a"))
    stage.host.received(link, said("b"))
    assert stage.words_heard() == ["wait"]
    assert transport.paused


def test_what_waited_is_heard_in_order_and_the_link_goes_on(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("wait", "a", "b"))
    stage.host.received(link, said("c", "d")[:-3])
    release(stage, link)
    assert stage.words_heard() == ["wait", "a", "b", "c"]
    assert not transport.paused
    stage.host.received(link, said("d")[-3:])
    assert stage.words_heard() == ["wait", "a", "b", "c", "d"]


def test_what_waited_may_ask_to_wait_again(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("wait", "a", "wait", "b"))
    stage.host.received(link, said("wait", "c"))
    for heard in (["wait", "a", "wait"], ["wait", "a", "wait", "b", "wait"]):
        release(stage, link)
        assert stage.words_heard() == heard
        assert transport.paused
    release(stage, link)
    assert stage.words_heard()[-1] == "c"
    assert not transport.paused


def test_a_release_in_the_same_breath_changes_nothing(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("blink", "a", "blink", "b"))
    assert stage.words_heard() == ["blink", "a", "blink", "b"]
    assert not transport.paused


def test_lines_that_come_while_waiting_lines_are_heard_stay_behind_them(stage: Stage) -> None:
    """One that waited releases another's hold, whose lines come in between: each link keeps its own order."""
    (one, _), (two, _) = stage.open(), stage.open()
    heard: list[tuple[int, str]] = []
    answer = stage.role.answers["message"]

    def note(link: int, message: object) -> fx.Effects:
        heard.append((link, message.info))  # type: ignore[attr-defined]
        effects = answer(link, message)
        return [*effects, fx.Release(two.id)] if (link, message.info) == (one.id, "a") else effects  # type: ignore[attr-defined]

    stage.role.answers["message"] = note
    stage.host.received(two, said("wait", "x", "y"))
    stage.host.received(one, said("wait", "a", "b"))
    release(stage, one)
    for link, words in ((one, ["wait", "a", "b"]), (two, ["wait", "x", "y"])):
        assert [word for by, word in heard if by == link.id] == words


def test_pipelined_requests_are_answered_in_order_though_each_is_written_first(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("write", "write", "a"))
    assert transport.sent == b""
    stage.world.finish_writing()
    assert (transport.sent, stage.words_heard()) == (said("written"), ["write", "write"])
    stage.world.finish_writing()
    assert (transport.sent, stage.words_heard()) == (said("written", "written"), ["write", "write", "a"])


def test_who_closes_while_held_is_heard_no_more(stage: Stage) -> None:
    link, _ = stage.open()
    stage.host.received(link, said("wait", "a"))
    stage.host.closed(link)
    release(stage, link)
    assert stage.role.heard[-1] == ("close", link.id)
    assert stage.words_heard() == ["wait"]


def test_who_is_closed_while_held_is_heard_no_more(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("wait", "a"))
    stage.host.perform([fx.Close(link.id), fx.Release(link.id)])
    assert stage.words_heard() == ["wait"]
    assert transport.ended == "closed"


def test_one_that_waited_may_end_it_for_those_behind(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.received(link, said("wait", "bye", "a"))
    release(stage, link)
    assert stage.words_heard() == ["wait", "bye"]
    assert transport.ended == "closed"


def test_an_endless_line_waits_its_turn_as_well(stage: Stage) -> None:
    """It came behind the request that is being answered: its refusal must not overtake the answer."""
    link, _ = stage.open()
    stage.host.received(link, said("wait", "a") + b"x" * 1000)
    assert stage.words_heard() == ["wait"]
    release(stage, link)
    assert stage.words_heard() == ["wait", "a", "line_too_long"]


def test_an_endless_line_is_refused_once_the_last_of_those_before_it_is_answered(stage: Stage) -> None:
    link, _ = stage.open()
    stage.host.received(link, said("wait", "wait") + b"x" * 1000)
    release(stage, link)
    assert stage.words_heard() == ["wait", "wait"]
    release(stage, link)
    assert stage.words_heard() == ["wait", "wait", "line_too_long"]


def test_activities_on_a_held_link_wait_as_lines(stage: Stage) -> None:
    link, _ = stage.open()
    stage.host.perform([fx.Trust(link.id), fx.Hold(link.id)])
    stage.host.received(link, ACTIVITY * 2)
    assert stage.role.heard == [("open", link.id)]
    release(stage, link)
    assert stage.role.heard[1:] == [("activities", link.id, ACTIVITY)] * 2


def test_a_release_without_a_hold_does_nothing(stage: Stage) -> None:
    link, transport = stage.open()
    release(stage, link)
    assert transport == FakeTransport()


def test_the_others_are_heard_meanwhile(stage: Stage) -> None:
    (held, _), (other, _) = stage.open(), stage.open()
    stage.host.received(held, said("wait"))
    stage.host.received(other, said("hello"))
    assert stage.words_heard() == ["wait", "hello"]

"""What leaves on a link: messages and a log, never one inside a line of the other, and bounded where nobody reads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.core import effects as fx
from oyez.host import OUTBOX, PIECE, Link
from oyez.log import Log
from oyez.log import log as log_module
from tests.host.fakes import FakeTransport, Stage, said, send
from tests.log.readers import chunk, line


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def log() -> Log:
    return Log(retention=100_000)


def follower(
    stage: Stage, log: Log, position: int | None = None, room: int | None = None
) -> tuple[Link, FakeTransport]:
    link, transport = stage.open(room)
    stage.host.perform([fx.Follow(link.id, log, position)])
    return link, transport


def drain(stage: Stage, link: Link, transport: FakeTransport, room: int | None = None) -> None:
    transport.room = room
    stage.host.drained(link)


def say(stage: Stage, link: Link, *words: str) -> None:
    stage.host.perform([send(link.id, text) for text in words])


# -- messages alone -------------------------------------------------------------------------------------------------


def test_messages_leave_in_order_whatever_the_link_takes_at_once(stage: Stage) -> None:
    link, transport = stage.open(room=3)
    say(stage, link, "one", "two")
    for _ in range(100):
        drain(stage, link, transport, room=7)
    transport.room = None
    say(stage, link, "three")
    assert transport.sent == said("one", "two", "three")
    assert link.outbox == b""


def test_much_that_waits_leaves_piece_by_piece_while_the_link_takes_it(stage: Stage, log: Log) -> None:
    link, transport = follower(stage, log, room=0)
    words = ["x" * 100_000] * 20
    say(stage, link, *words)
    log.publish([chunk(1)])
    drain(stage, link, transport)
    turns = 0
    while stage.world.turn:
        stage.world.end_turn()
        turns += 1
    assert turns == len(said(*words)) // PIECE
    assert transport.sent == said(*words) + line(1)


def test_who_lets_too_much_pile_up_is_cut(stage: Stage) -> None:
    link, transport = stage.open(room=0)
    other, to_other = stage.open()
    long = "x" * 1_000_000
    say(stage, link, *[long] * (OUTBOX // 1_000_000))
    assert stage.world.events == []
    say(stage, link, long)
    assert transport.ended == "aborted"
    assert stage.world.events == [("report", "outbox_overflow", {"link": link.id})]
    say(stage, other, "still here")
    assert to_other.sent == said("still here")


def test_who_was_cut_costs_nothing_more(stage: Stage, log: Log) -> None:
    link, _ = follower(stage, log, room=0)
    say(stage, link, "x" * (OUTBOX + 1), "y" * 1000)
    stage.host.received(link, said("ignored"))
    log.publish([chunk(1)])
    assert link.outbox == b""
    assert stage.words_heard() == []
    assert len(log.behind) == 0
    assert len(stage.world.events) == 1
    stage.host.closed(link)
    assert stage.role.heard[-1] == ("close", link.id)


# -- a log ----------------------------------------------------------------------------------------------------------


def test_a_follower_gets_what_is_published_from_now_on(stage: Stage, log: Log) -> None:
    log.publish([chunk(1)])
    link, transport = follower(stage, log)
    log.publish([chunk(2)])
    assert transport.sent == line(2)
    assert link.cursor is not None
    assert link.cursor.owner == link.id


def test_a_follower_begins_behind_what_was_said_before(stage: Stage, log: Log) -> None:
    link, transport = stage.open(room=5)
    stage.host.perform([send(link.id, "welcome"), fx.Follow(link.id, log, None)])
    log.publish([chunk(1)])
    assert len(transport.sent) == 5
    drain(stage, link, transport)
    assert transport.sent == said("welcome") + line(1)


def test_a_follower_may_begin_in_the_past(stage: Stage, log: Log) -> None:
    log.publish([chunk(1, 3)])
    _, transport = follower(stage, log, position=20)
    assert transport.sent == line(2) + line(3)


def test_a_slow_follower_goes_on_where_it_was(stage: Stage, log: Log) -> None:
    link, transport = follower(stage, log, room=30)
    log.publish([chunk(1, 2)])
    log.publish([chunk(3)])
    assert len(transport.sent) == 30
    drain(stage, link, transport)
    log.publish([chunk(4)])
    assert transport.sent == chunk(1, 4).data


def test_a_message_waits_for_the_end_of_the_line(stage: Stage, log: Log) -> None:
    link, transport = follower(stage, log, room=30)
    log.publish([chunk(1, 3)])
    say(stage, link, "urgent")
    assert len(transport.sent) == 30
    drain(stage, link, transport)
    assert transport.sent == line(1) + line(2) + said("urgent") + line(3)


def test_the_log_waits_for_messages_that_did_not_fit(stage: Stage, log: Log) -> None:
    link, transport = follower(stage, log)
    log.publish([chunk(1)])
    transport.room = 4
    say(stage, link, "one")
    log.publish([chunk(2)])
    say(stage, link, "two")
    drain(stage, link, transport, room=3)
    drain(stage, link, transport)
    log.publish([chunk(3)])
    assert transport.sent == line(1) + said("one", "two") + line(2) + line(3)


def test_the_last_word_to_a_slow_follower_ends_its_line_first(stage: Stage, log: Log) -> None:
    link, transport = follower(stage, log, room=30)
    log.publish([chunk(1, 3)])
    stage.host.perform([send(link.id, "too slow"), fx.Close(link.id)])
    assert transport.sent == line(1) + line(2) + said("too slow")
    assert transport.ended == "closed"
    assert len(log.behind) == 0


# -- catching up ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "READ", 100)


@pytest.mark.usefixtures("small_reads")
def test_who_is_far_behind_is_pumped_on_to_the_end_a_bounded_amount_a_turn(stage: Stage, log: Log) -> None:
    log.publish([chunk(1, 50)])
    _, transport = follower(stage, log, position=0)
    turns = 1
    while stage.world.turn:
        assert len(stage.world.turn) == 1
        assert len(transport.sent) == turns * 100
        stage.world.end_turn()
        turns += 1
    assert transport.sent == chunk(1, 50).data
    log.publish([chunk(51)])
    assert transport.sent == chunk(1, 51).data


@pytest.mark.usefixtures("small_reads")
def test_who_catches_up_keeps_nobody_from_being_served(stage: Stage, log: Log) -> None:
    log.publish([chunk(1, 50)])
    far, to_far = follower(stage, log, position=0)
    _, to_near = follower(stage, log)
    for sequence in range(51, 60):
        stage.world.end_turn()
        log.publish([chunk(sequence)])
        say(stage, far, "ping")
        assert to_near.sent.endswith(line(sequence))
    while stage.world.turn:
        stage.world.end_turn()
    activities = b"".join(one + b"\n" for one in to_far.lines if not one.startswith(b"{"))
    assert activities == b"".join(line(sequence) for sequence in range(1, 60))


@pytest.mark.usefixtures("small_reads")
def test_a_full_link_is_not_pumped_in_each_turn(stage: Stage, log: Log) -> None:
    log.publish([chunk(1, 50)])
    link, transport = follower(stage, log, position=0, room=150)
    stage.world.end_turn()
    assert (len(transport.sent), stage.world.turn) == (150, [])
    drain(stage, link, transport)
    while stage.world.turn:
        stage.world.end_turn()
    assert transport.sent == chunk(1, 50).data


@pytest.mark.usefixtures("small_reads")
def test_who_falls_out_while_catching_up_is_left_alone(stage: Stage) -> None:
    log = Log(retention=400)
    log.publish([chunk(1, 20)])
    follower(stage, log, position=0)
    log.publish([chunk(21, 20)])
    stage.world.end_turn()
    assert stage.world.turn == []
    assert len(log.fallen_out()) == 1


@pytest.mark.usefixtures("small_reads")
def test_who_is_closed_while_catching_up_is_sent_no_more(stage: Stage, log: Log) -> None:
    log.publish([chunk(1, 50)])
    link, transport = follower(stage, log, position=0)
    stage.host.perform([fx.Close(link.id)])
    stage.world.end_turn()
    assert (len(transport.sent), stage.world.turn) == (100, [])


# -- everything at once ---------------------------------------------------------------------------------------------

ACTS = st.tuples(st.sampled_from(["publish", "say", "drain", "turn", "shrink"]), st.integers(0, 60))


@given(acts=st.lists(ACTS, max_size=40), retention=st.sampled_from([0, 60, 100_000]))
@settings(max_examples=150)
def test_whatever_happens_every_line_is_whole_and_in_order(acts: list[tuple[str, int]], retention: int) -> None:
    stage, log = Stage(), Log(retention)
    link, transport = follower(stage, log)
    published, words = 0, 0
    for act, number in acts:
        if act == "publish":
            count = number % 3 + 1
            log.publish([chunk(published + 1, count)])
            published += count
        elif act == "say":
            say(stage, link, str(words))
            words += 1
        elif act == "drain":
            drain(stage, link, transport, number)
        elif act == "shrink":
            transport.room = number
        else:
            stage.world.end_turn()
        if log.fallen_out():
            stage.host.perform([send(link.id, "too slow"), fx.Close(link.id)])
            break
    drain(stage, link, transport)
    fell_out = bool(transport.ended)
    activities = [one + b"\n" for one in transport.lines if not one.startswith(b"{")]
    messages = [one + b"\n" for one in transport.lines if one.startswith(b"{")]
    assert transport.sent.endswith(b"\n") or not transport.sent
    assert activities == [line(sequence) for sequence in range(1, len(activities) + 1)]
    assert fell_out or len(activities) == published
    assert messages == [said(str(number)) for number in range(words)] + [said("too slow")] * fell_out

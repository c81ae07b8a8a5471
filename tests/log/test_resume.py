"""A log of several origins, readers that come with a cursor: all they lack, once, in order; or a gap that is told."""

from collections.abc import Mapping

import pytest

from oyez.log import Chunk, Log
from oyez.log import log as log_module
from tests.log.readers import CONTROL, Reader, chunk, line


@pytest.fixture
def log() -> Log:
    """a 1, b 1–2, a 2–3, c 1, b 3."""
    log = Log(retention=10_000)
    log.publish([chunk(1), chunk(1, 2, origin="b.1"), chunk(2, 2)])
    log.publish([chunk(1, origin="c.1"), chunk(3, origin="b.1")])
    return log


def lines(*sequences: int) -> bytes:
    return b"".join(line(sequence) for sequence in sequences)


def resumed(log: Log, held: Mapping[str, int], room: int | None = None) -> Reader:
    return Reader.resuming(log, held, room)


# -- what is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({}, [1, 1, 2, 2, 3, 1, 3]),
        ({"a.1": 3, "b.1": 3, "c.1": 1}, []),
        ({"a.1": 3, "b.1": 3}, [1]),
        ({"a.1": 2, "b.1": 1, "c.1": 1}, [2, 3, 3]),
        ({"a.1": 3, "c.1": 1}, [1, 2, 3]),
        ({"a.1": 1, "b.1": 3, "c.1": 1}, [2, 3]),
        ({"a.1": 99, "b.1": 2, "c.1": 7}, [3]),
        ({"a.1": 3, "b.1": 3, "c.1": 1, "gone.1": 5}, []),
    ],
)
def test_each_reader_is_sent_what_it_lacks(log: Log, held: dict[str, int], expected: list[int]) -> None:
    reader = resumed(log, held)
    assert reader.drain(None)
    assert reader.got == lines(*expected)
    log.publish([chunk(2, origin="c.1")])
    assert reader.got == lines(*expected, 2)


def test_nothing_is_sent_before_the_first_pump(log: Log) -> None:
    reader = resumed(log, {})
    log.publish([chunk(4)])
    assert reader.got == b""
    reader.drain_all()
    assert reader.got == lines(1, 1, 2, 2, 3, 1, 3, 4)


@pytest.mark.parametrize("room", range(1, 60))
def test_a_link_that_takes_a_little_at_a_time_gets_it_whole(log: Log, room: int) -> None:
    reader = resumed(log, {"a.1": 1, "c.1": 1}, room=room)
    published = False
    while not reader.drain(room):
        if not published:
            log.publish([chunk(2, origin="c.1")])
            published = True
    log.publish([chunk(4)])
    reader.drain_all()
    assert reader.got == lines(1, 2, 2, 3, 3) + (lines(2) if published else b"") + lines(4)


@pytest.mark.parametrize("first", [0, 1, 10, 19, 20, 21, 39, 40, 41])
@pytest.mark.parametrize("room", [0, 5, 20, None])
def test_a_message_goes_between_two_lines(log: Log, first: int, room: int | None) -> None:
    reader = resumed(log, {"a.1": 3, "c.1": 1}, room=first)
    reader.cursor.pump()
    reader.room = room
    reader.say(CONTROL + b"hello\n")
    reader.drain_all()
    assert reader.handed.replace(CONTROL + b"hello\n", b"") == lines(1, 2, 3)
    assert (CONTROL + b"hello\n") in reader.handed.splitlines(keepends=True)
    assert reader.handed.index(CONTROL) == -(-first // 20) * 20


def test_who_catches_up_is_sent_a_bounded_amount_at_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "READ", 30)
    reader = resumed(log, {})
    sizes = []
    while not reader.cursor.pump():
        sizes.append(len(reader.got))
        assert not reader.cursor.blocked
    assert sizes[:2] == [60, 100]
    assert reader.got == lines(1, 1, 2, 2, 3, 1, 3)


def test_a_run_of_which_a_part_is_held_is_cut(log: Log) -> None:
    reader = resumed(log, {"a.1": 2, "b.1": 3, "c.1": 1})
    reader.drain_all()
    assert reader.got == lines(3)


def test_what_was_left_out_of_a_log_is_no_reason_to_look_farther_back() -> None:
    """A post that repeats another counts as shown, and no reader lacks it."""
    log = Log(retention=10_000)
    log.publish([chunk(1), chunk(1, origin="b.1")])
    log.pass_over("b.1", 2)
    log.publish([chunk(3, origin="b.1")])
    for held, expected in (({"a.1": 1, "b.1": 1}, [3]), ({"a.1": 1, "b.1": 2}, [3]), ({"a.1": 1}, [1, 3])):
        reader = resumed(log, held)
        reader.drain_all()
        assert reader.got == lines(*expected)


# -- counting, patience, memory -------------------------------------------------------------------------------------


def test_each_line_is_delivered_once(log: Log) -> None:
    reader = resumed(log, {"a.1": 3, "c.1": 1}, room=30)
    reader.cursor.pump()
    assert log.delivered == 1
    reader.drain(9)
    assert log.delivered == 1
    reader.drain(1)
    assert log.delivered == 2
    reader.drain_all()
    assert log.delivered == 3


def test_a_line_that_a_message_finishes_is_delivered_once(log: Log) -> None:
    reader = resumed(log, {"a.1": 3, "c.1": 1}, room=30)
    reader.cursor.pump()
    reader.room = None
    reader.say(CONTROL + b"hello\n")
    assert log.delivered == 2
    reader.drain_all()
    assert log.delivered == 3


def test_taking_a_bit_of_what_was_missed_is_progress(log: Log) -> None:
    reader = resumed(log, {}, room=0)
    reader.cursor.pump()
    for now in range(100, 200, 20):
        assert log.stalled(float(now), patience=30.0) == []
        reader.drain(1)
    assert [log.stalled(now, patience=30.0) for now in (200.0, 229.0, 231.0)] == [[], [], [reader.cursor]]


def test_who_takes_it_in_time_gets_it_all() -> None:
    log = Log(retention=100)
    for sequence in range(1, 6):
        log.publish([chunk(sequence)])
    reader = resumed(log, {"a.1": 3}, room=5)
    reader.cursor.pump()
    for sequence in range(6, 9):
        log.publish([chunk(sequence)])
    assert log.first == 4
    reader.drain_all()
    assert reader.got == lines(*range(4, 9))


def test_who_takes_too_little_of_it_falls_out() -> None:
    """It costs its place, and no more: nothing is held for it that the log has forgotten."""
    log = Log(retention=100)
    for sequence in range(1, 6):
        log.publish([chunk(sequence)])
    reader = resumed(log, {"a.1": 1}, room=5)
    reader.cursor.pump()
    for sequence in range(6, 13):
        log.publish([chunk(sequence)])
    assert log.fallen_out() == [reader.cursor]
    assert not reader.drain(None)
    reader.say(CONTROL + b"goodbye\n")
    assert reader.got == lines(2) + CONTROL + b"goodbye\n"


# -- gaps -----------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_a_gap_for_whoever_lacks_it() -> None:
    log = Log(retention=100)
    for sequence in range(1, 6):
        log.publish([chunk(sequence), chunk(sequence, origin="b.1")])
    assert (log.start, log.forgotten) == (100, {"a.1": 3, "b.1": 2})
    assert log.gaps({}) == [("a.1", 1, 3), ("b.1", 1, 2)]
    assert log.gaps({"a.1": 1, "b.1": 2}) == [("a.1", 2, 3)]
    assert log.gaps({"a.1": 5, "b.1": 5}) == []


def test_what_was_skipped_is_a_gap() -> None:
    log = Log(retention=10_000)
    log.publish([chunk(1)])
    log.skip_to("a.1", 5)
    log.publish([chunk(6)])
    assert log.gaps({"a.1": 1}) == [("a.1", 2, 5)]
    assert log.gaps({"a.1": 5}) == []
    assert log.positions == {"a.1": 6}


def test_forgetting_what_lies_before_does_not_forget_what_was_skipped() -> None:
    log = Log(retention=30)
    log.publish([chunk(1)])
    log.skip_to("a.1", 5)
    log.publish([chunk(6)])
    assert log.first == 6
    assert log.gaps({"a.1": 1}) == [("a.1", 2, 5)]


def test_what_was_passed_over_is_no_gap() -> None:
    log = Log(retention=10_000)
    log.pass_over("a.1", 5)
    log.pass_over("a.1", 3)
    assert (log.positions, log.gaps({})) == ({"a.1": 5}, [])


def test_an_origin_that_is_dropped_is_not_known_any_more() -> None:
    log = Log(retention=10_000)
    log.skip_to("a.1", 5)
    log.drop("a.1")
    log.drop("nobody.1")
    assert (log.positions, log.gaps({})) == ({}, [])


# -- forgetting by age, and with another log ------------------------------------------------------------------------


def forgotten(log: Log) -> list[Chunk]:
    """What is forgotten from now on."""
    chunks: list[Chunk] = []
    log.on_forget = chunks.append
    return chunks


def test_whole_chunks_up_to_a_position_are_forgotten(log: Log) -> None:
    chunks = forgotten(log)
    log.forget_to(70)
    assert [(one.origin, one.last) for one in chunks] == [("a.1", 1), ("b.1", 2)]
    assert log.start == 60
    log.forget_to(60)
    assert log.start == 60


def test_the_last_chunk_stays(log: Log) -> None:
    log.forget_to(log.end)
    assert (log.size, log.read(log.start, 100)) == (20, lines(3))


def test_lines_up_to_a_sequence_are_forgotten_by_whole_chunks() -> None:
    log = Log(retention=10_000)
    for first in (1, 3, 5):
        log.publish([chunk(first, 2)])
    log.forget_through(3)
    assert log.first == 3
    log.forget_through(4)
    assert log.first == 5
    log.forget_through(99)
    assert (log.first, log.last) == (5, 6)


def test_each_chunk_is_told_when_it_is_forgotten() -> None:
    log = Log(retention=40)
    chunks = forgotten(log)
    for sequence in range(1, 6):
        log.publish([chunk(sequence)])
    assert [one.first for one in chunks] == [1, 2, 3]


def test_a_reader_behind_what_is_forgotten_by_age_falls_out(log: Log) -> None:
    reader = Reader(log, position=0, room=5)
    reader.cursor.pump()
    log.forget_to(60)
    assert log.fallen_out() == [reader.cursor]
    reader.room = None
    reader.say(CONTROL + b"goodbye\n")
    assert reader.got == lines(1) + CONTROL + b"goodbye\n"


def test_who_is_far_behind_can_be_told(log: Log) -> None:
    reader, quick = Reader(log, position=0, room=5), Reader(log)
    assert quick.cursor.pump()
    reader.cursor.pump()
    assert log.far_behind(134) == [reader.cursor]
    assert log.far_behind(135) == []

"""What a log promises its readers, one thing at a time; `test_model` tries everything at once."""

from collections.abc import Callable, Iterator

import pytest

from oyez.log import Chunk, Log
from oyez.log import log as log_module
from tests.log.readers import CONTROL, Reader, chunk, line


@pytest.fixture
def log() -> Log:
    return Log(retention=100)


@pytest.fixture
def small_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(log_module, "READ", 50)
    return iter([50])


def caught_up(log: Log) -> Reader:
    reader = Reader(log)
    assert reader.cursor.pump()
    return reader


# -- keeping up -----------------------------------------------------------------------------------------------------


def test_a_new_cursor_is_sent_nothing_before_its_first_pump(log: Log) -> None:
    reader = Reader(log)
    log.publish([chunk(1)])
    assert reader.got == b""
    assert reader.cursor.pump()
    assert reader.got == line(1)


def test_one_turn_is_one_send_to_each_cursor(log: Log) -> None:
    sends: list[bytes] = []

    def take(data: bytes) -> int:
        sends.append(data)
        return len(data)

    log.cursor(0, 1, take).pump()
    log.publish([chunk(1, origin="a.1"), chunk(7, origin="b.1"), chunk(2, 2, origin="a.1")])
    assert sends == [line(1) + line(7) + line(2) + line(3)]


def test_the_very_bytes_that_came_in_go_out(log: Log) -> None:
    """Nothing is copied for those who keep up."""
    sent: list[bytes] = []

    def take(data: bytes) -> int:
        sent.append(data)
        return len(data)

    log.cursor(0, 1, take).pump()
    published = chunk(1)
    log.publish([published])
    assert sent[0] is published.data


def test_who_comes_later_begins_later(log: Log) -> None:
    early = caught_up(log)
    log.publish([chunk(1)])
    late = caught_up(log)
    log.publish([chunk(2)])
    assert (early.got, late.got) == (line(1) + line(2), line(2))


def test_a_closed_cursor_reads_no_further(log: Log) -> None:
    reader, slow = caught_up(log), caught_up(log)
    slow.room = 0
    log.publish([chunk(1)])
    reader.cursor.close()
    slow.cursor.close()
    log.publish([chunk(2)])
    assert reader.got == line(1)
    assert slow.got == b""
    assert len(log.behind) == 0
    reader.cursor.close()  # twice does no harm


# -- falling behind -------------------------------------------------------------------------------------------------


def test_a_full_link_is_left_alone_until_it_drains(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 7
    log.publish([chunk(1)])
    log.publish([chunk(2)])
    assert reader.got == line(1)[:7]
    assert reader.cursor.blocked
    assert len(log.behind) == 1
    assert not reader.drain(5)
    assert reader.cursor.blocked
    assert reader.drain(None)
    assert reader.got == line(1) + line(2)
    log.publish([chunk(3)])
    assert reader.got == line(1) + line(2) + line(3)


def test_one_slow_reader_costs_the_others_nothing(log: Log) -> None:
    slow, quick = caught_up(log), caught_up(log)
    slow.room = 0
    for sequence in range(1, 50):
        log.publish([chunk(sequence)])
    assert quick.got == b"".join(line(sequence) for sequence in range(1, 50))


@pytest.mark.usefixtures("small_reads")
def test_who_catches_up_is_sent_a_bounded_amount_at_once(log: Log) -> None:
    log.publish([chunk(1, 5)])
    reader = Reader(log, position=0, room=10)
    assert not reader.cursor.pump()
    assert reader.cursor.blocked
    assert not reader.drain(None)
    assert len(reader.got) == 60
    assert not reader.cursor.blocked
    assert reader.cursor.pump()
    assert reader.got == chunk(1, 5).data


def test_a_cursor_that_waits_goes_on_where_it_was(log: Log) -> None:
    reader = caught_up(log)
    log.publish([chunk(1)])
    reader.cursor.wait()
    reader.cursor.wait()  # twice does no harm
    log.publish([chunk(2)])
    assert reader.got == line(1)
    assert reader.cursor.pump()
    assert reader.got == line(1) + line(2)


def test_pumping_a_cursor_that_keeps_up_does_nothing(log: Log) -> None:
    reader = caught_up(log)
    log.publish([chunk(1)])
    assert reader.cursor.pump()
    assert reader.got == line(1)


# -- messages between the lines -------------------------------------------------------------------------------------


def test_a_message_goes_behind_the_line_that_was_begun(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 27
    log.publish([chunk(1, 3)])
    reader.room = None
    reader.say(CONTROL + b"hello\n")
    assert reader.got == line(1) + line(2) + CONTROL + b"hello\n"
    reader.drain_all()
    assert reader.got == line(1) + line(2) + CONTROL + b"hello\n" + line(3)


@pytest.mark.parametrize("room", [0, 20, 40])
def test_between_two_lines_there_is_nothing_to_finish(log: Log, room: int) -> None:
    reader = caught_up(log)
    reader.room = room
    log.publish([chunk(1), chunk(2)])
    assert reader.cursor.finish_line() == b""


@pytest.mark.parametrize("room", [1, 19, 21, 39])
def test_the_rest_of_a_line_is_given_once(log: Log, room: int) -> None:
    reader = caught_up(log)
    reader.room = room
    log.publish([chunk(1), chunk(2)])
    rest = reader.cursor.finish_line()
    assert reader.got + rest == (line(1) if room < 20 else line(1) + line(2))
    assert reader.cursor.finish_line() == b""


def test_who_keeps_up_has_no_line_begun(log: Log) -> None:
    reader = caught_up(log)
    log.publish([chunk(1)])
    assert reader.cursor.finish_line() == b""


# -- retention ------------------------------------------------------------------------------------------------------


def test_the_log_forgets_what_is_more_than_it_retains(log: Log) -> None:
    for sequence in range(1, 100):
        log.publish([chunk(sequence)])
        assert log.size <= 100
    assert (log.first, log.last, log.size) == (95, 99, 100)


def test_a_line_longer_than_the_retention_is_held_until_the_next(log: Log) -> None:
    log.publish([chunk(1, length=500)])
    assert log.size == 500
    log.publish([chunk(2)])
    assert (log.first, log.size) == (2, 20)


def test_who_is_too_slow_falls_out(log: Log) -> None:
    slow, quick = caught_up(log), caught_up(log)
    slow.room = 0
    log.publish([chunk(1)])
    for sequence in range(2, 6):
        log.publish([chunk(sequence)])
    assert log.fallen_out() == []
    log.publish([chunk(6)])
    assert log.fallen_out() == [slow.cursor]
    assert not slow.drain(None)
    assert slow.got == b""
    assert quick.cursor.pump()


def test_nobody_tries_again_soon_for_a_reader_that_fell_out(log: Log) -> None:
    """It was catching up, its link had room: without this, the host would pump it in each turn for nothing."""
    reader = Reader(log)
    log.publish([chunk(1)])
    for sequence in range(2, 9):
        log.publish([chunk(sequence)])
    assert not reader.cursor.pump()
    assert reader.cursor.blocked


def test_a_line_that_was_begun_can_be_finished_though_it_is_forgotten(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 5
    log.publish([chunk(1, 3)])
    for sequence in range(4, 20):
        log.publish([chunk(sequence)])
    assert log.fallen_out() == [reader.cursor]
    reader.room = None
    reader.say(CONTROL + b"goodbye\n")
    assert reader.got == line(1) + CONTROL + b"goodbye\n"


def test_a_reader_that_comes_back_just_in_time_misses_nothing(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 5
    for sequence in range(1, 7):
        log.publish([chunk(sequence)])
    assert log.first == 2
    for room in (3, 3, None):
        reader.drain(room)
    assert reader.got == b"".join(line(sequence) for sequence in range(1, 7))


# -- counting -------------------------------------------------------------------------------------------------------


def test_lines_are_delivered_once_they_are_handed_over_whole(log: Log) -> None:
    reader, other = caught_up(log), caught_up(log)
    reader.room = 30
    log.publish([chunk(1, 2)])
    assert log.delivered == 3
    reader.drain(5)
    assert log.delivered == 3
    reader.say(CONTROL + b"hello\n")
    assert log.delivered == 4
    reader.drain_all()
    assert log.delivered == 4
    other.cursor.close()
    log.publish([chunk(3)])
    assert log.delivered == 5


def test_a_line_that_never_got_there_whole_was_not_delivered(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 5
    for sequence in range(1, 20):
        log.publish([chunk(sequence)])
    assert log.delivered == 0
    reader.cursor.close()
    assert log.delivered == 0


def test_a_torn_line_is_delivered_when_its_rest_has_left(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 5
    for sequence in range(1, 7):
        log.publish([chunk(sequence)])
    reader.drain(14)
    assert (reader.got, log.delivered) == (line(1)[:-1], 0)
    reader.drain(1)
    assert (reader.got, log.delivered) == (line(1), 1)


# -- patience -------------------------------------------------------------------------------------------------------


def test_a_reader_is_stalled_after_it_has_taken_nothing_for_long_enough(log: Log) -> None:
    reader, quick = caught_up(log), caught_up(log)
    assert quick.got == b""
    reader.room = 0
    log.publish([chunk(1)])
    assert [log.stalled(now, patience=30.0) for now in (100.0, 129.9)] == [[], []]
    assert log.stalled(130.0, patience=30.0) == [reader.cursor]


def test_a_reader_that_takes_a_little_now_and_then_is_not_stalled(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 0
    log.publish([chunk(1, 5)])
    for now in range(100, 200, 20):
        assert log.stalled(float(now), patience=30.0) == []
        reader.drain(1)


def test_taking_a_bit_of_a_torn_line_is_progress(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 5
    for sequence in range(1, 7):
        log.publish([chunk(sequence)])
    for now in range(100, 200, 20):
        assert log.stalled(float(now), patience=30.0) == []
        reader.drain(1)


def test_patience_begins_anew_with_each_falling_behind(log: Log) -> None:
    reader = caught_up(log)
    reader.room = 0
    log.publish([chunk(1)])
    assert log.stalled(100.0, patience=30.0) == []
    assert reader.drain(None)
    reader.room = 0
    log.publish([chunk(2)])
    assert log.stalled(200.0, patience=30.0) == []


# -- places ---------------------------------------------------------------------------------------------------------


def test_an_empty_log_begins_with_1(log: Log) -> None:
    assert (log.first, log.last, log.size, log.position_after(0)) == (1, 0, 0, 0)


def test_places_of_sequences(log: Log) -> None:
    log.publish([chunk(1, 2), chunk(3, 3)])
    assert [log.position_after(sequence) for sequence in range(6)] == [0, 20, 40, 60, 80, 100]
    log.publish([chunk(6)])
    assert [log.position_after(sequence) for sequence in range(7)] == [None, None, 40, 60, 80, 100, 120]


def test_a_sequence_that_was_not_reached_has_no_place(log: Log) -> None:
    log.publish([chunk(1)])
    with pytest.raises(ValueError, match="sequence 2 lies beyond the log's last, 1"):
        log.position_after(2)


def test_a_chunk_knows_where_its_lines_begin() -> None:
    lines = [line(7, 10), line(8, 30), line(9, 12)]
    run = Chunk("a.1", 7, 3, b"".join(lines))
    assert run.last == 9
    assert [run.offset(sequence) for sequence in (7, 8, 9, 10)] == [0, 10, 40, 52]


def test_a_chunk_can_be_taken_without_what_is_held_already() -> None:
    run = chunk(7, 3)
    assert run.after(0) is run
    assert run.after(6) is run
    assert run.after(7) == chunk(8, 2)
    assert run.after(8) == chunk(9)
    for sequence in (9, 20):
        assert run.after(sequence).count == 0
        assert run.after(sequence).data == b""


def test_reads_join_whole_chunks_up_to_the_limit(log: Log) -> None:
    log.publish([chunk(1), chunk(2), chunk(3)])
    data = line(1) + line(2) + line(3)
    assert log.read(0, 59) == data[:40]
    assert log.read(0, 60) == data
    assert log.read(0, 10) == data[:10]
    assert log.read(15, 30) == data[15:40]
    assert log.read(60, 10) == b""


def test_indexes_of_what_is_forgotten_are_dropped_in_time() -> None:
    log = Log(retention=100)
    for sequence in range(1, 5000):
        log.publish([chunk(sequence)])
    assert len(log._chunks) < 2100
    assert len(log._starts) == len(log._chunks)
    assert log.read(log.start, 20) == line(4995)
    assert log.position_after(4996) == log.start + 40


# -- a quick way to send, that takes no care -----------------------------------------------------------------------


def test_what_keeps_up_is_written_and_what_catches_up_is_sent(log: Log) -> None:
    ways: list[str] = []

    def way(name: str) -> Callable[[bytes], int]:
        def take(data: bytes) -> int:
            ways.append(name)
            return len(data)

        return take

    log.publish([chunk(1)])
    log.cursor(0, 1, way("send"), way("write")).pump()
    log.publish([chunk(2)])
    assert ways == ["send", "write"]


@pytest.mark.parametrize("room", [0, 7, len(line(1)) + 1])
def test_what_a_write_did_not_take_is_sent(log: Log, room: int) -> None:
    """A link that has room again between the two, one that has none, and one that is broken: `send` sees to it."""

    def write(data: bytes) -> int:
        if not room:
            raise BlockingIOError
        return reader.take(data[:room])

    reader, other = Reader(log), caught_up(log)
    reader.cursor.close()
    reader.cursor = log.cursor(0, 1, reader.take, write)
    reader.cursor.pump()
    log.publish([chunk(1, 2)])
    assert (reader.got, other.got) == (line(1) + line(2),) * 2
    assert (log.behind, log.delivered) == ([], 4)
    reader.room = 3
    log.publish([chunk(3)])
    assert (reader.got, other.got) == (line(1) + line(2) + line(3)[: max(3, min(room, 3))], line(1) + line(2) + line(3))
    assert (log.behind, log.delivered) == ([reader.cursor], 5)
    reader.drain_all()
    assert (reader.got, log.delivered) == (other.got, 6)

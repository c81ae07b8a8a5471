"""Failures that the simulator found, each as the smallest test that shows it."""

from oyez.log import Chunk, Log


class Reader:
    """A link that takes `room` bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.got = b""

    def __call__(self, data: bytes) -> int:
        taken = min(self.room, len(data))
        self.room -= taken
        self.got += data[:taken]
        return taken


def line(number: int, length: int = 20) -> bytes:
    return f"{number} ".encode().ljust(length - 1, b".") + b"\n"


def test_a_reader_torn_in_the_last_line_of_what_is_forgotten_still_gets_the_rest_of_it() -> None:
    """Seed 42: the rest of a long line was skipped when the reader came back just in time for the next one."""
    log = Log(retention=30)
    reader = Reader(room=10)
    cursor = log.cursor(0, 1, reader)
    assert cursor.pump()
    log.publish([Chunk("o", 1, 1, line(1))])
    log.publish([Chunk("o", 2, 1, line(2))])
    assert log.fallen_out() == []
    reader.room = 5  # not even the rest of the first line
    assert not cursor.pump()
    assert cursor.blocked
    reader.room = 100
    assert cursor.pump()
    assert reader.got == line(1) + line(2)


def test_a_reader_that_falls_out_in_the_very_turn_that_tore_its_line_can_be_told_so() -> None:
    """One turn may bring more than is retained: what a reader has begun must still be ended before the last word."""
    log = Log(retention=30)
    reader = Reader(room=10)
    cursor = log.cursor(0, 1, reader)
    assert cursor.pump()
    log.publish([Chunk("o", 1, 1, line(1)), Chunk("o", 2, 1, line(2)), Chunk("o", 3, 1, line(3))])
    assert log.fallen_out() == [cursor]
    assert reader.got + cursor.finish_line() == line(1)

"""Streams to lines: the same ones however the stream was cut, and never more kept than the limit."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.protocol import framing
from oyez.protocol.framing import MESSAGE_PREFIX, LineBuffer
from oyez.protocol.messages import Malformed

LIMIT = 64
BYTES = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"{}", b"\x00", b"\xff", b"\n\n"]), max_size=40)


def lines_of(chunks: list[bytes], limit: int = LIMIT) -> tuple[list[bytes], LineBuffer]:
    """What a link makes of these chunks."""
    buffer, lines = LineBuffer(limit), []
    for chunk in chunks:
        block = buffer.feed(chunk)
        if block:
            lines += framing.lines(block)
    return lines, buffer


def cut(data: st.DataObject, stream: bytes) -> list[bytes]:
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]


@given(stream=BYTES.map(b"".join), data=st.data())
def test_any_cutting_of_a_stream_gives_the_same_lines(stream: bytes, data: st.DataObject) -> None:
    lines, _ = lines_of(cut(data, stream))
    assert lines == [line.removesuffix(b"\r") for line in stream.split(b"\n")[:-1]]


@given(stream=BYTES.map(b"".join), data=st.data())
def test_what_is_unfinished_goes_on_later(stream: bytes, data: st.DataObject) -> None:
    _, buffer = lines_of(cut(data, stream))
    assert buffer.feed(b"!\n") == stream[stream.rfind(b"\n") + 1 :] + b"!\n"


def test_a_byte_at_a_time() -> None:
    stream = b'{"command":"LOGOUT"}\r\n{}\n'
    lines, _ = lines_of([bytes([byte]) for byte in stream])
    assert lines == [b'{"command":"LOGOUT"}', b"{}"]


def test_blank_lines_are_lines() -> None:
    assert lines_of([b"\n\r\n\n"])[0] == [b"", b"", b""]


def test_a_carriage_return_ends_no_line_and_only_one_is_dropped() -> None:
    assert lines_of([b"a\rb\r\r\nc\n"])[0] == [b"a\rb\r", b"c"]


def test_an_endless_line_is_seen_before_it_has_cost_much() -> None:
    buffer = LineBuffer(LIMIT)
    fed = 0
    while not buffer.overlong:
        buffer.feed(b"xxx")
        fed += 3
    assert LIMIT < fed <= LIMIT + 4


def test_a_line_of_exactly_the_limit_is_no_overlong_one() -> None:
    buffer = LineBuffer(LIMIT)
    buffer.feed(b"x" * LIMIT + b"\r")
    assert not buffer.overlong
    assert framing.lines(buffer.feed(b"\n")) == [b"x" * LIMIT]


def test_a_line_can_be_given_up() -> None:
    buffer = LineBuffer(LIMIT)
    buffer.feed(b"x" * 100)
    assert buffer.give_up() == b"x" * 100
    assert not buffer.overlong
    assert buffer.feed(b"y\n") == b"y\n"


def test_whole_lines_leave_nothing_behind() -> None:
    buffer = LineBuffer(LIMIT)
    buffer.feed(b"x" * 10 * LIMIT + b"\ny")
    assert not buffer.overlong


def test_the_limit_is_named_to_who_exceeds_it() -> None:
    assert framing.too_long(64) == Malformed("the line is longer than 64 bytes", "line_too_long")


ACTIVITY = MESSAGE_PREFIX + b'"id":"a.1-1","activity":{}}\n'


HEARTBEAT = b'{"command":"HEARTBEAT"}\n'


@pytest.mark.parametrize("block", [ACTIVITY, ACTIVITY * 3])
def test_a_block_of_activities_stays_whole(block: bytes) -> None:
    ((are_activities, piece),) = framing.runs(block)
    assert are_activities
    assert piece is block


@pytest.mark.parametrize("other", [HEARTBEAT, b"\n", b" " + ACTIVITY, b"{\n", MESSAGE_PREFIX[:-1] + b"\n"])
def test_what_is_no_activity_stands_alone(other: bytes) -> None:
    assert list(framing.runs(other)) == [(False, other)]
    assert list(framing.runs(other * 2)) == [(False, other)] * 2
    assert list(framing.runs(ACTIVITY * 2 + other + ACTIVITY)) == [
        (True, ACTIVITY * 2),
        (False, other),
        (True, ACTIVITY),
    ]
    assert list(framing.runs(other + ACTIVITY + other)) == [(False, other), (True, ACTIVITY), (False, other)]


@given(st.lists(st.sampled_from([ACTIVITY, HEARTBEAT, b"\n", b"\r\n", b" \n"]), min_size=1, max_size=8))
def test_runs_are_as_long_as_they_can_be_and_lose_nothing(lines: list[bytes]) -> None:
    found = list(framing.runs(b"".join(lines)))
    assert [line for _, piece in found for line in piece.splitlines(keepends=True)] == lines
    assert all(are_activities == (piece == ACTIVITY * piece.count(ACTIVITY)) for are_activities, piece in found)
    assert not any(one and other for (one, _), (other, _) in pairwise(found))


@given(lines=st.lists(st.integers(0, 12), min_size=1, max_size=12), limit=st.integers(1, 12))
def test_lines_within_a_limit_are_told_from_others(lines: list[int], limit: int) -> None:
    block = b"".join(b"x" * length + b"\n" for length in lines)
    assert framing.within(block, limit) == (max(lines) <= limit)

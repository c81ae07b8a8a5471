"""The encoding of WebSocket, held against another implementation of it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, OPEN, SERVER, Protocol

from oyez.web import frames
from oyez.web.frames import Unframer

LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=300), max_size=8)
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 70000]


def client() -> Protocol:
    return Protocol(CLIENT, state=OPEN, max_size=None)


def heard(data: bytes) -> list[bytes]:
    """The messages that a client makes of this."""
    other = client()
    other.receive_data(data)
    assert other.parser_exc is None
    events = other.events_received()
    framed = [event for event in events if isinstance(event, Frame)]
    assert all(frame.opcode is Opcode.TEXT and frame.fin for frame in framed)
    return [bytes(frame.data) for frame in framed]


def said(*messages: bytes, cuts: int = 1) -> bytes:
    """Messages as a client sends them, each in so many frames."""
    other = client()
    for message in messages:
        size = max(1, -(-len(message) // cuts))
        pieces = [message[at : at + size] for at in range(0, len(message), size)] or [b""]
        for index, piece in enumerate(pieces):
            fin = index == len(pieces) - 1
            (other.send_continuation if index else other.send_text)(piece, fin)
    return b"".join(other.data_to_send())


def fed(data: bytes, sizes: list[int] | None = None) -> tuple[Unframer, bytes, bytes]:
    """All of this, cut at these sizes again and again."""
    unframer, text, answers = Unframer(), b"", b""
    sizes_again = itertools.cycle(sizes or [max(1, len(data))])
    while data and not unframer.over:
        size = next(sizes_again)
        piece, data = data[:size], data[size:]
        more, again = unframer.feed(piece)
        text, answers = text + more, answers + again
    return unframer, text, answers


@pytest.mark.parametrize("size", SIZES)
def test_a_line_is_one_message_whatever_its_length(size: int) -> None:
    lines = b"a" * size + b"\nb\n"
    assert heard(frames.frames(lines)) == [b"a" * size, b"b"]


@given(LINES)
def test_a_client_hears_the_lines(lines: list[str]) -> None:
    encoded = [line.encode() for line in lines]
    if encoded:
        assert heard(frames.frames(b"".join(line + b"\n" for line in encoded))) == encoded


@given(LINES, st.integers(1, 4), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_messages_are_lines_however_they_are_cut(lines: list[str], cuts: int, sizes: list[int]) -> None:
    messages = [line.encode() for line in lines]
    unframer, text, answers = fed(said(*messages, cuts=cuts), sizes)
    assert text == b"".join(message + b"\n" for message in messages)
    assert not unframer.over
    assert not answers


@pytest.mark.parametrize("size", SIZES)
def test_messages_of_all_lengths_are_read(size: int) -> None:
    assert fed(said(b"x" * size), [1000])[1] == b"x" * size + b"\n"


def test_a_message_on_several_lines_is_one_line() -> None:
    assert fed(said(b'{\n "a": 1\n}'))[1] == b'{  "a": 1 }\n'


def test_what_has_come_of_a_message_is_not_kept() -> None:
    unframer = Unframer()
    data = said(b"x" * 1000)
    assert unframer.feed(data[:500])[0] == b"x" * (500 - 8)
    assert unframer.feed(data[500:])[0] == b"x" * 508 + b"\n"


@pytest.mark.parametrize("sizes", [[1], [3], [1000]])
def test_pings_are_answered_also_within_a_message(sizes: list[int]) -> None:
    other = client()
    other.send_text(b"one ", fin=False)
    other.send_ping(b"are you there?")
    other.send_continuation(b"message", fin=True)
    other.send_pong(b"unasked")
    unframer, text, answers = fed(b"".join(other.data_to_send()), sizes)
    assert text == b"one message\n"
    assert not unframer.over
    other.receive_data(answers)
    [pong] = other.events_received()
    assert isinstance(pong, Frame)
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"are you there?")


def test_a_close_is_answered_with_its_code_and_ends_the_reading() -> None:
    other = client()
    other.send_close(1001, "tab closed")
    unframer, text, answers = fed(b"".join(other.data_to_send()) + said(b"late"))
    assert unframer.ended == frames.GOING_AWAY
    assert text == b""
    other.receive_data(answers)
    [close] = other.events_received()
    assert isinstance(close, Frame)
    assert Close.parse(close.data).code == 1001


def masked(first: int, payload: bytes = b"", size: int | None = None) -> bytes:
    return bytes([first, 0x80 | (len(payload) if size is None else size)]) + bytes(4) + payload


@pytest.mark.parametrize(
    ("data", "code", "about"),
    [
        (b"\x81\x01a", frames.PROTOCOL_ERROR, "masked"),
        (masked(0xC1), frames.PROTOCOL_ERROR, "reserved"),
        (masked(0x83), frames.PROTOCOL_ERROR, "opcode 3"),
        (masked(0x8B), frames.PROTOCOL_ERROR, "opcode 11"),
        (masked(0x82), frames.UNSUPPORTED, "text"),
        (masked(0x80), frames.PROTOCOL_ERROR, "continuation"),
        (masked(0x01) + masked(0x81), frames.PROTOCOL_ERROR, "continuation"),
        (masked(0x09), frames.PROTOCOL_ERROR, "control frame"),
        (masked(0x89, size=126), frames.PROTOCOL_ERROR, "control frame"),
    ],
)
def test_what_a_client_must_not_send(data: bytes, code: int, about: str) -> None:
    unframer, text, _ = fed(said(b"good") + data + said(b"late"), [1])
    assert unframer.failure is not None
    assert unframer.failure.code == code
    assert about in unframer.failure.why
    assert text.startswith(b"good\n")
    assert b"late" not in text


@given(LINES.filter(bool), st.data())
def test_where_the_last_frame_ends_that_has_begun(lines: list[str], data: st.DataObject) -> None:
    block = b"".join(line.encode() + b"\n" for line in lines)
    framed = frames.frames(block)
    taken = data.draw(st.integers(0, len(framed)))
    end, of_lines = frames.begun(block, taken)
    assert end >= taken
    assert frames.frames(block[:of_lines]) == framed[:end] if of_lines else end == 0
    shorter = [line.encode() for line in lines]
    whole = block[:of_lines].count(b"\n")
    before = frames.frames(b"".join(line + b"\n" for line in shorter[: whole - 1])) if whole > 1 else b""
    assert taken == 0 or len(before) < taken


def test_a_reason_is_cut_to_what_a_frame_holds() -> None:
    other = Protocol(CLIENT, state=OPEN)
    other.receive_data(frames.closing(frames.PROTOCOL_ERROR, "ä" * 200))
    assert SERVER is not CLIENT
    assert other.parser_exc is None or "utf" in str(other.parser_exc).lower()

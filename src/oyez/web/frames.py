"""The encoding of WebSocket (RFC 6455): lines to frames, frames to lines. Pure.

Each text message is one line; a line end within a message, which JSON may have between its values, becomes a space.
Guarantees: whatever comes, and however it is cut, the text of each message comes out once, with one line end; it comes
out as it comes in, so that nothing but an unfinished header, or a control frame, waits here (at most 125 bytes), and
lines that are too long or never end are the host's business, as on any link. Must not know: what a line says.

No extension is spoken: what is compressed for one reader can't be shared with the next.
"""

from struct import Struct
from typing import NamedTuple

try:
    from websockets.speedups import apply_mask as _unmasked
except ImportError:  # where the library has come without its C part

    def _unmasked(data: "bytes | bytearray | memoryview[int]", mask: bytes | bytearray) -> bytes:
        size = len(data)
        key = (mask * (size // 4 + 1))[:size]
        return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Section 11.8."""

NORMAL, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, NO_STATUS = 1000, 1001, 1002, 1003, 1005
"""Why a connection is closed: section 7.4.1."""

_FIN, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_CONTROL = 0x8
_SHORT, _LONGER, _LONGEST = 125, 126, 127
_HEADS = [bytes([_FIN | TEXT, size]) for size in range(_SHORT + 1)]
_longer_head = Struct(">BBH").pack


class Failure(NamedTuple):
    """What the other side did that it must not do. `code`: see `NORMAL`."""

    code: int
    why: str


def frames(lines: bytes) -> bytes:
    """Whole lines, each as one text message without its end."""
    parts: list[bytes] = []
    for line in lines[:-1].split(b"\n"):
        size = len(line)
        if size <= _SHORT:
            parts += (_HEADS[size], line)
        elif size < 1 << 16:
            parts += (_longer_head(_FIN | TEXT, _LONGER, size), line)
        else:
            parts += (_head(TEXT, size), line)
    return b"".join(parts)


def begun(lines: bytes, taken: int) -> tuple[int, int]:
    """How many bytes of `frames(lines)` all frames have together of which the first `taken` bytes have anything, and
    how many bytes of the lines these are."""
    framed = of_lines = 0
    while framed < taken:
        end = lines.index(b"\n", of_lines)
        size = end - of_lines
        framed += size + (2 if size <= _SHORT else 4 if size < 1 << 16 else 10)
        of_lines = end + 1
    return framed, of_lines


def control(opcode: int, payload: bytes = b"") -> bytes:
    """A control frame."""
    return _head(opcode, len(payload)) + payload


def closing(code: int, why: str = "") -> bytes:
    """The frame that closes a connection; `why` is cut to what a control frame holds."""
    return control(CLOSE, code.to_bytes(2, "big") + why.encode()[: _SHORT - 2])


def _head(opcode: int, size: int) -> bytes:
    first = _FIN | opcode
    if size <= _SHORT:
        return bytes([first, size])
    if size < 1 << 16:
        return bytes([first, _LONGER]) + size.to_bytes(2, "big")
    return bytes([first, _LONGEST]) + size.to_bytes(8, "big")


class Unframer:
    """What a client sends. `ended` is the code with which it has closed, `failure` what it did wrong: after either,
    nothing more is to be read."""

    __slots__ = ("_begun", "_control", "_fin", "_head", "_left", "_mask", "_opcode", "ended", "failure")

    def __init__(self) -> None:
        self.ended: int | None = None
        self.failure: Failure | None = None
        self._head = b""  # of a frame, until it is whole
        self._left = 0  # bytes of the payload that have not come yet
        self._mask = b""  # for the next byte and those behind it; empty: no frame has begun
        self._opcode = 0
        self._fin = False
        self._begun = False  # a message that goes on in another frame
        self._control = b""  # what there is of a control frame's payload

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what has come: what is new of lines, and what is to be answered."""
        text: list[bytes] = []
        answers: list[bytes] = []
        if self._head:
            data, self._head = self._head + data, b""
        at = 0
        while at < len(data) and not self.over:
            if not self._mask:
                if not self._begun:
                    at = _whole(data, at, text)
                    if at == len(data):
                        break
                size = self._begin(data, at)
                if not size:
                    self._head = data[at:]
                    break
                at += size
            end = min(at + self._left, len(data))
            self._payload(data[at:end], text, answers)
            at = end
        return b"".join(text), b"".join(answers)

    @property
    def over(self) -> bool:
        """Is nothing more to be read?"""
        return self.ended is not None or self.failure is not None

    def _begin(self, data: bytes, at: int) -> int:
        """The header at this place: its size; 0 where it is not all there, or is wrong."""
        if len(data) - at < 2:
            return 0
        first, second = data[at], data[at + 1]
        if not self._may_begin(first, second):
            return 0
        size = second & 0x7F
        longer = 2 if size == _LONGER else 8 if size == _LONGEST else 0
        header = 2 + longer + 4
        if len(data) - at < header:
            return 0
        self._left = int.from_bytes(data[at + 2 : at + 2 + longer], "big") if longer else size
        self._mask = data[at + header - 4 : at + header]
        self._fin, self._opcode = bool(first & _FIN), first & 0xF
        return header

    def _may_begin(self, first: int, second: int) -> bool:
        opcode, fin, size = first & 0xF, first & _FIN, second & 0x7F
        if first & _RESERVED:
            return self._fail("reserved bits are set, and no extension was agreed on")
        if not second & _MASKED:
            return self._fail("what a client sends has to be masked")
        if opcode & _CONTROL:
            if opcode not in (CLOSE, PING, PONG):
                return self._fail(f"there is no opcode {opcode}")
            if not fin or size > _SHORT:
                return self._fail("a control frame is whole, and at most 125 bytes long")
            return True
        if opcode == BINARY:
            return self._fail("messages are text: one JSON object each", UNSUPPORTED)
        if opcode not in (TEXT, CONTINUATION):
            return self._fail(f"there is no opcode {opcode}")
        if (opcode == CONTINUATION) != self._begun:
            return self._fail("a message goes on in continuation frames, and nothing else does")
        return True

    def _fail(self, why: str, code: int = PROTOCOL_ERROR) -> bool:
        self.failure = Failure(code, why)
        return False

    def _payload(self, piece: bytes, text: list[bytes], answers: list[bytes]) -> None:
        """The next piece of the frame that has begun, which may be empty, or its end."""
        self._left -= len(piece)
        plain = _unmasked(piece, self._mask)
        if self._left:
            turn = len(piece) % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
        else:
            self._mask = b""
        if self._opcode & _CONTROL:
            self._control += plain
            if not self._left:
                self._controlled(answers)
            return
        text.append(plain.replace(b"\n", b" "))
        if not self._left:
            self._begun = not self._fin
            if self._fin:
                text.append(b"\n")

    def _controlled(self, answers: list[bytes]) -> None:
        payload, self._control = self._control, b""
        if self._opcode == PING:
            answers.append(control(PONG, payload))
        elif self._opcode == CLOSE:
            self.ended = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
            answers.append(control(CLOSE, payload[:2]))


def _whole(data: bytes, at: int, text: list[bytes]) -> int:
    """Take the text messages that are whole, in one frame each, and follow one another from this place on: nearly all
    there are. Returns where they end."""
    size = len(data)
    while size - at >= 8 and data[at] == _FIN | TEXT:
        begin, length = at + 6, data[at + 1] - _MASKED
        if length == _LONGER:
            begin, length = at + 8, data[at + 2] << 8 | data[at + 3]
        elif not 0 <= length <= _SHORT:
            break
        end = begin + length
        if end > size:
            break
        line = _unmasked(data[begin:end], data[begin - 4 : begin])
        text += (line.replace(b"\n", b" ") if b"\n" in line else line, b"\n")
        at = end
    return at

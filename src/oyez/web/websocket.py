"""A client over WebSocket: its messages are the lines of any other client (DESIGN section 3, ADR 14).

Guarantees: a turn's activities are framed once for all readers that keep up (`Fanout`), and each is sent them with one
call. Must not know: what a line says.
"""

from collections.abc import Callable

from oyez.host import Host, Link, Transport
from oyez.web import frames
from oyez.web.frames import Unframer
from oyez.web.recoded import Recoded


class Fanout:
    """What was framed last, for all readers of one node: they are given the same lines one after another."""

    __slots__ = ("framed", "lines")

    def __init__(self) -> None:
        self.lines = self.framed = b""

    def frames(self, lines: bytes) -> bytes:
        """These lines, framed; the same object each time for the same object."""
        if lines is not self.lines:
            self.framed = frames.frames(lines)
            self.lines = lines
        return self.framed


class WebSocketLink(Recoded):
    """From the end of the opening handshake on."""

    __slots__ = ("_fanout", "_unframer")

    def __init__(self, host: Host, link: Link, transport: Transport, fanout: Fanout) -> None:
        super().__init__(host, link, transport)
        self._fanout = fanout
        self._unframer = Unframer()

    # -- the host's side ----------------------------------------------------------------------------------------

    @property
    def write(self) -> Callable[[bytes], int]:
        """See `host.Transport`: all readers share the frames."""
        inner, fanout = self._inner.write, self._fanout

        def write(data: bytes) -> int:
            framed = fanout.framed if data is fanout.lines else fanout.frames(data)
            if self._rest or self.over:
                raise BlockingIOError
            left = inner(framed)
            return len(data) if left == len(framed) else self._partly(data, framed, left)

        return write

    def encode(self, lines: bytes) -> bytes:
        """See `Recoded`."""
        return frames.frames(lines) if lines else b""

    def begun(self, lines: bytes, taken: int) -> tuple[int, int]:
        """See `Recoded`."""
        return frames.begun(lines, taken)

    def last_words(self) -> bytes:
        """See `Recoded`."""
        return frames.closing(frames.NORMAL)

    # -- the transport's side -----------------------------------------------------------------------------------

    def received(self, link: Link, data: bytes) -> None:
        """See `host.Hearer`."""
        if self.over:
            return
        unframer = self._unframer
        text, answers = unframer.feed(data)
        if text:
            self._host.received(link, text)
        if unframer.failure is not None:
            self.end(frames.closing(*unframer.failure))
        elif unframer.ended is not None:
            self.end(answers)
        elif answers:
            self.say(answers)

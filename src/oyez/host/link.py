"""One link, between a transport and the role: the lines that come in, and what has not left yet.

Guarantees: what is sent leaves in order, and a message never in the middle of an activity line. Knows no role.
"""

from oyez.host.ports import Transport
from oyez.log import Cursor
from oyez.protocol import framing

PIECE = 256 * 1024
"""Most of these bytes that are sent at once, because what is sent is copied."""


class Link:
    """One connection, between a transport and the role."""

    __slots__ = (
        "buffer",
        "choked",
        "closing",
        "cursor",
        "guest",
        "held",
        "id",
        "outbox",
        "stranger",
        "transport",
        "trusted",
        "waiting",
    )

    def __init__(self, id: int, transport: Transport, limit: int) -> None:
        self.id = id
        self.transport = transport
        self.buffer = framing.LineBuffer(limit)
        self.waiting: list[bytes] = []  # lines that came while nothing was heard
        self.outbox = bytearray()  # what the transport did not take yet, apart from the log
        self.cursor: Cursor | None = None
        self.held = False  # by the role
        self.choked = False  # by its own answers, which it does not take
        self.closing = False
        self.trusted = False
        self.guest = False  # accepted, and not trusted
        self.stranger = False  # accepted, and neither trusted nor a reader of the log

    def send(self, data: bytes) -> None:
        """Send behind everything that has been sent, between two lines of the log."""
        if self.cursor is not None and self.cursor.behind:
            data = self.cursor.finish_line() + data
        if self.outbox:
            self.outbox += data
            return
        taken = self.transport.send(data)
        if taken < len(data):
            self.outbox += data[taken:]
            if self.cursor is not None:
                self.cursor.wait()

    @property
    def deaf(self) -> bool:
        """Is nothing heard on it now?"""
        return self.held or self.choked

    def drained(self) -> bool:
        """Send what waits, then from the log. True when there is more that the transport would take at once."""
        if self.outbox:
            piece = bytes(self.outbox[:PIECE])
            taken = self.transport.send(piece)
            del self.outbox[:taken]
            if self.outbox:
                return taken == len(piece)
        if self.cursor is None:
            return False
        return not self.cursor.pump() and not self.cursor.blocked

"""A reader of a log with a link that takes only so much: what `host.Link` does, and no more."""

from collections.abc import Mapping

from oyez.log import Chunk, Cursor, Log

CONTROL = b"! "
"""How the messages begin that go between the lines of the log."""


class Reader:
    """Reads `log` from `position` on, through a link that takes `room` bytes (None: any number)."""

    def __init__(self, log: Log, position: int | None = None, room: int | None = None, owner: int = 0) -> None:
        self.room = room
        self.got = b""
        self.outbox = b""
        self.place = log.end if position is None else position
        self.cursor: Cursor = log.cursor(self.place, owner, self.take)

    @classmethod
    def resuming(cls, log: Log, held: Mapping[str, int], room: int | None = None, owner: int = 0) -> "Reader":
        """One that holds each origin up to there already."""
        reader = cls(log, room=room, owner=owner)
        reader.cursor.close()
        reader.cursor = log.resume(held, owner, reader.take)
        return reader

    def take(self, data: bytes) -> int:
        """The link's send."""
        taken = len(data) if self.room is None else min(self.room, len(data))
        if self.room is not None:
            self.room -= taken
        self.got += data[:taken]
        return taken

    def say(self, message: bytes) -> None:
        """Send a message between two lines."""
        if self.cursor.behind:
            message = self.cursor.finish_line() + message
        if self.outbox:
            self.outbox += message
            return
        self.outbox = message[self.take(message) :]
        if self.outbox:
            self.cursor.wait()

    def drain(self, room: int | None) -> bool:
        """The link has room for so much more; True once this reader keeps up."""
        self.room = room
        self.outbox = self.outbox[self.take(self.outbox) :]
        return not self.outbox and self.cursor.pump()

    def drain_all(self) -> None:
        """The link takes everything again."""
        while not self.drain(None):
            pass

    @property
    def handed(self) -> bytes:
        """What has been handed to this link, whether it left or waits."""
        return self.got + self.outbox

    @property
    def activities(self) -> bytes:
        """That, without the messages between the lines."""
        lines = self.handed.splitlines(keepends=True)
        return b"".join(line for line in lines if not line.startswith(CONTROL))


def line(sequence: int, length: int = 20) -> bytes:
    """An activity line, as far as a log is concerned."""
    return b"%d " % sequence + b"." * (length - len(str(sequence)) - 2) + b"\n"


def chunk(first: int, count: int = 1, length: int = 20, origin: str = "a.1") -> Chunk:
    """Lines `first`, `first + 1` …"""
    return Chunk(origin, first, count, b"".join(line(first + index, length) for index in range(count)))

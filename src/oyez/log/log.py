"""The hot path: append-only logs of activity lines, and the cursors that read them (DESIGN section 1, ADR 2).

A `Log` holds chunks: runs of lines of one origin, each line encoded once, in the bytes in which it travels. A cursor
is a place in a log and a way to send; whoever is behind, slow, new or reconnecting is one case: it reads on from its
place. What is published in one loop turn leaves as one send per cursor.

Guarantees: every cursor is sent the log's bytes from its place on, whole, in order, once; the log never holds more
than `retention` bytes (plus one turn's); a cursor costs no memory beyond its place. Bytes in, the same bytes out.
Must not know: sockets, clocks, sessions, what is in a line. Synchronous; times are given by the caller.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping

from oyez.log.chunk import Chunk

READ = 256 * 1024
"""Most bytes that a cursor which is catching up is sent at once: nobody waits long behind it."""

SCAN = 5000
"""Most chunks that are looked at for that, where the reader holds most of them."""

Send = Callable[[bytes], int]
"""Hands bytes to a link, returns how many it took. Fewer than given: it is full and will say when it drains."""


_FORGOTTEN = Chunk("", 0, 0, b"")


class Cursor:
    """A reader's place in a log: a byte position, and the send that takes what follows it.

    While it keeps up its place is the log's end; `position` counts only once it has fallen behind. `blocked` tells
    that the link took less than it was given, `owner` is the number of the link. `held` says how far a reader that
    resumes holds each origin already: until it keeps up, that much is left out.
    """

    __slots__ = ("_log", "behind", "blocked", "held", "moved_at", "owner", "position", "send", "torn", "write")

    def __init__(self, log: "Log", owner: int, send: Send, write: Send) -> None:
        self._log = log
        self.owner = owner
        self.send = send
        self.write = write
        self.behind = False
        self.blocked = False
        self.position = 0
        self.moved_at = 0.0
        self.torn = b""  # the rest of a begun line that is not to be had from the log any more
        self.held: Mapping[str, int] | None = None

    def pump(self) -> bool:
        """Send what the link takes, a bounded amount. True once the cursor keeps up; else go on when the link drains,
        or soon where it is not `blocked`."""
        return self._log.pump(self)

    def finish_line(self) -> bytes:
        """The rest of the line that was begun, to be sent before anything else; the place moves behind it."""
        return self._log.finish_line(self)

    def wait(self) -> None:
        """Send nothing until the next `pump`: the link has something else to say first."""
        self._log.fall_behind(self, self._log.end)
        self.blocked = True

    def close(self) -> None:
        """Read no further."""
        self._log.forget(self)


class Log:
    """An append-only log with its cursors. Positions are byte offsets since the log began."""

    def __init__(self, retention: int) -> None:
        self.retention = retention
        self.start = 0
        self.end = 0
        self.delivered = 0  # lines handed over whole, to all cursors together
        self.sent = 0  # bytes handed over, to all cursors together
        self._chunks: list[Chunk] = []
        self._starts: list[int] = []
        self._dropped = 0  # chunks before this index are forgotten, and cut off now and then
        self.on_forget: Callable[[Chunk], None] | None = None
        self.positions: dict[str, int] = {}  # how far this log has come, by origin
        self.forgotten: dict[str, int] = {}  # up to where it holds nothing any more, by origin
        self._current: dict[Cursor, Send] = {}
        self._behind: dict[Cursor, None] = {}

    # -- writing ------------------------------------------------------------------------------------------------

    def publish(self, chunks: list[Chunk], silently: bool = False) -> None:
        """Append one turn's chunks and send them, unless `silently`, to every cursor that keeps up."""
        before, readers = self.end, 0 if silently else len(self._current)
        for chunk in chunks:
            self._chunks.append(chunk)
            self._starts.append(self.end)
            self.end += len(chunk.data)
            self.delivered += chunk.count * readers
            self.positions[chunk.origin] = chunk.last
        if readers:
            self.sent += (self.end - before) * readers
            self._send_on(before, chunks)
        # Last: whoever took only a part of this turn keeps the rest of the line that it began.
        self.forget_to(self.end - self.retention, beyond=True)

    def _send_on(self, before: int, chunks: list[Chunk]) -> None:
        data = chunks[0].data if len(chunks) == 1 else b"".join([chunk.data for chunk in chunks])
        size = len(data)
        full = []
        for cursor, write in self._current.items():
            try:
                if (taken := write(data)) != size:
                    full.append((cursor, taken))
            except OSError:
                full.append((cursor, 0))
        for cursor, taken in full:
            taken += cursor.send(data[taken:])
            if taken != size:
                self.delivered -= data.count(b"\n", taken)
                self.sent -= size - taken
                cursor.blocked = True
                self.fall_behind(cursor, before + taken)

    def skip_to(self, origin: str, sequence: int) -> None:
        """What this origin has up to here will not be in this log: it is a gap for whoever lacks it."""
        self.positions[origin] = self.forgotten[origin] = sequence

    def pass_over(self, origin: str, sequence: int) -> None:
        """What this origin has up to here is in this log, or repeats what is."""
        self.positions[origin] = max(sequence, self.positions.get(origin, 0))

    def drop(self, origin: str) -> None:
        """It is not even known any more how far this origin came."""
        self.positions.pop(origin, None)
        self.forgotten.pop(origin, None)

    def forget_to(self, position: int, beyond: bool = False) -> None:
        """Forget the chunks that end at this position or before it (`beyond`: that begin before it), but the last."""
        until = self._dropped
        while until < len(self._chunks) - 1 and (
            self._starts[until] < position if beyond else self._starts[until + 1] <= position
        ):
            until += 1
        self._forget(until)

    def forget_through(self, sequence: int) -> None:
        """Forget the lines up to this one, in a log of a single origin; the last chunk stays."""
        until = self._dropped
        while until < len(self._chunks) - 1 and self._chunks[until].last <= sequence:
            until += 1
        self._forget(until)

    def _forget(self, until: int) -> None:
        """The chunks before this index."""
        if until == self._dropped:
            return
        start = self._starts[until]
        for cursor in self._behind:
            if self.start < cursor.position < start:
                cursor.torn = self._tear(cursor)
        for index in range(self._dropped, until):
            chunk, self._chunks[index] = self._chunks[index], _FORGOTTEN
            self.forgotten[chunk.origin] = max(chunk.last, self.forgotten.get(chunk.origin, 0))  # it may have skipped
            if self.on_forget is not None:
                self.on_forget(chunk)
        self.start, self._dropped = start, until
        if until > 1024 and until * 2 > len(self._chunks):
            del self._chunks[:until], self._starts[:until]
            self._dropped = 0

    # -- cursors ------------------------------------------------------------------------------------------------

    def cursor(self, position: int, owner: int, send: Send, write: Send | None = None) -> Cursor:
        """A new cursor that will read from `position` on at its first `pump`. `write` is a quicker `send`, but may
        raise OSError, and has taken nothing then."""
        cursor = Cursor(self, owner, send, write or send)
        self.fall_behind(cursor, position)
        return cursor

    def resume(self, held: Mapping[str, int], owner: int, send: Send, write: Send | None = None) -> Cursor:
        """A new cursor whose reader holds each origin up to there already: it will be sent all that is here and that
        it does not hold, then what follows. `gaps` tells what is not here any more."""
        index = self._first_lacking(held)
        cursor = self.cursor(self._starts[index] if index < len(self._chunks) else self.end, owner, send, write)
        cursor.held = held
        return cursor

    def _first_lacking(self, held: Mapping[str, int]) -> int:
        """Index of the earliest chunk of which the reader lacks anything."""
        lacking = {origin for origin, last in self.positions.items() if last > held.get(origin, 0)}
        earliest = len(self._chunks)
        for index in range(len(self._chunks) - 1, self._dropped - 1, -1):
            if not lacking:
                break
            chunk = self._chunks[index]
            if chunk.origin in lacking:
                if chunk.last > held.get(chunk.origin, 0):
                    earliest = index
                if chunk.first <= held.get(chunk.origin, 0) + 1:
                    lacking.discard(chunk.origin)
        return earliest

    def gaps(self, held: Mapping[str, int]) -> list[tuple[str, int, int]]:
        """Origin, first and last sequence of what a reader with these positions can't be given any more."""
        return [
            (origin, held.get(origin, 0) + 1, last)
            for origin, last in sorted(self.forgotten.items())
            if last > held.get(origin, 0)
        ]

    def fall_behind(self, cursor: Cursor, position: int) -> None:
        """The cursor's link is full: it goes on from `position` when it drains."""
        if not cursor.behind:
            cursor.behind = True
            cursor.position = position
            cursor.moved_at = 0.0
            self._current.pop(cursor, None)
            self._behind[cursor] = None

    def pump(self, cursor: Cursor) -> bool:
        """One read's worth for a cursor that is behind; True once it keeps up again."""
        if not cursor.behind:
            return True
        if cursor.position < self.start:
            cursor.blocked = True  # for good: it has fallen out, and nobody need try again soon
            return False
        if cursor.torn:
            taken = cursor.send(cursor.torn)
            self.sent += taken
            cursor.torn = cursor.torn[taken:]
            cursor.moved_at = 0.0 if taken else cursor.moved_at
            cursor.blocked = bool(cursor.torn)
            if cursor.torn:
                return False
            self.delivered += 1
        if cursor.held is not None:
            self._send_lacking(cursor, cursor.held)
        elif data := self.read(cursor.position, READ):
            self._moved(cursor, data, taken := cursor.send(data))
            cursor.position += taken
        if cursor.position < self.end:
            return False
        cursor.behind, cursor.held = False, None
        del self._behind[cursor]
        self._current[cursor] = cursor.write
        return True

    def _moved(self, cursor: Cursor, data: bytes, taken: int) -> None:
        cursor.blocked = taken < len(data)
        cursor.moved_at = 0.0 if taken else cursor.moved_at
        self.delivered += data.count(b"\n", 0, taken)
        self.sent += taken

    def _send_lacking(self, cursor: Cursor, held: Mapping[str, int]) -> None:
        """One read's worth of what is behind the cursor's place and its reader does not hold."""
        cursor.blocked = False
        if cursor.position >= self.end:
            return
        index = bisect_right(self._starts, cursor.position, self._dropped) - 1
        parts, ends, size = [], [], 0  # where each part ends, in what is sent and in the log
        for at in range(index, min(index + SCAN, len(self._chunks))):
            chunk, start = self._chunks[at], self._starts[at]
            if cursor.position > start:  # it was within this chunk already
                part = chunk.data[cursor.position - start :]
            else:
                part = chunk.after(held.get(chunk.origin, 0)).data
            cursor.position = start + len(chunk.data)
            if part:
                parts.append(part)
                size += len(part)
                ends.append((size, cursor.position))
            if size >= READ:
                break
        if not parts:
            return
        data = b"".join(parts)
        taken = cursor.send(data)
        self._moved(cursor, data, taken)
        if taken < size:
            end, position = next(end for end in ends if end[0] > taken)
            cursor.position = position - (end - taken)

    def finish_line(self, cursor: Cursor) -> bytes:
        """See `Cursor.finish_line`."""
        rest = cursor.torn or self._tear(cursor)
        cursor.torn = b""
        self.delivered += bool(rest)
        self.sent += len(rest)
        return rest

    def _tear(self, cursor: Cursor) -> bytes:
        """The rest of the line that the cursor has begun, if it has; its place moves behind it."""
        if not cursor.behind or not self.start < cursor.position < self.end:
            return b""
        chunk, offset = self._at(cursor.position - 1)
        if chunk.data[offset] == 0x0A:
            return b""
        rest = chunk.data[offset + 1 : chunk.data.index(b"\n", offset) + 1]
        cursor.position += len(rest)
        return rest

    def forget(self, cursor: Cursor) -> None:
        """See `Cursor.close`."""
        self._current.pop(cursor, None)
        self._behind.pop(cursor, None)

    def fallen_out(self) -> list[Cursor]:
        """Cursors whose next byte is no longer retained: they can't be served on."""
        start = self.start
        return [cursor for cursor in self._behind if cursor.position < start]

    def far_behind(self, size: int) -> list[Cursor]:
        """Cursors that are behind by more than so many bytes."""
        return [cursor for cursor in self._behind if self.end - cursor.position > size]

    def stalled(self, now: float, patience: float) -> list[Cursor]:
        """Cursors that are behind and have not moved for `patience` seconds. Ask about once a second."""
        slow = []
        for cursor in self._behind:
            if not cursor.moved_at:
                cursor.moved_at = now
            elif now - cursor.moved_at >= patience:
                slow.append(cursor)
        return slow

    @property
    def behind(self) -> list[Cursor]:
        """Those that do not keep up."""
        return list(self._behind)

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, position: int, limit: int) -> bytes:
        """The bytes from `position` on, at least to the end of a chunk or `limit`, at most `limit`."""
        if position >= self.end:
            return b""
        index = bisect_right(self._starts, position, self._dropped) - 1
        skip = position - self._starts[index]
        first = self._chunks[index].data
        if len(first) - skip >= limit:
            return first[skip : skip + limit]
        parts = [first[skip:]]
        size = len(parts[0])
        for later in range(index + 1, len(self._chunks)):
            data = self._chunks[later].data
            size += len(data)
            if size > limit:
                break
            parts.append(data)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def position_after(self, sequence: int) -> int | None:
        """Where the line after `sequence` begins, in a log of a single origin; None if it is no longer held.

        Raises ValueError for a sequence that this log has not reached.
        """
        if sequence > self.last:
            raise ValueError(f"sequence {sequence} lies beyond the log's last, {self.last}")
        if sequence == self.last:
            return self.end
        if self._dropped == len(self._chunks) or sequence + 1 < self._chunks[self._dropped].first:
            return None
        index = bisect_right(self._chunks, sequence + 1, self._dropped, key=lambda chunk: chunk.first) - 1
        return self._starts[index] + self._chunks[index].offset(sequence + 1)

    @property
    def last(self) -> int:
        """Sequence of the newest line, in a log of a single origin; 0 while it is empty."""
        return self._chunks[-1].last if self._chunks else 0

    @property
    def first(self) -> int:
        """Sequence of the oldest line held, in a log of a single origin; 1 while it is empty."""
        return self._chunks[self._dropped].first if self._chunks else 1

    @property
    def size(self) -> int:
        """Bytes held."""
        return self.end - self.start

    def _at(self, position: int) -> tuple[Chunk, int]:
        index = bisect_right(self._starts, position, self._dropped) - 1
        return self._chunks[index], position - self._starts[index]

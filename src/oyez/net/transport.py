"""One link on a TCP socket: the host's `Transport`, and the network's part of the hot path.

`send` is one system call and nothing else; what the kernel does not take stays with the caller (in the log, mostly),
so a slow reader costs no memory here. Reads are bounded per readiness event, so that nobody starves. No method calls
the host: what it has to be told comes from the loop, the end of a link exactly once.

Why not the event loop's own transports: they take everything that they are given and keep a buffer per connection,
which is the one thing that the log exists to avoid. Must not know: lines, messages, roles.
"""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from oyez.host import Hearer, Link
from oyez.net.guard import GuardedLoop
from oyez.net.poller import ALL, LITTLE, MUCH, NOTHING, READ, WRITE, Poller

READ_SIZE = 64 * 1024
"""Most bytes that are read from one link at once. Python allocates as much before each read; from 128 KiB on, glibc
asks the kernel for such a piece each time, which makes a small read three times as expensive (7 us become 23); and
what is decoded in pieces of this size stays in the processor's cache."""

SLICE = 0.001
"""Seconds after which no more is read from one link in a turn: what takes so long to hear, a thousand short posts, say,
is enough for each send, and others wait for it."""

LINGER = 2.0
"""Seconds for which a link that we have ended is still read, and what comes thrown away: closing a socket with unread
input makes the kernel send a reset, which would take our last words back from the peer."""

LINGER_BYTES = 8 * 1024 * 1024
"""Most bytes that are thrown away so."""

LAST_WORDS = 5.0
"""Seconds in which the peer has to take what it is still sent."""

SILENCE_MS = 35_000
"""Milliseconds after which the kernel gives up a peer that acknowledges nothing. More than the 30 s after which a role
closes a slow consumer: the kernel counts a peer that leaves its window shut as silent, and can't tell it why."""

_NO_LINGER = struct.pack("ii", 1, 0)

_OPEN, _CLOSING, _LINGERING, _ENDED = range(4)


def tune(sock: socket.socket) -> None:
    """Set what each of our links needs. On Linux, accepted sockets inherit it from the listening one."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # turns are coalesced above
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)


class SocketTransport:
    """A connected, tuned socket. `start` begins to read; `ended` is called once, after the host has been told."""

    __slots__ = (
        "_deadline",
        "_discarded",
        "_ended",
        "_failing",
        "_fd",
        "_full",
        "_link",
        "_loop",
        "_paused",
        "_poller",
        "_rest",
        "_socket",
        "_state",
        "_wanted",
        "hearer",
    )

    hearer: Hearer

    def __init__(
        self,
        sock: socket.socket,
        loop: GuardedLoop,
        poller: Poller,
        ended: Callable[["SocketTransport"], None],
    ) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self._loop = loop
        self._poller = poller
        self._link: Link | None = None
        self._ended = ended
        self._state = _OPEN
        self._wanted = 0  # what the poller watches for
        self._paused = False
        self._full = False  # the last send took less than it was given
        self._failing = False  # the end has been asked for, and comes soon
        self._rest = b""
        self._discarded = 0
        self._deadline: asyncio.TimerHandle | None = None

    def start(self, link: Link) -> None:
        """Read for this link from now on."""
        self._link = link
        self._watch_input()

    @property
    def _is_open(self) -> bool:
        """Is it neither closing nor about to end?"""
        return self._state == _OPEN and not self._failing

    # -- the host's side ----------------------------------------------------------------------------------------

    @property
    def write(self) -> Callable[[bytes], int]:
        """See `host.Transport`: the system call alone."""
        return self._socket.send

    def send(self, data: bytes) -> int:
        """See `host.Transport`."""
        try:
            taken = self._socket.send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self._end_soon()
            return len(data)
        if taken != len(data):
            self._full = True
            self._want(self._wanted | WRITE)
        return taken

    def pause(self) -> None:
        """See `host.Transport`."""
        self._paused = True
        self._watch_input()

    def resume(self) -> None:
        """See `host.Transport`."""
        self._paused = False
        self._watch_input()

    def close(self, rest: bytes) -> None:
        """See `host.Transport`. The peer has 5 s to take what is left, then 2 s to close its side."""
        if self._state != _OPEN:
            return
        self._state = _CLOSING
        self._rest = rest
        self._say_last_words()
        if self._state == _CLOSING:
            self._deadline = self._loop.later(LAST_WORDS, self._cut)
        self._watch_input()

    def abort(self) -> None:
        """See `host.Transport`."""
        self._reset_on_close()
        self._end_soon()
        self._socket.close()  # now: in a flood, others wait for its descriptor in this very turn

    def drop(self) -> None:
        """Let go of the socket and tell nobody: for when the loop has failed."""
        self._link = None
        self._end()

    # -- the loop's side ----------------------------------------------------------------------------------------

    def ready(self, events: int, most: int) -> int:
        """See `poller.Watched`. Nodes need not wait for others: what they bring is for all."""
        read = NOTHING
        if events & self._wanted & READ:
            guest = self._link is not None and self._link.guest
            read = self._read(most if guest else ALL)
            if not guest:
                read = NOTHING
        if events & self._wanted & WRITE:
            self._writable()
        return read

    def _read(self, most: int) -> int:
        """Read so many bytes at most, which may be in several pieces; much is a whole one."""
        size = min(most, READ_SIZE)
        if not self._readable(size):
            return LITTLE
        until = time.monotonic() + SLICE
        while (most := most - size) > 0 and self._wanted & READ and time.monotonic() < until:
            if not self._readable(size):
                break
        return MUCH

    def _readable(self, size: int) -> bool:
        """Read a piece; true when there is probably more."""
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._end()
        elif self._state == _OPEN:
            self._hear(data)
        else:
            self._discarded += len(data)
            if self._discarded > LINGER_BYTES:
                self._end()
        return len(data) == size

    def _hear(self, data: bytes) -> None:
        assert self._link is not None
        self.hearer.received(self._link, data)

    def _writable(self) -> None:
        self._full = False
        if self._state == _OPEN:
            assert self._link is not None
            self.hearer.drained(self._link)
        else:
            self._say_last_words()
        if not self._full:
            self._want(self._wanted & ~WRITE)

    def _watch_input(self) -> None:
        """Read where the host wants it; once it has closed, always: see `LINGER`."""
        wanted = self._state != _OPEN or (self._link is not None and not self._paused)
        if wanted and not self._failing:
            self._want(self._wanted | READ)
        else:
            self._want(self._wanted & ~READ)

    def _want(self, wanted: int) -> None:
        if wanted != self._wanted:
            self._poller.watch(self._fd, self, self._wanted, wanted)
            self._wanted = wanted

    # -- the end ------------------------------------------------------------------------------------------------

    def _say_last_words(self) -> None:
        if self._state != _CLOSING:
            return
        if self._rest:
            self._rest = self._rest[self.send(self._rest) :]
        if self._rest or not self._said_all() or self._failing:
            return
        self._state = _LINGERING
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._end_soon()
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.later(LINGER, self._end)

    def _said_all(self) -> bool:
        """Has everything left that is to be said before the end?"""
        return True

    def _cut(self) -> None:
        self._reset_on_close()
        self._end()

    def _reset_on_close(self) -> None:
        """Let the kernel forget what it holds for a peer that does not take it."""
        with suppress(OSError):  # it may be gone already
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)

    def _end_soon(self) -> None:
        if not self._failing:
            self._failing = True
            self._want(0)
            self._loop.soon(self._end)

    def _end(self) -> None:
        if self._state == _ENDED:
            return
        self._state = _ENDED
        self._failing = True
        self._want(0)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._socket.close()
        link, self._link = self._link, None  # the link holds us, too: without a cycle, both go at once
        if link is not None:
            self.hearer.closed(link)
        self._ended(self)

"""How links begin, before the host is told of them: the first byte of those that come, and TLS's handshake (ADR 10).

Guarantees: whoever says nothing, or does not get through the handshake, is let go after a while, and no role ever hears
of them; each beginning ends in exactly one call, or none once this is closed; handshakes, which are the dearest thing
that a stranger can ask for (half a millisecond each), get no more time than all else that happens meanwhile, so that
those who are in don't wait behind a crowd. Must not know: what is spoken on a link once it is there.
"""

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from oyez.net.channel import RECORD, Channel, why
from oyez.net.guard import GuardedLoop
from oyez.net.poller import NOTHING, READ, WRITE, Poller
from oyez.net.records import HEADER

PATIENCE = 10.0
"""Seconds that whoever comes has for their first byte, and again for the handshake."""

TLS = 0x16
"""The first byte of a link over TLS; no line, and no request of HTTP, begins with it."""

VERSION = 3
"""The major version of all of TLS, the second byte of every record."""

READ_SIZE = 4 * 1024
"""Bytes that are read at once; a flight of a handshake is less, mostly."""

LONGEST = 16 * 1024
"""Bytes that who comes has for the handshake: enough for any but the strangest certificates. OpenSSL takes 100 KiB of
them, and looks for who has issued which among hundreds, for 40 milliseconds."""

Done = Callable[["Secured | str"], None]

Choose = Callable[[bytes], ssl.SSLContext]
"""What to answer with to the first record of whoever comes."""


class Secured(NamedTuple):
    """A handshake that is done. `rest` is what the socket has not taken yet of what the channel has said."""

    sock: socket.socket
    channel: Channel
    rest: bytes


class Beginnings:
    """All that are under way."""

    def __init__(self, loop: GuardedLoop, poller: Poller) -> None:
        self._loop = loop
        self._poller = poller
        self._under_way: dict[_Beginning, None] = {}  # the oldest first
        self._due: deque[_Handshake] = deque()
        self._left = 0.0  # when others were given their turn

    def __len__(self) -> int:
        return len(self._under_way)

    def first_byte(self, sock: socket.socket, done: Callable[[socket.socket, int | None], None]) -> None:
        """Call `done` with the first byte that comes, which is left where it is; None: none came."""
        self._add(_FirstByte(self, sock, PATIENCE, done), READ)

    def accept(self, sock: socket.socket, choose: Choose, done: Done) -> None:
        """The handshake with somebody who has begun one; a text says why nothing came of it, and the socket is gone."""
        self._add(_Handshake(self, sock, PATIENCE, choose, done), READ)

    def dial(self, sock: socket.socket, context: ssl.SSLContext, hostname: str, within: float, done: Done) -> None:
        """The handshake with a host that was dialed. Raises ValueError for a name that no certificate could hold."""
        handshake = _Handshake(self, sock, within, Channel(context, hostname), done)
        self._add(handshake, 0)
        self.due(handshake)

    def close(self) -> None:
        """End all of them; nobody is called."""
        for beginning in list(self._under_way):
            beginning.release().close()
        self._due.clear()

    def end_oldest(self) -> None:
        """There are too many: the one that has taken longest makes room."""
        oldest = next((one for one in self._under_way if not one.own), None)
        if oldest is not None:
            oldest.expired()

    def due(self, handshake: "_Handshake") -> None:
        """It can go on: that will be its turn."""
        if not self._due:
            self._turn_soon()
        self._due.append(handshake)

    def _turn_soon(self) -> None:
        self._left = time.monotonic()
        self._loop.soon(self._turn)

    def _turn(self) -> None:
        """One step, or as many as fit into the time that others have had since the last one."""
        began = time.monotonic()
        others = began - self._left
        while self._due:
            self._due.popleft().step()
            if time.monotonic() - began >= others:
                break
        if self._due:
            self._turn_soon()

    def _add(self, beginning: "_Beginning", wanted: int) -> None:
        self._under_way[beginning] = None
        beginning.deadline = self._loop.later(beginning.patience, beginning.expired)
        beginning.watch(wanted)

    def watch(self, beginning: "_Beginning", before: int, wanted: int) -> None:
        """Watch its socket for this from now on."""
        self._poller.watch(beginning.sock.fileno(), beginning, before, wanted)

    def forget(self, beginning: "_Beginning") -> None:
        """It is no more."""
        self._under_way.pop(beginning, None)


class _Beginning:
    """A link that the host does not know yet."""

    __slots__ = ("_all", "_wanted", "deadline", "own", "patience", "sock")

    def __init__(self, all: Beginnings, sock: socket.socket, patience: float) -> None:
        self.sock = sock
        self.patience = patience
        self.deadline: asyncio.TimerHandle | None = None
        self.own = False  # it is this side that has dialed
        self._all = all
        self._wanted = 0

    @property
    def over(self) -> bool:
        """Has its end been told?"""
        return self.deadline is None

    def watch(self, wanted: int) -> None:
        """Watch for this."""
        if wanted != self._wanted:
            self._all.watch(self, self._wanted, wanted)
            self._wanted = wanted

    def release(self) -> socket.socket:
        """The beginning is over: the socket is somebody else's now."""
        self.watch(0)
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        self._all.forget(self)
        return self.sock

    def ready(self, events: int, most: int) -> int:
        """See `poller.Watched`."""
        raise NotImplementedError

    def expired(self) -> None:
        """It has taken too long."""
        raise NotImplementedError


class _FirstByte(_Beginning):
    """Waits for it."""

    __slots__ = ("_done",)

    def __init__(
        self,
        all: Beginnings,
        sock: socket.socket,
        patience: float,
        done: Callable[[socket.socket, int | None], None],
    ) -> None:
        super().__init__(all, sock, patience)
        self._done = done

    def ready(self, events: int, most: int) -> int:
        """See `poller.Watched`."""
        try:
            first = self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return NOTHING
        except OSError:
            first = b""
        self._done(self.release(), first[0] if first else None)
        return NOTHING

    def expired(self) -> None:
        """See `_Beginning`."""
        self._done(self.release(), None)


class _Handshake(_Beginning):
    """Does it, a step at each turn that it is given."""

    __slots__ = ("_came", "_done", "_hello", "_how", "_rest", "_spoken")

    def __init__(
        self, all: Beginnings, sock: socket.socket, patience: float, how: Channel | Choose, done: Done
    ) -> None:
        super().__init__(all, sock, patience)
        self._how = how
        self.own = isinstance(how, Channel)
        self._hello = b""  # of who comes, until there is a channel
        self._done = done
        self._came = 0  # bytes
        self._rest = b""
        self._spoken = False

    def ready(self, events: int, most: int) -> int:
        """See `poller.Watched`."""
        self.watch(0)
        self._all.due(self)
        return NOTHING

    def step(self) -> None:
        """Go on with what has come."""
        if self.over:
            return
        came, ended = self._receive()
        if ended and not self._spoken:  # before anything was spent on it: so a crowd that has given up costs little
            self._fail("the link was closed before the handshake")
            return
        if not self._advance(came):
            return
        if ended:
            self._fail("the link was closed during the handshake")
        elif self._came >= LONGEST and not self.own:
            self._fail(f"the handshake was not done after {LONGEST} bytes")
        else:
            self.watch(READ | WRITE if self._rest else READ)

    def _advance(self, came: bytes) -> bool:
        """Is there more to be done?"""
        if not isinstance(self._how, Channel):
            self._hello += came
            if not _is_whole(self._hello):
                return True
            came, self._hello = self._hello, b""
            self._how = Channel(self._how(came))
        channel = self._how
        try:
            done = channel.handshake(came)
        except ssl.SSLError as error:
            self._say(channel)
            self._fail(why(error))
            return False
        self._say(channel)
        if done:
            self._done(Secured(self.release(), channel, self._rest))
        return not done

    def _receive(self) -> tuple[bytes, bool]:
        """What has come, and whether nothing more will."""
        came, ended = b"", False
        try:
            while len(came) < READ_SIZE and not ended:
                piece = self.sock.recv(READ_SIZE - len(came))
                came += piece
                ended = not piece
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        self._came += len(came)
        return came, ended

    def _say(self, channel: Channel) -> None:
        """What the channel has to say; what the socket does not take has to wait."""
        self._rest += channel.output()
        self._spoken = self._spoken or bool(self._rest)
        if self._rest:
            with suppress(OSError):  # full, or broken: then reading will tell
                self._rest = self._rest[self.sock.send(self._rest) :]

    def expired(self) -> None:
        """See `_Beginning`."""
        self._fail(f"the handshake was not done within {self.patience:.2g} s")

    def _fail(self, why: str) -> None:
        self.release().close()
        self._done(why)


def _is_whole(hello: bytes) -> bool:
    """Is the first record there (RFC 8446, section 5.1), or what can be none?"""
    if len(hello) < HEADER:
        return False
    length = int.from_bytes(hello[3:HEADER])
    return hello[1] != VERSION or length > RECORD or len(hello) >= HEADER + length

"""Accepts connections on one port and hands each on as a socket.

A flood of connects is taken in slices of time, so that the links there are have their turns in between; when the
process or the machine has no more file descriptors, accepting rests for a moment and goes on: the flood waits in the
backlog and nothing else suffers. Must not know: what becomes of a connection.
"""

import errno
import socket
import sys
import time
from collections.abc import Callable, Mapping

from oyez.core.peer import From
from oyez.net.guard import GuardedLoop
from oyez.net.transport import tune
from oyez.protocol.messages import Address

BACKLOG = 4096
"""Connections that the kernel keeps for us; it may have a lower bound of its own (net.core.somaxconn)."""

LEAST, MOST = 0.0005, 0.01
"""Seconds for which is accepted in one turn: as long as all else has taken since the turn before, within these. So a
flood that costs little is done with in short turns, and whoever is connected hardly waits; and when thousands of
clients come at once, whose logins fill the turns, accepting keeps half of the time: else the backlog would fill, and
the kernel asks those that find it full to wait for seconds."""

REST = 0.5
"""Seconds in which nothing is accepted after the descriptors have run out."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class ListenError(Exception):
    """This address can't be listened on; the message says which, and why."""


class Listener:
    """Listens from the moment it is made, and accepts from `start` on. `address` has the real port.

    Raises ListenError.
    """

    def __init__(self, address: Address) -> None:
        self._socket = _bound(address)
        self.address = Address(address.hostname, self._socket.getsockname()[1])
        self.outside = not From.at(self._socket.getsockname()[0]).loopback
        """Can other machines connect?"""
        self._watched = False
        self._left: float | None = None  # when a turn ended before the backlog did; None: it was empty
        self._loop: GuardedLoop
        self._accepted: Callable[[socket.socket, str], None]
        self._report: Callable[[str, Mapping[str, object]], None]

    def start(
        self,
        loop: GuardedLoop,
        accepted: Callable[[socket.socket, str], None],
        report: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        """Accept from now on: `accepted` gets each connected socket, tuned, and its peer's address; `report` hears
        of trouble."""
        self._loop = loop
        self._accepted = accepted
        self._report = report
        self._watch()

    def close(self) -> None:
        """Accept nothing more; who waits in the backlog is refused."""
        if self._watched:
            self._loop.no_reads(self._socket.fileno())
            self._watched = False
        self._socket.close()

    def _watch(self) -> None:
        if self._socket.fileno() >= 0 and not self._watched:
            self._watched = True
            self._loop.on_readable(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        began = time.monotonic()
        others = 0.0 if self._left is None else began - self._left
        self._left = None
        until = began + min(MOST, max(LEAST, others))
        while self._socket.fileno() >= 0:  # whoever is told of a connection may close all this
            try:
                sock, peer = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                    return
                if time.monotonic() >= until:
                    return
                continue  # that one connection broke before we took it
            if sys.platform == "linux":
                sock.setblocking(False)  # the rest is inherited
            else:
                tune(sock)
            self._accepted(sock, peer[0])
            now = time.monotonic()
            if now >= until:
                self._left = now
                return

    def _rest(self, error: OSError) -> None:
        self._report("accepting_paused", {"why": error.strerror, "seconds": REST})
        self._loop.no_reads(self._socket.fileno())
        self._watched = False
        self._loop.later(REST, self._watch)


def _bound(address: Address) -> socket.socket:
    hostname, port = address.hostname, address.port
    try:
        found = socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError) as error:
        raise ListenError(f"cannot listen on {address}: the name is not known here ({error})") from error
    # A name may have addresses of both kinds; the older kind is what its clients are likelier to try.
    found.sort(key=lambda candidate: candidate[0] != socket.AF_INET)
    family, _, _, _, name = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # `::` takes both kinds
        tune(sock)
        sock.bind(name)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from error
    return sock

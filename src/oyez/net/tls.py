"""One link over TLS: the host's `Transport` on a socket, like `transport`, with a `Channel` in between (ADR 10).

`send` encrypts only while no ciphertext waits, and a bounded piece at once: so what a slow reader costs here is that
piece, and all else stays with the caller, as on a plain link. What it has encrypted it has taken: the caller goes on
behind it. Must not know: lines, messages, roles, certificates.
"""

import socket
import ssl
from collections.abc import Callable, Mapping

from oyez.host import Link
from oyez.net.channel import Channel, is_refusal, why
from oyez.net.guard import GuardedLoop
from oyez.net.poller import WRITE, Poller
from oyez.net.transport import READ_SIZE, SocketTransport

PIECE = 64 * 1024
"""Most bytes that are encrypted at once."""

OWED = 64 * 1024
"""Most bytes of TLS's own answers (to requests for new keys) that wait for a peer who does not read; who lets more pile
up is cut."""


class TlsTransport(SocketTransport):
    """A socket whose handshake with `address` is done. `rest` is what the channel has said and the socket has not taken
    yet."""

    __slots__ = ("_address", "_channel", "_cipher", "_parted", "_report")

    def __init__(
        self,
        sock: socket.socket,
        loop: GuardedLoop,
        poller: Poller,
        ended: Callable[[SocketTransport], None],
        report: Callable[[str, Mapping[str, object]], None],
        address: str,
        channel: Channel,
        rest: bytes,
    ) -> None:
        super().__init__(sock, loop, poller, ended)
        self._report = report
        self._address = address
        self._channel = channel
        self._cipher = rest
        self._parted = False  # the peer has been told that nothing more comes

    def start(self, link: Link) -> None:
        """Read for this link from now on; what came with the handshake is heard at once."""
        super().start(link)
        self._flush()
        if self._is_open:
            self._hear(b"")

    @property
    def write(self) -> Callable[[bytes], int]:
        """See `host.Transport`."""
        return self.send

    def send(self, data: bytes) -> int:
        """See `host.Transport`."""
        taken, size = 0, len(data)
        while taken < size and not self._cipher and not self._failing:
            piece = data[taken : taken + PIECE]
            try:
                self._cipher = self._channel.encrypt(piece)
            except ssl.SSLError as error:
                self._broken(error)
            taken += len(piece)
            self._flush()
        return size if self._failing else taken

    def _flush(self) -> bool:
        """Send what is encrypted; true once nothing of it waits."""
        if not self._cipher:
            return True
        try:
            sent = self._socket.send(self._cipher)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._cipher = b""
            self._hear_why()
            self._end_soon()
            return True
        self._cipher = self._cipher[sent:]
        if not self._cipher:
            return True
        self._full = True
        self._want(self._wanted | WRITE)
        return False

    def _writable(self) -> None:
        if self._flush():
            super()._writable()

    def _hear(self, data: bytes) -> None:
        pieces: list[bytes] = []
        broken = None
        try:
            self._channel.decrypt(data, pieces)
        except ssl.SSLError as error:
            broken = error
        if pieces:
            assert self._link is not None
            self.hearer.received(self._link, pieces[0] if len(pieces) == 1 else b"".join(pieces))
        self._cipher += self._channel.output()
        self._flush()
        if broken is not None:
            self._broken(broken)
        elif len(self._cipher) > PIECE + OWED:
            self.abort()
        elif self._channel.ended:
            self._end_soon()

    def _broken(self, error: ssl.SSLError) -> None:
        """What comes is not what the peer has sent, or it is the peer who says so of ours; or, in TLS 1.3, it is only
        now that the peer says what it thinks of our certificate."""
        fields = {"address": self._address, "why": why(error)}
        if self._channel.dialed and is_refusal(error):
            self._report("certificate_refused", fields)
        else:
            self._report("tls_broken", fields)
        self._end_soon()

    def _hear_why(self) -> None:
        """The peer takes nothing more: it may have said why before."""
        if self._channel.dialed and not self._failing:
            try:
                self._channel.decrypt(self._socket.recv(READ_SIZE), [])
            except ssl.SSLError as error:
                self._broken(error)
            except OSError:
                pass  # nothing was said

    def _said_all(self) -> bool:
        if not self._flush():
            return False
        if not self._parted and not self._failing:
            self._parted = True
            self._cipher = self._channel.goodbye()
        return self._flush()

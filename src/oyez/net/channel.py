"""TLS from bytes to bytes: one end of an encrypted link, with no socket behind it (ADR 10).

OpenSSL is given memory to read from and to write to, never the socket: its own retry after a partial write demands that
the same bytes be given to it again, and a link may have said something else in between. Guarantees: what it holds of
what came and of what leaves is a record or two, whatever the peer does; what was decrypted before an error is not lost
with it. Must not know: sockets, links, whose certificates are good.
"""

import ssl
from contextlib import suppress

from oyez.net.records import Records

RECORD = 16 * 1024
"""Bytes that TLS puts into one record at most. OpenSSL is given no more to write at once: the memory that it writes to,
and the one that it reads from, grow with what is put there, and never shrink."""

PIECE = 4 * 1024
"""Bytes that it is given to read at once."""

SILENT = 64
"""Records that may say nothing, and one more for each 16 that do. A request for new keys is such a one: 27 bytes, and
20 microseconds of work, a hundred times what as many bytes of a line cost. OpenSSL counts them not at all, and nobody
needs more than one in gigabytes."""

STRANGE = (18, 19, 20, 21)
"""What OpenSSL says of a certificate whose authority it does not know, in its four ways."""

_PROBLEMS = {
    **dict.fromkeys(STRANGE, "an authority that is not known here has issued it"),
    9: "it is not valid yet, by the clock of this machine",
    10: "it has expired",
}

_REASONS = {
    "WRONG_VERSION_NUMBER": "the other end does not speak TLS",
    "HTTP_REQUEST": "the other end does not speak TLS",
    "UNSUPPORTED_PROTOCOL": "the other end speaks only versions of TLS that are too old",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the other end speaks only versions of TLS that are too old",
    "NO_SHARED_CIPHER": "the other end speaks no cipher that is safe enough",
    "TLSV1_ALERT_UNKNOWN_CA": "the other end does not know the authority that has issued this end's certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the other end finds this end's certificate bad",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the other end says that this end's certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the other end does not accept this end's certificate",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the other end says that this end's certificate was called back",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "this end's certificate is not one for what it is used for",
    "TLSV1_ALERT_ACCESS_DENIED": "the other end does not let in whoever has this end's certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other end wants a certificate",
    "NO_SUITABLE_KEY_SHARE": "the other end does not agree on keys with P-256",
    "TOO_MANY_SILENT_RECORDS": "the other end keeps this one busy with records that say nothing",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the other end and this one could not agree on how to speak TLS",
}


def why(error: ssl.SSLError) -> str:
    """What has gone wrong, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = _PROBLEMS.get(error.verify_code) or error.verify_message
        return f"the certificate of the other end is not good: {problem}"
    reason = error.reason or "unknown"
    return _REASONS.get(reason) or f"TLS failed: {reason.lower().replace('_', ' ')}"


_OF_CERTIFICATES = (
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
)


def is_refusal(error: ssl.SSLError) -> bool:
    """Has the other end refused this end's certificate?"""
    return error.reason in _OF_CERTIFICATES


class Channel:
    """One end of a link. With a `hostname` it is the end that has dialed, and checks that the other end is that:
    raises ValueError for one that no certificate could hold."""

    __slots__ = ("_incoming", "_outgoing", "_records", "_silent", "_tls", "ended")

    def __init__(self, context: ssl.SSLContext, hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        accepting = hostname is None
        if hostname is not None and "\0" in hostname:  # a TypeError of Python's; resolvers take what is before it
            raise ValueError("a zero byte is in no host name")
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=accepting, server_hostname=hostname)
        self._records = Records()
        self._silent = -SILENT * 16  # sixteenths of records that said nothing, beyond what is allowed
        self.ended = False
        """Has the other end said that nothing more will come?"""

    def handshake(self, came: bytes) -> bool:
        """Go on with what came; true once it is done. What is to be sent is in `output`, also after an error.

        Raises ssl.SSLError.
        """
        self._incoming.write(came)
        self._records.follow(came)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    @property
    def certified(self) -> bool:
        """Has the other end shown a certificate? One that is not good would have ended the handshake."""
        return bool(self._tls.getpeercert(binary_form=True))

    @property
    def dialed(self) -> bool:
        """Is this the end that has dialed?"""
        return not self._tls.server_side

    def output(self) -> bytes:
        """What TLS itself has to say, by now."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """These bytes, as they are to be sent, behind whatever is due besides. Raises ssl.SSLError."""
        if len(data) <= RECORD:
            self._tls.write(data)
            return self._outgoing.read()
        pieces = []
        for start in range(0, len(data), RECORD):
            self._tls.write(data[start : start + RECORD])
            pieces.append(self._outgoing.read())
        return b"".join(pieces)

    def decrypt(self, data: bytes, into: list[bytes]) -> None:
        """Put what the other end has said into the list, as far as it can be read by now.

        Raises ssl.SSLError where it is not what the other end has sent, with what was read before in the list.
        """
        self._read(into)
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            before, heard = self._records.begun, len(into)
            self._records.follow(piece)
            self._incoming.write(piece)
            self._read(into)
            self._count(self._records.begun - before, len(into) - heard)

    def _count(self, begun: int, heard: int) -> None:
        self._silent = max(-SILENT * 16, self._silent + begun * 16 - heard * 17)
        if self._silent > 0:
            error = ssl.SSLError()
            error.reason = "TOO_MANY_SILENT_RECORDS"
            raise error

    def _read(self, into: list[bytes]) -> None:
        while (self._incoming.pending or self._tls.pending()) and not self.ended:
            try:
                piece = self._tls.read(RECORD)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                piece = b""
            if piece:
                into.append(piece)
            else:
                self.ended = True

    def goodbye(self) -> bytes:
        """The word that nothing more will come, to be sent last."""
        with suppress(ssl.SSLError):  # it would like to hear the same from the other end, and nobody waits for that
            self._tls.unwrap()
        return self._outgoing.read()

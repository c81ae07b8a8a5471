"""A reader of server-sent events: a session that only reads, over a request of HTTP (HTML standard, section 9.2).

It logs in as `anonymous`, or with the name and secret of the request, like any client that resumes. Each event's id is
the whole cursor, so that a browser that connects again, here or elsewhere, goes on where it was: it sends the last id
by itself. Guarantees: the reader gets the lines that a client would get, in the same order, and each once; until it is
in, refusals and redirections are those of HTTP. Must not know: what is in an activity.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from oyez.host import Host, Link, Transport
from oyez.protocol import codec
from oyez.protocol import messages as m
from oyez.protocol.framing import MESSAGE_PREFIX
from oyez.web.recoded import Recoded
from oyez.web.requests import Response, head

ORIGINS = 128
"""Most origins in an event's id, the newest: a request's header has no room for more than some hundred."""

RETRY = 1000
"""Milliseconds after which a reader that was cut off comes again."""

PIECE = 16 * 1024
"""Bytes of lines that are encoded at once, or one line."""

_ID = re.compile(re.escape(MESSAGE_PREFIX) + rb'"id":"([^"]*)-(\d+)"')
_STATUS = {
    m.LoginFailed: HTTPStatus.FORBIDDEN,
    m.AuthenticationFail: HTTPStatus.FORBIDDEN,
    m.InvalidMessage: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class Reader:
    """Who wants to read: `held` is how far it has, by origin; None: from now on. `allowed` is the origin of the page
    that may read what comes."""

    username: str = m.ANONYMOUS
    secret: str | None = None
    held: Mapping[str, int] | None = None
    network: str = ""
    path: str = "/activities"
    scheme: str = "http"
    allowed: str | None = None


def position(text: str) -> tuple[str, dict[str, int]] | None:
    """The network and the cursor in an event's id; None: it is none."""
    network, _, rest = text.partition("/")
    held = {}
    for part in rest.split(",") if rest else []:
        origin, _, sequence = part.rpartition("-")
        if not origin or not sequence.isascii() or not sequence.isdecimal() or len(sequence) > 15:
            return None
        held[origin] = int(sequence)
    return network, held


class EventsLink(Recoded):
    """From the end of the request on."""

    __slots__ = ("_began", "_early", "_held", "_network", "_reader")

    def __init__(self, host: Host, link: Link, transport: Transport, reader: Reader) -> None:
        super().__init__(host, link, transport)
        self._reader = reader
        self._held: dict[str, int] = dict(reader.held or {})
        self._network = reader.network
        self._began = False
        self._early: list[tuple[m.Gap, bytes]] = []  # told before LOGIN_SUCCESS, as they are to any client

    def begin(self) -> None:
        """Log in."""
        reader = self._reader
        resume = m.Resume(reader.network, dict(reader.held or {}))
        login = m.Login(reader.username, reader.secret or None, resume=resume)
        self._host.received(self._link, codec.encode(login))

    # -- the host's side ----------------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        """See `host.Transport`: a bounded piece at a time, because what is encoded waits here until it has left."""
        taken, size = 0, len(data)
        while taken < size and not self._rest:
            end = data.rfind(b"\n", taken, taken + PIECE) + 1 or data.find(b"\n", taken) + 1 or size
            step = super().send(data[taken:end])
            if not step:
                break
            taken += step
        return taken

    def encode(self, lines: bytes) -> bytes:
        """See `Recoded`."""
        return b"".join([self._event(line) for line in lines[:-1].split(b"\n")])

    def begun(self, lines: bytes, taken: int) -> tuple[int, int]:
        """See `Recoded`: what was encoded is kept whole, since the cursor has moved behind it."""
        return 1 << 62, len(lines)

    def _event(self, line: bytes) -> bytes:
        if b"\r" in line:  # which JSON may have between its values, and which ends a line here
            line = line.replace(b"\r", b" ")
        found = _ID.match(line)
        if found is not None and self._began:
            origin = found[1].decode()
            self._held.pop(origin, None)  # the newest comes last
            self._held[origin] = int(found[2])
            return b"id: %b\ndata: %b\n\n" % (self._id(), line)
        return self._said(codec.decode(line), line)

    def _id(self) -> bytes:
        newest = list(self._held.items())[-ORIGINS:]
        return f"{self._network}/{','.join(f'{origin}-{sequence}' for origin, sequence in newest)}".encode()

    def _said(self, message: m.Message, line: bytes) -> bytes:
        if isinstance(message, m.LoginSuccess) and not self._began:
            return self._open(message)
        if isinstance(message, m.Gap) and not self._began:
            self._early.append((message, line))
            return b""
        if not self._began:
            return self._turned_away(message, line)
        if isinstance(message, m.Gap):
            return self._gap(message, line)
        if isinstance(message, m.Redirect):
            return b"event: redirect\ndata: %b\n\n" % msgspec.json.encode(
                {"hostname": message.hostname, "port": message.port}
            )
        if isinstance(message, m.Refusal):
            return b"event: refused\ndata: %b\n\n" % line
        return b""  # what keeps a session alive, or is for those who post

    def _gap(self, message: m.Gap, line: bytes) -> bytes:
        for gap in message.gaps:
            self._held[gap.origin] = max(gap.last, self._held.get(gap.origin, 0))
        return b"id: %b\nevent: gap\ndata: %b\n\n" % (self._id(), line)

    def _open(self, message: m.LoginSuccess) -> bytes:
        self._began = True
        self._network = message.network or ""
        if message.origins is not None:
            self._held = dict(message.origins)
        headers = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "Connection": "close",
            "X-Content-Type-Options": "nosniff",
            "X-Accel-Buffering": "no",
        }
        if self._reader.allowed is not None:
            headers |= {"Access-Control-Allow-Origin": self._reader.allowed, "Vary": "Origin"}
        opening = head(HTTPStatus.OK, headers) + b"retry: %d\nid: %b\n\n" % (RETRY, self._id())
        early, self._early = self._early, []
        return opening + b"".join([self._gap(*one) for one in early])

    def _turned_away(self, message: m.Message, line: bytes) -> bytes:
        """Before it is in."""
        if isinstance(message, m.Redirect):
            where = f"{self._reader.scheme}://{bracketed(message.hostname)}:{message.port}{self._reader.path}"
            return Response(HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": where}).serialize()
        if isinstance(message, m.Refusal):
            status = _STATUS.get(type(message), HTTPStatus.SERVICE_UNAVAILABLE)
            headers = {}
            if status is HTTPStatus.FORBIDDEN:
                status, headers = HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="oyez", charset="UTF-8"'}
            return Response(status, line + b"\n", "application/json", headers).serialize()
        return b""

    # -- the transport's side -----------------------------------------------------------------------------------

    def received(self, link: Link, data: bytes) -> None:
        """See `host.Hearer`: a reader says nothing more."""


def bracketed(hostname: str) -> str:
    """As it stands in a URL."""
    return f"[{hostname}]" if ":" in hostname else hostname

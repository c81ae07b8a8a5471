"""HTTP/1.1 as far as this port speaks it: one GET or HEAD a connection, and the opening handshake of WebSocket.

Parsing, and the rules of the handshake, are those of the library `websockets`. Guarantees: a request that is wrong, too
long or of another kind gets a response that says so; no more than `LONGEST` bytes of one wait. Must not know: which
pages there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request as Parsed
from websockets.server import ServerProtocol

LONGEST = 16 * 1024
"""Most bytes of a request up to the empty line."""

METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"TRACE ", b"CONNECT ")
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Response:
    """What is answered: one of these ends the connection. `body` is left out where a HEAD asked."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def serialize(self, head_only: bool = False) -> bytes:
        """As it travels."""
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            "Connection": "close",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        } | dict(self.headers)
        return head(self.status, headers) + (b"" if head_only else self.body)


@dataclass(frozen=True)
class Request:
    """What was asked for. `query` has the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    parsed: Parsed

    def header(self, name: str) -> str | None:
        """The header of this name; None where there is none, or more than one."""
        values = self.parsed.headers.get_all(name)
        return values[0] if len(values) == 1 else None

    @property
    def upgrades(self) -> bool:
        """Does it ask for WebSocket?"""
        return "websocket" in (self.header("Upgrade") or "").lower()


def is_http(data: bytes) -> bool:
    """Do these first bytes begin a request? No line of JSON begins like one."""
    return any(data.startswith(method[: len(data)]) for method in METHODS)


def head(status: HTTPStatus, headers: Mapping[str, str]) -> bytes:
    """The status line and the headers."""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *[f"{name}: {value}" for name, value in headers.items()]]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def refusal(status: HTTPStatus, info: str, **headers: str) -> Response:
    """A response that says what is wrong."""
    return Response(status, info.encode() + b"\n", headers={name.replace("_", "-"): headers[name] for name in headers})


def split(data: bytes) -> tuple[bytes, bytes] | None:
    """The request up to the empty line, and what follows it; None while there is no such line."""
    end = data.find(_END)
    return None if end < 0 else (data[: end + len(_END)], data[end + len(_END) :])


def parse(data: bytes) -> Request | Response:
    """The request in these bytes, which end with an empty line."""
    protocol = ServerProtocol()
    protocol.receive_data(data)
    parsed = next(iter(protocol.events_received()), None)
    if not isinstance(parsed, Parsed):
        if not data.startswith((b"GET ", b"HEAD ")):
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered here", Allow="GET, HEAD")
        return refusal(HTTPStatus.BAD_REQUEST, "this is no request of HTTP/1.1 that can be read")
    if parsed.method not in ("GET", "HEAD"):
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered here", Allow="GET, HEAD")
    try:
        target = urlsplit(parsed.path)
        query = dict(parse_qsl(target.query, max_num_fields=32))
    except ValueError:
        return refusal(HTTPStatus.BAD_REQUEST, "what was asked for can't be read")
    return Request(parsed.method, target.path or "/", query, parsed)


def open_websocket(request: Request) -> tuple[bool, bytes]:
    """Whether the handshake is as it has to be, and what is answered."""
    response = ServerProtocol().accept(request.parsed)
    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        return True, response.serialize()
    headers = {name: value for name, value in _raw(response.headers) if name not in ("Date", "Content-Length")}
    return False, Response(HTTPStatus(response.status_code), bytes(response.body), headers=headers).serialize()


def _raw(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.raw_items())

"""A host with a doorway, and links that speak HTTP to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from oyez.host import Link
from oyez.web.doorway import Doorway
from oyez.web.events import Reader
from oyez.web.origins import Origins
from oyez.web.requests import Request, Response
from tests.host.fakes import FakeTransport
from tests.host.fakes import Stage as HostStage

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass
class PlainSite:
    """One page, and one feed."""

    origins: Origins = field(default_factory=Origins)
    reader: Reader = field(default_factory=Reader)

    def respond(self, request: Request, link: int) -> Response | Reader:
        if request.path == "/feed":
            return self.reader
        if request.path == "/page":
            return Response(HTTPStatus.OK, b"a page")
        return Response(HTTPStatus.NOT_FOUND)


def get(path: str = "/", headers: Mapping[str, str] | None = None, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1:3780"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def upgrade(path: str = "/", **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    opening = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    return get(path, opening | named)


class Stage(HostStage):
    """And what the other ends make of what they get."""

    def __init__(self, line_limit: int = 1000) -> None:
        super().__init__(line_limit)
        self.site = PlainSite()
        self.doorway = Doorway(self.host, self.site)

    def open(self, room: int | None = None) -> tuple[Link, FakeTransport]:
        link, transport = super().open(room)
        transport.hearer = self.doorway
        return link, transport

    def open_websocket(self) -> tuple[Link, FakeTransport]:
        """The opening handshake is done, and read."""
        link, transport = self.open()
        transport.hearer.received(link, upgrade())
        assert transport.sent.startswith(b"HTTP/1.1 101 ")
        assert transport.sent.endswith(b"\r\n\r\n")
        transport.sent = b""
        return link, transport


class Browser:
    """The client's side of a WebSocket, by another implementation."""

    def __init__(self) -> None:
        self.protocol = Protocol(CLIENT, state=OPEN, max_size=None)

    def says(self, *texts: bytes) -> bytes:
        for text in texts:
            self.protocol.send_text(text)
        return b"".join(self.protocol.data_to_send())

    def hears(self, data: bytes) -> list[bytes]:
        """Of all that was sent, the messages."""
        self.protocol.receive_data(data)
        assert self.protocol.parser_exc is None
        frames = [event for event in self.protocol.events_received() if isinstance(event, Frame)]
        return [bytes(frame.data) for frame in frames if frame.opcode is Opcode.TEXT]

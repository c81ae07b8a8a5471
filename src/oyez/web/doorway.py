"""What a link speaks shows in its first bytes: lines, or HTTP; and what is asked for over HTTP, in the request.

A link is known to the host and its role from its first moment, as a stranger, so that all limits hold for it, whatever
it will speak. Guarantees: who speaks lines is heard by the host alone from the first byte on, and costs nothing more;
whoever begins a request gets an answer, or goes on as a WebSocket or a reader of events. Must not know: which pages
there are (`Site` does).
"""

from http import HTTPStatus
from typing import Protocol

from oyez.host import Host, Link, Transport
from oyez.web import requests
from oyez.web.events import EventsLink, Reader
from oyez.web.origins import Origins
from oyez.web.recoded import Recoded
from oyez.web.requests import Request, Response, refusal
from oyez.web.websocket import Fanout, WebSocketLink

SOCKET = "/"
"""Where WebSockets are opened."""


class Site(Protocol):
    """What there is at a node."""

    origins: Origins

    def respond(self, request: Request, link: int) -> Response | Reader:
        """What was asked for on this link: a page, or that it is to be read as events."""
        ...


class Doorway:
    """Hears links that nobody has told yet what they speak."""

    def __init__(self, host: Host, site: Site) -> None:
        self._host = host
        self._site = site
        self._fanout = Fanout()

    def received(self, link: Link, data: bytes) -> None:
        """See `host.Hearer`."""
        if requests.is_http(data):
            Asking(self._host, link, link.transport, self._site, self._fanout).received(link, data)
        else:
            link.transport.hearer = self._host
            self._host.received(link, data)

    def drained(self, link: Link) -> None:
        """See `host.Hearer`."""
        self._host.drained(link)

    def closed(self, link: Link) -> None:
        """See `host.Hearer`."""
        self._host.closed(link)


class Asking(Recoded):
    """Until the request is there."""

    __slots__ = ("_fanout", "_request", "_site")

    def __init__(self, host: Host, link: Link, transport: Transport, site: Site, fanout: Fanout) -> None:
        super().__init__(host, link, transport)
        self._site = site
        self._fanout = fanout
        self._request = b""

    def encode(self, lines: bytes) -> bytes:
        """The role sends it away before it has asked."""
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, lines, "application/json").serialize()

    def begun(self, lines: bytes, taken: int) -> tuple[int, int]:
        """See `Recoded`."""
        return len(self.encode(lines)), len(lines)

    def received(self, link: Link, data: bytes) -> None:
        """See `host.Hearer`."""
        if self.over:
            return
        self._request += data
        parts = requests.split(self._request)
        if parts is None:
            if len(self._request) > requests.LONGEST:
                self._answer(refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long"))
            return
        head, rest = parts
        request = requests.parse(head)
        if isinstance(request, Response):
            self._answer(request)
        elif request.upgrades:
            self._open_websocket(request, rest)
        else:
            self._respond(request)

    def _respond(self, request: Request) -> None:
        response = self._site.respond(request, self._link.id)
        if isinstance(response, Reader):
            EventsLink(self._host, self._link, self._inner, response).begin()
        else:
            self._answer(response, head_only=request.method == "HEAD")

    def _answer(self, response: Response, head_only: bool = False) -> None:
        Page(self._host, self._link, self._inner).show(response.serialize(head_only))

    def _open_websocket(self, request: Request, rest: bytes) -> None:
        if request.path != SOCKET:
            self._answer(refusal(HTTPStatus.NOT_FOUND, f"WebSockets are opened at {SOCKET}"))
            return
        origin = request.header("Origin")
        if not self._site.origins.allows(origin, request.header("Host")):
            self._host.environment.report("origin_refused", {"origin": origin})
            info = f"pages of {origin} may not speak with this node; its operator can allow it (--web-origins)"
            self._answer(refusal(HTTPStatus.FORBIDDEN, info))
            return
        opened, answer = requests.open_websocket(request)
        if not opened:
            Page(self._host, self._link, self._inner).show(answer)
            return
        websocket = WebSocketLink(self._host, self._link, self._inner, self._fanout)
        websocket.say(answer)
        if rest:
            websocket.received(self._link, rest)


class Page(Recoded):
    """One response, then the end."""

    __slots__ = ()

    def encode(self, lines: bytes) -> bytes:
        """The role sends it away: it is on its way already."""
        return b""

    def begun(self, lines: bytes, taken: int) -> tuple[int, int]:
        """See `Recoded`."""
        return 0, len(lines)

    def show(self, response: bytes) -> None:
        """Send it, as fast as it is taken."""
        self._rest = response
        self._go_on()

    def received(self, link: Link, data: bytes) -> None:
        """See `host.Hearer`: there is one request a connection."""

    def drained(self, link: Link) -> None:
        """See `host.Hearer`."""
        self._go_on()

    def _go_on(self) -> None:
        if not self.over and self._flush():
            self.end(b"")

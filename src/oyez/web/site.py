"""What there is to be had over HTTP at a node: its page, the library for browsers, its state, and for servers the feed.

Guarantees: every answer says that it may not be kept, framed, or run scripts from elsewhere; nothing secret is in any.
Must not know: roles; what a node tells of itself comes from a `View`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Protocol

import msgspec

from oyez.core.peer import From
from oyez.protocol import limits
from oyez.protocol import messages as m
from oyez.web import events, exposition
from oyez.web.access import Access
from oyez.web.events import Reader, bracketed
from oyez.web.origins import Origins
from oyez.web.requests import Request, Response, refusal

FEED = "/activities"
"""Where servers give the activities as events."""

NETWORK = "/network.json"
"""How the node sees the network; with `?since=JOURNAL-NUMBER` of the events only those that are newer."""
METRICS = "/metrics"
"""Where each node tells its metrics."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: nothing from elsewhere. It connects to servers, and asks other centrals how the
network is; their addresses change."""

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "ts": "text/plain; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}


class View(Protocol):
    """A node, as its pages show it."""

    def unready(self) -> str | None:
        """Why it can't do its job; None: it can."""
        ...

    def network(self, since: tuple[int, int]) -> Mapping[str, object]:
        """How it sees the network: what is in /network.json. `since`: journal, and number of the last event known."""
        ...

    def metrics(self) -> bytes:
        """In the text format of Prometheus."""
        ...

    def who(self, link: int) -> From:
        """Who is at the other end of a link."""
        ...

    def elsewhere(self) -> m.Address | None:
        """Where the feed is, if not here; None: it is here, or nowhere."""
        ...

    def console(self) -> m.Address | None:
        """The same of the console."""
        ...


@dataclass(frozen=True)
class Offer:
    """What the operator lets be seen. `console` is the page, `feed` whether activities are given as events, `metrics`
    who may read these."""

    console: bool = True
    feed: bool = True
    metrics: Access = Access()  # noqa: RUF009 - it is frozen


class NodeSite:
    """The site of one node. `scheme` is http or https."""

    def __init__(self, view: View, origins: Origins, offer: Offer, feeds: bool, scheme: str) -> None:
        self.origins = origins
        self._view = view
        self._offer = offer
        self._feeds = feeds
        self._scheme = scheme
        self._files = _files()
        self._pages: dict[str, Callable[[], Response]] = {
            "/healthz": lambda: Response(HTTPStatus.OK, b"alive\n"),
            "/readyz": self._readiness,
        }

    def respond(self, request: Request, link: int) -> Response | Reader:
        """See `doorway.Site`."""
        if request.path == METRICS and self._offer.metrics.offered:
            return self._metrics(self._view.who(link))
        if request.path in (FEED, NETWORK) and not self.origins.serves(request.header("Host")):
            info = "this node is not known by the name that was asked for; its operator can name it (--web-origins)"
            return refusal(HTTPStatus.FORBIDDEN, info)
        if request.path == FEED and self._offer.feed:
            return self._feed(request)
        if request.path == NETWORK:
            return self._network(request)
        page = self._pages.get(request.path)
        if page is not None:
            return page()
        return self._file(request)

    def _metrics(self, who: From) -> Response:
        if not self._offer.metrics.allows(who):
            info = f"the metrics of this node are not for {who.address}; its operator can allow it (--metrics-for)"
            return refusal(HTTPStatus.FORBIDDEN, info)
        return Response(HTTPStatus.OK, self._view.metrics(), exposition.CONTENT_TYPE, {"Cache-Control": "no-store"})

    def _readiness(self) -> Response:
        why = self._view.unready()
        if why is None:
            return Response(HTTPStatus.OK, b"ready\n")
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {why}\n".encode())

    def _network(self, request: Request) -> Response:
        since = request.query.get("since", "0-0")
        if not re.fullmatch(r"\d{1,15}-\d{1,15}", since, re.ASCII):
            return refusal(HTTPStatus.BAD_REQUEST, "since is not JOURNAL-NUMBER, as in 1700000000000-17")
        journal, _, number = since.partition("-")
        body = msgspec.json.encode(self._view.network((int(journal), int(number)))) + b"\n"
        headers = {"Cache-Control": "no-store", "Vary": "Origin"}
        origin = request.header("Origin")
        if origin is not None and self.origins.allows(origin, request.header("Host")):
            headers["Access-Control-Allow-Origin"] = origin  # the console of another central
        return Response(HTTPStatus.OK, body, "application/json", headers)

    # -- files --------------------------------------------------------------------------------------------------

    def _file(self, request: Request) -> Response:
        if request.path == "/" and self._offer.console and self._feeds:
            return self._console_elsewhere()
        name = "index.html" if request.path == "/" else request.path[1:]
        file = self._files.get(name)
        library = name.startswith("oyez.")
        if file is None or not (self._offer.console or library):
            return refusal(HTTPStatus.NOT_FOUND, f"there is nothing at {request.path[:100]}")
        body, kind, tag = file
        headers = {"Cache-Control": "no-cache", "ETag": tag, "Content-Security-Policy": POLICY}
        if library:
            headers["Access-Control-Allow-Origin"] = "*"  # for the pages of others
        if request.header("If-None-Match") == tag:
            return Response(HTTPStatus.NOT_MODIFIED, b"", kind, headers)
        return Response(HTTPStatus.OK, body, kind, headers)

    def _console_elsewhere(self) -> Response:
        there = self._view.console()
        if there is None:
            info = "this is a server; the network's page is at its centrals, and none is connected with it now"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, info, Retry_After="1", Cache_Control="no-store")
        where = f"{self._scheme}://{bracketed(there.hostname)}:{there.port}/"
        headers = {"Location": where, "Cache-Control": "no-store"}
        return Response(HTTPStatus.TEMPORARY_REDIRECT, f"the network's page is at {where}\n".encode(), headers=headers)

    # -- the feed -----------------------------------------------------------------------------------------------

    def _feed(self, request: Request) -> Response | Reader:
        origin = request.header("Origin")
        if not self.origins.allows(origin, request.header("Host")):
            return refusal(HTTPStatus.FORBIDDEN, f"pages of {origin} may not read this; its operator can allow it")
        if not self._feeds:
            return self._feed_elsewhere(request)
        credentials = _credentials(request.header("Authorization"))
        if credentials is None:
            return refusal(HTTPStatus.BAD_REQUEST, "the Authorization header is not Basic, with a name and a secret")
        last = request.header("Last-Event-ID") or request.query.get("last")
        where = ("", None) if last is None else events.position(last)
        if where is None or len(where[0]) > 64 or len(where[1] or {}) > 1024:
            return refusal(HTTPStatus.BAD_REQUEST, "the Last-Event-ID is none that was given here")
        username, secret = credentials
        return Reader(username, secret, where[1], where[0], FEED, self._scheme, origin)

    def _feed_elsewhere(self, request: Request) -> Response:
        there = self._view.elsewhere()
        if there is None:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "there is no server at the moment", Retry_After="1")
        origin = request.header("Origin")
        allowed = {} if origin is None else {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        where = f"{self._scheme}://{bracketed(there.hostname)}:{there.port}{FEED}"
        headers = {"Location": where, "Cache-Control": "no-store"} | allowed
        return Response(HTTPStatus.TEMPORARY_REDIRECT, headers=headers)


def _credentials(header: str | None) -> tuple[str, str | None] | None:
    """Name and secret of HTTP's Basic scheme (RFC 7617); `anonymous` where there is no header."""
    if header is None:
        return m.ANONYMOUS, None
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon or not 1 <= len(username) <= limits.USERNAME:
        return None
    return (username, secret or None) if len(secret) <= limits.SECRET else None


def _files() -> dict[str, tuple[bytes, str, str]]:
    """Body, type and tag of each."""
    found = {}
    for file in resources.files("oyez.web").joinpath("static").iterdir():
        body = file.read_bytes()
        kind = _TYPES[file.name.rpartition(".")[2]]
        found[file.name] = (body, kind, f'"{hashed(body)}"')
    return found


def hashed(body: bytes) -> str:
    """What tells one version of a file from another."""
    import hashlib

    return hashlib.sha256(body).hexdigest()[:16]

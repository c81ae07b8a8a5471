"""What a node gives over HTTP: the options, and how the pieces come together."""

from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from oyez.host import Hearer, Host
    from oyez.host.measures import Measures
    from oyez.web.journal import Journal
    from oyez.web.site import Offer
    from oyez.web.views import CentralView, ServerView


def web_origins(text: str) -> tuple[str, ...]:
    """Origins with commas between, such as `https://example.org`; `*` is any. Raises ValueError."""
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        scheme, separator, rest = origin.partition("://")
        if origin != "*" and (scheme not in ("http", "https") or not separator or not rest or "/" in rest.rstrip("/")):
            raise ValueError(f"{origin!r} is no origin: scheme and host, as in https://example.org")
    return origins


WebOrigins = Annotated[
    str | None,
    typer.Option(
        metavar="ORIGIN,...",
        help="Whose pages may speak with this node from a browser, besides the network's own; * is anybody's.",
    ),
]
Console = Annotated[bool, typer.Option("--console/--no-console", help="Show the page of the network at /.")]
Feed = Annotated[bool, typer.Option("--feed/--no-feed", help="Give activities as server-sent events, at /activities.")]


MetricsFor = Annotated[
    str,
    typer.Option(
        metavar="any|local|none|CIDR,...",
        help="Who may read /metrics: anybody, this machine alone, nobody, or this machine and these networks.",
    ),
]


def central(
    origins: str | None,
    console: bool,
    feed: bool,
    metrics_for: str,
    measures: "Measures",
    secure: bool,
    journal: "Journal",
) -> "Callable[[Host], Hearer]":
    """What stands before the host of a central."""
    from oyez.web.views import CentralView

    def view(host: "Host", measures: "Measures") -> "CentralView":
        return CentralView(host, measures, journal)

    return _doorway(view, _offer(console, feed, metrics_for), _origins(origins), False, measures, secure)


def server(
    origins: str | None, console: bool, feed: bool, metrics_for: str, measures: "Measures", secure: bool
) -> "Callable[[Host], Hearer]":
    """What stands before the host of a server."""
    from oyez.web.views import ServerView

    return _doorway(ServerView, _offer(console, feed, metrics_for), _origins(origins), True, measures, secure)


def _origins(text: str | None) -> tuple[str, ...]:
    """See `web_origins`; its ValueError is a usage error."""
    return () if text is None else options.reads(web_origins)(text)


def _offer(console: bool, feed: bool, metrics_for: str) -> "Offer":
    from oyez.web import access
    from oyez.web.site import Offer

    return Offer(console, feed, options.reads(access.parse)(metrics_for))


def _doorway(
    make_view: "Callable[[Host, Measures], CentralView | ServerView]",
    offer: "Offer",
    origins: tuple[str, ...],
    feeds: bool,
    measures: "Measures",
    secure: bool,
) -> "Callable[[Host], Hearer]":
    from oyez.web.doorway import Doorway
    from oyez.web.origins import Origins
    from oyez.web.site import NodeSite

    def build(host: "Host") -> "Hearer":
        view = make_view(host, measures)
        scheme = "https" if secure else "http"
        return Doorway(host, NodeSite(view, Origins(origins, view.hostnames), offer, feeds, scheme))

    return build

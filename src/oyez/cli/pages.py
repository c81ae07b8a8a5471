"""What a node gives over HTTP: the options, and how the pieces come together."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from oyez.host import Hearer, Host
    from oyez.web.journal import Journal


def web_origins(text: str) -> tuple[str, ...]:
    """Origins with commas between, such as `https://example.org`; `*` is any. Raises ValueError."""
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        scheme, separator, rest = origin.partition("://")
        if origin != "*" and (scheme not in ("http", "https") or not separator or not rest or "/" in rest.rstrip("/")):
            raise ValueError(f"{origin!r} is no origin: scheme and host, as in https://example.org")
    return origins


WebOrigins = Annotated[
    str,
    typer.Option(
        metavar="ORIGIN,...",
        help="Whose pages may speak with this node from a browser, besides the network's own; * is anybody's.",
    ),
]
Console = Annotated[bool, typer.Option("--console/--no-console", help="Show the page of the network at /.")]
Feed = Annotated[bool, typer.Option("--feed/--no-feed", help="Give activities as server-sent events, at /activities.")]


def central(
    origins: tuple[str, ...], console: bool, feed: bool, secure: bool, journal: "Journal"
) -> "Callable[[Host], Hearer]":
    """What stands before the host of a central."""
    from oyez.core.central.central import Central
    from oyez.web.doorway import Doorway
    from oyez.web.origins import Origins
    from oyez.web.site import NodeSite, Offer
    from oyez.web.views import CentralView

    def build(host: "Host") -> "Hearer":
        assert isinstance(host.role, Central)
        view = CentralView(host.role, journal)
        scheme = "https" if secure else "http"
        return Doorway(host, NodeSite(view, Origins(origins, view.hostnames), Offer(console, feed), False, scheme))

    return build


def server(origins: tuple[str, ...], console: bool, feed: bool, secure: bool) -> "Callable[[Host], Hearer]":
    """What stands before the host of a server."""
    from oyez.core.server.server import Server
    from oyez.web.doorway import Doorway
    from oyez.web.origins import Origins
    from oyez.web.site import NodeSite, Offer
    from oyez.web.views import ServerView

    def build(host: "Host") -> "Hearer":
        assert isinstance(host.role, Server)
        view = ServerView(host.role)
        scheme = "https" if secure else "http"
        return Doorway(host, NodeSite(view, Origins(origins, view.hostnames), Offer(console, feed), True, scheme))

    return build

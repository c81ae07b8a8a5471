"""Whose pages may speak with a node from a browser (RFC 6454, RFC 6455 section 10.2).

A page of any site can have its visitor's browser open a WebSocket to any address, also one that only the visitor
reaches; the browser says in `Origin` whose page it is. Guarantees: a page that is not of this network, nor of an origin
that the operator has named, is refused; a name that an attacker lets point here (DNS rebinding) does not help him.
Programs that are no browsers send no Origin, and may come. Pure.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

ANY = "*"
"""Every page may."""


class Origins:
    """`named` are those of the operator, such as `https://example.org`. `known` gives the names under which the nodes
    of this network are reached, as far as this node knows them."""

    def __init__(self, named: Iterable[str] = (), known: Callable[[], Iterable[str]] = tuple) -> None:
        self._named = {origin.rstrip("/").lower() for origin in named}
        self._known = known

    def allows(self, origin: str | None, host: str | None) -> bool:
        """May a page of this origin speak here, where `host` is what it calls this node (the header Host)?"""
        if origin is None or ANY in self._named or origin.lower() in self._named:
            return True
        name = hostname(origin)
        if name is None:
            return False  # "null": a page without an origin
        return name in self._names() or (_is_address(name) and host is not None and name == hostname(f"//{host}"))

    def serves(self, host: str | None) -> bool:
        """Is that a name of this node (the header Host)? A page that was loaded from it reads what it likes there, and
        no `Origin` tells whose page it is."""
        if host is None or ANY in self._named:
            return True
        name = hostname(f"//{host}")
        return name is not None and (_is_address(name) or name in self._names() | set(map(hostname, self._named)))

    def _names(self) -> set[str]:
        return {known.lower() for known in self._known()} | {"localhost"}


def hostname(url: str) -> str | None:
    """The hostname in it, in lower case; None where there is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

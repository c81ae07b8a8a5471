"""Oyez, a real-time activity network: one known address, and every activity reaches everyone connected.

    import asyncio
    import oyez

    async def main():
        async with oyez.connect("127.0.0.1:3780") as network:
            print("posted", await network.post("hear ye"))
            async for activity in network:
                print(activity.user, activity.object)

    asyncio.run(main())

`connect` gives a `Network`; `register`, `status` and `who` ask a central one thing. What goes wrong is an `OyezError`.
This module puts the client together with the sockets, which don't know each other, and loads both only when they are
used. It also holds the version; the package metadata reads it from here. `oyez.sync` is all of it without asyncio.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oyez import sync
    from oyez.client.activity import Activity
    from oyez.client.central import register, status, who
    from oyez.client.encryption import Ca, Tls
    from oyez.client.errors import Closed, NotAnActivity, OyezError, PostUnsettled, Refused, Unreachable
    from oyez.client.events import Connected, Disconnected, Event, Gap, Moved, OnEvent
    from oyez.client.inbox import Activities
    from oyez.client.network import Network
    from oyez.protocol.messages import CentralStatus, Presence, Range, ServerStatus, StatusReport, WhoReport

__version__ = "0.1.0"

__all__ = [
    "Activities",
    "Activity",
    "CentralStatus",
    "Closed",
    "Connected",
    "Disconnected",
    "Event",
    "Gap",
    "Moved",
    "Network",
    "NotAnActivity",
    "OnEvent",
    "OyezError",
    "PostUnsettled",
    "Presence",
    "Range",
    "Refused",
    "ServerStatus",
    "StatusReport",
    "Unreachable",
    "WhoReport",
    "connect",
    "register",
    "status",
    "sync",
    "who",
]

_HOMES = {
    "oyez.client.activity": ("Activity",),
    "oyez.client.central": ("register", "status", "who"),
    "oyez.client.errors": ("Closed", "NotAnActivity", "OyezError", "PostUnsettled", "Refused", "Unreachable"),
    "oyez.client.events": ("Connected", "Disconnected", "Event", "Gap", "Moved", "OnEvent"),
    "oyez.client.inbox": ("Activities",),
    "oyez.client.network": ("Network",),
    "oyez.protocol.messages": ("CentralStatus", "Presence", "Range", "ServerStatus", "StatusReport", "WhoReport"),
}


def connect(
    centrals: str | Iterable[str] = "127.0.0.1:3780",
    *,
    user: str = "anonymous",
    secret: str | None = None,
    register: bool = False,
    timeout: float = 10.0,
    receive: bool = True,
    buffer: int = 8 * 1024 * 1024,
    on_event: "OnEvent | None" = None,
    cursor: str | None = None,
    tls: "Tls" = None,
    ca: "Ca" = None,
) -> "Network":
    """A session in the network that one of `centrals` knows; `async with` opens and closes it.

    `centrals`: `HOST:PORT`, several with commas between or in a list; they are tried in turn. `user` needs a `secret`
    unless it is anonymous; `register` takes the name first. `timeout`: seconds in which the first login has to be
    done, and each post has to come back (it may have its own). `receive` False: the program only posts, and what
    others post is thrown away as it arrives. `buffer`: bytes of activities that may wait for the program; beyond them
    (and what one more read brings) the link is not read, so the network holds what follows, and after 30 s closes
    this session as a slow consumer. `on_event` is called with each `Event`: connected, disconnected, moved, gap.
    `cursor` goes on where an earlier connection to this network left off: its `Network.cursor`.

    `tls` True: every link is encrypted, and each node has to show a certificate for the name at which it was dialed, of
    an authority in the file `ca` or, without one, of those that this machine believes; a `ca` alone means the same. An
    `ssl.SSLContext` is taken as it is. Without TLS the secret is not sent to another machine, unless `tls` is False.

    After a loss it comes back by itself, through the centrals or, if none answers, at another server that it knows, and
    goes on where it was: nothing is missing, nothing comes twice. What the network holds no more is told (`Gap`). Works
    on any asyncio loop. Raises ValueError for what can't be right; opening it raises Refused or Unreachable.
    """
    from functools import partial

    from oyez.client.addresses import parse_all
    from oyez.client.encryption import encryption
    from oyez.client.network import Network
    from oyez.net.environment import NetEnvironment
    from oyez.net.identity import Contexts

    secured = encryption(tls, ca)
    return Network(
        partial(
            NetEnvironment,
            tls=Contexts(dialing=secured.context),
            plain_outside=secured.in_the_open or user == "anonymous",
        ),
        parse_all(centrals),
        user,
        secret,
        register=register,
        timeout=timeout,
        receive=receive,
        buffer=buffer,
        on_event=on_event,
        cursor=cursor,
        secured=secured,
    )


def __getattr__(name: str) -> object:
    if name == "sync":
        return import_module("oyez.sync")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

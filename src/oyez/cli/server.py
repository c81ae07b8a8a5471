"""`oyez server`: a regular server as this process."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import logs, nodes, options
from oyez.cli.secrets import cluster_secret
from oyez.client.addresses import show
from oyez.protocol import limits

if TYPE_CHECKING:
    from oyez.protocol.messages import Address

REMIND = 3.0
"""Seconds after which a server that is still not ready says so in its log."""


def server_id(text: str) -> str:
    """A name that a server may have. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) > limits.NODE_ID:
        raise ValueError(f"{text!r} is not 1 to {limits.NODE_ID} letters, digits, - and _")
    return text


def server(
    central: Annotated[
        options.Centrals,
        typer.Option(
            envvar="OYEZ_CENTRAL",
            metavar="HOST:PORT",
            parser=options.centrals,
            help="The central to join; several, with commas between, are tried in turn.",
        ),
    ],
    host: options.Host = "127.0.0.1",
    port: options.Port = 0,
    id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            parser=options.reads(server_id),
            show_default="random",
            help="This server's name in the network: letters, digits, - and _.",
        ),
    ] = None,
    advertise: options.Advertise = None,
    retention: Annotated[
        int,
        typer.Option(
            metavar="BYTES",
            parser=options.size,
            help="How much is held for readers that are behind, in bytes or as in 512KiB, 64MiB.",
        ),
    ] = "64MiB",  # type: ignore[assignment]
    patience: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, help="After so long a client that takes nothing is closed."),
    ] = 30.0,
    secret_file: options.SecretFile = None,
    log_format: logs.LogFormat = logs.Format.AUTO,
    log_level: logs.LogLevel = logs.Level.INFO,
    until_eof: nodes.UntilEof = False,
) -> None:
    """Run a server: it holds clients' sessions, and gives every activity to all of them.

    It joins the network that the central knows, and is ready once it is linked with every other server. A central
    that does not answer is tried for ever. SIGTERM or Ctrl-C ends the server cleanly.

    \b
    Example:
      OYEZ_SECRET=... oyez server --central 127.0.0.1:3780 --id s1
    """
    secret = cluster_secret(secret_file)
    hostname = options.reachable(host, advertise)

    from random import SystemRandom

    from oyez.core.server import Server
    from oyez.net.node import Node
    from oyez.protocol.messages import Address

    entropy = SystemRandom()
    name = id or f"s{entropy.getrandbits(32):08x}"
    logs.configure(log_format, log_level, node=name)
    joining = Joining(central)

    def make_role(address: Address) -> Server:
        joining.address = Address(hostname, address.port)
        incarnation = int(time.time() * 1000)
        return Server(name, joining.address, list(central), secret, incarnation, entropy, retention, patience)

    nodes.run(Node(make_role, Address(host, port), log=joining.report), joining.listening, until_eof)


class Joining:
    """Watches a server's reports until it is ready, and says how far it is."""

    def __init__(self, centrals: options.Centrals) -> None:
        self.address: Address
        self._centrals = str(centrals)
        self._ready = False

    def listening(self, address: "Address") -> None:
        """The server listens, and begins to join."""
        logs.report("listening", {"address": show(address), "central": self._centrals})
        self._remind_later()

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        """What the role reports."""
        logs.report(event, fields)
        if event == "ready" and not self._ready:
            self._ready = True
            nodes.say_ready("server", self.address)

    def _remind_later(self) -> None:
        asyncio.get_running_loop().call_later(REMIND, self._remind)

    def _remind(self) -> None:
        if not self._ready:
            logs.report("not_ready_yet", {"central": self._centrals})
            self._remind_later()

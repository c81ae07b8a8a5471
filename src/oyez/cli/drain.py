"""`oyez drain`: have a server leave, and wait until it has."""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options
from oyez.cli.running import run
from oyez.cli.secrets import cluster_secret
from oyez.cli.server import server_id

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.protocol.messages import ServerStatus

POLL = 0.25
"""Seconds between two looks."""

UNSEEN = 30.0
"""Seconds without an answer from a main after which the command gives up watching."""


def drain(
    server: Annotated[
        str,
        typer.Argument(
            metavar="SERVER", parser=options.reads(server_id), help="The server's id, as oyez status shows it."
        ),
    ],
    central: options.Central = options.CENTRAL,
    secret_file: options.SecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Have a server leave the network, with nothing lost.

    It gets no new clients, its sessions are sent to the other servers, and when these hold all that it has accepted it
    ends with exit code 0. Waits until it is gone. Interrupting the command does not stop the server from leaving.

    \b
    Example:
      OYEZ_SECRET=... oyez drain s2 --central 127.0.0.1:3780
    """
    secret = cluster_secret(secret_file)
    secured = links.encryption(tls, tls_ca)
    raise run(_drain(server, central, secret, secured))


async def _drain(server: str, centrals: options.Centrals, secret: str, secured: "Encryption") -> None:
    from oyez.client.central import ask
    from oyez.protocol.nodes import DrainServer, DrainServerSuccess

    await ask(list(centrals), DrainServer(secret, server), DrainServerSuccess, 10.0, secured)
    with _Progress(server) as progress:
        while (there := await _seen(server, centrals, secured)) is not None:
            progress.show(there.load)
            await asyncio.sleep(POLL)
    print(f"{server} has left", file=sys.stderr)


async def _seen(server: str, centrals: options.Centrals, secured: "Encryption") -> "ServerStatus | None":
    """How it is, as a main says; None when it is gone, or has gone and come back. Raises Unreachable."""
    import oyez

    deadline = time.monotonic() + UNSEEN
    while True:
        try:
            report = await oyez.status(centrals.texts, timeout=5.0, tls=links.as_tls(secured))
        except oyez.Unreachable:
            if time.monotonic() >= deadline:
                raise
        else:
            there = next((one for one in report.servers if one.id == server), None)
            if report.role == "main" and (there is None or (there.ready and not there.leaving)):
                return None
            if report.role == "main":
                return there
            if time.monotonic() >= deadline:
                raise oyez.Unreachable(f"no main central says how {server} is; it may still be leaving")
        await asyncio.sleep(POLL)


class _Progress:
    """How many sessions are left, on one line of a terminal."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._shown = ""
        self._on = sys.stderr.isatty()

    def __enter__(self) -> "_Progress":
        return self

    def show(self, left: int) -> None:
        """So many."""
        line = f"{self._server}: {left} session{'' if left == 1 else 's'} left"
        if self._on and line != self._shown:
            print(f"\r{line:<{len(self._shown)}}", end="", file=sys.stderr, flush=True)
            self._shown = line

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print(file=sys.stderr)

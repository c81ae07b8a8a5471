"""Connects to an address and hands on a socket, or nothing.

Each dial ends in exactly one call, never from within `dial`; that a peer can't be reached is an answer, not an error.
Must not know: what a connection is for.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from oyez.net.guard import GuardedLoop
from oyez.net.transport import tune
from oyez.protocol.messages import Address

Candidate = tuple[int, Any]
"""An address family, and an address as sockets of that family want it."""


class Dialer:
    """Dials, any number at a time."""

    def __init__(self, loop: GuardedLoop) -> None:
        self._loop = loop
        self._dials: set[asyncio.Task[None]] = set()

    def dial(self, address: Address, within: float, done: Callable[[socket.socket | None], None]) -> None:
        """Call `done` with a connected, tuned socket, or with None where that failed or took more seconds, names and
        all."""
        dial = self._loop.loop.create_task(self._dial(address, within, done))
        self._dials.add(dial)
        dial.add_done_callback(self._dialed)

    async def close(self) -> None:
        """Give up the dials that are under way; none of them calls back."""
        dials = list(self._dials)
        for dial in dials:
            dial.cancel()
        await asyncio.gather(*dials, return_exceptions=True)

    def _dialed(self, dial: asyncio.Task[None]) -> None:
        self._dials.discard(dial)
        if not dial.cancelled():
            self._loop.run(dial.result)  # nothing, or our own bug

    async def _dial(self, address: Address, within: float, done: Callable[[socket.socket | None], None]) -> None:
        sock = None
        try:
            async with asyncio.timeout(within):
                sock = await self._connect(address, within)
        except (OSError, ValueError):  # TimeoutError is an OSError; a name that is none at all is a ValueError
            pass
        self._loop.run(done, sock)

    async def _connect(self, address: Address, within: float) -> socket.socket:
        """Try the addresses in turn, each with its share of the time. Raises OSError for the last."""
        candidates = await self._resolve(address)
        share = within / len(candidates)
        for candidate in candidates[:-1]:
            try:
                async with asyncio.timeout(share):
                    return await self._connect_to(*candidate)
            except OSError:
                continue
        return await self._connect_to(*candidates[-1])

    async def _resolve(self, address: Address) -> list[Candidate]:
        hostname, port = address.hostname, address.port
        try:
            literal = ipaddress.ip_address(hostname)
        except ValueError:
            found = await self._loop.loop.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)
            return [(family, name) for family, _, _, _, name in found]
        if literal.version == 4:
            return [(socket.AF_INET, (hostname, port))]
        return [(socket.AF_INET6, (hostname, port))]

    async def _connect_to(self, family: int, name: Any) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            tune(sock)
            await self._loop.loop.sock_connect(sock, name)
            if sock.getsockname() == sock.getpeername():
                # Nobody listens there, and the kernel chose that very port for our end: TCP then meets itself.
                raise ConnectionRefusedError
        except BaseException:
            sock.close()
            raise
        return sock

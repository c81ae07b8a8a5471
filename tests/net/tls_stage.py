"""Peers that speak TLS to a node on the stage."""

from __future__ import annotations

import asyncio
import socket
import ssl

from oyez.net.channel import Channel
from tests.net.stage import PATIENCE, Peer, Stage


class TlsPeer(Peer):
    """The other end of a link over TLS."""

    def __init__(self, sock: socket.socket, link: int, channel: Channel) -> None:
        super().__init__(sock, link)
        self.channel = channel
        self._came: list[bytes] = []

    async def send(self, data: bytes) -> None:
        await super().send(self.channel.encrypt(data))

    async def read(self, size: int = 1 << 16) -> bytes:
        while not self._came and not self.channel.ended:
            data = await super().read()
            assert data, "the link ended without a goodbye"
            self.channel.decrypt(data, self._came)
        if not self._came:
            return b""
        came = b"".join(self._came)
        self._came = [came[size:]] if came[size:] else []
        return came[:size]


async def shake_hands(sock: socket.socket, context: ssl.SSLContext, hostname: str = "127.0.0.1") -> Channel:
    """As far as this side has anything to say. Raises ssl.SSLError."""
    channel = Channel(context, hostname)
    loop = asyncio.get_running_loop()
    came = b""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                done = channel.handshake(came)
            finally:
                await loop.sock_sendall(sock, channel.output())
            if done:
                return channel
            came = await loop.sock_recv(sock, 1 << 16)
            assert came, "the node has closed the link"


async def tls_peer(stage: Stage, context: ssl.SSLContext, receive_buffer: int | None = None) -> TlsPeer:
    """Connect, shake hands, and wait until the role has heard of it."""
    before = len(stage.role.all("open"))
    sock = await stage.connected(receive_buffer)
    channel = await shake_hands(sock, context)
    await stage.role.until(lambda: len(stage.role.all("open")) > before)
    return TlsPeer(sock, stage.role.all("open")[before][1], channel)

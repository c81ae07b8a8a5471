"""A broadcast server made with the Python library `websockets`, in broadcast.py.

Section numbers are those of RFC 6455.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import SERVER_CORE
from bench.peers.base import Peer, Speech, Step, Target
from bench.processes import Process

TEXT, MASKED = 0x81, 0x80  # 5.2: the last frame of a text message; a client's frame is masked

# 4.1, with the key of 1.3's example. The server's first message comes when this client takes part.
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
OPENING = (Step(HANDSHAKE, ACCEPT), Step(b"", b"\x81\x07welcome"))


def frame(payload: bytes) -> bytes:
    """5.2, 5.3: a client's text message in one frame, masked with zeros, which leave it as it is."""
    length = len(payload)
    if length < 126:
        head = bytes([TEXT, MASKED | length])
    elif length < 1 << 16:
        head = bytes([TEXT, MASKED | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([TEXT, MASKED | 127]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


class Websockets(Peer):
    """One process of this Python."""

    name = "websockets"

    def missing(self) -> str | None:
        if importlib.util.find_spec("websockets"):
            return None
        return "the Python package websockets is not installed: install the extra bench (make bench does)"

    @contextmanager
    def running(self, scratch: Path) -> Iterator[Target]:
        command = [sys.executable, "-m", "bench.peers.broadcast"]
        with Process(self.name, command, core=SERVER_CORE, scratch=scratch) as server:
            host, port = server.wait_ready()
            yield Target(host, port, server)

    def speech(self, activity: bytes) -> Speech:
        return Speech(frame(activity), OPENING, OPENING, gathers=False)

"""A node with a role that does nothing but note what happens, and peers on real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from oyez.core import effects as fx
from oyez.core.peer import From
from oyez.host import Link
from oyez.log import Chunk, Log
from oyez.net.node import Node
from oyez.net.transport import SocketTransport
from oyez.protocol.messages import ActivityMessage, Address, Message, Status

PATIENCE = 30
"""Seconds after which a test that waits is wrong."""

Event = tuple[Any, ...]
Socket = socket.socket
Answer = Callable[..., fx.Effects]


class Recorder:
    """Notes each event as a tuple of its name and arguments; answers with what `answers` has for that name."""

    def __init__(self, **answers: Answer) -> None:
        self.events: list[Event] = []
        self.answers = answers
        self.who: dict[int, From] = {}
        self.log = Log(1 << 30)
        self._changed = asyncio.Event()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that comes with an event."""
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def seen(self, *event: object) -> None:
        """Wait for an event that begins so."""
        await self.until(lambda: any(noted[: len(event)] == event for noted in self.events))

    def all(self, name: str) -> list[Event]:
        return [event for event in self.events if event[0] == name]

    def publish(self, lines: bytes) -> None:
        self.log.publish([Chunk("one.1", self.log.last + 1, lines.count(b"\n"), lines)])

    def note(self, *event: object) -> None:
        self.events.append(event)
        self._changed.set()

    def _noted(self, name: str, *arguments: object) -> fx.Effects:
        self.note(name, *arguments)
        answer = self.answers.get(name)
        return [] if answer is None else answer(*arguments)

    def on_start(self, now: float) -> fx.Effects:
        return self._noted("start")

    def on_leave(self, now: float) -> fx.Effects:
        return self._noted("leave")

    def on_stop(self, now: float) -> fx.Effects:
        return self._noted("stop")

    def on_open(self, now: float, link: int, who: From) -> fx.Effects:
        self.who[link] = who
        return self._noted("open", link)

    def on_dialed(self, now: float, link: int, purpose: str) -> fx.Effects:
        return self._noted("dialed", link, purpose)

    def on_dial_failed(self, now: float, purpose: str, why: str) -> fx.Effects:
        return self._noted("dial_failed", purpose, why)

    def on_message(self, now: float, link: int, message: Message) -> fx.Effects:
        return self._noted("message", link, message)

    def on_posts(self, now: float, link: int, posts: list[ActivityMessage], block: bytes) -> fx.Effects:
        return [effect for post in posts for effect in self.on_message(now, link, post)]

    def on_activities(self, now: float, link: int, block: bytes) -> fx.Effects:
        return self._noted("activities", link, block)

    def on_close(self, now: float, link: int) -> fx.Effects:
        return self._noted("close", link)

    def on_timer(self, now: float, key: str) -> fx.Effects:
        return self._noted("timer", key)

    def on_flush(self, now: float) -> fx.Effects:
        return self._noted("flush")

    def on_hashed(self, now: float, token: int, hash: str) -> fx.Effects:
        return self._noted("hashed", token, hash)

    def on_verified(self, now: float, token: int, ok: bool, stale: bool = False) -> fx.Effects:
        return self._noted("verified", token, ok, *(["stale"] if stale else []))


class Stage:
    """A node that runs with `role`."""

    def __init__(self, node: Node, role: Recorder, task: asyncio.Task[None]) -> None:
        self.node = node
        self.role = role
        self.task = task
        self.reports: list[tuple[str, Mapping[str, object]]] = []

    def perform(self, *effects: fx.Effect) -> None:
        self.node.environment.host.perform(list(effects))

    def link(self, number: int) -> Link:
        return self.node.environment.host.links[number]

    def transport(self, number: int) -> SocketTransport:
        transport = self.link(number).transport
        assert isinstance(transport, SocketTransport)
        return transport

    def socket(self, number: int) -> socket.socket:
        return self.transport(number)._socket

    async def connected(self, receive_buffer: int | None = None) -> Socket:
        """Connect. A small buffer soon makes a slow reader."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, (self.node.address.hostname, self.node.address.port))
        return sock

    async def peer(self, receive_buffer: int | None = None) -> Peer:
        """Connect, and wait until the role has heard of it."""
        before = len(self.role.all("open"))
        sock = await self.connected(receive_buffer)
        await self.role.until(lambda: len(self.role.all("open")) > before)
        return Peer(sock, self.role.all("open")[before][1])

    async def slow_peer(self) -> Peer:
        """A peer behind the smallest buffers that there are."""
        peer = await self.peer(receive_buffer=1)
        self.socket(peer.link).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        return peer


class Peer:
    """The other end of a link; `link` is its number at the node."""

    def __init__(self, sock: socket.socket, link: int) -> None:
        self.sock = sock
        self.link = link

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sock.close()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def read(self, size: int = 1 << 16) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self.sock, size)

    async def read_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = await self.read(size - len(data))
            assert more, f"the link ended after {data!r}"
            data += more
        return data

    async def read_to_end(self) -> bytes:
        data = b""
        while more := await self.read():
            data += more
        return data

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@asynccontextmanager
async def node(role: Recorder | None = None, **options: Any) -> AsyncIterator[Stage]:
    """A node on a free port, stopped at the end; what it raises comes out here."""
    role = Recorder() if role is None else role
    ready: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
    reports: list[tuple[str, Mapping[str, object]]] = []

    def log(event: str, fields: Mapping[str, object]) -> None:
        reports.append((event, fields))
        role.note("report", event)

    running = Node(lambda address: role, Address("127.0.0.1", 0), log=log, **options)
    task = asyncio.create_task(running.run(ready.set_result))
    try:
        task.add_done_callback(lambda _: ready.cancel())
        with suppress(asyncio.CancelledError):
            await ready
        if task.done():
            await task
        stage = Stage(running, role, task)
        stage.reports = reports
        yield stage
    finally:
        running.stop()
        async with asyncio.timeout(PATIENCE):
            await task


STATUS = b'{"command":"STATUS"}\n'
A_STATUS = Status()


def activity_lines(first: int, count: int, size: int = 300) -> bytes:
    """Activity lines, numbered, each of `size` bytes."""
    return b"".join(activity_line(number, size) for number in range(first, first + count))


def activity_line(number: int, size: int = 300) -> bytes:
    head = b'{"command":"ACTIVITY_BROADCAST","id":"one.1-%08d","activity":{"content":"' % number
    return head + b"x" * (size - len(head) - 4) + b'"}}\n'

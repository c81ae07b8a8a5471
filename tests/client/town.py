"""A real network inside the test's event loop: a central and servers on loopback, port 0, nothing on disk."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import SystemRandom

from oyez.core.central.central import Central
from oyez.core.server.server import Server
from oyez.net.identity import Identity
from oyez.net.node import Node
from oyez.protocol.messages import Address
from oyez.storage.memory import MemoryStore

PATIENCE = 30.0
"""Seconds for anything that has to happen: two busy cores are slow without being wrong."""

SECRET = "the cluster's"
LOCAL = Address("127.0.0.1", 0)


class Running:
    """A node on this loop, from `start` to `stop`."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._listening = asyncio.Event()
        self._run = asyncio.create_task(node.run(lambda _: self._listening.set()))

    async def listening(self) -> Address:
        listening = asyncio.create_task(self._listening.wait())
        await asyncio.wait([listening, self._run], return_when=asyncio.FIRST_COMPLETED)
        if self._run.done():
            self._run.result()
        return self.node.address

    async def stop(self) -> None:
        self.node.stop()
        await self._run


class Town:
    """A central and servers; `async with town(...)`."""

    def __init__(self, *, anonymous: bool = True, patience: float = 30.0, identity: Identity | None = None) -> None:
        self.servers: dict[str, Running] = {}
        self.reports: list[tuple[str, Mapping[str, object]]] = []  # of the central
        self.central: Running
        self.address = ""
        self._anonymous = anonymous
        self._patience = patience
        self._identity = identity
        self._store = MemoryStore()
        self._placeable: dict[str, asyncio.Event] = {}
        self._incarnations = itertools.count(1)

    async def start_central(self, port: int = 0) -> None:
        stored = self._store.load()

        def role(address: Address) -> Central:
            return Central(address, SECRET, stored, SystemRandom(), anonymous=self._anonymous)

        listen = Address(LOCAL.hostname, port)
        self.central = Running(
            Node(
                role,
                listen,
                store=self._store,
                secret_threads=1,
                identity=self._identity,
                log=self._central_reports,
            )
        )
        self.address = str(await self.central.listening())

    async def start_server(self, name: str) -> None:
        self._placeable.pop(name, None)

        def role(address: Address) -> Server:
            centrals = [self.central.node.address]
            incarnation = next(self._incarnations)
            return Server(name, address, centrals, SECRET, incarnation, SystemRandom(), patience=self._patience)

        self.servers[name] = Running(Node(role, LOCAL, identity=self._identity, log=_silent))
        await self.placeable(name).wait()

    def placeable(self, name: str) -> asyncio.Event:
        """Set once the central would send a client to this server."""
        return self._placeable.setdefault(name, asyncio.Event())

    def _central_reports(self, event: str, fields: Mapping[str, object]) -> None:
        self.reports.append((event, fields))
        if event == "server_ready":
            self.placeable(str(fields["server"])).set()

    async def stop_server(self, name: str) -> None:
        await self.servers.pop(name).stop()

    def reset_sessions(self, name: str) -> None:
        """Every client's link at this server breaks; the server itself is well."""
        host = self.servers[name].node.environment.host
        assert isinstance(host.role, Server)
        for link in host.role.sessions.links:
            host.links[link].transport.abort()

    async def stop(self) -> None:
        for name in list(self.servers):
            await self.stop_server(name)
        await self.central.stop()


@asynccontextmanager
async def town(
    *servers: str, anonymous: bool = True, patience: float = 30.0, identity: Identity | None = None
) -> AsyncIterator[Town]:
    """A network with these servers, all ready."""
    made = Town(anonymous=anonymous, patience=patience, identity=identity)
    async with asyncio.timeout(PATIENCE):
        await made.start_central()
        for name in servers:
            await made.start_server(name)
    try:
        yield made
    finally:
        async with asyncio.timeout(PATIENCE):
            await made.stop()


def _silent(event: str, fields: Mapping[str, object]) -> None:
    pass

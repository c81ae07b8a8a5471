"""The conversations of docs/protocol.md, played against running nodes.

`central` and `s1` are real; the test plays everybody else, from the page, line by line. What can't be known beforehand
(tickets, keys, ports, times) is learnt where the page shows it first, and put in where the page repeats it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

from oyez.core.central import Central
from oyez.core.server import Server
from oyez.net.node import Node
from oyez.protocol.messages import Address
from oyez.storage.memory import MemoryStore
from tests.docs.wire_page import marked

TIMEOUT = 30.0
"""Seconds that anything may take: it only decides how long a failing test waits."""

LOOPBACK = "127.0.0.1"
SECRET = "red anchor"
PORTS = {"central": 3780, "s1": 3781, "s2": 3782}
REAL = {"central", "s1"}
LEARNT = {"ticket", "ticket_key", "session", "since"}
"""Members whose values differ from run to run."""

HEARTBEAT = b'{"command":"HEARTBEAT"}\n'

SAYS = re.compile(r"(\w+) -> (\w+) +(\{.*\})")
CONNECTS = re.compile(r"(\w+) connects to (\w+)")
CLOSES = re.compile(r"(\w+) closes the link to (\w+)")
BREAKS = re.compile(r"the link of (\w+) and (\w+) breaks")


class Played:
    """The played side of one link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.has_spoken = False

    async def hear(self) -> bytes:
        """The next line that is no heartbeat, or nothing where the other side has closed."""
        async with asyncio.timeout(TIMEOUT):
            while (line := await self._reader.readline()) == HEARTBEAT:
                pass
        return line

    def say(self, line: str) -> None:
        self.writer.write(line.encode() + b"\n")
        self.has_spoken = True


class Stage:
    """Everybody's links, and what has been learnt."""

    def __init__(self, addresses: dict[str, Address]) -> None:
        self._addresses = addresses
        self._links: dict[frozenset[str], Played] = {}
        self._ever: list[Played] = []
        self._arrivals: asyncio.Queue[Played] = asyncio.Queue()
        self._learnt: dict[str, str] = {}

    async def arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A real node has connected to a played one."""
        await self._arrivals.put(Played(reader, writer))

    async def play(self, line: str) -> None:
        """Do, or wait for, what one line of the page says."""
        if said := SAYS.fullmatch(line):
            await self._said(*said.groups())
        elif connects := CONNECTS.fullmatch(line):
            await self._connects(*connects.groups())
        elif closes := CLOSES.fullmatch(line):
            assert await self._links.pop(frozenset(closes.groups())).hear() == b""
        elif breaks := BREAKS.fullmatch(line):
            self._links.pop(frozenset(breaks.groups())).writer.transport.abort()
        else:
            raise AssertionError("the page says something that this test can't play")

    async def _said(self, sender: str, receiver: str, text: str) -> None:
        if {sender, receiver} <= REAL:
            return  # nobody here can listen in
        link = self._links[frozenset((sender, receiver))]
        if sender in REAL:
            self._compare(text, (await link.hear()).decode())
        else:
            link.say(self._filled_in(text))

    async def _connects(self, dialer: str, listener: str) -> None:
        if dialer in REAL:
            async with asyncio.timeout(TIMEOUT):
                link = await self._arrivals.get()
        else:
            address = self._addresses[listener]
            link = Played(*await asyncio.open_connection(address.hostname, address.port))
        self._links[frozenset((dialer, listener))] = link
        self._ever.append(link)

    def _filled_in(self, text: str) -> str:
        for shown, real in self._learnt.items():
            text = text.replace(f'"{shown}"', f'"{real}"')
        for name, address in self._addresses.items():
            text = text.replace(f'"port":{PORTS[name]}', f'"port":{address.port}')
        return text

    def _compare(self, text: str, heard: str) -> None:
        shown, real = json.loads(text), json.loads(heard)
        self._learn(shown, real)
        assert real == json.loads(self._filled_in(text)) | {key: real[key] for key in LEARNT & shown.keys()}
        if real["command"] == "ACTIVITY_BROADCAST":
            assert heard == text + "\n"  # to the byte

    def _learn(self, shown: Mapping[str, Any], real: Mapping[str, Any]) -> None:
        for key in LEARNT & shown.keys():
            assert type(real[key]) is type(shown[key])
            if isinstance(shown[key], str):
                self._learnt[shown[key]] = real[key]

    async def beat(self) -> None:
        """Show the life of those who are played, on the links between nodes."""
        while True:
            for pair, link in self._links.items():
                if link.has_spoken and pair <= PORTS.keys():
                    link.writer.write(HEARTBEAT)
            await asyncio.sleep(0.5)

    async def close(self) -> None:
        for link in self._ever:
            link.writer.close()
            with suppress(OSError):
                await link.writer.wait_closed()


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[None]:
    """A node, from when it listens to when it has ended."""
    listening = asyncio.Event()
    run = asyncio.create_task(node.run(lambda address: listening.set()))
    try:
        async with asyncio.timeout(TIMEOUT):
            await listening.wait()
        yield
    finally:
        node.stop()
        await run


@asynccontextmanager
async def network() -> AsyncIterator[Stage]:
    """A central, the server s1, and a place where the server s2 is played."""
    store, free = MemoryStore(), Address(LOOPBACK, 0)
    serving = asyncio.Event()

    def log(event: str, fields: Mapping[str, object]) -> None:
        if event == "server_ready":
            serving.set()

    def make_central(address: Address) -> Central:
        stored = store.load()
        return Central(address, SECRET, stored.users, stored.servers, stored.key, Random(1))

    def make_server(address: Address) -> Server:
        return Server("s1", address, [central.address], SECRET, 7, Random(2))

    central = Node(make_central, free, store=store, secret_threads=1, log=log)
    async with running(central):
        s1 = Node(make_server, free, log=log)
        async with running(s1):
            async with asyncio.timeout(TIMEOUT):
                await serving.wait()
            addresses = {"central": central.address, "s1": s1.address}
            stage = Stage(addresses)
            async with await asyncio.start_server(stage.arrived, LOOPBACK, 0) as listener:
                addresses["s2"] = Address(LOOPBACK, listener.sockets[0].getsockname()[1])
                beating = asyncio.create_task(stage.beat())
                yield stage
                beating.cancel()
                with suppress(asyncio.CancelledError):
                    await beating
                await stage.close()


async def test_the_conversations_happen_as_they_are_written_down() -> None:
    lines = [line for _, line in marked("conversation")]
    assert len(lines) > 50
    async with network() as stage:
        for line in lines:
            try:
                await stage.play(line)
            except Exception as error:
                error.add_note(f"at this line of the page: {line}")
                raise

"""The conversations of docs/protocol.md, played against running nodes.

`c1` and `s1` are real; the test plays everybody else, from the page, line by line. What can't be known beforehand
(tickets, keys, hashes, ports, times) is learnt where the page shows it first, and put in where the page repeats it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random
from typing import Any

from oyez.core.central.central import Central
from oyez.core.server.server import Server
from oyez.net.node import Node
from oyez.protocol.messages import Address
from oyez.storage.memory import MemoryStore
from tests.docs.wire_page import marked

TIMEOUT = 30.0
"""Seconds that anything may take: it only decides how long a failing test waits."""

LOOPBACK = "127.0.0.1"
SECRET = "red anchor"
PORTS = {"c1": 3780, "c2": 3790, "s1": 3781, "s2": 3782}
REAL = {"c1", "s1"}
LEARNT = {"network", "since", "ticket", "ticket_keys", "key", "session", "users", "loads", "load"}
"""Members whose values differ from run to run."""

TIMELY = {"committed"}
"""Members that depend on how long ago the node last looked, and may be absent."""

LEFT_OUT = {"HEARTBEAT", "SERVER_ANNOUNCE", "SYNCHRONISE_SERVER_LOAD", "CONFIGURE", "CONFIRM_TERM", "TERM_CONFIRMED"}
"""What may come between nodes where the page does not show it."""

HEARTBEAT = b'{"command":"HEARTBEAT"}\n'

SAYS = re.compile(r"(\w+) -> (\w+) +(\{.*\})")
CONNECTS = re.compile(r"(\w+) connects to (\w+)")
CLOSES = re.compile(r"(\w+) closes the link to (\w+)")
BREAKS = re.compile(r"the link of (\w+) and (\w+) breaks")
DIES = re.compile(r"(\w+) dies")


def without(members: set[str], said: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in members}


class Played:
    """The played side of one link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.has_spoken = False

    async def hear(self, command: str = "") -> bytes:
        """The next line that is this command, or none that is left out; nothing where the other side has closed."""
        async with asyncio.timeout(TIMEOUT):
            while line := await self._reader.readline():
                if json.loads(line)["command"] not in LEFT_OUT - {command}:
                    break
        return line

    def say(self, line: str) -> None:
        self.writer.write(line.encode() + b"\n")
        self.has_spoken = True


class Stage:
    """Everybody's links, and what has been learnt."""

    def __init__(
        self, addresses: dict[str, Address], end: Mapping[str, Callable[[], Coroutine[None, None, None]]]
    ) -> None:
        self._addresses = addresses
        self._end = end
        self._links: dict[frozenset[str], Played] = {}
        self._ever: list[Played] = []
        self._arrivals: dict[str, asyncio.Queue[Played]] = {}
        self._learnt: dict[str, str] = {}

    async def listen(self, name: str) -> asyncio.Server:
        """Let real nodes connect to this played one."""
        arrivals = self._arrivals[name] = asyncio.Queue()

        async def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await arrivals.put(Played(reader, writer))

        listener = await asyncio.start_server(arrived, LOOPBACK, 0)
        self._addresses[name] = Address(LOOPBACK, listener.sockets[0].getsockname()[1])
        return listener

    async def play(self, line: str) -> None:
        """Do, or wait for, what one line of the page says."""
        if said := SAYS.fullmatch(line):
            await self._said(*said.groups())
        elif connects := CONNECTS.fullmatch(line):
            await self._connects(*connects.groups())
        elif closes := CLOSES.fullmatch(line):
            link = self._links.pop(frozenset(closes.groups()))
            assert await link.hear() == b""
            link.writer.close()
        elif breaks := BREAKS.fullmatch(line):
            self._links.pop(frozenset(breaks.groups())).writer.transport.abort()
        elif dies := DIES.fullmatch(line):
            await self._dies(dies[1])
        else:
            raise AssertionError("the page says something that this test can't play")

    async def _said(self, sender: str, receiver: str, text: str) -> None:
        if {sender, receiver} <= REAL:
            return  # nobody here can listen in
        link = self._links[frozenset((sender, receiver))]
        if sender in REAL:
            self._compare(text, (await link.hear(json.loads(text)["command"])).decode())
        else:
            link.say(self._filled_in(text))

    async def _connects(self, dialer: str, listener: str) -> None:
        if dialer in REAL:
            async with asyncio.timeout(TIMEOUT):
                link = await self._arrivals[listener].get()
        else:
            address = self._addresses[listener]
            link = Played(*await asyncio.open_connection(address.hostname, address.port))
        self._links[frozenset((dialer, listener))] = link
        self._ever.append(link)

    async def _dies(self, name: str) -> None:
        dying = asyncio.create_task(self._end[name]())
        for pair in [pair for pair in self._links if name in pair]:
            link = self._links.pop(pair)
            while await link.hear():
                pass
            link.writer.close()  # else it would wait for that
        await dying

    def _filled_in(self, text: str) -> str:
        for shown, real in self._learnt.items():
            text = text.replace(f'"{shown}"', f'"{real}"')
        for name, address in self._addresses.items():
            text = text.replace(f'"port":{PORTS[name]}', f'"port":{address.port}')
        return text

    def _compare(self, text: str, heard: str) -> None:
        shown, real = json.loads(text), json.loads(heard)
        self._learn(shown, real)
        expected = json.loads(self._filled_in(text)) | {key: real[key] for key in LEARNT & shown.keys()}
        assert without(TIMELY, real) == without(TIMELY, expected)
        if real["command"] == "ACTIVITY_BROADCAST":
            assert heard == text + "\n"  # to the byte

    def _learn(self, shown: Mapping[str, Any], real: Mapping[str, Any]) -> None:
        for key in LEARNT & shown.keys():
            assert type(real[key]) is type(shown[key])
            if isinstance(shown[key], dict):
                assert real[key].keys() == shown[key].keys()
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
    """The central c1, the server s1, and places where the server s2 and the central c2 are played."""
    store, free = MemoryStore(id="c1"), Address(LOOPBACK, 0)
    serving = asyncio.Event()

    def log(event: str, fields: Mapping[str, object]) -> None:
        if event == "server_ready":
            serving.set()

    def make_central(address: Address) -> Central:
        return Central(address, SECRET, store.load(), Random(1))

    def make_server(address: Address) -> Server:
        return Server("s1", address, [c1.address], SECRET, 7, Random(2))

    c1 = Node(make_central, free, store=store, secret_threads=1, log=log)
    s1 = Node(make_server, free, log=log)
    async with AsyncExitStack() as stack, AsyncExitStack() as life_of_c1:
        await life_of_c1.enter_async_context(running(c1))
        await stack.enter_async_context(running(s1))
        async with asyncio.timeout(TIMEOUT):
            await serving.wait()
        stage = Stage({"c1": c1.address, "s1": s1.address}, {"c1": life_of_c1.aclose})
        for name in ("s2", "c2"):
            await stack.enter_async_context(await stage.listen(name))
        stack.push_async_callback(stage.close)
        beating = asyncio.create_task(stage.beat())
        yield stage
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


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

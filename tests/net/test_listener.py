"""Accepting: any number at once, and on with it when the descriptors have run out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

import pytest

from oyez.net import listener
from oyez.net.guard import GuardedLoop
from oyez.net.listener import Listener, ListenError
from oyez.protocol.messages import Address
from tests.net.stage import PATIENCE, Recorder, node

FEW_DESCRIPTORS = """
import json, resource, sys
from oyez.core import effects as fx
from oyez.core.role import Quiet
from oyez.net.node import Node, execute
from oyez.protocol.messages import Address, RegisterSuccess

class Greeter(Quiet):
    def on_start(self, now):
        return []
    def on_open(self, now, link, who):
        return [fx.Send(link, RegisterSuccess("welcome"))]
    def on_message(self, now, link, message):
        return []

def say(*words):
    print(json.dumps(words), flush=True)

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
node = Node(lambda address: Greeter(), Address("127.0.0.1", 0), log=lambda event, fields: say(event, dict(fields)))
sys.exit(execute(node, lambda address: say(address.port)))
"""


async def test_a_flood_of_connects_is_taken() -> None:
    count = 2000
    async with node() as stage:
        address = (stage.node.address.hostname, stage.node.address.port)
        loop = asyncio.get_running_loop()
        socks = [socket.socket() for _ in range(count)]
        for sock in socks:
            sock.setblocking(False)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(loop.sock_connect(sock, address) for sock in socks))
        await stage.role.until(lambda: len(stage.role.all("open")) == count)
        for sock in socks:
            sock.close()
        await stage.role.until(lambda: len(stage.role.all("close")) == count)


class Watching:
    """A loop that calls nobody: the test does."""

    turn: Callable[[], object]

    def on_readable(self, fd: int, callback: Callable[[], object]) -> None:
        self.turn = callback

    def no_reads(self, fd: int) -> None:
        pass


class Hand:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_flood_of_connects_leaves_others_half_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, loop = Hand(), Watching()
    monkeypatch.setattr(listener, "time", clock)
    monkeypatch.setattr(listener, "LEAST", 2.0)
    monkeypatch.setattr(listener, "MOST", 5.0)
    taken: list[socket.socket] = []

    def accepted(sock: socket.socket, address: str) -> None:
        taken.append(sock)
        clock.now += 1.0

    def turn(others: float) -> int:
        """All others have taken so long; how many are accepted then."""
        clock.now += others
        before = len(taken)
        loop.turn()
        return len(taken) - before

    listening = Listener(Address("127.0.0.1", 0))
    listening.start(cast(GuardedLoop, loop), accepted, lambda event, fields: None)
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        for _ in range(20):
            address = (listening.address.hostname, listening.address.port)
            stack.enter_context(socket.create_connection(address))
        assert turn(100.0) == 2, "nobody was waiting in that time: it tells nothing of how busy the others are"
        assert turn(0.0) == 2
        assert turn(4.0) == 4
        assert turn(100.0) == 5
        assert turn(5.0) + turn(5.0) == 7, "that was all"
        assert turn(5.0) == 0
        for sock in taken:
            sock.close()


async def test_a_connection_that_is_gone_before_it_was_accepted_harms_nobody() -> None:
    async with node() as stage:
        address = (stage.node.address.hostname, stage.node.address.port)
        for _ in range(10):
            sock = socket.create_connection(address)  # the kernel accepts: the loop stands still meanwhile
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        async with await stage.peer():
            pass


async def test_out_of_descriptors_it_rests_and_goes_on() -> None:
    async def read(stream: asyncio.StreamReader) -> Any:
        return json.loads(await stream.readline())

    child = await asyncio.create_subprocess_exec(sys.executable, "-c", FEW_DESCRIPTORS, stdout=subprocess.PIPE)
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        [port] = await read(child.stdout)
        peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        event, fields = await read(child.stdout)
        assert event == "accepting_paused"
        assert fields == {"why": "Too many open files", "seconds": listener.REST}
        # Each that has been served makes room for one that waits in the backlog.
        for reader, writer in peers:
            assert b"welcome" in await reader.readline()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        child.terminate()
        assert await child.wait() == 0


def ipv6_works() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


@pytest.mark.parametrize(
    ("hostname", "connect_to"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        pytest.param("::1", "::1", marks=pytest.mark.skipif(not ipv6_works(), reason="no IPv6 here")),
        pytest.param("::", "127.0.0.1", marks=pytest.mark.skipif(not ipv6_works(), reason="no IPv6 here")),
    ],
)
def test_it_listens_on_names_and_addresses_of_both_kinds(hostname: str, connect_to: str) -> None:
    listening = Listener(Address(hostname, 0))
    assert listening.address.hostname == hostname
    socket.create_connection((connect_to, listening.address.port)).close()
    listening.close()


def test_a_port_that_was_just_in_use_is_free() -> None:
    first = Listener(Address("127.0.0.1", 0))
    client = socket.create_connection((first.address.hostname, first.address.port))
    served, _ = first._socket.accept()
    served.close()
    client.close()
    first.close()
    Listener(first.address).close()


def test_what_cannot_be_listened_on_is_told_in_a_sentence() -> None:
    taken = Listener(Address("127.0.0.1", 0))
    with pytest.raises(ListenError, match=rf"^cannot listen on {taken.address}: Address already in use$"):
        Listener(taken.address)
    taken.close()
    with pytest.raises(ListenError, match=r"^cannot listen on a\.\.b:1: the name is not known here"):
        Listener(Address("a..b", 1))
    with pytest.raises(ListenError, match=r"^cannot listen on 203\.0\.113\.1:0: "):
        Listener(Address("203.0.113.1", 0))  # an address for documentation: nobody's


async def test_nobody_is_accepted_once_it_is_closed() -> None:
    async with node(Recorder()) as stage:
        address = stage.node.address
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))

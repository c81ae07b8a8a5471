"""The load generator notices what a server does wrong, and is not confused by how bytes are cut.

Run with `python -m pytest bench/test_generator.py`; the server is a relay in this process that misbehaves once.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bench.errors import BenchError
from bench.generator import Generator, Plan, load_command
from bench.peers.base import Speech, Step, activity

MESSAGES = 400
ODD_ONE = 200


class Relay:
    """Sends each line to everyone; `fault` happens at message ODD_ONE, to the first connection alone."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.writers: list[asyncio.StreamWriter] = []
        self.count = 0
        self.held = b""
        self.random = random.Random(fault)
        self.ports: list[int] = []
        """Of the connections, in the order in which they came."""
        self.one_line = asyncio.Lock()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ports.append(writer.get_extra_info("sockname")[1])
        await reader.readline()
        writer.write(b"noise\nWELCOME\nmore noise\n")
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                async with self.one_line:
                    await self.relay(line)
        writer.close()

    async def relay(self, line: bytes) -> None:
        self.count += 1
        for index, subscriber in enumerate(self.writers):
            for piece in self.pieces(self.lines(index, line)):
                subscriber.write(piece)
                if self.fault == "cut":
                    await asyncio.sleep(0)

    def lines(self, index: int, line: bytes) -> bytes:
        if self.fault == "uneven":
            return b"x" * self.random.randrange(400) + line + b"a line of something else\n" * self.random.randrange(3)
        if index or self.count not in (ODD_ONE, ODD_ONE + 1):
            return line
        if self.count == ODD_ONE + 1:
            return line + self.held if self.fault == "swap" else line
        self.held = line
        if self.fault == "close":
            self.writers[0].close()
        return {"drop": b"", "swap": b"", "double": line + line}.get(self.fault, line)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while self.fault == "cut" and data:
            size = self.random.randrange(1, 60)
            yield data[:size]
            data = data[size:]
        if data:
            yield data


@contextlib.contextmanager
def relaying(relay: Relay, addresses: int = 1) -> Iterator[list[tuple[str, int]]]:
    """The addresses of a relay in a thread."""
    loop = asyncio.new_event_loop()
    servers = [loop.run_until_complete(asyncio.start_server(relay.serve, "127.0.0.1", 0)) for _ in range(addresses)]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield [server.sockets[0].getsockname() for server in servers]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        for writer in relay.writers:
            writer.transport.abort()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()


def run(relay: Relay, plan: Plan, wait: bytes = b"WELCOME", addresses: int = 1) -> dict[str, Any]:
    step = Step(b"hello @@@@@@@@\n", wait)
    speech = Speech(activity() + b"\n", (step,), (step,))
    with (
        relaying(relay, addresses) as places,
        Generator(load_command(plan, speech, *places), lambda heard: None) as load,
    ):
        load.wait_for("warm")
        load.go()
        return load.wait_for("result")


def wrong(result: dict[str, Any]) -> dict[str, int]:
    names = ("missing", "duplicates", "disordered", "foreign", "closed")
    return {name: result[name] for name in names if result[name]}


@pytest.mark.parametrize("fault", ["none", "uneven", "cut"])
@pytest.mark.parametrize("plan", [Plan(3, 1, MESSAGES, 0, 1), Plan(3, 4, MESSAGES // 4, 10, 50, latency=True)])
def test_all_is_well_however_the_bytes_are_cut(fault: str, plan: Plan) -> None:
    result = run(Relay(fault), plan)
    assert wrong(result) == {}
    assert result["deliveries"] == plan.messages * plan.publishers * (plan.subscribers + plan.publishers)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("drop", {"missing": 1, "disordered": 1}),
        ("double", {"duplicates": 1}),
        ("swap", {"missing": 1, "duplicates": 1, "disordered": 1}),
    ],
)
def test_a_fault_is_counted(fault: str, expected: dict[str, int]) -> None:
    assert wrong(run(Relay(fault), Plan(3, 1, MESSAGES, 0, MESSAGES, patience=1))) == expected


def test_a_closed_connection_ends_the_run() -> None:
    result = run(Relay("close"), Plan(3, 1, MESSAGES, 0, 10))
    assert result["closed"] == 1
    assert result["missing"] > 0


def test_an_opening_that_is_never_answered_is_an_error() -> None:
    with pytest.raises(BenchError, match="only 0 of 4 connections were accepted"):
        run(Relay("none"), Plan(3, 1, MESSAGES, patience=1), wait=b"never said")


def test_connections_take_turns_through_the_addresses() -> None:
    relay = Relay("none")
    result = run(relay, Plan(5, 4, 50, 0, 5), addresses=3)
    assert wrong(result) == {}
    assert sorted(relay.ports.count(port) for port in set(relay.ports)) == [3, 3, 3]


def test_publishing_for_a_time_ends_with_everything_delivered() -> None:
    result = run(Relay("none"), Plan(3, 2, window=16, seconds=0.2))
    assert wrong(result) == {}
    assert result["sent"] > 0
    assert result["deliveries"] == result["expected"] == 5 * result["sent"]
    assert 1 <= result["window"] <= 16


def test_how_late_the_generator_was_with_what_was_due_is_known() -> None:
    result = run(Relay("none"), Plan(3, 1, messages=20, rate=200, latency=True))
    assert wrong(result) == {}
    assert 0 <= result["late_ms"]["p50"] <= result["late_ms"]["p99"] <= result["late_ms"]["max"]

"""The load generator notices what a server does wrong, and is not confused by how bytes are cut.

Run with `python -m pytest bench/test_generator.py`; the server is a relay in this process that misbehaves once.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator

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
        self.one_line = asyncio.Lock()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
def relaying(fault: str) -> Iterator[int]:
    """The port of a relay in a thread."""
    relay, loop = Relay(fault), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(relay.serve, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        for writer in relay.writers:
            writer.transport.abort()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()


def run(fault: str, plan: Plan, wait: bytes = b"WELCOME") -> dict[str, int]:
    step = Step(b"hello @@@@@@@@\n", wait)
    speech = Speech(activity() + b"\n", (step,), (step,))
    with (
        relaying(fault) as port,
        Generator(load_command(plan, speech, ("127.0.0.1", port)), lambda heard: None) as load,
    ):
        load.wait_for("warm")
        load.go()
        return load.wait_for("result")


def wrong(result: dict[str, int]) -> dict[str, int]:
    names = ("missing", "duplicates", "disordered", "foreign", "closed")
    return {name: result[name] for name in names if result[name]}


@pytest.mark.parametrize("fault", ["none", "uneven", "cut"])
@pytest.mark.parametrize("plan", [Plan(3, 1, MESSAGES, 0, 1), Plan(3, 4, MESSAGES // 4, 10, 50, latency=True)])
def test_all_is_well_however_the_bytes_are_cut(fault: str, plan: Plan) -> None:
    result = run(fault, plan)
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
    assert wrong(run(fault, Plan(3, 1, MESSAGES, 0, MESSAGES, patience=1))) == expected


def test_a_closed_connection_ends_the_run() -> None:
    result = run("close", Plan(3, 1, MESSAGES, 0, 10))
    assert result["closed"] == 1
    assert result["missing"] > 0


def test_an_opening_that_is_never_answered_is_an_error() -> None:
    with pytest.raises(BenchError, match="only 0 of 4 connections were accepted"):
        run("none", Plan(3, 1, MESSAGES, patience=1), wait=b"never said")

"""The storm's clients come back the way that they are told, and notice what they miss or get twice.

Run with `python -m pytest bench/test_storm.py`; central and servers are in this process and know just enough.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.build import program
from bench.generator import Generator

CLIENTS = 20


class Session:
    """A client that is logged in at one of the two servers."""

    def __init__(self, name: str, writer: asyncio.StreamWriter, fault: str = "") -> None:
        self.name, self.writer, self.fault = name, writer, fault

    def show(self, line: bytes) -> None:
        if self.fault == "skip":
            self.fault = ""
        else:
            self.writer.write(line)


class Fake:
    """A central at ports[0], the servers s1 and s2 behind it. `fault` happens to the first who comes back."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.ports: list[int] = []
        self.servers: list[asyncio.Server] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.placed = 0
        self.killed = False
        self.sessions: list[list[Session]] = [[], []]
        self.log: list[bytes] = []
        self.logins: list[str] = []
        """How those have logged in who came after the kill."""

    async def listen(self) -> None:
        for serve in (self.serve_central, lambda r, w: self.serve(0, r, w), lambda r, w: self.serve(1, r, w)):
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            self.servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    async def serve_central(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, ValueError):
            login = json.loads(await reader.readline())
            name = login["username"]
            self.placed += 1
            to = 1 if self.killed else self.placed % 2
            if self.killed:
                self.logins.append(f"central by {'ticket' if login.get('ticket') == f'main-{name}' else 'secret'}")
            other = {"hostname": "127.0.0.1", "port": self.ports[2 - to], "ticket": f"alternate-{name}"}
            say(writer, "LOGIN_SUCCESS", info="", ticket=f"main-{name}", alternates=[other])
            say(writer, "REDIRECT", hostname="127.0.0.1", port=self.ports[1 + to], ticket=f"permit-{name}")
        writer.close()

    async def serve(self, at: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, ValueError):
            login = json.loads(await reader.readline())
            session = Session(login["username"], writer)
            more: dict[str, Any] = {} if login["resume"] else {"origins": {"s2.1": len(self.log)}}
            say(
                writer,
                "LOGIN_SUCCESS",
                info="",
                ticket="own",
                server=f"s{at + 1}",
                network="n",
                origin=f"s{at + 1}.1",
                **more,
            )
            if login["resume"]:
                self.resume(session, login)
            self.sessions[at].append(session)
            while line := await reader.readline():
                self.post(json.loads(line))
        writer.close()

    def resume(self, session: Session, login: dict[str, Any]) -> None:
        self.logins.append(f"server by {login['ticket'].partition('-')[0]}")
        assert login["resume"]["last"] == ["s1.1"]
        first = login["resume"]["origins"]["s2.1"] - (self.fault == "again")
        for line in self.log[first:]:
            session.show(line)
        session.fault, self.fault = self.fault, ""

    def post(self, message: dict[str, Any]) -> None:
        activity = {"authenticated_user": message["username"]} | message["activity"]
        broadcast = {"command": "ACTIVITY_BROADCAST", "id": f"s2.1-{len(self.log) + 1}", "activity": activity}
        self.log.append(json.dumps(broadcast, separators=(",", ":")).encode() + b"\n")
        for session in self.sessions[0] * (not self.killed) + self.sessions[1]:
            session.show(self.log[-1])

    def kill(self) -> None:
        self.killed = True
        for session in self.sessions[0]:
            session.writer.transport.abort()


def say(writer: asyncio.StreamWriter, command: str, **members: Any) -> None:
    writer.write(json.dumps({"command": command} | members, separators=(",", ":")).encode() + b"\n")


@contextlib.contextmanager
def faking(fault: str) -> Iterator[tuple[Fake, asyncio.AbstractEventLoop]]:
    fake, loop = Fake(fault), asyncio.new_event_loop()
    loop.run_until_complete(fake.listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield fake, loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for server in fake.servers:
            server.close()
        for writer in fake.writers:
            writer.transport.abort()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()


def ride_out(way: str, fault: str, folder: Path) -> tuple[Fake, dict[str, Any]]:
    users = folder / "users"
    users.write_text("".join(f"user{i} secret{i} -\n" for i in range(CLIENTS)), "ascii")
    with faking(fault) as (fake, loop):
        command = [program("storm"), "127.0.0.1", str(fake.ports[0]), "s1", way, "200", "4", str(users)]
        with Generator(command, lambda heard: None) as clients:
            clients.wait_for("warm")
            killed = time.monotonic_ns()
            loop.call_soon_threadsafe(fake.kill)
            clients.say(f"killed {killed}")
            clients.wait_for("returned")
            return fake, clients.wait_for("result")


def wrong(result: dict[str, Any]) -> dict[str, int]:
    names = ("missing", "duplicates", "foreign", "gaps", "behind", "refused", "failed")
    return {name: result[name] for name in names if result[name]}


@pytest.mark.parametrize(
    ("way", "logins"),
    [
        ("alternates", {"server by alternate"}),
        ("ticket", {"central by ticket", "server by permit"}),
        ("secret", {"central by secret", "server by permit"}),
    ],
)
def test_all_come_back_and_get_everything_once(way: str, logins: set[str], tmp_path: Path) -> None:
    fake, result = ride_out(way, "", tmp_path)
    assert wrong(result) == {}
    assert result["victims"] == result["returned"] == CLIENTS // 2
    assert result["deliveries"] == CLIENTS * result["posted"]
    assert set(fake.logins) == logins
    assert len(fake.logins) == len(logins) * CLIENTS // 2


@pytest.mark.parametrize(("fault", "expected"), [("again", {"duplicates": 1}), ("skip", {"missing": 1})])
def test_a_fault_is_counted(fault: str, expected: dict[str, int], tmp_path: Path) -> None:
    assert wrong(ride_out("alternates", fault, tmp_path)[1]) == expected

"""A node from its start to its end, clean or loud."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oyez.core import effects as fx
from oyez.net import environment, transport
from oyez.net import node as net_node
from oyez.net.environment import GaveUp
from oyez.net.listener import ListenError
from oyez.net.node import Node
from oyez.protocol.codec import encode
from oyez.protocol.messages import Address, RegisterSuccess
from oyez.storage.memory import MemoryStore
from oyez.storage.port import StorageError
from tests.net.stage import PATIENCE, STATUS, Recorder, activity_lines, node

CHILD = """
import asyncio, sys
from oyez.core import effects as fx
from oyez.core.role import Quiet
from oyez.net.node import Node, execute
from oyez.protocol.messages import Address

class Fragile(Quiet):
    def on_start(self, now):
        return []
    def on_open(self, now, link, who):
        if sys.argv[1] == "loop":
            asyncio.get_running_loop().call_soon(self.breaks)
            return []
        if sys.argv[1] == "quit":
            return [fx.Quit("nobody comes here")]
        if sys.argv[1] == "stays":
            return [fx.SetTimer("done", 0.0)] if self.leaving else []
        return self.breaks()
    leaving = False
    def on_leave(self, now):
        if sys.argv[1] != "stays":
            return super().on_leave(now)
        self.leaving = True
        print("leaving", flush=True)
        return []
    def on_timer(self, now, key):
        return [fx.Stopped()]
    def breaks(self):
        raise ZeroDivisionError("our own bug")
    def on_message(self, now, link, message):
        return []

node = Node(lambda address: Fragile(), Address("127.0.0.1", 0))
sys.exit(execute(node, lambda address: print(address.port, flush=True)))
"""


async def child(mode: str) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, mode, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return process, int(await process.stdout.readline())


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Exit code, and all that it said."""
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


class ClosingStore(MemoryStore):
    closed = 0

    def close(self) -> None:
        self.closed += 1
        super().close()


async def test_it_is_ready_once_it_listens_and_its_role_has_started() -> None:
    role = Recorder()
    given: list[Address] = []

    def make_role(address: Address) -> Recorder:
        given.append(address)
        return role

    running = Node(make_role, Address("127.0.0.1", 0))

    def ready(address: Address) -> None:
        assert given == [address]
        assert address.port
        assert role.events == [("start",)]
        running.stop()

    async with asyncio.timeout(PATIENCE):
        await running.run(ready)
    assert role.events == [("start",), ("stop",)]


async def test_a_clean_stop_lets_links_finish() -> None:
    role = Recorder(stop=lambda: [fx.Send(1, RegisterSuccess("goodbye"))])
    async with node(role) as stage, await stage.slow_peer() as peer:
        sent = encode(RegisterSuccess("x" * 50_000))
        stage.perform(fx.Send(peer.link, RegisterSuccess("x" * 50_000)))
        stage.node.stop()
        assert await peer.read_to_end() == sent + encode(RegisterSuccess("goodbye"))
        peer.sock.close()
    assert [event[0] for event in role.events] == ["start", "open", "stop", "close"]


async def test_links_that_do_not_finish_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "GRACE", 0.02)
    async with node() as stage:
        peers = [await stage.slow_peer() for _ in range(3)]
        for peer in peers:
            stage.perform(*[fx.Send(peer.link, RegisterSuccess("x" * 50_000))] * 10)
        stage.node.stop()
        await asyncio.wait([stage.task])
        assert sorted(stage.role.all("close")) == [("close", peer.link) for peer in peers]
        for peer in peers:
            with pytest.raises(ConnectionResetError):
                await peer.read_to_end()
            peer.sock.close()


@pytest.mark.parametrize("event", ["open", "message", "close", "timer", "flush", "leave", "stop", "dial_failed"])
async def test_an_exception_in_a_role_ends_the_node(event: str) -> None:
    def breaks(*_: object) -> fx.Effects:
        raise ZeroDivisionError("our own bug")

    store = ClosingStore()
    role = Recorder(**{event: breaks})
    with pytest.raises(ZeroDivisionError, match="our own bug"):
        async with node(role, store=store) as stage:
            peer = await stage.peer()
            await peer.send(STATUS)
            stage.perform(fx.SetTimer("timer", 0), fx.Flush(), fx.Dial(Address("a..b", 1), "nobody"))
            if event == "close":
                peer.sock.close()
            if event == "leave":
                stage.node.leave()
            if event == "stop":
                stage.node.stop()
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait([stage.task])
            peer.sock.close()
    last = role.events[-1]
    assert last[0] == event, "a role that has failed hears of nothing more"
    assert store.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_role_that_gives_up_ends_the_node_with_its_sentence() -> None:
    with pytest.raises(GaveUp, match=r"^the central refuses this server$"):
        async with node() as stage:
            peer = await stage.peer()
            stage.perform(fx.Quit("the central refuses this server"), fx.Send(peer.link, RegisterSuccess("goodbye")))
            assert await peer.read_to_end() == encode(RegisterSuccess("goodbye")), "it ends in an orderly way"
            peer.sock.close()
            await asyncio.wait([stage.task])
    assert stage.role.all("stop")


async def test_a_store_that_cannot_be_closed_is_told() -> None:
    class Stuck(MemoryStore):
        def close(self) -> None:
            raise StorageError("it is stuck")

    with pytest.raises(StorageError, match="it is stuck"):
        async with node(store=Stuck()):
            pass


async def test_the_store_is_closed_however_the_node_ends() -> None:
    store = ClosingStore()
    with pytest.raises(ListenError):
        await Node(lambda address: Recorder(), Address("a..b", 1), store=store).run()
    assert store.closed == 1

    def no_role(address: Address) -> Recorder:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Node(no_role, Address("127.0.0.1", 0), store=store).run()
    assert store.closed == 2


async def test_what_one_link_suffers_touches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resets, floods, half-open links and nonsense, while a follower reads on."""
    monkeypatch.setattr(transport, "LINGER", 0.01)
    role = Recorder()
    role.answers["open"] = lambda link: [fx.Follow(link, role.log, None)]
    role.answers["message"] = lambda link, message: [fx.Send(link, message), fx.Close(link)]
    async with node(role) as stage, await stage.peer() as steady:
        published = b""
        for turn in range(20):
            troubled = [await stage.peer() for _ in range(4)]
            await troubled[0].send(os.urandom(1000) + b"\n")
            await troubled[1].send(STATUS[:-5])
            lines = activity_lines(role.log.last + 1, 20)
            published += lines
            role.publish(lines)
            troubled[2].reset()
            troubled[turn % 2].reset()
            troubled[3].sock.close()
            troubled[1 - turn % 2].sock.close()
        assert await steady.read_exactly(len(published)) == published
        await role.until(lambda: len(role.all("close")) == 80)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_cleanly(number: signal.Signals) -> None:
    process, _ = await child("quiet")
    process.send_signal(number)
    assert await ended(process) == (0, "")


async def test_sigterm_asks_it_to_leave_and_it_goes_on_until_it_has_nothing_left_to_do() -> None:
    process, port = await child("stays")
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.readline() == b"leaving\n"
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await ended(process) == (0, "")
    writer.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_stops_one_that_is_leaving(number: signal.Signals) -> None:
    process, _ = await child("stays")
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.readline() == b"leaving\n"
    process.send_signal(number)
    assert await ended(process) == (0, "")


async def test_one_that_would_never_leave_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_node, "LEAVING", 0.01)
    async with node() as stage:
        stage.node.leave()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([stage.task])
    assert stage.role.events == [("start",), ("leave",), ("stop",)]


async def test_a_role_may_end_its_node_unasked() -> None:
    async with node(Recorder(open=lambda link: [fx.Stopped()])) as stage:
        peer = await stage.peer()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([stage.task])
        peer.sock.close()
    assert [event[0] for event in stage.role.events] == ["start", "open", "stop", "close"]


@pytest.mark.parametrize("where", ["role", "loop"])
async def test_a_bug_ends_the_process_with_its_traceback(where: str) -> None:
    process, port = await child(where)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    code, said = await ended(process)
    writer.close()
    assert code == 1
    assert "node_failed" in said
    assert "in breaks" in said
    assert "ZeroDivisionError: our own bug" in said


async def test_a_role_that_gives_up_raises_out_of_the_process() -> None:
    process, port = await child("quit")
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    code, said = await ended(process)
    writer.close()
    assert code == 1
    assert "GaveUp: nobody comes here" in said, "the command line makes a sentence of it"
    assert "node_failed" not in said


def test_uvloop_is_used_where_there_is_one(tmp_path: Path) -> None:
    code = "import oyez.net.node as n; loop = n._new_event_loop(); print(type(loop).__module__); loop.close()"

    def module(**more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **more}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert module() == "uvloop"
    (tmp_path / "uvloop.py").write_text("raise ImportError")
    assert module(PYTHONPATH=str(tmp_path)).startswith("asyncio")

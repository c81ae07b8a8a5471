"""Who may begin a link at all: so fast from one address; over TLS, so many of one address, and so many in all."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from oyez.core import effects as fx
from oyez.core.limits import turnstile
from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.settings import DoorLimits
from oyez.net.identity import Identity
from tests.certificates import Authority
from tests.net.stage import PATIENCE, Recorder, Stage, node


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return Authority(tmp_path / "ca").issue()


@pytest.fixture
def open_sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def comes(stage: Stage, stack: ExitStack, address: str = "192.0.2.7") -> socket.socket:
    """Somebody connects from there, and says nothing; returns their end."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    stack.enter_context(there)
    stage.node.environment.accept(here, address)
    return there


async def is_closed(sock: socket.socket) -> bool:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.get_running_loop().sock_recv(sock, 1) == b""


def reasons(stage: Stage) -> list[object]:
    return [fields["reason"] for event, fields in stage.reports if event == "turned_away"]


async def test_one_address_begins_no_more_than_it_may(identity: Identity, open_sockets: ExitStack) -> None:
    door = DoorLimits(connects=UNLIMITED, strangers=0, strangers_each=2)
    async with node(identity=identity, door=door) as stage:
        came = [comes(stage, open_sockets) for _ in range(3)]
        assert await is_closed(came[2])
        assert reasons(stage) == ["too_many_links"]
        comes(stage, open_sockets, "198.51.100.1")
        came[0].close()
        while len(stage.node.environment._beginnings) > 2:
            await asyncio.sleep(0)
        comes(stage, open_sockets)
        assert reasons(stage) == ["too_many_links"]


async def test_nor_faster_than_it_may(identity: Identity, open_sockets: ExitStack) -> None:
    door = DoorLimits(connects=Rate(0.001, 2.0), strangers=0, strangers_each=0)
    async with node(identity=identity, door=door) as stage:
        came = [comes(stage, open_sockets) for _ in range(3)]
        assert await is_closed(came[2])
        assert reasons(stage) == ["too_many_connects"]


async def test_who_connects_too_often_is_told_so_and_no_role_hears_of_them(open_sockets: ExitStack) -> None:
    door = DoorLimits(connects=Rate(0.001, 2.0))
    async with node(door=door) as stage:
        came = [comes(stage, open_sockets) for _ in range(3)]
        there = came[2]
        async with asyncio.timeout(PATIENCE):
            said = await asyncio.get_running_loop().sock_recv(there, 1 << 16)
        assert json.loads(said)["reason"] == "too_many_connects"
        assert "192.0.2.7: try again in 1000 s" in json.loads(said)["info"]
        assert await is_closed(there)
        comes(stage, open_sockets, "198.51.100.1")
        assert len(stage.role.all("open")) == 3
        assert len(stage.node.environment.host.links) == 3
        assert reasons(stage) == ["too_many_connects"]


async def test_of_who_is_gone_before_anybody_looked_no_role_hears(open_sockets: ExitStack) -> None:
    async with node() as stage:
        here, there = socket.socketpair()
        here.setblocking(False)
        there.close()
        stage.node.environment.accept(here, "192.0.2.7")
        assert here.fileno() == -1
        assert stage.role.all("open") == []
        assert stage.node.environment.measures.events["nothing_said"] == 1
        comes(stage, open_sockets)
        assert len(stage.role.all("open")) == 1


async def test_in_a_flood_they_are_not_told(open_sockets: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turnstile, "WORDS", Rate(0.001, 2.0))
    async with node(door=DoorLimits(connects=Rate(0.001, 1.0))) as stage:
        came = [comes(stage, open_sockets) for _ in range(5)]
        heard = []
        for there in came[1:]:
            async with asyncio.timeout(PATIENCE):
                heard.append(await asyncio.get_running_loop().sock_recv(there, 1 << 16))
        assert [bool(said) for said in heard] == [True, True, False, False]
        assert reasons(stage) == ["too_many_connects"] * 4


async def test_when_there_are_too_many_the_oldest_makes_room(identity: Identity, open_sockets: ExitStack) -> None:
    door = DoorLimits(connects=UNLIMITED, strangers=3, strangers_each=0)
    async with node(identity=identity, door=door) as stage:
        came = [comes(stage, open_sockets, f"192.0.2.{number}") for number in range(1, 6)]
        assert await is_closed(came[0])
        assert await is_closed(came[1])
        assert len(stage.node.environment._beginnings) == 3
        assert [fields["address"] for event, fields in stage.reports if event == "nothing_said"] == [
            "192.0.2.1",
            "192.0.2.2",
        ]


async def test_a_link_may_be_cut_before_its_peer_knows_that_it_was_made() -> None:
    """Its descriptor is free at once, so it may be that connecting itself fails there."""
    async with node(Recorder(open=lambda link: [fx.Close(link, at_once=True)])) as stage:
        address = (stage.node.address.hostname, stage.node.address.port)
        for link in range(1, 4):
            with suppress(ConnectionError), await asyncio.to_thread(socket.create_connection, address) as sock:
                sock.settimeout(PATIENCE)
                assert await asyncio.to_thread(sock.recv, 1) == b""
            await stage.role.seen("close", link)
        assert stage.role.all("message") == []

"""Dials: each ends in exactly one answer, and none before `dial` has returned."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from oyez.core import effects as fx
from oyez.net import dialer, transport
from oyez.net.dialer import Dialer
from oyez.net.guard import GuardedLoop
from oyez.protocol.messages import Address
from tests.net.stage import A_STATUS, PATIENCE, Stage, node


def port_of_nobody() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def listening() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield Address("127.0.0.1", sock.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[Address]:
    """It listens, but its backlog is full: a connect gets no answer."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        while True:
            client = stack.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(server.getsockname())
            except TimeoutError:
                break
        yield Address("127.0.0.1", server.getsockname()[1])


def unexpected(error: Exception) -> None:
    raise error


def a_dialer() -> Dialer:
    return Dialer(GuardedLoop(asyncio.get_running_loop(), unexpected))


async def dialed(dialer: Dialer, address: Address, within: float = PATIENCE) -> socket.socket | None:
    answer: asyncio.Future[socket.socket | None] = asyncio.get_running_loop().create_future()
    dialer.dial(address, within, answer.set_result)
    assert not answer.done(), "answered from within the call"
    async with asyncio.timeout(PATIENCE):
        return await answer


async def dials(stage: Stage, address: Address, purpose: str) -> None:
    before = len(stage.role.events)
    stage.perform(fx.Dial(address, purpose))
    assert len(stage.role.events) == before


async def test_a_role_that_dials_gets_a_link_for_its_purpose() -> None:
    async with node() as stage:
        await dials(stage, stage.node.address, "myself")
        await stage.role.seen("dialed")
        await stage.role.seen("open")
        here, purpose = stage.role.all("dialed")[0][1:]
        there = stage.role.all("open")[0][1]
        assert purpose == "myself"
        stage.perform(fx.Send(here, A_STATUS))
        await stage.role.seen("message", there, A_STATUS)
        stage.perform(fx.Close(there))
        await stage.role.seen("close", here)
        await stage.role.seen("close", there)


async def test_a_role_hears_of_a_dial_that_failed() -> None:
    async with node() as stage:
        await dials(stage, Address("127.0.0.1", port_of_nobody()), "nobody")
        await stage.role.seen("dial_failed", "nobody")


@pytest.mark.parametrize("hostname", ["localhost", "127.0.0.1", "::ffff:127.0.0.1"])
async def test_names_and_literals_are_dialed(listening: Address, hostname: str) -> None:
    sock = await dialed(a_dialer(), Address(hostname, listening.port))
    assert sock is not None
    assert sock.getpeername()[1] == listening.port
    sock.close()


@pytest.mark.parametrize("hostname", ["a..b", "x" * 70, "a\0b", "", "fe80::1%nowhere", "\udcff", "[::1]"])
async def test_what_is_no_name_is_not_reached(hostname: str) -> None:
    assert await dialed(a_dialer(), Address(hostname, 1)) is None


async def test_silence_is_a_failure(silent: Address) -> None:
    assert await dialed(a_dialer(), silent, within=0.05) is None


async def test_the_addresses_of_a_name_share_the_time(
    listening: Address, silent: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_dial = a_dialer()
    candidates = [(socket.AF_INET, (address.hostname, address.port)) for address in (silent, listening)]

    async def resolve(address: Address) -> list[dialer.Candidate]:
        return list(candidates)

    monkeypatch.setattr(a_dial, "_resolve", resolve)
    sock = await dialed(a_dial, Address("has two addresses", 1), within=1)
    assert sock is not None
    assert sock.getpeername()[1] == listening.port
    sock.close()


async def test_a_dial_that_meets_itself_has_met_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback the kernel may give our end the very port that we dial; TCP then connects it with itself."""
    port = port_of_nobody()

    def unlucky(sock: socket.socket) -> None:
        transport.tune(sock)
        sock.bind(("127.0.0.1", port))

    monkeypatch.setattr(dialer, "tune", unlucky)
    assert await dialed(a_dialer(), Address("127.0.0.1", port)) is None


async def test_dials_under_way_are_given_up_at_the_end(silent: Address) -> None:
    async with node() as stage:
        await dials(stage, silent, "nobody")
        await asyncio.sleep(0)
    assert stage.role.events[-1][0] == "stop"
    await dials(stage, silent, "too late")
    assert asyncio.all_tasks() == {asyncio.current_task()}

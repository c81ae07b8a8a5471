"""A program that does not take its activities: bounded here, nothing lost, nobody else held up."""

import asyncio

import pytest

import oyez
from oyez.client.inbox import OVERHEAD
from oyez.net.transport import READ_SIZE
from tests.client.town import PATIENCE, town

BUFFER = 64 * 1024
CONTENT = "x" * 10_000
COUNT = 2500
"""Far more than the kernel's buffers and ours hold together."""


async def test_what_is_not_taken_stays_with_the_network_and_is_not_lost() -> None:
    async with (
        asyncio.timeout(PATIENCE),
        town("s1") as net,
        oyez.connect(net.address, buffer=BUFFER) as idle,
        oyez.connect(net.address, receive=False) as poster,
    ):
        await asyncio.gather(*(poster.post({"n": n, "content": CONTENT}) for n in range(COUNT)))
        while idle._role.reading:  # else the silence of a link that is not read would look like a frozen server
            await asyncio.sleep(0.01)
        assert idle.waiting * (len(CONTENT) + OVERHEAD) <= BUFFER + READ_SIZE + len(CONTENT)
        for number in range(COUNT):
            assert (await anext(idle)).object["n"] == number
        await idle.post("now it reads again")
        assert idle._role.reading


async def test_a_post_that_waits_behind_what_is_not_taken_says_why() -> None:
    async with (
        asyncio.timeout(PATIENCE),
        town("s1") as net,
        oyez.connect(net.address, buffer=BUFFER) as idle,
        oyez.connect(net.address, receive=False) as poster,
    ):
        await asyncio.gather(*(poster.post({"n": n, "content": CONTENT}) for n in range(COUNT)))
        with pytest.raises(oyez.PostUnsettled, match="does not take its activities"):
            await idle.post("hear me", timeout=0.05)


async def test_a_program_that_slept_too_long_comes_back_and_is_told_why() -> None:
    events = asyncio.Queue[oyez.Event]()
    async with (
        asyncio.timeout(PATIENCE),
        town("s1", patience=0.2) as net,
        oyez.connect(net.address, buffer=BUFFER, on_event=events.put_nowait) as idle,
        oyez.connect(net.address, receive=False) as poster,
    ):
        assert isinstance(await events.get(), oyez.Connected)
        await asyncio.gather(*(poster.post({"n": n, "content": CONTENT}) for n in range(COUNT)))
        server = net.servers["s1"].node.environment
        while not server.measures.events["refused"]:  # the server's tick finds it stalled
            await asyncio.sleep(0.01)
        reading = asyncio.create_task(drain(idle))
        event = await events.get()
        assert isinstance(event, oyez.Disconnected)
        assert isinstance(await events.get(), oyez.Connected)
        await idle.aclose()
        await reading


async def drain(network: oyez.Network) -> None:
    async for _ in network:
        pass

"""The poller where there is no epoll: what is ready is told in the same way."""

from __future__ import annotations

import asyncio
import select
import socket
from itertools import pairwise

import pytest

from oyez.net import poller as polling
from oyez.net.guard import GuardedLoop
from oyez.net.poller import READ, WRITE, Poller


class Noted:
    """Notes what is ready, and wakes who waits for it."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[int] = asyncio.Queue()

    def ready(self, events: int) -> bool:
        self.events.put_nowait(events)
        return False


@pytest.fixture(params=["epoll", "another"])
def poller_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "another":
        monkeypatch.delattr(select, "epoll", raising=False)


@pytest.mark.usefixtures("poller_kind")
async def test_what_is_ready_is_told_until_nobody_wants_to_know() -> None:
    poller = Poller(GuardedLoop(asyncio.get_running_loop(), lambda error: None))
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        noted = Noted()
        poller.watch(here.fileno(), noted, 0, WRITE)
        assert await noted.events.get() == WRITE
        poller.watch(here.fileno(), noted, WRITE, READ)
        there.send(b"hello")
        while (events := await noted.events.get()) != READ:
            assert events == WRITE  # of before
        here.recv(5)
        there.close()
        while not (events := await noted.events.get()) & WRITE:
            assert events & READ  # the end shows as both, where it is seen as an error
            poller.watch(here.fileno(), noted, READ, READ | WRITE)
        poller.watch(here.fileno(), noted, READ | WRITE, 0)
    poller.close()


@pytest.mark.usefixtures("poller_kind")
async def test_none_has_a_second_turn_before_all_had_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes as long as a turn may, and always has more to read."""
    turns: list[int] = []
    enough = asyncio.Event()

    class Busy:
        def __init__(self, number: int) -> None:
            self.number = number

        def ready(self, events: int) -> bool:
            clock.now += polling.SLICE
            turns.append(self.number)
            if len(turns) == 9:
                enough.set()
            return False

    class Hand:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Hand()
    monkeypatch.setattr(polling, "time", clock)
    loop = asyncio.get_running_loop()
    poller = Poller(GuardedLoop(loop, lambda error: None))
    between: list[int] = []

    def other() -> None:
        between.append(len(turns))
        if not enough.is_set():
            loop.call_soon(other)

    pairs = [socket.socketpair() for _ in range(3)]
    for number, (here, there) in enumerate(pairs):
        there.send(b"more than is read")
        poller.watch(here.fileno(), Busy(number), 0, READ)
    loop.call_soon(other)
    async with asyncio.timeout(30):
        await enough.wait()
    poller.close()
    for here, there in pairs:
        here.close()
        there.close()
    assert [set(turns[at : at + 3]) for at in (0, 3, 6)] == [{0, 1, 2}] * 3
    assert set(range(1, 9)) <= set(between), "others have their turn after each"


@pytest.mark.usefixtures("poller_kind")
@pytest.mark.parametrize(("at_once", "waits"), [(1, 1), (2, 2)])
async def test_those_who_send_much_come_last_and_in_turn(
    monkeypatch: pytest.MonkeyPatch, at_once: int, waits: int
) -> None:
    """Three always have more than is read; another one has something in each turn."""
    turns: list[str] = []
    enough = asyncio.Event()

    class Hand:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    class Sends:
        def __init__(self, name: str, much: bool) -> None:
            self.name = name
            self.much = much

        def ready(self, events: int) -> bool:
            turns.append(self.name)
            if self.much:
                clock.now += 2.0 / at_once
            if len(turns) == 40:
                enough.set()
            return self.much

    clock = Hand()
    monkeypatch.setattr(polling, "time", clock)
    monkeypatch.setattr(polling, "SLICE", 2.0)
    poller = Poller(GuardedLoop(asyncio.get_running_loop(), lambda error: None))
    pairs = [socket.socketpair() for _ in range(4)]
    for (here, there), sends in zip(
        pairs, (*(Sends(name, much=True) for name in "abc"), Sends("little", much=False)), strict=True
    ):
        there.send(b"more than is read")
        poller.watch(here.fileno(), sends, 0, READ)
    async with asyncio.timeout(30):
        await enough.wait()
    poller.close()
    for here, there in pairs:
        here.close()
        there.close()
    settled = turns[-30:]
    at = [index for index, name in enumerate(settled) if name == "little"]
    assert {later - earlier for earlier, later in pairwise(at)} == {waits + 1}
    much = [name for name in settled if name != "little"]
    assert all(set(much[index : index + 3]) == set("abc") for index in range(len(much) - 2))


@pytest.mark.usefixtures("poller_kind")
async def test_who_is_gone_before_its_turn_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SLICE", -1.0)
    poller = Poller(GuardedLoop(asyncio.get_running_loop(), lambda error: None))
    turns: list[int] = []
    (one, at_one), (two, at_two) = socket.socketpair(), socket.socketpair()

    class Ends:
        def __init__(self, here: socket.socket, other: socket.socket) -> None:
            self.here = here
            self.other = other

        def ready(self, events: int) -> bool:
            turns.append(self.here.fileno())
            for sock in (self.here, self.other):
                poller.watch(sock.fileno(), self, READ, 0)
            return False

    with one, at_one, two, at_two:
        for here, other in ((one, two), (two, one)):
            poller.watch(here.fileno(), Ends(here, other), 0, READ)
        at_one.send(b"x")
        at_two.send(b"x")
        async with asyncio.timeout(30):
            while not turns:
                await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(turns) == 1
    poller.close()

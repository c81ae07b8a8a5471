"""The poller where there is no epoll: what is ready is told in the same way."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import pytest

from oyez.net import poller as polling
from oyez.net.guard import GuardedLoop
from oyez.net.poller import ALL, LITTLE, MUCH, NOTHING, PIECE, READ, WRITE, Poller


class Noted:
    """Notes what is ready, and wakes who waits for it."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[int] = asyncio.Queue()

    def ready(self, events: int, most: int) -> int:
        self.events.put_nowait(events)
        return NOTHING


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
async def test_none_has_a_second_turn_before_all_had_one(clock: Hand) -> None:
    """Each takes as long as a turn may, and always has more to read."""
    turns: list[int] = []
    enough = asyncio.Event()

    class Busy:
        def __init__(self, number: int) -> None:
            self.number = number

        def ready(self, events: int, most: int) -> int:
            clock.now += polling.SLICE
            turns.append(self.number)
            if len(turns) == 9:
                enough.set()
            return NOTHING

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


class Hand:
    """A clock that goes on when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Crowd:
    """Links that send, each as much as it is said to; `turns` has who was read, and how much of them might be."""

    def __init__(self, clock: Hand) -> None:
        self.turns: list[tuple[str, int]] = []
        self.poller = Poller(GuardedLoop(asyncio.get_running_loop(), lambda error: None))
        self._clock = clock
        self._sockets: list[socket.socket] = []

    def joins(self, name: str, reads: int, takes: Callable[[int], float] = lambda most: 0.0) -> None:
        """It always has something; being heard takes so long."""

        def ready(events: int, most: int) -> int:
            self.turns.append((name, most))
            self._clock.now += takes(most)
            return reads

        here, there = socket.socketpair()
        self._sockets += [here, there]
        there.send(b"something")
        self.poller.watch(here.fileno(), SimpleNamespace(ready=ready), 0, READ)

    async def until(self, count: int) -> list[tuple[str, int]]:
        """So many have been read; returns all."""
        async with asyncio.timeout(30):
            while len(self.turns) < count:
                await asyncio.sleep(0)
        return self.turns[:count]

    def leaves(self) -> None:
        self.poller.close()
        for sock in self._sockets:
            sock.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Hand:
    clock = Hand()
    monkeypatch.setattr(polling, "time", clock)
    return clock


@pytest.fixture
async def crowd(clock: Hand) -> AsyncIterator[Crowd]:
    crowd = Crowd(clock)
    yield crowd
    crowd.leaves()


@pytest.mark.usefixtures("poller_kind")
async def test_those_who_send_much_come_last_and_in_turn(crowd: Crowd) -> None:
    for name in "abc":
        crowd.joins(name, MUCH)
    crowd.joins("little", LITTLE)
    crowd.joins("another", LITTLE)
    settled = [name for name, _ in (await crowd.until(60))[-36:]]
    rounds = [settled[at : at + 3] for at in range(0, 36, 3)]
    if settled[0] in "abc":  # the window begins within a turn
        rounds = [settled[at : at + 3] for at in range(1, 34, 3)]
    assert all(set(heard) & {"little", "another"} for heard in rounds)
    much = [name for name in settled if name in "abc"]
    assert len(much) >= 11
    assert all(set(much[at : at + 3]) == set("abc") for at in range(len(much) - 2))


@pytest.mark.usefixtures("poller_kind")
async def test_one_who_is_alone_is_heard_as_much_as_there_is(crowd: Crowd) -> None:
    crowd.joins("much", MUCH, lambda most: 1.0)
    assert set(await crowd.until(20)) == {("much", ALL)}


@pytest.mark.usefixtures("poller_kind")
async def test_what_nodes_bring_counts_for_nobody(crowd: Crowd) -> None:
    crowd.joins("much", MUCH)
    crowd.joins("node", NOTHING)
    assert set(await crowd.until(20)) == {("much", ALL), ("node", ALL)}


@pytest.mark.usefixtures("poller_kind")
async def test_where_others_wait_a_turn_is_kept_short(crowd: Crowd) -> None:
    """What is read takes its time: 20 KiB take as much as a turn may."""
    crowd.joins("little", LITTLE)
    crowd.joins("much", MUCH, lambda most: most / (20 * 1024) * polling.SHORT)
    heard = [most for name, most in await crowd.until(100) if name == "much"]
    assert heard[0] == ALL, "nobody was known to wait"
    assert min(heard[5:]) >= PIECE
    assert max(heard[5:]) <= 20 * 1024 + PIECE


@pytest.mark.usefixtures("poller_kind")
async def test_but_no_shorter_than_it_has_to_be(crowd: Crowd) -> None:
    crowd.joins("little", LITTLE)
    crowd.joins("much", MUCH)
    heard = [most for name, most in await crowd.until(100) if name == "much"]
    assert heard[-1] == ALL


@pytest.mark.usefixtures("poller_kind")
async def test_who_has_been_silent_for_a_while_counts_no_more(crowd: Crowd, clock: Hand) -> None:
    crowd.joins("much", MUCH, lambda most: 0.001)
    one, other = socket.socketpair()

    def ready(events: int, most: int) -> int:
        one.recv(1)
        return LITTLE

    with one, other:
        other.send(b"x")
        crowd.poller.watch(one.fileno(), SimpleNamespace(ready=ready), 0, READ)
        await crowd.until(10)
        assert {most for _, most in crowd.turns[1:]} & {PIECE, 2 * PIECE, 3 * PIECE}
        clock.now += polling.RECENTLY
        begun = len(crowd.turns)
        await crowd.until(begun + 5)
        assert crowd.turns[-1][1] == ALL
        crowd.poller.watch(one.fileno(), SimpleNamespace(ready=ready), READ, 0)


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

        def ready(self, events: int, most: int) -> int:
            turns.append(self.here.fileno())
            for sock in (self.here, self.other):
                poller.watch(sock.fileno(), self, READ, 0)
            return NOTHING

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

"""The poller where there is no epoll: what is ready is told in the same way."""

from __future__ import annotations

import asyncio
import select
import socket

import pytest

from oyez.net.guard import GuardedLoop
from oyez.net.poller import READ, WRITE, Poller


class Noted:
    """Notes what is ready, and wakes who waits for it."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[int] = asyncio.Queue()

    def ready(self, events: int) -> None:
        self.events.put_nowait(events)


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

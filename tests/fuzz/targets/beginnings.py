"""How links begin: told apart by their first byte, whatever is said, however it is cut, and with nothing lost.

The input is what the port is (with TLS or without), from where somebody comes, whether they truly speak TLS, where
what they say is cut, and what they say. Everything is the real thing from `NetEnvironment.accept` on, on a socket; but
for the event loop, which is one that does what is due when it is told to.
"""

from __future__ import annotations

import asyncio
import atexit
import select
import shutil
import socket
import ssl
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

from oyez.net.beginnings import TLS
from oyez.net.channel import Channel
from oyez.net.environment import HTTPS_REQUIRED, TLS_REQUIRED, NetEnvironment
from oyez.net.identity import PLAIN, Contexts
from oyez.protocol import codec
from tests.certificates import Authority
from tests.fuzz.data import Data, cut
from tests.fuzz.targets.framing import LIMIT, Ear

LONGEST, RUNS = 300, 300
WORDS = ["\x16\x03\x01", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x15\x03\x01\x00\x02\x02\x28", "\n"]
WORDS += ["GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", '{"command":"LOGOUT"}\n', "SSH-2.0-x\r\n"]
PLACES = ["127.0.0.1", "10.0.0.1"]


class _Loop:
    """As much of an event loop as there has to be."""

    def __init__(self) -> None:
        self._due: deque[asyncio.Handle] = deque()
        self._timers: list[asyncio.TimerHandle] = []
        self._readers: dict[int, Callable[[], object]] = {}

    def call_soon(self, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        self._due.append(asyncio.Handle(callback, args, cast(asyncio.AbstractEventLoop, self)))
        return self._due[-1]

    def call_later(self, after: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        self._timers.append(asyncio.TimerHandle(after, callback, args, cast(asyncio.AbstractEventLoop, self)))
        return self._timers[-1]

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def get_debug(self) -> bool:
        return False

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        self._readers[fd] = lambda: callback(*args)

    def remove_reader(self, fd: int) -> None:
        del self._readers[fd]

    def run(self) -> None:
        """All that is due, and all that follows from it."""
        for _ in range(10_000):
            if self._due:
                handle = self._due.popleft()
                if not handle.cancelled():
                    handle._run()
            elif ready := select.select(list(self._readers), [], [], 0)[0]:
                for fd in ready:
                    self._readers[fd]()
            else:
                return
        raise AssertionError("it goes on for ever")

    def run_out(self) -> None:
        """Every timer that is set runs out, and so on."""
        while self._timers:
            timer = self._timers.pop(0)
            if not timer.cancelled():
                timer._run()
            self.run()


@cache
def _identity() -> tuple[Contexts, ssl.SSLContext]:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    authority = Authority(Path(folder))
    return authority.issue().load(), authority.client()


class _Stage:
    """A port, and somebody who comes to it from there. `encrypted`: it speaks TLS."""

    def __init__(self, loop: _Loop, contexts: Contexts, address: str, stream: bytes, encrypted: bool) -> None:
        self.loop = loop
        self.role = Ear(stream)
        self.failed: list[Exception] = []
        self.reports: list[str] = []
        self.environment = NetEnvironment(
            self.role,
            self.failed.append,
            line_limit=LIMIT,
            tls=contexts,
            log=lambda event, _: self.reports.append(event),
        )
        self._mine, its = socket.socketpair()
        self._mine.setblocking(False)
        its.setblocking(False)
        self.said = b""
        self.ended = False
        self._inside: list[bytes] = []
        self._channel = Channel(_identity()[1], "127.0.0.1") if encrypted else None
        self.environment.accept(its, address)
        self.go_on()

    def go_on(self) -> None:
        self.loop.run()
        with suppress(BlockingIOError, ConnectionResetError):
            while not self.ended:
                came = self._mine.recv(1 << 16)
                self.ended = not came
                self.said += came
        assert self.failed == []

    def shake_hands(self) -> None:
        assert self._channel is not None
        for _ in range(4):
            heard, self.said = self.said, b""
            done = self._channel.handshake(heard)
            self.send(self._channel.output(), True)
            if done:
                return
        raise AssertionError("the handshake goes on for ever")

    def send(self, piece: bytes, as_it_is: bool = False) -> None:
        if self._channel is not None and not as_it_is:
            piece = self._channel.encrypt(piece)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._mine.sendall(piece)
        self.go_on()

    def leave(self) -> None:
        with suppress(OSError):
            self._mine.shutdown(socket.SHUT_WR)
        self.go_on()
        if not self.ended:
            self.loop.run_out()
            self.go_on()
        self._mine.close()
        self.loop.run()
        self.loop.run_out()


@contextmanager
def _stage(contexts: Contexts, address: str, stream: bytes, encrypted: bool) -> Iterator[_Stage]:
    before = asyncio._get_running_loop()
    loop = _Loop()
    asyncio._set_running_loop(cast(asyncio.AbstractEventLoop, loop))
    stage = None
    try:
        stage = _Stage(loop, contexts, address, stream, encrypted)
        yield stage
        stage.leave()
        assert stage.failed == []
        assert len(stage.environment._beginnings) == 0, "a beginning has no end"
        assert stage.environment._turnstile._under_way == 0, "a beginning is counted for ever"
        assert stage.environment._transports == set(), "a link has no end"
    finally:
        if stage is not None:
            stage._mine.close()
            stage.environment._poller.close()
        asyncio._set_running_loop(before)


def check(data: bytes) -> None:
    decisions = Data(data)
    how, address, places = decisions.below(8), decisions.pick(PLACES), decisions.places()
    stream = decisions.rest()
    contexts = _identity()[0] if how >= 2 else PLAIN
    encrypted = how >= 6
    pieces = cut(stream, places)
    with _stage(contexts, address, stream, encrypted) as stage:
        if encrypted:
            stage.shake_hands()
        for piece in pieces:
            stage.send(piece)
    _judge(stage, contexts, address, stream, encrypted)


def _judge(stage: _Stage, contexts: Contexts, address: str, stream: bytes, encrypted: bool) -> None:
    opened = len(stage.role.opened)
    heard = stage.role.heard
    alone = Ear(stream).told([stream] if stream else [])
    if contexts.accepting is None or encrypted:
        assert (opened, stage.reports) == (1, []) or encrypted
        assert opened == 1
        assert heard == alone
    elif not stream:
        assert (opened, stage.reports) == (0, ["nothing_said"])
    elif stream[0] == TLS:
        assert (opened, stage.reports) == (0, ["tls_refused"])
        assert heard == []
    elif address == PLACES[0]:
        assert (opened, stage.reports) == (1, [])
        assert heard == alone
        assert stage.said == b""
    else:
        assert (opened, stage.reports) == (0, ["tls_required"])
        assert stage.said == (HTTPS_REQUIRED if b"A" <= stream[:1] <= b"Z" else codec.encode(TLS_REQUIRED))
        assert heard == []

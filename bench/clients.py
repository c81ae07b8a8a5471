"""`python -m bench.clients`: any number of library clients in one process, which is told what to do, and tells.

Some of them post, paced, messages of 200 bytes with sender and number; each that takes its messages checks that every
sender's come once and in order. On standard output one JSON event a line: `progress`, `ready` once all are connected.
For each line on standard input another: `mark ID` and `watched`: note how long each client of this server hears
nothing; `silences`: as soon as all those have heard something from another server, for how long each had not;
`returns`: as soon as they are logged in again, when each was; `counts`: what happened so far; `quiet` and `end`: no
more posts, and what went wrong at last. Must not know: what is done to the servers meanwhile.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

import msgspec
import uvloop

import oyez
from bench.machine import raise_descriptor_limit
from bench.peers.base import ACTIVITY_BYTES

LOGINS = 50
"""Clients that connect at a time."""

TICK = 0.005
"""Seconds between two looks at how late this process is itself."""

PATIENCE = 60.0
"""Seconds for a login, and for a post; then it has failed."""


class Said(msgspec.Struct):
    """A message."""

    sender: int
    number: int


class Client:
    """One of them."""

    def __init__(self, crowd: "Crowd", centrals: str, receive: bool) -> None:
        self._crowd = crowd
        self.network = oyez.connect(
            centrals, timeout=PATIENCE, receive=receive, buffer=1 << 26, on_event=self._on_event
        )
        self.last: dict[int, int] = {}
        self.watched: str | None = None
        """The server whose end is watched."""
        self.heard_elsewhere = False
        self.silence = 0.0
        self.back: float | None = None
        """When it was logged in elsewhere, by the clock that all processes share."""
        self._heard = 0.0

    async def listen(self) -> None:
        """Check whatever comes."""
        decode = msgspec.json.Decoder(Said).decode
        async for activity in self.network:
            now = time.monotonic()
            if self.watched is not None:
                self.silence = max(self.silence, now - self._heard)
                self.heard_elsewhere |= self.network.server not in (None, self.watched)
            self._heard = now
            said = decode(activity.raw)
            last = self.last.get(said.sender, said.number - 1)
            if said.number != last + 1:
                self._crowd.missing += max(0, said.number - last - 1)
                self._crowd.repeated += said.number <= last
            self.last[said.sender] = said.number
            self._crowd.deliveries += 1

    def watch(self, server: str) -> None:
        self.watched, self.heard_elsewhere, self.silence, self.back = server, False, 0.0, None

    def _on_event(self, event: oyez.Event) -> None:
        match event:
            case oyez.Connected():
                self._crowd.connected += 1
                self.back = self.back or time.monotonic()
            case oyez.Moved():
                self._crowd.moved += 1
            case oyez.Gap():
                self._crowd.gaps += 1


class Crowd:
    """All of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.deliveries = self.connected = self.moved = self.gaps = self.missing = self.repeated = 0
        self._options = options
        self._clients = [Client(self, options.centrals, options.receive) for _ in range(options.clients)]
        self._posted = self._acknowledged = 0
        self._failed: list[str] = []
        self._late = 0.0
        self._quiet = asyncio.Event()
        self._tasks = set[asyncio.Task[None]]()

    async def run(self) -> None:
        began = time.monotonic()
        some = asyncio.Semaphore(LOGINS)
        await asyncio.gather(*(self._open(client, some) for client in self._clients))
        if self._options.receive:
            for client in self._clients:
                self._begin(client.listen())
        self._begin(self._watch())
        senders = [self._begin(self._send(number)) for number in range(self._options.senders)]
        tell("ready", seconds=time.monotonic() - began)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            word, *rest = line.decode().split()
            match word:
                case "mark":
                    self._mark(rest[0])
                case "silences":
                    await self._tell_silences()
                case "returns":
                    await self._tell_returns()
                case "counts":
                    tell("counts", **self._counts())
                case "quiet":
                    self._quiet.set()
                    await asyncio.gather(*senders)
                    tell("quiet", **self._counts())
                case "end":
                    break

    async def _open(self, client: Client, some: asyncio.Semaphore) -> None:
        async with some:
            await client.network.open()
        if self.connected % 100 == 0:
            tell("progress", connected=self.connected)

    def _begin(self, what: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(what)
        self._tasks.add(task)
        return task

    async def _send(self, number: int) -> None:
        """Post at a fixed pace, whether or not what was posted before has come back."""
        client = self._clients[number * len(self._clients) // self._options.senders]
        period = self._options.senders / self._options.rate
        due = time.monotonic() + period * number / self._options.senders
        count, posts = 0, set[asyncio.Task[None]]()
        while not self._quiet.is_set():
            await asyncio.sleep(due - time.monotonic())
            count += 1
            said = {"sender": number, "number": count, "type": "Note", "content": "."}
            said["content"] = "." * (ACTIVITY_BYTES + 1 - len(msgspec.json.encode(said)))
            post = asyncio.create_task(self._post(client, said))
            posts.add(post)
            post.add_done_callback(posts.discard)
            due += period
        await asyncio.gather(*posts)

    async def _post(self, client: Client, said: dict[str, Any]) -> None:
        self._posted += 1
        try:
            await client.network.post(said)
            self._acknowledged += 1
        except oyez.OyezError as error:
            self._failed.append(str(error))

    def _mark(self, server: str) -> None:
        self._late = 0.0
        watched = [client for client in self._clients if client.network.server == server]
        for client in watched:
            client.watch(server)
        tell("watched", clients=len(watched))

    async def _tell_silences(self) -> None:
        watched = [client for client in self._clients if client.watched is not None]
        deadline = time.monotonic() + PATIENCE
        while not all(client.heard_elsewhere for client in watched) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        lost = sum(not client.heard_elsewhere for client in watched)
        tell("silences", seconds=[client.silence for client in watched], late=self._late, lost=lost)
        for client in watched:
            client.watched = None

    async def _tell_returns(self) -> None:
        watched = [client for client in self._clients if client.watched is not None]
        deadline = time.monotonic() + PATIENCE
        while not all(client.back for client in watched) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        backs = [client.back for client in watched if client.back]
        tell("returns", backs=backs, lost=len(watched) - len(backs), cpu_seconds=time.process_time())

    async def _watch(self) -> None:
        """How late this process is itself: so much of a silence may be its own."""
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self._late = max(self._late, time.monotonic() - due)

    def _counts(self) -> dict[str, Any]:
        for task in self._tasks:
            if task.done() and (error := task.exception()):
                raise error
        return {
            "posted": self._posted,
            "acknowledged": self._acknowledged,
            "failed": len(self._failed),
            "failures": self._failed[:3],
            "deliveries": self.deliveries,
            "missing": self.missing,
            "repeated": self.repeated,
            "gaps": self.gaps,
            "moved": self.moved,
            "came_back": self.connected - len(self._clients),
            "cpu_seconds": time.process_time(),
        }


def tell(event: str, **fields: object) -> None:
    print(json.dumps({"event": event} | fields), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.clients")
    parser.add_argument("--centrals", required=True, metavar="HOST:PORT,...")
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--senders", type=int, required=True, help="how many of them post")
    parser.add_argument("--rate", type=float, required=True, help="posts per second of all senders together")
    parser.add_argument("--receive", type=int, default=1, help="0: what arrives is thrown away, unchecked")
    return parser.parse_args()


if __name__ == "__main__":
    raise_descriptor_limit()
    uvloop.run(Crowd(parse()).run())

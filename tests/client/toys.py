"""A toy node that says what a test wants it to say, whatever it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Message = dict[str, Any]


class Visit:
    """One connection to a toy."""

    def __init__(self, toy: "Toy", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.toy = toy
        self.login: Message = {}
        self._reader = reader
        self._writer = writer

    async def hear(self) -> Message:
        """The next message; an empty one at the end."""
        line = await self._reader.readline()
        return dict(json.loads(line)) if line else {}

    async def say(self, command: str, **fields: object) -> None:
        self._writer.write(json.dumps({"command": command} | fields).encode() + b"\n")
        await self._writer.drain()

    async def say_raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def cut(self) -> None:
        self._writer.transport.abort()


Script = Callable[[Visit], Awaitable[None]]


class Toy:
    """A listening toy: its address (a second port is there to be a server's), and how often it was visited."""

    def __init__(self) -> None:
        self.address = ""
        self.port = 0
        self.server_port = 0
        self.visits = 0
        self.visited = asyncio.Event()


@asynccontextmanager
async def toy(script: Script) -> AsyncIterator[Toy]:
    """A toy that runs `script` for each connection, which ends with it."""
    made = Toy()
    visitors: set[asyncio.Task[Any] | None] = set()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.visits += 1
        made.visited.set()
        visitors.add(asyncio.current_task())
        try:
            await script(Visit(made, reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    servers = [await asyncio.start_server(visited, "127.0.0.1", 0) for _ in range(2)]
    made.port, made.server_port = (server.sockets[0].getsockname()[1] for server in servers)
    made.address = f"127.0.0.1:{made.port}"
    try:
        yield made
    finally:
        for server in servers:
            server.close()
        for visitor in visitors:
            if visitor is not None:
                visitor.cancel()
        await asyncio.gather(*[visitor for visitor in visitors if visitor is not None], return_exceptions=True)
        for server in servers:
            await server.wait_closed()


def welcoming(then: Script, server: str = "toy", **more: object) -> Script:
    """Central and server in one: lets everybody in at once, then goes on with `then`. `more` is what the server adds to
    its LOGIN_SUCCESS."""

    async def script(visit: Visit) -> None:
        login = visit.login = await visit.hear()
        if "session" not in login:  # to a central a client says no session
            await visit.say("LOGIN_SUCCESS", info="welcome")
            await visit.say("REDIRECT", hostname="127.0.0.1", port=visit.toy.server_port)
            return
        await visit.say("LOGIN_SUCCESS", info="welcome", server=server, session="tag", **more)
        await then(visit)

    return script

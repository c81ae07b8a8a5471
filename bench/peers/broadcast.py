"""`python -m bench.peers.broadcast`: a broadcast server as the documentation of `websockets` would have it.

What comes from one goes to all, unchecked. Compression is off, as is its keepalive; the loop is uvloop's. Prints
`ready broadcast HOST:PORT` when it listens, and sends WELCOME to whoever takes part from then on.
"""

import asyncio
import logging

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

HOST = "127.0.0.1"
WELCOME = "welcome"
CLIENTS = set[ServerConnection]()


async def take_part(connection: ServerConnection) -> None:
    CLIENTS.add(connection)
    try:
        await connection.send(WELCOME)
        async for message in connection:
            broadcast(CLIENTS, message)
    except ConnectionClosed:
        pass  # without a farewell, as the generator goes
    finally:
        CLIENTS.discard(connection)


async def main() -> None:
    async with serve(take_part, HOST, 0, compression=None, ping_interval=None, backlog=4096) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        print(f"ready broadcast {host}:{port}", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    # What it can't write to a client it says as a warning, and the client's messages are missing then.
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(main())

"""Standard input and output as an event loop needs them: neither ever blocks it.

Descriptors stay in blocking mode, because they are shared with whoever else has them open (a shell, a pipeline); each
read and write waits until the descriptor is ready instead. Must not know: what is in the lines.
"""

import asyncio
import os
import select
from collections.abc import AsyncIterator

READ = 64 * 1024
PIECE = select.PIPE_BUF
"""Bytes that a pipe which is ready takes without blocking."""


async def lines(descriptor: int = 0) -> AsyncIterator[bytes]:
    """The lines of an input, without their ends; the last one may lack it."""
    rest = b""
    while True:
        await _ready(descriptor, writing=False)
        data = os.read(descriptor, READ)
        if not data:
            break
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest


async def write(data: bytes, descriptor: int = 1) -> None:
    """Write all of it. Raises BrokenPipeError where nobody reads any more."""
    while data:
        await _ready(descriptor, writing=True)
        data = data[os.write(descriptor, data[:PIECE]) :]


async def _ready(descriptor: int, *, writing: bool) -> None:
    """Wait until one read or small write won't block. What can't be waited for (a file) is always ready."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def is_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    watch, forget = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    try:
        watch(descriptor, is_ready)
    except PermissionError:
        await asyncio.sleep(0)  # others have their turn all the same
        return
    try:
        await ready
    finally:
        forget(descriptor)

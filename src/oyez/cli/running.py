"""Runs what a command does on an event loop, and ends the command as its caller expects.

Guarantees: whatever the library says is wrong becomes one sentence and exit code 1; a reader that has gone away
(`oyez tail | head`) is a normal end; SIGINT and SIGTERM let the command close what it has opened.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine

import typer

from oyez.cli.failing import fail
from oyez.client.errors import OyezError


def run(work: Coroutine[object, object, int | None], *, endless: bool = False) -> typer.Exit:
    """Do it; raise what this returns. `work` may return an exit code; ending what is `endless` by a signal is none.

    It is the asyncio loop of the standard library: a command has one link, and starts faster without another one.
    """
    try:
        with asyncio.Runner() as runner:
            return typer.Exit(runner.run(_interruptible(work, endless)) or 0)
    except OyezError as error:
        return fail(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the last flush has where to go
        return typer.Exit(0)


async def _interruptible(work: Coroutine[object, object, int | None], endless: bool) -> int | None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    received: list[int] = []

    def interrupt(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 0 if endless else 128 + received[0]

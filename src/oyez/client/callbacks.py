"""Functions that are called with activities, each by a task of its own.

Guarantees: each function gets its activities one after the other, in order; what it raises is handed on, and nothing
that it does is lost without a word. Must not know: where activities come from, what becomes of an error.
"""

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from oyez.client.activity import Activity
from oyez.client.inbox import Activities

Callback = Callable[[Activity], object]
"""Called with an activity; where it returns something to be awaited (an `async def` does), that is awaited."""


class Callbacks:
    """Calls from `start` to `stop`. `failed` is given what a callback has raised, or what its reader has."""

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._waiting: list[tuple[Callback, Activities]] = []  # for the start
        self._tasks = set[asyncio.Task[None]]()
        self._stoppers = set[asyncio.Task[Any] | None]()  # callbacks that stop all of this
        self._started = self._stopped = False

    def add(self, callback: Callback, activities: Activities) -> None:
        """Call it with each of these."""
        self._waiting.append((callback, activities))
        if self._started:
            self.start()

    def start(self) -> None:
        """The activities are coming. Needs a running loop."""
        self._started = True
        for callback, activities in self._waiting:
            task = asyncio.create_task(_call(callback, activities))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        self._waiting.clear()

    async def stop(self) -> None:
        """Cancel what is under way, and wait for its end. A callback that calls this is not cancelled, and goes on."""
        self._stopped = True
        caller = asyncio.current_task()
        others = self._tasks - {caller}
        if caller in self._tasks:
            self._stoppers.add(caller)
            others -= self._stoppers  # two must not wait for each other
        for task in others - self._stoppers:
            task.cancel()
        if others:
            await asyncio.wait(others)
            await asyncio.sleep(0)  # `_done` has looked at each

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            if not self._stopped:
                self._failed(RuntimeError("a callback has let a cancellation through that was not its own"))
        elif isinstance(error := task.exception(), Exception):  # the loop itself raises the others
            self._failed(error)


async def _call(callback: Callback, activities: Activities) -> None:
    async for activity in activities:
        result = callback(activity)
        if isawaitable(result):
            await result

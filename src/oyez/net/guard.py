"""An event loop whose callbacks may fail only once.

Everything that the network shell leaves to run later goes through a `GuardedLoop`. An exception there is our own bug:
the first one is kept and told to `on_failure`, and nothing runs through this loop any more, so that a role whose state
may be broken can't act on it. What else runs on the event loop (a library's user has a program of his own there) is
not touched. Must not know: what the callbacks are for.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


class GuardedLoop:
    """Wraps the running event loop. `failure` is the exception that ended it, None while all is well."""

    __slots__ = ("_closed", "_on_failure", "failure", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_failure: Callable[[Exception], None]) -> None:
        self.loop = loop
        self.failure: Exception | None = None
        self._closed = False
        self._on_failure = on_failure

    def run(self, callback: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run it now, unless something has failed before, or this is closed."""
        if self._closed:
            return
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the one place where our own bugs end; it passes them on, whole
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Something that the node can't do without is broken. Only the first such thing counts."""
        if self.failure is None:
            self.failure = error
            self._closed = True
            self._on_failure(error)

    def close(self) -> None:
        """Run nothing more: what was left to run later is about something that is over."""
        self._closed = True

    def soon(self, callback: Callable[..., object], *args: object) -> None:
        """Run at the end of this turn."""
        self.loop.call_soon(self.run, callback, *args)

    def later(self, after: float, callback: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        """Run in `after` seconds."""
        return self.loop.call_later(after, self.run, callback, *args)

    def from_thread(self, callback: Callable[..., object], *args: object) -> None:
        """Run soon; may be called on any thread."""
        self.loop.call_soon_threadsafe(self.run, callback, *args)

    def on_readable(self, fd: int, callback: Callable[[], object]) -> None:
        """Run each turn in which `fd` has something to read; replaces what was to run before."""
        self.loop.add_reader(fd, self.run, callback)

    def no_reads(self, fd: int) -> None:
        """Forget `on_readable`."""
        self.loop.remove_reader(fd)

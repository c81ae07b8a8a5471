"""Watches the sockets of all links for the event loop.

A selector of our own, which the event loop watches like any other file. Why not the loop's `add_reader` for each
socket: uvloop calls it once more after an error on the socket and then watches that no longer, without saying so, so
a link with something to read before its reset would never be heard of again; it also costs half a kilobyte more for
each link, and several system calls where one does. Must not know: what is done with a socket that is ready.
"""

import selectors
from typing import Protocol

from oyez.net.guard import GuardedLoop

READ = selectors.EVENT_READ
"""There is input, or its end, or an error."""

WRITE = selectors.EVENT_WRITE
"""There is room, or an error."""


class Watched(Protocol):
    """Whose socket is watched."""

    def ready(self, events: int) -> None:
        """What is ready, of `READ | WRITE`; it may be out of date by what others have done since."""
        ...


class Poller:
    """Calls `ready` in each turn for each watched socket that is."""

    def __init__(self, loop: GuardedLoop) -> None:
        self._loop = loop
        self._selector = selectors.DefaultSelector()
        self._fd = self._selector.fileno()  # epoll, kqueue and /dev/poll have one
        loop.on_readable(self._fd, self._poll)

    def watch(self, fd: int, watched: Watched, before: int, wanted: int) -> None:
        """Watch for `wanted` from now on, where it was `before`; 0 is not at all."""
        if not before:
            self._selector.register(fd, wanted, watched)
        elif wanted:
            self._selector.modify(fd, wanted, watched)
        else:
            self._selector.unregister(fd)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.no_reads(self._fd)
        self._selector.close()

    def _poll(self) -> None:
        for key, events in self._selector.select(0):
            key.data.ready(events)

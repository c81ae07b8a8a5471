"""Watches the sockets of all links for the event loop.

A selector of our own, which the event loop watches like any other file. Why not the loop's `add_reader` for each
socket: uvloop calls it once more after an error on the socket and then watches that no longer, without saying so, so
a link with something to read before its reset would never be heard of again; it also costs half a kilobyte more for
each link, and several system calls where one does. Must not know: what is done with a socket that is ready.
"""

import select
import selectors
import time
from collections import deque
from typing import Protocol

from oyez.net.guard import GuardedLoop

READ = 1
"""There is input, or its end, or an error. This and `WRITE` are epoll's own numbers."""

WRITE = 4
"""There is room, or an error."""


SLICE = 0.005
"""Seconds of a turn after which those that are still ready wait for the next one. What is read in one turn goes out
together, which is what makes it cheap; more than this gains nothing any more, and whoever is not part of it waits."""


class Watched(Protocol):
    """Whose socket is watched."""

    def ready(self, events: int) -> bool:
        """What is ready, of `READ | WRITE`; it may be out of date by what others have done since. True: there is more
        than was read now, and that can wait until others have had their turns."""
        ...


class Poller:
    """Calls `ready` in each turn for each watched socket that is; for some of them in the next ones, where those before
    take too long, but for none a second time before all had their turn.

    Those who send more than is read in a turn come last, one after the other, and only so many in a turn as there is
    time for: however many there are, those who send little wait for one of them at most.
    """

    def __init__(self, loop: GuardedLoop) -> None:
        self._loop = loop
        self._watched: dict[int, Watched] = {}
        self._selector = select.epoll() if hasattr(select, "epoll") else _Selector()
        self._fd = self._selector.fileno()
        self._due: deque[tuple[int, int]] = deque()  # those that were ready, and wait for their turn
        self._eager: dict[int, int] = {}  # those that had more than was read, and what is ready there; turns in order
        loop.on_readable(self._fd, self._poll)

    def watch(self, fd: int, watched: Watched, before: int, wanted: int) -> None:
        """Watch for `wanted` from now on, where it was `before`; 0 is not at all."""
        if not before:
            self._watched[fd] = watched
            self._selector.register(fd, wanted)
        elif wanted:
            self._selector.modify(fd, wanted)
        else:
            del self._watched[fd]
            self._eager.pop(fd, None)
            self._selector.unregister(fd)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.no_reads(self._fd)
        self._due.clear()
        self._eager.clear()
        self._selector.close()

    def _poll(self) -> None:
        due, eager, watched_by = self._due, self._eager, self._watched
        if not due:
            due.extend(self._selector.poll(0))
        until = time.monotonic() + SLICE
        while due:
            fd, events = due.popleft()
            if fd in eager:
                eager[fd] = events
                continue
            watched = watched_by.get(fd)
            if watched is not None:
                if watched.ready(events if events <= READ | WRITE else READ | WRITE):  # beyond: an error, or the end
                    eager[fd] = 0  # it is ready again once that is polled
                if time.monotonic() >= until:
                    break  # those that are left are still ready, so there will be another turn
        if eager:
            self._go_on(until)

    def _go_on(self, until: float) -> None:
        """With those who had more: one at least, and as many as there is time for, but each once."""
        eager = self._eager
        for fd, events in list(eager.items()):
            if not events or fd not in eager:
                continue
            del eager[fd]
            watched = self._watched[fd]
            if watched.ready(events if events <= READ | WRITE else READ | WRITE):
                eager[fd] = 0
            if time.monotonic() >= until:
                return


class _Selector:
    """What there is where there is no epoll, with epoll's methods and numbers."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def fileno(self) -> int:
        """Kqueue and /dev/poll have one."""
        return self._selector.fileno()

    def register(self, fd: int, events: int) -> None:
        """Watch for these."""
        self._selector.register(fd, _selected(events))

    def modify(self, fd: int, events: int) -> None:
        """Watch for these from now on."""
        self._selector.modify(fd, _selected(events))

    def unregister(self, fd: int) -> None:
        """Watch no more."""
        self._selector.unregister(fd)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Descriptors, and what is ready there."""
        ready = self._selector.select(timeout)
        return [
            (key.fd, READ * bool(events & selectors.EVENT_READ) | WRITE * bool(events & selectors.EVENT_WRITE))
            for key, events in ready
        ]

    def close(self) -> None:
        """Let go of it."""
        self._selector.close()


def _selected(events: int) -> int:
    return selectors.EVENT_READ * bool(events & READ) | selectors.EVENT_WRITE * bool(events & WRITE)

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


RECENTLY = 0.25
"""Seconds for which somebody who has sent little counts as one who may do so again."""

SHORT = 0.002
"""Seconds of a turn, with all that comes of what was read, that those others may be made to wait for."""

PIECE, ALL = 8 * 1024, 256 * 1024
"""Least and most bytes of one who sends much that are read in a turn."""

NOTHING, LITTLE, MUCH = 0, 1, 2
"""What was read: nothing, or what nobody waits for; a little; so much that there is probably more."""


class Watched(Protocol):
    """Whose socket is watched."""

    def ready(self, events: int, most: int) -> int:
        """What is ready, of `READ | WRITE`; it may be out of date by what others have done since. `most` bytes are read
        where others wait for the end of this turn; `ALL`: nobody does. Returns what was read."""
        ...


class Poller:
    """Calls `ready` in each turn for each watched socket that is; for some of them in the next ones, where those before
    take too long, but for none a second time before all had their turn.

    Those who send much come last, one after the other. As long as one is alone, much of it is read in a turn, because
    that is what makes it cheap. Where others send a little now and then, it is one a turn, of which no more is read
    than keeps the turn short: so those others wait for a short turn, however many send however much.
    """

    def __init__(self, loop: GuardedLoop) -> None:
        self._loop = loop
        self._watched: dict[int, Watched] = {}
        self._selector = select.epoll() if hasattr(select, "epoll") else _Selector()
        self._fd = self._selector.fileno()
        self._due: deque[tuple[int, int]] = deque()  # those that were ready, and wait for their turn
        self._eager: dict[int, int] = {}  # those that send much, the next first, and what is ready there
        self._modest = self._modest_before = -1  # the last two that sent little, and when
        self._modest_at = self._modest_before_at = -RECENTLY
        self._most = PIECE  # bytes of one who sends much, for the next turn in which others wait
        self._began: float | None = None  # the last turn, where much was read of one of them
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
        now = time.monotonic()
        if self._began is not None:
            took = now - self._began
            self._most = min(ALL, self._most + PIECE) if took < SHORT else max(PIECE, int(self._most * SHORT / took))
            self._began = None
        until = now + SLICE
        sparingly, alone = self._modest_at > now - RECENTLY, -1
        if sparingly and self._modest_before_at <= now - RECENTLY:
            alone = self._modest
        while due:
            fd, events = due.popleft()
            if fd in eager:
                eager[fd] = events
                continue
            watched = watched_by.get(fd)
            if watched is not None:
                # Beyond READ and WRITE there is an error, or the end.
                most = PIECE if sparingly and fd != alone else ALL
                read = watched.ready(events if events <= READ | WRITE else READ | WRITE, most)
                if read == MUCH:
                    eager[fd] = 0  # it is ready again once that is polled
                elif read:
                    self._was_modest(fd, now)
                if time.monotonic() >= until:
                    break  # those that are left are still ready, so there will be another turn
        if eager:
            self._go_on(until, sparingly, alone)

    def _was_modest(self, fd: int, now: float) -> None:
        if fd != self._modest:
            self._modest_before, self._modest_before_at = self._modest, self._modest_at
            self._modest = fd
        self._modest_at = now

    def _go_on(self, until: float, sparingly: bool, alone: int) -> None:
        """With those who send much: one at least; where nobody else waits, as many as there is time for."""
        eager = self._eager
        for fd, events in list(eager.items()):
            if not events or fd not in eager:
                continue
            del eager[fd]
            most = self._most if sparingly and fd != alone else ALL
            if self._watched[fd].ready(events if events <= READ | WRITE else READ | WRITE, most) == MUCH:
                eager[fd] = 0
                self._began = until - SLICE
            if sparingly or time.monotonic() >= until:
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

"""One simulated link as a host's `Transport`: what an event loop and a kernel do between a link and a host.

Guarantees the contract of `host.Transport`: the host is never called from within its own call, hears of bytes in
order, of room after a partial send, and once of the end, whatever ended it. A link that the host closes lingers until
the peer has closed too, so that the last word is not torn away by what the peer still sends.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.host import Hearer, Link
from oyez.sim.wire import End

if TYPE_CHECKING:
    from oyez.sim.process import Process

LAST_WORDS = 5.0
"""Most seconds that a closed link waits for its last bytes to leave."""

LINGER = 2.0
"""Most seconds that it waits then for the peer to close."""


class SimTransport:
    """Owner of one end; `link` is what the host calls it."""

    __slots__ = ("_closing", "_done", "_end", "_finished", "_paused", "_process", "_reading", "_rest", "hearer", "link")

    hearer: Hearer
    link: Link

    def __init__(self, process: "Process", end: End) -> None:
        self._process = process
        self._end = end
        self._paused = False
        self._closing = False
        self._finished = False
        self._done = False
        self._reading = False
        self._rest = b""
        end.owner = self

    @property
    def number(self) -> int:
        """The link's name in the history."""
        return self._end.link.number

    @property
    def machine(self) -> str:
        """At the other end: each has an address of its own."""
        return self._end.peer.machine

    # -- what the host does -------------------------------------------------------------------------------------

    @property
    def write(self) -> Callable[[bytes], int]:
        """See `host.Transport`."""
        return self.send

    def send(self, data: bytes) -> int:
        """See `host.Transport`."""
        if self._process.fuse:
            self._process.burn()
        if b'"TERM_CONFIRMED"' in data or b'VOTE"' in data:
            self._process.promises.said(data, self._end.peer.machine)
        return self._end.out.send(data)

    def pause(self) -> None:
        """See `host.Transport`."""
        self._paused = True

    def resume(self) -> None:
        """See `host.Transport`."""
        self._paused = False
        if not self._done and (self._end.source.waiting or self._end.source.ended):
            self.readable()

    def close(self, rest: bytes) -> None:
        """See `host.Transport`."""
        if self._process.fuse:
            self._process.burn()
        self._closing = True
        self._paused = False
        self._rest = rest
        self._process.clock.after(LAST_WORDS, self._hurry)
        self._flush()
        if self._end.source.waiting or self._end.source.ended:
            self.readable()

    def abort(self) -> None:
        """See `host.Transport`."""
        if self._process.fuse:
            self._process.burn()
        self._cut_off()

    # -- what the link does -------------------------------------------------------------------------------------

    def readable(self) -> None:
        """See `wire.Owner`."""
        if not (self._reading or self._paused or self._done):
            self._reading = True
            self._process.wake(self._read)

    def writable(self) -> None:
        """See `wire.Owner`."""
        self._process.wake(self._drained)

    def broken(self, why: str) -> None:
        """See `wire.Owner`."""
        self._process.wake(self._broken)

    # -- what the process does about it -------------------------------------------------------------------------

    def _read(self) -> None:
        self._reading = False
        if self._deaf:
            return
        source = self._end.source
        data = source.read(self._process.bite())
        if data and not self._closing:
            self.hearer.received(self.link, data)
        if self._deaf:
            return
        if source.waiting:
            self.readable()
        elif source.ended:
            self._ended()

    @property
    def _deaf(self) -> bool:
        return self._done or self._paused

    def _drained(self) -> None:
        if self._closing:
            self._flush()
        elif not self._done:
            self.hearer.drained(self.link)

    def _broken(self) -> None:
        if not self._done and not self._closing and self._end.source.waiting:
            self.hearer.received(self.link, self._end.source.read(self._process.bite()))
        self._over()

    def _ended(self) -> None:
        """The peer has finished: an event loop closes then, once all that was taken has left."""
        self._finish()
        self._end.leave()
        self._over()

    def _flush(self) -> None:
        if self._rest:
            self._rest = self._rest[self._end.out.send(self._rest) :]
        if not self._rest:
            self._finish()

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._end.out.finish("closed")
            self._process.clock.after(LINGER, self._cut_off)

    def _hurry(self) -> None:
        if not self._finished:
            self._cut_off()

    def _cut_off(self) -> None:
        if not self._done:
            self._end.reset("aborted")
            self._over()

    def _over(self) -> None:
        if not self._done:
            self._done = True
            self._process.forget(self)
            self._process.wake(self._closed)

    def _closed(self) -> None:
        self.hearer.closed(self.link)

    # -- what befalls the process -------------------------------------------------------------------------------

    def die(self, how: str, silently: bool) -> None:
        """The process is no more. Its kernel finishes or resets the link, unless that is gone as well."""
        self._done = True
        if silently:
            self._end.disappear()
        elif self._process.random.random() < 0.5:
            self._end.out.finish(how)
            self._end.leave()
        else:
            self._end.reset(how)

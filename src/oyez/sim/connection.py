"""A link as a simulated client program holds it: writes lines, reads lines, at its own pace, until it is over.

Guarantees: lines come out whole and in order; the program is told once that the link is over, and by whom. Must not
know: what the lines say.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from oyez.protocol.messages import Address
from oyez.sim.clock import Clock
from oyez.sim.network import Network
from oyez.sim.wire import EVERYTHING, End

AT_ONCE, SLOWLY, NEVER = "at once", "slowly", "never"
"""How a client reads what it is sent."""

_BY_NODE = ("closed", "aborted")


class Connection:
    """`line` gets each line, `over` gets by whom and why it ended, `connected` and `failed` the outcome of the dial."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        line: Callable[["Connection", bytes], None],
        over: Callable[["Connection", str, str], None],
    ) -> None:
        self.node = ""
        self.number = 0
        self.session = ""
        """The session that is held over it."""
        self.reads = AT_ONCE
        self.nibble = 0
        """Most bytes written at once; 0: as many as there are."""
        self.done = False
        self.stuck = False
        """It has not read everything that was sent to it at some time."""
        self._clock = clock
        self._random = random
        self._line = line
        self._over = over
        self._end: End | None = None
        self._rest = b""
        self._unsent = b""
        self._writing = False
        self._reading = False

    def dial(
        self,
        network: Network,
        machine: str,
        address: Address,
        connected: Callable[["Connection"], None],
        failed: Callable[["Connection", str], None],
    ) -> None:
        """Connect; one of the callbacks follows."""
        self.node = address.hostname
        network.dial(machine, address, partial(self._connected, connected), partial(failed, self))

    def _connected(self, connected: Callable[["Connection"], None], end: End) -> None:
        end.owner = self
        self._end = end
        self.number = end.link.number
        if self.done:
            self.disappear()
        else:
            connected(self)

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send behind everything that was written."""
        self._unsent += data
        if not self._writing:
            self._write()

    def _write(self) -> None:
        self._writing = False
        if self.done or self._end is None or not self._unsent:
            return
        piece = self._unsent[: self.nibble] if self.nibble else self._unsent
        taken = self._end.out.send(piece)
        self._unsent = self._unsent[taken:]
        if self._unsent:
            self._writing = True
            if taken == len(piece):
                self._clock.after(0.0005, self._write)

    def writable(self) -> None:
        """See `wire.Owner`."""
        self._write()

    # -- reading ------------------------------------------------------------------------------------------------

    def readable(self) -> None:
        """See `wire.Owner`."""
        if self.reads == AT_ONCE:
            self._read(EVERYTHING)
        else:
            self.stuck = True
            if self.reads == SLOWLY and not self._reading:
                self._reading = True
                self._clock.after(0.05 + 0.2 * self._random.random(), self._sip)

    def _sip(self) -> None:
        self._reading = False
        self._read(64 + int(400 * self._random.random()))
        if not self.done and self._end is not None and (self._end.source.waiting or self._end.source.ended):
            self.readable()

    def _read(self, limit: int) -> None:
        if self.done or self._end is None:
            return
        source = self._end.source
        block = self._rest + source.read(limit)
        end = block.rfind(b"\n") + 1
        self._rest = block[end:]
        if end:
            for line in block[: end - 1].split(b"\n"):
                self._line(self, line)
                if self.done:
                    return
        if source.ended and not source.waiting:
            self._end.out.finish("closed")
            self._end.leave()
            self._finished("node" if source.ended in _BY_NODE else "network", source.ended)

    # -- the end ------------------------------------------------------------------------------------------------

    def broken(self, why: str) -> None:
        """See `wire.Owner`."""
        if self.reads == AT_ONCE:
            self._read(EVERYTHING)
        self._finished("node" if why in _BY_NODE else "network", why)

    def close(self) -> None:
        """The program closes its socket."""
        if not self.done and self._end is not None:
            self._end.out.finish("closed")
            self._end.leave()
            self._finished("client", "closed")

    def abort(self) -> None:
        """The program dies: its kernel resets the link."""
        if not self.done and self._end is not None:
            self._end.reset("reset by the client")
            self._finished("client", "aborted")

    def disappear(self) -> None:
        """The program's machine loses its power."""
        if not self.done and self._end is not None:
            self._end.disappear()
            self._finished("client", "vanished")
        self.done = True

    def _finished(self, by: str, why: str) -> None:
        if not self.done:
            self.done = True
            self._over(self, by, why)

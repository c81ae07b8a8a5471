"""A link whose reader does not speak lines: stands between its transport and the host, and recodes what they say.

To the host it is the transport, to the transport the host. Guarantees: whole lines are taken, or none of a line; of
what was taken and has not left yet, no more than one line, recoded, waits here; all else stays with the caller, in the
log mostly, as on a link of lines. Must not know: what a line says, but where it ends.
"""

from collections.abc import Callable
from functools import partial

from oyez.host import Hearer, Host, Link, Transport

OWED = 64 * 1024
"""Most bytes of answers to the reader itself (pongs) that wait; who asks for more and reads none of it is cut."""


class Recoded:
    """The link that `transport` carried for the host alone until now."""

    __slots__ = ("_host", "_inner", "_link", "_rest", "hearer", "over")

    hearer: Hearer

    def __init__(self, host: Host, link: Link, transport: Transport) -> None:
        self._host = host
        self._link = link
        self._inner = transport
        self._rest = b""  # recoded, and not taken by the transport yet
        self.over = False  # neither side hears the other any more
        transport.hearer = self
        link.transport = self

    # -- what it is made of -------------------------------------------------------------------------------------

    def encode(self, lines: bytes) -> bytes:
        """What the reader gets for these whole lines."""
        raise NotImplementedError

    def begun(self, lines: bytes, taken: int) -> tuple[int, int]:
        """Of `encode(lines)`, of which `taken` bytes have left: where the last line ends that has begun, there and in
        `lines`."""
        raise NotImplementedError

    def last_words(self) -> bytes:
        """What the reader gets behind everything."""
        return b""

    # -- the host's side ----------------------------------------------------------------------------------------

    @property
    def write(self) -> Callable[[bytes], int]:
        """See `host.Transport`."""
        return self.send

    def send(self, data: bytes) -> int:
        """See `host.Transport`."""
        if self.over:
            return len(data)
        if not self._flush():
            return 0
        whole = data if data.endswith(b"\n") else data[: data.rfind(b"\n") + 1]
        encoded = self.encode(whole)
        left = self._inner.send(encoded)
        if left < len(encoded):
            return self._partly(whole, encoded, left)
        if len(whole) < len(data):  # the rest is no line: it comes again when there is more of it
            self._host.environment.soon(partial(self._host.drained, self._link))
        return len(whole)

    def _partly(self, lines: bytes, encoded: bytes, left: int) -> int:
        """So much has left: the line that it ends in is taken all the same."""
        end, taken = self.begun(lines, left)
        self._rest = encoded[left:end]
        return taken

    def pause(self) -> None:
        """See `host.Transport`."""
        self._inner.pause()

    def resume(self) -> None:
        """See `host.Transport`."""
        self._inner.resume()

    def close(self, rest: bytes) -> None:
        """See `host.Transport`."""
        if not self.over:
            self.over = True
            self._inner.close(self._rest + (self.encode(rest) if rest else b"") + self.last_words())

    def abort(self) -> None:
        """See `host.Transport`."""
        self.over = True
        self._inner.abort()

    # -- the transport's side -----------------------------------------------------------------------------------

    def received(self, link: Link, data: bytes) -> None:
        """See `host.Hearer`."""
        raise NotImplementedError

    def drained(self, link: Link) -> None:
        """See `host.Hearer`."""
        if self._flush() and not self.over:
            self._host.drained(link)

    def closed(self, link: Link) -> None:
        """See `host.Hearer`."""
        self.over = True
        self._host.closed(link)

    # -- its own ------------------------------------------------------------------------------------------------

    def say(self, encoded: bytes) -> None:
        """To the reader, between two lines."""
        if not self.over:
            self._rest += encoded
            if not self._flush() and len(self._rest) > OWED:
                self.abort()

    def end(self, last_words: bytes) -> None:
        """The reader goes, or has to: the link ends behind this, and the host hears of it now."""
        if not self.over:
            self.over = True
            self._inner.close(self._rest + last_words)
            self._host.closed(self._link)

    def _flush(self) -> bool:
        """True once nothing waits."""
        if self._rest:
            self._rest = self._rest[self._inner.send(self._rest) :]
        return not self._rest

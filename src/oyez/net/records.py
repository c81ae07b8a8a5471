"""How many records of TLS a stream has begun: counted by their headers, which nothing hides.

What a record is for is encrypted, so whoever wants to know how many said nothing (new keys, say) has to count those
that said something. Guarantees: the same count however the stream is cut. Knows no keys, and looks at no content.
"""

HEADER = 5
"""Bytes before each record; the last two are the length of what follows."""


class Records:
    """Those of one direction of a link, from its first byte on. `begun`: how many there have been."""

    __slots__ = ("_header", "_left", "begun")

    def __init__(self) -> None:
        self.begun = 0
        self._header = b""  # of the next one, as far as it has come
        self._left = 0  # bytes of this one that are still to come

    def follow(self, data: bytes) -> None:
        """This comes next."""
        if self._header:
            data, self._header = self._header + data, b""
        at, end = self._left, len(data)
        while at + HEADER <= end:
            self.begun += 1
            at += HEADER + (data[at + 3] << 8 | data[at + 4])
        if at < end:
            self._header = data[at:]
        self._left = max(0, at - end)

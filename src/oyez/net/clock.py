"""The time of a node: near the wall clock, and never going back.

Must not know: what anybody needs the time for.
"""

import time


class Clock:
    """Wall clock at the start, plus what has passed since by the monotonic clock, in seconds.

    A step of the wall clock (by hand, by NTP) is not seen until the next start; a machine that sleeps falls behind.
    """

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970, more or less."""
        return self._offset + time.monotonic()

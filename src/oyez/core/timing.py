"""When the nodes act on silence, and how long they wait before they try again (DESIGN section 5, promise 8).

Timers decide only when something is tried, never whether it is safe.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

HEARTBEAT = 0.5
"""Seconds between two signs of life on a link between nodes, and between two looks for silence."""

SUSPICION = 3.0
"""Seconds of silence after which a node acts."""

REACH = 3.0
"""Seconds that a dial has for all of it, where its role does not say otherwise: names, connection, TLS's handshake."""

PATIENCE = 30.0
"""Seconds without progress after which a slow consumer is closed (promise 9)."""


class Backoff:
    """How long to wait before the next try: at once, then doubling up to `most` seconds, each with jitter."""

    def __init__(self, entropy: "Random", first: float = 0.05, most: float = 1.0) -> None:
        self._entropy = entropy
        self._first = first
        self._most = most
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait now."""
        delay = min(self._most, self._first * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return delay * self._entropy.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It worked: begin anew."""
        self._tries = 0

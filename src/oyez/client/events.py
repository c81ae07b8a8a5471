"""What happens to a connection, for programs that want to say so (`on_event`)."""

from collections.abc import Callable
from dataclasses import dataclass

from oyez.protocol.messages import Range


@dataclass(slots=True, frozen=True)
class Connected:
    """Logged in at the server with the id `server`, for the first time or again."""

    server: str


@dataclass(slots=True, frozen=True)
class Disconnected:
    """The link is gone, `info` says why; the library is looking for another server."""

    info: str


@dataclass(slots=True, frozen=True)
class Moved:
    """The network has sent this session to another server, which has it now. Nothing was lost on the way."""

    server: str


@dataclass(slots=True, frozen=True)
class Gap:
    """Activities that this session will never get: the network does not hold them any more. What follows is whole.

    It is told when it is known; activities from before it may still wait for the program.
    """

    ranges: tuple[Range, ...]
    """What is missing: of each `origin` the sequences from `first` to `last`."""

    @property
    def count(self) -> int:
        """How many are missing, in all."""
        return sum(gap.last - gap.first + 1 for gap in self.ranges)


Event = Connected | Disconnected | Moved | Gap
OnEvent = Callable[[Event], None]

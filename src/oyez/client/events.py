"""What happens to a connection, for programs that want to say so (`on_event`)."""

from collections.abc import Callable
from dataclasses import dataclass


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
    """The network has sent this session to another server, which has it now."""

    server: str


Event = Connected | Disconnected | Moved
OnEvent = Callable[[Event], None]

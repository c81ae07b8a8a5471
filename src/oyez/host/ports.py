"""The ports that a host stands on: `Transport` is one link, `Environment` the rest of the world; and `Hearer`, what it
is to a link.

The network (`net`) and the simulator (`sim`) implement them.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from oyez.core import effects as fx
from oyez.protocol.messages import ActivityBroadcast, Address

if TYPE_CHECKING:
    from oyez.host.link import Link


class Hearer(Protocol):
    """Whom a transport tells what happens on its link: the host, or what stands between the two of them."""

    def received(self, link: "Link", data: bytes) -> None:
        """Bytes have come in."""
        ...

    def drained(self, link: "Link") -> None:
        """There is room again."""
        ...

    def closed(self, link: "Link") -> None:
        """The link is gone; nothing follows."""
        ...


class Transport(Protocol):
    """One link as the environment gives it. No method calls back into the host before it has returned."""

    hearer: Hearer
    """May be replaced at any time, by itself too."""

    @property
    def write(self) -> Callable[[bytes], int]:
        """`send` for those who do it a million times: raises OSError where that would see to something; nothing was
        taken then. Whoever gets that, or sees less taken than was given, has to `send` the rest."""
        ...

    def send(self, data: bytes) -> int:
        """Take what fits now, return how much; if not all, `Host.drained` is called when there is room again.

        A broken link takes everything, and is closed in due course.
        """
        ...

    def pause(self) -> None:
        """Deliver nothing more until `resume`."""
        ...

    def resume(self) -> None:
        """The opposite of `pause`."""
        ...

    def close(self, rest: bytes) -> None:
        """Send `rest` behind all that was taken, then end the link, within a few seconds; `Host.closed` follows."""
        ...

    def abort(self) -> None:
        """The link ends at once; `Host.closed` follows."""
        ...


class Environment(Protocol):
    """The world outside, as far as a host needs it. No method calls back into the host before it has returned."""

    def now(self) -> float:
        """Seconds; never goes back; near the wall clock."""
        ...

    def soon(self, callback: Callable[[], None]) -> None:
        """Call at the end of this loop turn."""
        ...

    def set_timer(self, key: str, after: float) -> None:
        """`Host.timer(key)` in `after` seconds; replaces one of the same key."""
        ...

    def cancel_timer(self, key: str) -> None:
        """Forget it."""
        ...

    def dial(self, address: Address, purpose: str, within: float) -> None:
        """`Host.dialed` follows, or `Host.dial_failed`, within so many seconds."""
        ...

    def persist(self, records: tuple[fx.Record, ...], done: Callable[[], None]) -> None:
        """Call `done` when they are on disk."""
        ...

    def hash_secret(self, token: int, secret: str) -> None:
        """`Host.hashed` follows."""
        ...

    def verify_secret(self, token: int, hash: str | None, secret: str) -> None:
        """`Host.verified` follows."""
        ...

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        """For the log, the metrics, the history."""
        ...

    def deliver(self, broadcast: ActivityBroadcast) -> None:
        """An activity for the user of this node: clients only."""
        ...

    def quit(self, info: str) -> None:
        """This node can't do its job; `info` says why. End it once this turn is over."""
        ...

    def stopped(self) -> None:
        """This node has nothing left to do. End it, with `Host.stop`, once this turn is over."""
        ...

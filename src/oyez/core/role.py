"""What every role is: a state machine that the host drives (DESIGN section 6).

Each handler changes the role's state and returns what is to be done about it. `now` is seconds of a clock that never
goes back and stays near the wall clock. Handlers do no I/O, read no clock, block never.
"""

from typing import Protocol

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.peer import From
from oyez.protocol.messages import ActivityMessage, Message


class Role(Protocol):
    """The events of a node's life, in the order in which a host may bring them."""

    def on_start(self, now: float) -> Effects:
        """The node is up: it listens (where it does) and its stored state has been loaded."""
        ...

    def on_leave(self, now: float) -> Effects:
        """The operator wants this node to end once nobody needs it; it goes on until it asks for `Stopped`."""
        ...

    def on_stop(self, now: float) -> Effects:
        """This node ends now; its links close after these effects."""
        ...

    def on_open(self, now: float, link: int, who: From) -> Effects:
        """Somebody has connected, from there."""
        ...

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        """A `Dial` has connected."""
        ...

    def on_dial_failed(self, now: float, purpose: str, why: str) -> Effects:
        """A `Dial` has not connected; `why` is for people."""
        ...

    def on_message(self, now: float, link: int, message: Message) -> Effects:
        """A message, or the Malformed that tells what was wrong with a line."""
        ...

    def on_posts(self, now: float, link: int, posts: list[ActivityMessage], block: bytes) -> Effects:
        """Several posts at once, and the lines in which they came; what they bring is as if each had come alone."""
        ...

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        """Whole activity lines on a link that is trusted."""
        ...

    def on_close(self, now: float, link: int) -> Effects:
        """The link is gone, whoever closed it."""
        ...

    def on_timer(self, now: float, key: str) -> Effects:
        """A `SetTimer` has run out."""
        ...

    def on_flush(self, now: float) -> Effects:
        """The loop turn in which a `Flush` was asked for is over."""
        ...

    def on_hashed(self, now: float, token: int, hash: str) -> Effects:
        """A `HashSecret` is done."""
        ...

    def on_verified(self, now: float, token: int, ok: bool, stale: bool = False) -> Effects:
        """A `VerifySecret` is done. `stale`: the secret ought to be hashed anew, because the hash is of an older kind,
        or, where the secret is not `ok`, because it is no hash at all."""
        ...


class Quiet:
    """Handlers that do nothing, for roles to inherit where they have nothing to do."""

    def on_message(self, now: float, link: int, message: Message) -> Effects:
        raise NotImplementedError

    def on_posts(self, now: float, link: int, posts: list[ActivityMessage], block: bytes) -> Effects:
        """Who takes no posts refuses the first, and hears no more."""
        return self.on_message(now, link, posts[0])

    def on_leave(self, now: float) -> Effects:
        return [fx.Stopped()]

    def on_stop(self, now: float) -> Effects:
        return []

    def on_open(self, now: float, link: int, who: From) -> Effects:
        return []

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        return []

    def on_dial_failed(self, now: float, purpose: str, why: str) -> Effects:
        return []

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        return []

    def on_close(self, now: float, link: int) -> Effects:
        return []

    def on_timer(self, now: float, key: str) -> Effects:
        return []

    def on_flush(self, now: float) -> Effects:
        return []

    def on_hashed(self, now: float, token: int, hash: str) -> Effects:
        return []

    def on_verified(self, now: float, token: int, ok: bool, stale: bool = False) -> Effects:
        return []

"""The commands that servers speak among themselves, one struct each (docs/protocol.md, "Server to server"; ADR 9).

Guarantees and limits are those of `messages`. A role refuses each of these on a link that has not shown, with
SERVER_HELLO, that another server is at its end.
"""

from msgspec import Struct

from oyez.protocol.messages import Count, Message, Secret
from oyez.protocol.nodes import NodeId


class ServerHello(Message, tag="SERVER_HELLO"):
    """First line of each side on a link between two servers.

    `cursor` is the highest sequence that this side holds of the other's log, of its incarnation `of`. Without one the
    other begins with the first activity that it has retained. This side has had clients for `since` seconds.
    """

    secret: Secret
    id: NodeId
    incarnation: Count
    of: Count | None = None
    cursor: Count | None = None
    since: float = 0.0


class ServerPosition(Message, tag="SERVER_POSITION"):
    """After the hellos: the activities that follow begin after `sequence` of my own log, whose last is `last`. Up to
    `past` they were accepted before you had clients, who need not see them. Where the log is `withheld`, none may be
    shown before RELEASED."""

    origin: str
    sequence: Count
    last: Count = 0
    past: Count = 0
    withheld: bool = False


class Acknowledge(Message, tag="ACKNOWLEDGE"):
    """Everything of your log up to `sequence` is here, too."""

    sequence: Count


class Released(Message, tag="RELEASED"):
    """Enough servers hold my log up to `sequence`: it may be shown."""

    sequence: Count


class Held(Struct, frozen=True, array_like=True):
    """The part of an origin's log that a server has: from `first` to `last`; nothing where `first` is `last` + 1."""

    first: Count
    last: Count


class Positions(Message, tag="POSITIONS"):
    """Of which origins I hold what, that I have no link with; which I have a link with; and whether I have clients, or
    am still joining."""

    lost: dict[str, Held]
    linked: list[str]
    serves: bool = True


class RequestActivities(Message, tag="REQUEST_ACTIVITIES"):
    """Give me what you hold of `origin` after this sequence."""

    origin: str
    after: Count


class ActivitiesSupplied(Message, tag="ACTIVITIES_SUPPLIED"):
    """Behind the activities that were asked for: they go up to `through`; I hold up to `held`."""

    origin: str
    through: Count
    held: Count


class Settle(Message, tag="SETTLE"):
    """This session is here now. End it where you are, and say how far your log is, once all whom you are linked with
    hold that."""

    request: Count
    session: str


class Settled(Message, tag="SETTLED"):
    """It has ended here, and has posted nothing behind `sequence`."""

    request: Count
    sequence: Count


PeerMessage = (
    ServerHello
    | ServerPosition
    | Acknowledge
    | Released
    | Positions
    | RequestActivities
    | ActivitiesSupplied
    | Settle
    | Settled
)

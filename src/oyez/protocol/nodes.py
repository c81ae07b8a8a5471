"""The commands that nodes speak among themselves, one struct each (docs/protocol.md, "Nodes").

The names are the seed's where it has one. Guarantees and limits are those of `messages`. A role refuses each of these
on a link that has not authenticated as the role that may send it.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from oyez.protocol import limits
from oyez.protocol.messages import Address, Count, Hostname, Message, Port, Refusal, Secret

NodeId = Annotated[str, Meta(min_length=1, max_length=limits.NODE_ID, pattern=r"^[A-Za-z0-9_-]+\Z")]
"""An id names a node across its lifetimes. It has no dot, because an origin is "id.incarnation"."""


class ServerAddress(Struct, frozen=True):
    """A server as the directory knows it. `incarnation` numbers its process lifetime."""

    id: NodeId
    hostname: Hostname
    port: Port
    incarnation: Count = 0


class Authenticate(Message, tag="AUTHENTICATE"):
    """Server to central: I am one of yours. Who is connected here follows, with SERVER_ANNOUNCE."""

    secret: Secret
    id: NodeId
    hostname: Hostname
    port: Port
    incarnation: Count = 0
    load: Count = 0
    term: Count = 0


class AuthenticateSuccess(Message, tag="AUTHENTICATE_SUCCESS"):
    """Central to server: welcome. `ticket_key` (base64) checks the tickets for this server, and only this one."""

    info: str
    term: Count = 0
    centrals: list[Address] = field(default_factory=list)
    servers: list[ServerAddress] = field(default_factory=list)
    ticket_key: str = ""
    anonymous: bool = True


class SynchronisedNewServer(Message, tag="SYNCHRONISED_NEW_SERVER"):
    """Main to servers (and backups): a server has joined, or come back."""

    id: NodeId
    hostname: Hostname
    port: Port
    incarnation: Count = 0
    term: Count = 0
    index: Count = 0


class RemoveServer(Message, tag="REMOVE_SERVER"):
    """Main to servers (and backups): a server is gone."""

    id: NodeId
    term: Count = 0
    index: Count = 0


class DeLoad(Message, tag="DE_LOAD"):
    """Server to main: a client left, one less here."""

    id: NodeId
    username: str = ""


class ServerAnnounce(Message, tag="SERVER_ANNOUNCE"):
    """Server to main, each second and when clients arrive: the absolute load, which corrects any drift.

    The first one says that the server is linked with every other and may be given clients. `arrived` names the new
    sessions' users since the last one, `redeemed` the tickets they came with. `accepted` and `delivered` count
    activities since the server's start.
    """

    id: NodeId
    load: Count
    hostname: Hostname
    port: Port
    arrived: list[str] = field(default_factory=list)
    redeemed: list[str] = field(default_factory=list)
    accepted: Count = 0
    delivered: Count = 0


class VerifyLogin(Message, tag="VERIFY_LOGIN"):
    """Server to central: are these credentials right? The answer repeats `request`."""

    request: Count
    username: str
    secret: str


class VerifyLoginSuccess(Message, tag="VERIFY_LOGIN_SUCCESS"):
    """Central to server: they are."""

    request: Count


class VerifyLoginFailed(Refusal, tag="VERIFY_LOGIN_FAILED", kw_only=True):
    """Central to server: they are not; `info` and `reason` are for the client."""

    request: Count


class ServerHello(Message, tag="SERVER_HELLO"):
    """First line of each side on a link between two servers.

    `cursor` is the highest sequence that this side holds of the other's log, of its incarnation `of`. Without one the
    other begins `since` seconds ago, when this side began to serve, or now, where it does not serve yet.
    """

    secret: Secret
    id: NodeId
    incarnation: Count
    of: Count | None = None
    cursor: Count | None = None
    since: float = 0.0


class ServerPosition(Message, tag="SERVER_POSITION"):
    """Server to server, after the hellos: the activities that follow begin after `sequence` of my own log."""

    origin: str
    sequence: Count


class Heartbeat(Message, tag="HEARTBEAT"):
    """Node to node, each second: I am here."""

    term: Count = 0


NodeMessage = (
    Authenticate
    | AuthenticateSuccess
    | SynchronisedNewServer
    | RemoveServer
    | DeLoad
    | ServerAnnounce
    | VerifyLogin
    | VerifyLoginSuccess
    | VerifyLoginFailed
    | ServerHello
    | ServerPosition
    | Heartbeat
)

"""The commands that nodes speak among themselves, one struct each (docs/protocol.md, "Nodes").

The names are the seed's where it has one. Guarantees and limits are those of `messages`. A role refuses each of these
on a link that has not authenticated as the role that may send it.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from oyez.protocol import limits
from oyez.protocol.messages import Address, Count, Hostname, Message, Port, Refusal, Secret
from oyez.protocol.users import Revoked

NodeId = Annotated[str, Meta(min_length=1, max_length=limits.NODE_ID, pattern=r"^[A-Za-z0-9_-]+\Z")]
"""An id names a node across its lifetimes. It has no dot, because an origin is "id.incarnation"."""


class ServerAddress(Struct, frozen=True):
    """A server as the directory knows it. `incarnation` numbers its process lifetime."""

    id: NodeId
    hostname: Hostname
    port: Port
    incarnation: Count = 0


class Authenticate(Message, tag="AUTHENTICATE"):
    """Server to central: I am one of yours. Who is connected here follows, with SERVER_ANNOUNCE. `configuration` is
    the newest that it knows: a central that knows only older ones learns whether it may be elected."""

    secret: Secret
    id: NodeId
    hostname: Hostname
    port: Port
    incarnation: Count = 0
    load: Count = 0
    term: Count = 0
    configuration: "Configuration | None" = None


class AuthenticateSuccess(Message, tag="AUTHENTICATE_SUCCESS"):
    """Central to server: welcome. `ticket_keys` (base64, by the term in which they sign) check the tickets for this
    server, and only this one. `network` names the network, for cursors."""

    info: str
    term: Count = 0
    centrals: list[Address] = field(default_factory=list)
    servers: list[ServerAddress] = field(default_factory=list)
    ticket_keys: dict[int, str] = field(default_factory=dict)
    anonymous: bool = True
    network: str = ""


class SynchronisedNewServer(Message, tag="SYNCHRONISED_NEW_SERVER"):
    """Main to servers (and backups): a server has joined, or come back."""

    id: NodeId
    hostname: Hostname
    port: Port
    incarnation: Count = 0
    term: Count = 0
    index: Count = 0
    entry_term: Count = 0


class RemoveServer(Message, tag="REMOVE_SERVER"):
    """Main to servers (and backups): a server is gone."""

    id: NodeId
    term: Count = 0
    index: Count = 0
    entry_term: Count = 0


class DeLoad(Message, tag="DE_LOAD"):
    """Server to main: a client left, one less here."""

    id: NodeId
    username: str = ""


class ServerAnnounce(Message, tag="SERVER_ANNOUNCE"):
    """Server to main, each second and when clients arrive: the absolute load, which corrects any drift.

    The first one says that the server is linked with every other and may be given clients. `arrived` names the new
    sessions' users since the last one, `redeemed` the tickets they came with. `accepted` and `delivered` count
    activities since the server's start, `lag` those of its own that the slowest other server does not hold yet. A
    server that is `leaving` is given no more clients.
    """

    id: NodeId
    load: Count
    hostname: Hostname
    port: Port
    arrived: list[str] = field(default_factory=list)
    redeemed: list[str] = field(default_factory=list)
    accepted: Count = 0
    delivered: Count = 0
    lag: Count = 0
    leaving: bool = False


class Rebalance(Message, tag="REBALANCE"):
    """Main to server: so many of your sessions could be elsewhere. Which may move?"""

    count: Count


class Movable(Message, tag="MOVABLE"):
    """Server to main: a session of each of these users may move."""

    usernames: list[str]


class Destination(Struct, frozen=True):
    """Where a session of `username` goes, and the ticket that opens it there."""

    username: str
    hostname: Hostname
    port: Port
    ticket: str


class Move(Message, tag="MOVE"):
    """Main to server: send them there, with REDIRECT. Of those who are not named, none has to move now."""

    destinations: list[Destination]


class Drain(Message, tag="DRAIN"):
    """Main to server: leave, once all your sessions are elsewhere and the others hold your log."""


class DrainServer(Message, tag="DRAIN_SERVER"):
    """Operator to main: have this server leave."""

    secret: Secret
    server: NodeId


class DrainServerSuccess(Message, tag="DRAIN_SERVER_SUCCESS"):
    """Main to operator: it has been told. STATUS shows how far it is."""

    info: str


class DrainServerFailed(Refusal, tag="DRAIN_SERVER_FAILED"):
    """Main to operator: it has not; the link closes."""


class VerifyLogin(Message, tag="VERIFY_LOGIN"):
    """Server to central: are these credentials right? The answer repeats `request`. `address`: where they came from."""

    request: Count
    username: str
    secret: str
    address: str | None = None


class VerifyLoginSuccess(Message, tag="VERIFY_LOGIN_SUCCESS"):
    """Central to server: they are. `since`: the entry that set the secret."""

    request: Count
    since: Count = 0


class VerifyLoginFailed(Refusal, tag="VERIFY_LOGIN_FAILED", kw_only=True):
    """Central to server: they are not; `info` and `reason` are for the client."""

    request: Count


class CentralAddress(Struct, frozen=True):
    """A central as the others know it."""

    id: NodeId
    hostname: Hostname
    port: Port

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self.hostname, self.port)


class Configuration(Struct, frozen=True, omit_defaults=True):
    """Who decides: made by the main of `term`, numbered by `version` within it (ADR 8).

    `in_sync` are the centrals (ids, the main's own among them) that have everything acknowledged, and so may become
    main. `servers` are the origins of the servers that vote. `before` are the voters of the configuration that this
    one is to replace, while their consent is needed too.
    """

    term: Count
    version: Count
    main: NodeId
    in_sync: tuple[str, ...]
    centrals: tuple[CentralAddress, ...]
    servers: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


class BackupAuthenticate(Message, tag="BACKUP_AUTHENTICATE"):
    """Central to central: be my main. `cursor` is the index of the last directory entry held, `term` that entry's,
    `promised` the highest term in which this central has voted, `configuration` the newest that it knows."""

    secret: Secret
    id: NodeId
    hostname: Hostname
    port: Port
    cursor: Count = 0
    term: Count = 0
    promised: Count = 0
    configuration: Configuration | None = None


class BackupAuthenticationSuccess(Message, tag="BACKUP_AUTHENTICATION_SUCCESS"):
    """Main to backup: welcome. `key` (base64) signs tickets. With `snapshot` the whole directory follows, in parts;
    without it the entries behind the cursor do."""

    info: str
    term: Count
    key: str
    snapshot: bool
    configuration: Configuration


class BackupAuthenticationFail(Refusal, tag="BACKUP_AUTHENTICATION_FAIL"):
    """The link closes."""


class NotMain(Refusal, tag="NOT_MAIN"):
    """Central to node: I am not the main. `main` says where it is, if that is known; the link closes."""

    main: Address | None = None
    centrals: list[Address] = field(default_factory=list)


class SynchroniseUserStore(Message, tag="SYNCHRONISE_USER_STORE"):
    """Main to backup: users, with the hashes of their secrets. An increment has one, with its index; a part of a
    snapshot has many, `part` numbers it, and the one that is `last` ends the snapshot at `index`. `since` is the entry
    that set the secret, where that is not this one (ADR 12)."""

    users: dict[str, str]
    term: Count
    index: Count = 0
    entry_term: Count = 0
    part: Count = 0
    last: bool = False
    committed: Count = 0
    unsettled: dict[str, int] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    revoked: list[Revoked] = field(default_factory=list)


class SynchroniseServerAddresses(Message, tag="SYNCHRONISE_SERVER_ADDRESSES"):
    """Main to backup: all servers; begins a snapshot."""

    servers: list[ServerAddress]
    term: Count
    index: Count = 0


class SynchroniseServerLoad(Message, tag="SYNCHRONISE_SERVER_LOAD"):
    """Main to backup: the load of these servers, as of now, and up to which `index` all is acknowledged."""

    loads: dict[str, int]
    term: Count
    index: Count = 0


class Synchronised(Message, tag="SYNCHRONISED"):
    """Backup to main: everything up to `index` is on my disk; or the snapshot's `part` has arrived."""

    index: Count = 0
    part: Count = 0


class Configure(Message, tag="CONFIGURE"):
    """Main to voters: this is how things are decided from now on."""

    configuration: Configuration


class ConfirmTerm(Message, tag="CONFIRM_TERM"):
    """Main to voters: is my term still the highest you know, and my configuration the one you hold?"""

    round: Count
    term: Count
    version: Count


class TermConfirmed(Message, tag="TERM_CONFIRMED"):
    """Voter to main: it is, in this round."""

    round: Count
    term: Count
    version: Count


class TermRefused(Message, tag="TERM_REFUSED"):
    """Voter to main: I have promised `term` to another, or hold a newer configuration."""

    term: Count
    configuration: Configuration | None = None


class RequestVote(Message, tag="REQUEST_VOTE"):
    """Candidate to voter: let me be main of `term`. A `trial` asks whether you would, and binds nobody."""

    term: Count
    candidate: NodeId
    configuration: Configuration
    trial: bool = False


class Vote(Message, tag="VOTE"):
    """Voter to candidate: the answer. `promised` and `configuration` tell a candidate that is behind."""

    voter: str
    term: Count
    granted: bool
    trial: bool = False
    promised: Count = 0
    configuration: Configuration | None = None
    info: str = ""


class Promote(Message, tag="PROMOTE"):
    """Operator to central: become main without the votes. What this risks: docs/operations.md."""

    secret: Secret


class PromoteSuccess(Message, tag="PROMOTE_SUCCESS"):
    """Central to operator: done."""

    info: str
    term: Count


class PromoteFailed(Refusal, tag="PROMOTE_FAILED"):
    """Central to operator: not done; the link closes."""


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
    | Rebalance
    | Movable
    | Move
    | Drain
    | DrainServer
    | DrainServerSuccess
    | DrainServerFailed
    | VerifyLogin
    | VerifyLoginSuccess
    | VerifyLoginFailed
    | Heartbeat
    | BackupAuthenticate
    | BackupAuthenticationSuccess
    | BackupAuthenticationFail
    | NotMain
    | SynchroniseUserStore
    | SynchroniseServerAddresses
    | SynchroniseServerLoad
    | Synchronised
    | Configure
    | ConfirmTerm
    | TermConfirmed
    | TermRefused
    | RequestVote
    | Vote
    | Promote
    | PromoteSuccess
    | PromoteFailed
)

"""The commands that clients speak and hear, one struct each (docs/protocol.md, "Clients").

Guarantees: a decoded struct has every mandatory field, with its type and within `limits`. Fields beyond those named
here are ignored (the additive rule). What a command means, and when it is allowed, is the roles' business.
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct, field

from oyez.protocol import limits

ANONYMOUS = "anonymous"
"""The username that needs no secret and can't be registered."""

Name = Annotated[str, Meta(min_length=1, max_length=limits.USERNAME)]
Secret = Annotated[str, Meta(min_length=1, max_length=limits.SECRET)]
OptionalSecret = Annotated[str, Meta(max_length=limits.SECRET)] | None
Ticket = Annotated[str, Meta(min_length=1, max_length=limits.TICKET)]
SessionKey = Annotated[str, Meta(min_length=limits.SESSION[0], max_length=limits.SESSION[1])]
Port = Annotated[int, Meta(ge=1, le=65535)]
Hostname = Annotated[str, Meta(min_length=1, max_length=255)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=1, le=2**53)]


class Message(Struct, tag_field="command", omit_defaults=True, forbid_unknown_fields=False):
    """Any command. `command` on the wire is the struct's tag."""


class Address(Struct, frozen=True, order=True):
    """Where a node listens."""

    hostname: Hostname
    port: Port

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port}"


class Refusal(Message):
    """A command that says no: `info` for a person, `reason` (snake_case) for a program."""

    info: str
    reason: str = ""


class Register(Message, tag="REGISTER"):
    """Client to central: take this username."""

    username: Name
    secret: Secret


class RegisterSuccess(Message, tag="REGISTER_SUCCESS"):
    """Central to client: the username is yours and on disk."""

    info: str


class RegisterFailed(Refusal, tag="REGISTER_FAILED"):
    """Central to client: not registered; the link closes."""


class Resume(Struct, omit_defaults=True):
    """Where a session left off: how far it has seen each origin of this network, and at which it was last: more than
    one, where it had to move on before what it posted here came back."""

    network: Annotated[str, Meta(max_length=64)] = ""
    origins: Annotated[dict[str, Count], Meta(max_length=1024)] = field(default_factory=dict)
    last: Annotated[list[str], Meta(max_length=16)] = field(default_factory=list)


class Login(Message, tag="LOGIN"):
    """Client to central or server. `session` is a client-chosen secret string that names its session across links;
    `resume`, to a server, goes on from there (empty: it only says that the client knows GAP and HEARTBEAT)."""

    username: Name
    secret: OptionalSecret = None
    ticket: Ticket | None = None
    session: SessionKey | None = None
    resume: Resume | None = None


class Alternate(Struct, frozen=True):
    """Another server, and the ticket that opens it: for when no central answers."""

    hostname: Hostname
    port: Port
    ticket: str


class LoginSuccess(Message, tag="LOGIN_SUCCESS"):
    """Central: a REDIRECT follows, `ticket` logs in at any central, `alternates` are for when none answers. Server:
    activities follow, `session` is the tag. To a client that sent `resume` it names the network, its own origin, gives
    a `ticket` for itself, and where there was no cursor yet, the first one: `origins`.
    """

    info: str
    ticket: str | None = None
    centrals: list[Address] | None = None
    server: str | None = None
    session: str | None = None
    alternates: list[Alternate] | None = None
    network: str | None = None
    origin: str | None = None
    origins: dict[str, int] | None = None


class LoginFailed(Refusal, tag="LOGIN_FAILED"):
    """Central or server to client: not logged in; the link closes."""


class Redirect(Message, tag="REDIRECT"):
    """Reconnect there and LOGIN; `ticket` opens that one server, once."""

    hostname: Hostname
    port: Port
    ticket: str | None = None


class ActivityMessage(Message, tag="ACTIVITY_MESSAGE"):
    """Client to server: post `activity`, any JSON object. `id` numbers the posts of a session 1, 2, 3 …"""

    username: Name
    activity: Raw
    secret: OptionalSecret = None
    id: Number | None = None


class ActivityBroadcast(Message, tag="ACTIVITY_BROADCAST"):
    """Server to client and server to server: `id` is "origin-sequence", `post` is "tag-number" of the sender."""

    activity: Raw
    id: str = ""
    post: str | None = None


class Range(Struct, frozen=True):
    """The activities of `origin` from `first` to `last`."""

    origin: str
    first: Count
    last: Count


class Gap(Message, tag="GAP"):
    """Server to a client that sent `resume`: these can't be given any more; what follows is the present."""

    gaps: list[Range]


class Logout(Message, tag="LOGOUT"):
    """Client to any node: close. There is no reply."""


class AuthenticationFail(Refusal, tag="AUTHENTICATION_FAIL"):
    """The credentials are not good here; the link closes."""


class InvalidMessage(Refusal, tag="INVALID_MESSAGE"):
    """What you said was not a command that is allowed now; the link closes."""


class Malformed(InvalidMessage, tag="INVALID_MESSAGE"):
    """Never on the wire as such: what `codec.decode` gives for a line that is no message, ready to be answered with."""


class Status(Message, tag="STATUS"):
    """Client to central: how is the network? The link stays open."""


class ServerStatus(Struct, omit_defaults=True):
    """One server in a STATUS_REPORT. Rates are per second, since the last two announcements. `lag` counts those of its
    own activities that the slowest other server does not hold yet."""

    id: str
    hostname: str
    port: int
    load: int
    reserved: int = 0
    ready: bool = True
    accepted_rate: float = 0.0
    delivered_rate: float = 0.0
    leaving: bool = False
    lag: int = 0


class CentralStatus(Struct, omit_defaults=True):
    """One central in a STATUS_REPORT; `role` is "main", "backup" or "away". `lag` counts the entries it lacks."""

    hostname: str
    port: int
    role: str
    id: str = ""
    in_sync: bool = True
    lag: int = 0


class StatusReport(Message, tag="STATUS_REPORT"):
    """Central to client: answer to STATUS. `role` is that of the central that answers: "main", "backup" or, while
    there is no main, "candidate". `voters` decide who is main; `acknowledging` tells whether enough of them are there;
    while they are `changing`, those of before are needed, too.
    """

    term: int
    users: int
    centrals: list[CentralStatus]
    servers: list[ServerStatus]
    role: str = "main"
    voters: list[str] = field(default_factory=list)
    acknowledging: bool = True
    changing: bool = False


class Who(Message, tag="WHO"):
    """Client to central: who is connected, and where? Carries the credentials of a LOGIN."""

    username: Name
    secret: OptionalSecret = None
    ticket: Ticket | None = None


class Presence(Struct):
    """`username` has `sessions` sessions on `server`."""

    username: str
    server: str
    sessions: int


class WhoReport(Message, tag="WHO_REPORT"):
    """Central to client: answer to WHO; `total` sessions, of which the first thousand entries are listed."""

    total: int
    users: list[Presence]


ClientMessage = (
    Register
    | RegisterSuccess
    | RegisterFailed
    | Login
    | LoginSuccess
    | LoginFailed
    | Redirect
    | ActivityMessage
    | ActivityBroadcast
    | Gap
    | Logout
    | AuthenticationFail
    | InvalidMessage
    | Status
    | StatusReport
    | Who
    | WhoReport
)

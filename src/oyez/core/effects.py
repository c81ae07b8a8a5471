"""What a role wants done: the only way in which the pure core touches the world (DESIGN section 6).

A role's handler returns a list of these; the host carries them out in order. What follows a `Persist` in its list
waits until the records are on disk. Effects for a link that is gone do nothing. Links are named by the number that
the host gave them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oyez.core import timing
from oyez.core.voter import VoterState
from oyez.log import Log
from oyez.protocol.messages import ActivityBroadcast, Address, Message


@dataclass(slots=True, frozen=True)
class Send:
    """Send one message."""

    link: int
    message: Message


@dataclass(slots=True, frozen=True)
class Relay:
    """Send these whole lines as they are."""

    link: int
    lines: bytes


@dataclass(slots=True, frozen=True)
class Close:
    """Close once all that was sent before has left; the role's `on_close` still follows.

    `at_once`: don't wait, the other side is silent.
    """

    link: int
    at_once: bool = False


@dataclass(slots=True, frozen=True)
class Hold:
    """Give the role nothing more from this link until `Release`: an answer is being prepared."""

    link: int


@dataclass(slots=True, frozen=True)
class Release:
    """The opposite of `Hold`."""

    link: int


@dataclass(slots=True, frozen=True)
class Dial:
    """Connect, over TLS where that is wanted. `purpose` comes back with `on_dialed` or `on_dial_failed`.

    `within`: seconds for all of it. Who is frozen still has connections accepted by its kernel, and a role that gives
    it less than `timing.REACH` to say its first word should give it no more for the handshake that comes before that.
    """

    address: Address
    purpose: str
    within: float = timing.REACH


@dataclass(slots=True, frozen=True)
class Follow:
    """Let this link read `log` from `position` on (None: from its end), behind what has been sent to it before.

    With `held`, without what its reader holds of each origin already. The cursor's `owner` is the link.
    """

    link: int
    log: Log
    position: int | None = None
    held: dict[str, int] | None = None


@dataclass(slots=True, frozen=True)
class Trust:
    """This link is to a node: long lines are allowed, and whole blocks of activity lines go to `on_activities`."""

    link: int


@dataclass(slots=True, frozen=True)
class Flush:
    """Call the role's `on_flush` at the end of this loop turn."""


@dataclass(slots=True, frozen=True)
class SetTimer:
    """Call `on_timer(key)` in `after` seconds; setting a key again moves it."""

    key: str
    after: float


@dataclass(slots=True, frozen=True)
class CancelTimer:
    """Forget the timer, if it runs."""

    key: str


@dataclass(slots=True, frozen=True)
class Persist:
    """Put these records on disk before anything that follows in this list."""

    records: tuple["Record | Current", ...]

    def taken(self) -> tuple["Record", ...]:
        """What there is to be put on disk now."""
        taken = [record.take() if isinstance(record, Current) else (record,) for record in self.records]
        return tuple(record for records in taken for record in records)


@dataclass(slots=True, frozen=True)
class Current:
    """Stands for what `take` gives when it is this `Persist`'s turn: another, whose turn came in between, may have put
    something newer on disk, which what was current when the list was made would undo."""

    take: Callable[[], tuple["Record", ...]]


@dataclass(slots=True, frozen=True)
class Then:
    """Go on with this, and do what it returns: for what is to be decided once a `Persist` before it is durable."""

    call: Callable[[float], "Effects"]


@dataclass(slots=True, frozen=True)
class HashSecret:
    """Hash a new secret, off the loop; the hash comes back with `on_hashed(token)`."""

    token: int
    secret: str = field(repr=False)


@dataclass(slots=True, frozen=True)
class VerifySecret:
    """Check a secret against a hash, off the loop; comes back with `on_verified(token)`. No hash: check and refuse,
    taking as long, so that nobody can tell whether the user exists."""

    token: int
    hash: str | None = field(repr=False)
    secret: str = field(repr=False)


@dataclass(slots=True, frozen=True)
class Report:
    """Something that an operator, a metric or a checker wants to know. No secrets in `fields`."""

    event: str
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Deliver:
    """Give this activity to the user of the node: clients only."""

    broadcast: ActivityBroadcast


@dataclass(slots=True, frozen=True)
class Quit:
    """This node can't do its job, and trying longer won't help: end it, and tell the operator why."""

    info: str


@dataclass(slots=True, frozen=True)
class Stopped:
    """This node has done what it had to do before it may end (see `Role.on_leave`): end it, in good order."""


@dataclass(slots=True, frozen=True)
class UserRecord:
    """A registered user, as stored. `index`: the entry that set this secret, where that is not known to be
    acknowledged; `since`: the same, where it is."""

    username: str
    hash: str = field(repr=False)
    index: int = 0
    since: int = 0

    @property
    def set_at(self) -> int:
        """The entry that set this secret."""
        return self.index or self.since


@dataclass(slots=True, frozen=True)
class Revocation:
    """Tickets and sessions that this user was given before entry `since` are good no more. By `until`, in seconds since
    1970, no such ticket is good anyhow. `removed`: nor is there such a user."""

    username: str
    since: int
    until: float
    removed: bool = False


@dataclass(slots=True, frozen=True)
class RevocationsOver:
    """Forget the revocations whose time was over by `until`."""

    until: float


@dataclass(slots=True, frozen=True)
class ServerRecord:
    """A server of this network, as stored."""

    id: str
    hostname: str
    port: int
    incarnation: int


@dataclass(slots=True, frozen=True)
class ServerGone:
    """The server with this id is no longer part of the network."""

    id: str


@dataclass(slots=True, frozen=True)
class Position:
    """How far this central's directory is: its last entry, that entry's term, and what is known to be acknowledged."""

    index: int
    term: int
    committed: int


@dataclass(slots=True, frozen=True)
class Key:
    """The network's key, from which those for the tickets are derived."""

    key: bytes = field(repr=False)


@dataclass(slots=True, frozen=True)
class Replacement:
    """From now on these are all users, servers and revocations: what was there is forgotten."""

    users: tuple[UserRecord, ...]
    servers: tuple[ServerRecord, ...]
    revoked: tuple[Revocation, ...] = ()


Record = (
    UserRecord | Revocation | RevocationsOver | ServerRecord | ServerGone | Position | Key | Replacement | VoterState
)

Effect = (
    Send
    | Relay
    | Close
    | Hold
    | Release
    | Dial
    | Follow
    | Trust
    | Flush
    | SetTimer
    | CancelTimer
    | Persist
    | Then
    | HashSecret
    | VerifySecret
    | Report
    | Deliver
    | Quit
    | Stopped
)
Effects = list[Effect]

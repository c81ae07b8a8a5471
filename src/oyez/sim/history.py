"""What happened in a world: the one thing that checkers read, digests compare and people are told.

Guarantees: entries are in the order of virtual time. An entry says what somebody saw or did, never what should have
been.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(ge=0)]


class Entry(Struct, frozen=True, tag=True):
    """Something that happened at `at`, in seconds since the world began."""

    at: Seconds

    def told(self) -> str:
        """One line for a person."""
        fields = [f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "at"]
        return f"{type(self).__name__} {' '.join(fields)}"


# -- the world ------------------------------------------------------------------------------------------------------


class Began(Entry, frozen=True):
    """The plan of this history, in short."""

    seed: int
    centrals: int
    servers: int
    clients: int
    retention: int
    outbox: int
    patience: float
    faults: tuple[str, ...]
    copies: int = 2

    def told(self) -> str:
        faults = ", ".join(self.faults) or "no faults"
        nodes = f"{self.centrals} centrals, {self.servers} servers ({self.copies} copies)"
        return f"a network of {nodes} and {self.clients} clients (seed {self.seed}): {faults}"


class Phase(Entry, frozen=True):
    """From here on: "calm" nobody comes but new clients, "rough" anything, "healed" no fault any more, "final" the
    last posts, which everybody has to get, "level" time to get even, "levelled", "over"."""

    name: str

    def told(self) -> str:
        return f"---- {self.name} ----"


class Fault(Entry, frozen=True):
    """The world does something to somebody, until `until`. `one` and `other` can't reach each other then, or not both
    ways; nobody in `other` stands for everybody."""

    kind: str
    target: str
    until: float
    one: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def told(self) -> str:
        lasting = f" for {self.until - self.at:.2f} s" if self.until > self.at else ""
        return f"** {self.kind}: {self.target}{lasting}"


# -- the nodes ------------------------------------------------------------------------------------------------------


class Started(Entry, frozen=True):
    """A node's process is up."""

    node: str
    incarnation: int

    def told(self) -> str:
        return f"{self.node} starts (incarnation {self.incarnation})"


class Died(Entry, frozen=True):
    """A node's process is no more."""

    node: str
    incarnation: int
    how: str

    def told(self) -> str:
        return f"** {self.node}: {self.how}"


class Reported(Entry, frozen=True):
    """A role has something to say to its operator."""

    node: str
    event: str
    fields: Mapping[str, object]

    def told(self) -> str:
        fields = " ".join(f"{key}={value}" for key, value in self.fields.items())
        return f"{self.node} reports {self.event} {fields}"


class Measured(Entry, frozen=True):
    """What a node held in memory at this moment, in bytes: its largest outbox, and its logs, that of all origins first,
    then its own."""

    node: str
    links: int
    outbox: int
    logs: tuple[int, ...]


class Accepted(Entry, frozen=True):
    """A node has a link that it calls `local` in its reports; in the history it is `link`."""

    node: str
    local: int
    link: int


class Stuck(Entry, frozen=True):
    """For so many seconds a link has taken nothing more from this node, which has more to send."""

    node: str
    link: int
    seconds: float

    def told(self) -> str:
        return f"{self.node} has been unable to send on link {self.link} for {self.seconds:.1f} s"


class Elected(Entry, frozen=True):
    """A central begins to reign in `term`; `users` is its directory at this moment, hashes by name."""

    node: str
    incarnation: int
    term: int
    users: dict[str, str]

    def told(self) -> str:
        return f"** {self.node} is main of term {self.term}, and knows {len(self.users)} users"


class Confirmed(Entry, frozen=True):
    """A voter tells a main that its term is still the highest that it knows. `kept`: if the voter has a disk, what it
    says is on it."""

    voter: str
    term: int
    kept: bool


class Voted(Entry, frozen=True):
    """A voter gives its vote, which binds, or asks for votes, and so has given its own to itself. `kept`: as above."""

    voter: str
    term: int
    candidate: str
    kept: bool

    def told(self) -> str:
        return f"{self.voter} votes for {self.candidate} in term {self.term}"


class Acknowledged(Entry, frozen=True):
    """The main of `term` acknowledges a registration. `wanted` are the centrals that it counts as in sync, `disks`
    those on whose disks the user is at this moment, with this hash; on its own it has been since `kept`. `groups` are
    the voters, half of each of whom have to stand behind it, or all `centrals`."""

    node: str
    incarnation: int
    term: int
    username: str
    hash: str
    wanted: tuple[str, ...]
    disks: tuple[str, ...]
    kept: float = 0.0
    groups: tuple[tuple[str, ...], ...] = ()
    centrals: tuple[str, ...] = ()

    def told(self) -> str:
        disks = ", ".join(self.disks)
        return f"{self.node} acknowledges {self.username} in term {self.term}; on disk at {disks or 'none'}"


class Standing(Entry, frozen=True):
    """What a central says of the network when it is asked: its own role, and which centrals and servers there are."""

    node: str
    role: str
    term: int
    main: str
    in_sync: tuple[str, ...]
    ready: tuple[str, ...]
    acknowledging: bool

    def told(self) -> str:
        main = f"main {self.main or 'unknown'}, in sync {', '.join(self.in_sync)}, ready {', '.join(self.ready)}"
        return f"{self.node} is {self.role} in term {self.term}: {main}"


class Expected(Entry, frozen=True):
    """Who is part of the network when all is healed: the others have left for good. `hopeless` says why nobody can be
    main, or acknowledge anything; nothing: somebody can."""

    centrals: tuple[str, ...]
    servers: tuple[str, ...]
    hopeless: str = ""

    def told(self) -> str:
        who = f"from now on there are {', '.join(self.centrals + self.servers)}"
        return f"{who}; {self.hopeless}" if self.hopeless else who


class Promoted(Entry, frozen=True):
    """The operator makes this central main. `lossless`: it has all that was acknowledged, and no other reigns."""

    node: str
    lossless: bool

    def told(self) -> str:
        return f"** the operator promotes {self.node}{'' if self.lossless else ', which may lack something'}"


class Counted(Entry, frozen=True):
    """What a central says when it is asked: sessions by server, and by "user@server"."""

    node: str
    loads: dict[str, int]
    present: dict[str, int]

    def told(self) -> str:
        loads = ", ".join(f"{count} on {server}" for server, count in self.loads.items())
        return f"{self.node} counts {loads}"


# -- the clients ----------------------------------------------------------------------------------------------------


class Unreachable(Entry, frozen=True):
    """A client could not connect."""

    client: str
    node: str
    why: str

    def told(self) -> str:
        return f"{self.client} can't reach {self.node}: {self.why}"


class Said(Entry, frozen=True):
    """A client sent a command that is no activity, or rubbish."""

    client: str
    link: int
    node: str
    command: str
    username: str = ""
    secret: str = ""

    def told(self) -> str:
        return f"{self.client} to {self.node}: {self.command} {self.username}".rstrip()


class Heard(Entry, frozen=True):
    """A client got a command that is no activity."""

    client: str
    link: int
    node: str
    command: str
    info: str | None
    reason: str = ""

    def told(self) -> str:
        return f"{self.client} hears {self.node}: {self.command} {self.info or ''} {self.reason}".rstrip()


class Entered(Entry, frozen=True):
    """A client is logged in at a server. `prompt`: it reads what comes at once, and always. `lasting`: with its cursor
    it survives links, servers and centrals; any other session is over with its link."""

    session: str
    client: str
    username: str
    node: str
    link: int
    prompt: bool
    lasting: bool = False

    def told(self) -> str:
        return f"{self.session} is in at {self.node} as {self.username}"


class Away(Entry, frozen=True):
    """A lasting session has no server any more."""

    session: str
    node: str
    why: str

    def told(self) -> str:
        return f"{self.session} has lost {self.node}: {self.why}"


class Back(Entry, frozen=True):
    """A lasting session is in at a server again."""

    session: str
    node: str

    def told(self) -> str:
        return f"{self.session} is back, at {self.node}"


class Missed(Entry, frozen=True):
    """A session is told that it can't get these any more."""

    session: str
    origin: str
    first: int
    last: int

    def told(self) -> str:
        return f"{self.session} is told that it misses {self.origin}-{self.first} to {self.last}"


class Doubted(Entry, frozen=True):
    """A session is told that it will not know what became of its post: it is not sent again."""

    session: str
    number: int

    def told(self) -> str:
        return f"{self.session} is told that nothing is known of its post {self.number}"


class Posted(Entry, frozen=True):
    """A session posted its activity of this number."""

    session: str
    number: int

    def told(self) -> str:
        return f"{self.session} posts {self.number}"


class Saw(Entry, frozen=True):
    """A session got the activity `number` of the session `by`, under the name of `user`. `intact`: it says nothing
    but what was posted."""

    session: str
    by: str
    number: int
    user: str
    id: str
    intact: bool = True

    def told(self) -> str:
        return f"{self.session} sees {self.by} #{self.number} ({self.id})"


class Ended(Entry, frozen=True):
    """A client's link is over. `by` is "client", "node" (it closed or aborted) or "network" (a fault, a death);
    `unread`: the client had not read what was sent to it."""

    client: str
    link: int
    node: str
    session: str
    by: str
    why: str
    unread: bool = False

    def told(self) -> str:
        return f"{self.session or self.client} and {self.node}: the link is over ({self.by}: {self.why})"


History = Sequence[Entry]

CENTRAL = "central"
"""How the names of all centrals begin, and no others."""


def is_central(node: str) -> bool:
    """Whether the node of this name is a central."""
    return node.startswith(CENTRAL)

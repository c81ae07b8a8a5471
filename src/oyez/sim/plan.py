"""A history before it happens, as plain data: who takes part, how they behave, what goes wrong and when.

Plans are drawn from a seed, each with a random subset of the kinds of faults and of bad manners (swarm testing: a
history with everything at once hides what a history with two things shows), or made by hand, or by a test's own
strategy. A plan says nothing of who is hit where that depends on the moment: `target` picks one of those who are
there then.
"""

from dataclasses import dataclass, field, replace
from random import Random

from oyez.sim.connection import AT_ONCE, NEVER, SLOWLY
from oyez.sim.participant import Manner
from oyez.sim.rubbish import CATALOGUE
from oyez.sim.wire import Conditions

FAULTS = (
    "reset",
    "stall",
    "silence one way",
    "half-open",
    "partition",
    "partition one way",
    "isolate",
    "kill server",
    "kill central",
    "power cut",
    "die between effects",
    "stop server",
    "stop central",
    "pause",
    "slow disk",
    "busy",
)
ELECTION = (
    "kill main",
    "kill backup",
    "kill centrals",
    "blackout",
    "main dies between effects",
    "central dies between effects",
    "pause main",
    "isolate main",
    "part centrals",
    "retire central",
    "retire server",
    "slow disk",
    "slow disk",
)
"""Faults that are about who is main; drawn where there are backups, together with the others."""
DELIVERY = (
    "kill servers",
    "kill servers",
    "servers die between effects",
    "servers die between effects",
    "stop server",
    "drain server",
    "roll",
    "reset mesh",
    "stall mesh",
    "reset client",
    "stall client",
    "part client",
    "pause server",
    "part servers",
    "part server from centrals",
    "without centrals",
    "without centrals",
)
"""Faults that are about who sees what."""
APART = 7.0
"""Seconds between two faults where each is to be put right before the next: those are the histories without excuse."""
MANNERS = (
    "modern",
    "slow",
    "stops reading",
    "vanishes",
    "leaves",
    "rubbish",
    "nibbles",
    "forges",
    "rivals",
    "impatient",
    "long posts",
    "many posts",
    "old links",
)


@dataclass(slots=True, frozen=True)
class FaultPlan:
    """One fault: when (seconds into the rough phase), to whom, for how long."""

    kind: str
    at: float
    target: int
    span: float


@dataclass(slots=True, frozen=True)
class Plan:
    """One history. Times in seconds, sizes in bytes."""

    seed: int
    servers: int = 2
    centrals: int = 1
    """The first is the main of the beginning, the others are its backups."""
    late: tuple[float, ...] = ()
    """When further servers join, in the rough phase."""
    late_centrals: tuple[float, ...] = ()
    """When further backups join."""
    servers_know: int = 1
    """How many centrals' addresses each server was given."""
    part: int = 500
    """Users in one part of a snapshot."""
    entries: int = 10_000
    """Entries of the directory log that a central holds for backups that are behind."""
    rough: float = 10.0
    """How long the rough phase is."""
    clients: tuple[Manner, ...] = ()
    """Those that start in the calm phase come first; `starts` counts from its beginning."""
    calm: int = 0
    """How many of the clients start in the calm phase."""
    faults: tuple[FaultPlan, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    retention: int = 1 << 26
    patience: float = 30.0
    copies: int = 2
    """Servers, the origin counted, that hold an activity before anybody sees it."""
    rates: tuple[float, ...] = (1.0,)
    """How fast the nodes' clocks run, in turn."""
    offsets: tuple[float, ...] = (0.0,)
    """How far off they are, in turn."""


STEPS = 60
"""Things that happen in the rough phase of a history, unless told otherwise."""


@dataclass(slots=True, frozen=True)
class Topology:
    """How many nodes there are; None: as the seed has it."""

    centrals: int | None = None
    servers: int | None = None

    @property
    def options(self) -> str:
        """As `oyez simulate` takes it."""
        given = {"--centrals": self.centrals, "--servers": self.servers}
        return "".join(f" {option} {number}" for option, number in given.items() if number is not None)


ANY = Topology()


def draw(seed: int, steps: int = STEPS, topology: Topology = ANY) -> Plan:
    """The plan of this seed, with about so many things (posts, logins, faults) happening in its rough phase."""
    random = Random(f"plan {seed}")
    centrals = random.choice((1, 2, 2, 2, 3, 3))
    centrals = topology.centrals or centrals
    apart = random.random() < 0.35
    kinds = _of_delivery(random) if apart else _kinds(random, centrals > 1)
    manners = _subset(random, MANNERS)
    long = not apart and random.random() < 0.04
    rough = max(2.0, steps / 6) * (5 if long else 2 if apart else 1)  # long enough for the network to forget somebody
    servers = random.choice((2, 3, 3, 4, 5) if apart else (1, 2, 2, 3, 3, 4, 5))
    servers = topology.servers or servers
    calm = random.randint(3, 8)
    conditions = _conditions(random)
    slow = conditions.latency[1] > 0.05
    longest = min(20_000, conditions.window[0] * 4) // (8 if slow else 1)
    if slow or conditions.window[0] < 65_536:  # the links must be able to carry it all
        left_out = random.choice(("long posts", "many posts"))
        manners = tuple(kind for kind in manners if kind != left_out)
    clients = _clients(random, manners, steps, rough, calm, longest)
    clients = tuple(replace(manner, knows=_knows(random, centrals)) for manner in clients)
    tight = random.random() < 0.4
    skewed = random.random() < 0.3
    return Plan(
        seed=seed,
        servers=servers,
        centrals=centrals,
        late=tuple(random.uniform(0, rough) for _ in range(random.choice((0, 0, 0, 1, 2)) if kinds else 0)),
        late_centrals=(random.uniform(0, rough),) if centrals < 3 and kinds and random.random() < 0.3 else (),
        servers_know=random.randint(1, centrals),
        part=random.choice((2, 5, 500)),
        entries=random.choice((3, 10, 10_000)),
        rough=rough,
        clients=clients,
        calm=calm,
        faults=(
            _apart(random, kinds, rough)
            if apart
            else _faults(random, kinds, steps, rough, (30.0, 45.0) if long else (0.05, 0.5, 2.0, 5.0, 8.0))
        ),
        conditions=conditions,
        retention=random.choice((2048, 4096, 16_384)) if tight else 1 << 26,
        copies=random.choice((1, 2, 2, 2, 3, 3)),
        patience=random.choice((2.0, 5.0)) if tight else 30.0,
        rates=tuple(random.uniform(0.95, 1.05) for _ in range(11)) if skewed else (1.0,),
        offsets=tuple(random.uniform(-2.0, 2.0) for _ in range(11)) if skewed else (0.0,),
    )


def _of_delivery(random: Random) -> tuple[str, ...]:
    """A few kinds of those that are about delivery, at least one."""
    return _subset(random, DELIVERY) or (random.choice(DELIVERY),)


def _apart(random: Random, kinds: tuple[str, ...], rough: float) -> tuple[FaultPlan, ...]:
    """One fault after the other, each over, and its consequences with it, before the next."""
    at, faults = random.uniform(0.5, 3.0), []
    while at < rough:
        kind = random.choice(kinds)
        span = 14.0 if kind == "without centrals" else random.choice((0.3, 1.0, 2.0, 4.5))
        faults.append(FaultPlan(kind, at, random.getrandbits(16), span))
        at += span + APART * random.uniform(0.9, 1.3)
    return tuple(faults)


def _kinds(random: Random, backups: bool) -> tuple[str, ...]:
    """The kinds of faults in one history: those of elections more often, where there are backups."""
    others = _subset(random, FAULTS + DELIVERY)
    if not backups or random.random() < 0.1:
        return others
    if random.random() < 0.4:
        others = ()
    return others + _subset(random, ELECTION) * random.choice((1, 3))


def _knows(random: Random, centrals: int) -> tuple[int, ...]:
    """Which centrals a client knows: some, or all, in any order."""
    return tuple(random.sample(range(centrals), random.randint(1, centrals)))


def _subset(random: Random, kinds: tuple[str, ...]) -> tuple[str, ...]:
    share = random.choice((0.0, 0.15, 0.3, 0.5))
    return tuple(kind for kind in kinds if random.random() < share)


def _conditions(random: Random) -> Conditions:
    slow = random.random() < 0.2  # with a small window as well, a link would carry next to nothing
    low = random.choice((16_384, 65_536) if slow else (256, 2048, 16_384, 65_536))
    return Conditions(
        latency=(0.005, 0.1) if slow else (0.0001, 0.004),
        jitter=random.choice((0.0, 0.001, 0.02)) if low >= 16_384 else 0.001,
        window=(low, random.choice((low, 65_536, 262_144)) if low < 65_536 else 262_144),
        crumbs=random.choice((0.0, 0.0, 0.1, 0.7)),
    )


def _faults(
    random: Random, kinds: tuple[str, ...], steps: int, rough: float, spans: tuple[float, ...]
) -> tuple[FaultPlan, ...]:
    if not kinds:
        return ()
    count = random.randint(1, max(2, steps // 8))
    storm = random.uniform(0, rough) if random.random() < 0.4 else None
    drawn = [
        FaultPlan(
            kind=random.choice(kinds),
            at=_when(random, rough, storm),
            target=random.getrandbits(16),
            span=random.choice(spans) * random.uniform(0.5, 1.5),
        )
        for _ in range(count)
    ]
    return tuple(sorted(drawn, key=lambda fault: fault.at))


def _when(random: Random, rough: float, storm: float | None) -> float:
    """Some time, or near the others: what goes wrong while something else is being put right."""
    if storm is None or random.random() < 0.3:
        return random.uniform(0, rough)
    return min(rough, storm + random.expovariate(1 / random.choice((0.02, 0.2, 1.0))))


def _clients(
    random: Random, manners: tuple[str, ...], steps: int, rough: float, calm: int, longest: int
) -> tuple[Manner, ...]:
    count = calm + random.randint(2, 6)
    posts = max(1, steps // count)
    return tuple(_manner(random, manners, number, posts, rough, number < calm, longest) for number in range(count))


def _manner(
    random: Random, manners: tuple[str, ...], number: int, posts: int, rough: float, calm: bool, longest: int
) -> Manner:
    def has(kind: str, often: float = 0.5) -> bool:
        return kind in manners and random.random() < often

    anonymous = random.random() < 0.2
    rival = has("rivals")
    reads = SLOWLY if has("slow", 0.25) else NEVER if has("stops reading", 0.25) else AT_ONCE
    nibbles = has("nibbles", 0.3)
    leaves = "vanishes" if has("vanishes", 0.3) else random.choice(("logs out", "closes")) if has("leaves", 0.3) else ""
    rubbish = not calm and has("rubbish")
    size = longest if has("long posts", 0.3) and not nibbles else 200
    library = random.random() < 0.55
    many = has("many posts", 0.3) and not nibbles
    return Manner(
        username="anonymous" if anonymous else "rival" if rival else f"user{number}",
        secret=None if anonymous else f"secret{number}",
        registers=not anonymous,
        starts=random.random() * (2.0 if calm else rough),
        library=library,
        modern=has("modern", 0.7),
        posts=posts * (10 if many else 1),
        pace=rough / posts / (10 if many else 1) * random.uniform(0.3, 1.2),
        size=size,
        forges=has("forges"),
        reads=AT_ONCE if library and reads == NEVER else reads,
        stops_at=random.uniform(0, rough / 2),
        nibble=random.choice((1, 7, 64)) if nibbles else 0,
        leaves=leaves,
        leaves_at=random.uniform(3.0, rough + 3.0),
        rubbish=random.choice(tuple(CATALOGUE)) if rubbish and not library else "",
        rubbish_in=random.choice(("central", "server")),
        central_link=random.choice(("closes", "logs out", "keeps")) if has("old links") else "closes",
        waits=random.uniform(0.0, 0.1) if not calm and has("impatient") else 0.0,
        returns=random.random() < 0.8,
    )

"""What a workload is, what it gives back, and the run of the load generator that most of them share.

A workload has cases; a case is run on each peer in turn, round after round, each time on freshly started servers.
"""

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from bench.errors import BenchError
from bench.generator import Generator, Plan, load_command
from bench.meter import Meter
from bench.network import Network
from bench.peers.base import ACTIVITY_BYTES, Peer, Target, activity
from bench.peers.oyez import Oyez

IN_FLIGHT_BYTES = 256 * 1024
"""Delivered bytes that saturating publishers together have under way to each subscriber."""

SATURATED_SECONDS = 1.5
"""For which they publish, after a quarter of it as a warm-up; in a quick run a fifth of it."""

COST = "server CPU, seconds per million deliveries"
"""Label of an axis."""

OYEZ = frozenset({"oyez"})
"""For cases that only Oyez can be run on."""

FAULTS = {
    "missing": "deliveries missing",
    "duplicates": "deliveries twice",
    "disordered": "gaps in a publisher's order",
    "foreign": "deliveries of what nobody sent",
    "closed": "connections closed by the server",
}


@dataclass(frozen=True)
class Column:
    """A figure that the report shows."""

    figure: str
    title: str
    places: int = 2
    spread: bool = True
    """Whether the smallest and largest are shown too; the JSON always has them."""


DELIVERY_COLUMNS = (
    Column("cpu_per_million", "server CPU s per M deliveries", 3),
    Column("deliveries_per_second", "deliveries per s", 0, spread=False),
    Column("deliveries_per_read", "per read", 1, spread=False),
    Column("server_core_percent", "server core %", 0, spread=False),
    Column("load_core_percent", "load core %", 0, spread=False),
)
"""Of workloads in which a delivery's cost counts."""


@dataclass(frozen=True)
class Ratio:
    """A figure that is compared with the limit's and the best broker's of the same round. Less is better."""

    figure: str
    title: str


@dataclass(frozen=True)
class Bars:
    """A bar chart: a bar for each peer, in a group for each case; several figures: for each of them in each case."""

    name: str
    """Ends the names of its files."""
    title: str
    label: str
    """Of the axis, with the unit."""
    x_label: str
    """What the groups are."""
    figures: tuple[tuple[str, str], ...]
    """Each with the word for it."""
    prefix: str = ""
    """Only cases whose names begin so."""


@dataclass(frozen=True)
class Lines:
    """A chart of how one figure grows with another: a line for each peer, through the cases."""

    name: str
    title: str
    label: str
    figure: str
    x_label: str
    x_figure: str
    prefix: str = ""


@dataclass(frozen=True)
class Case:
    """One setting of a workload."""

    name: str
    peers: frozenset[str] | None = field(default=None, kw_only=True)
    """Names of the only peers that it can be run on; None: on all that the workload can be run on."""
    base: str | None = field(default=None, kw_only=True)
    """Name of the case that this one's ratios are also taken to, on the same peer in the same round."""


@dataclass(frozen=True)
class LoadCase(Case):
    """A setting that the load generator alone makes up."""

    plan: Plan
    size: int = field(default=ACTIVITY_BYTES, kw_only=True)
    """Bytes of an activity."""
    servers: int = field(default=1, kw_only=True)
    """More than one only of Oyez: all on SERVER_CORE, with a client at each in turn."""


def saturated(
    name: str,
    subscribers: int,
    quick: bool,
    line_bytes: int,
    *,
    publishers: int = 1,
    size: int = ACTIVITY_BYTES,
    servers: int = 1,
    peers: frozenset[str] | None = None,
    base: str | None = None,
) -> LoadCase:
    """Publishing for SATURATED_SECONDS with IN_FLIGHT_BYTES under way, in lines as long as this size makes them.

    `line_bytes` is the length of a line with an activity of ACTIVITY_BYTES.
    """
    window = max(1, IN_FLIGHT_BYTES // line_length(size, line_bytes) // publishers)
    plan = Plan(subscribers, publishers, window=window, seconds=saturated_seconds(quick))
    return LoadCase(name, plan, size=size, servers=servers, peers=peers, base=base)


def saturated_seconds(quick: bool) -> float:
    """For how long a saturating publisher publishes."""
    return SATURATED_SECONDS / 5 if quick else SATURATED_SECONDS


def line_length(size: int, line_bytes: int) -> int:
    """Of a delivered line with an activity of this size: what is around an activity is the same at every size."""
    return size + line_bytes - ACTIVITY_BYTES


@dataclass
class Outcome:
    """What one run of a case on one peer gave."""

    case: str
    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass
class Session:
    """What runs need from outside: a folder for scratch files, somebody to tell about progress, measured lengths."""

    scratch: Path
    on_progress: Callable[[str, int, int], None]
    """Called with what is going on, how much of it is done, and how much there is."""
    measured: dict[tuple[str, int, Plan, int, int], "Outcome"] = field(default_factory=dict)
    """By peer, round and what was run: what several workloads want is run once."""


C = TypeVar("C", bound=Case)


class Workload(ABC, Generic[C]):
    """A kind of load."""

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    ratios: ClassVar[tuple[Ratio, ...]] = ()
    base_word: ClassVar[str] = ""
    """What cases with a base are compared with, as "one server"."""
    charts: ClassVar[tuple[Bars | Lines, ...]] = ()
    peers: ClassVar[frozenset[str] | None] = None
    """Names of the only peers that it can be run on; None: on all."""

    @abstractmethod
    def cases(self, quick: bool, line_bytes: int) -> list[C]:
        """The settings; `line_bytes` is the length of a delivered line, for windows that are given in bytes."""

    @abstractmethod
    def run(self, case: C, peer: Peer, session: Session) -> list[Outcome]:
        """Start the peer, load it, measure, stop it. Raises BenchError when there are no figures."""


class LoadWorkload(Workload[LoadCase]):
    """One whose cases are all the usual run; a run that two such workloads want is made once."""

    def run(self, case: LoadCase, peer: Peer, session: Session) -> list[Outcome]:
        return [run_load(case, peer, session)]


def run_load(case: LoadCase, peer: Peer, session: Session) -> Outcome:
    """The usual run: start the peer, open the connections, warm up, measure from "go" to the last delivery."""
    with running(case, peer, session) as target:
        try:
            return load_target(case, peer, session, target)
        except BenchError:
            # If a server has ended, that says more than what the generator saw of it.
            for process in (*target.servers, *target.others):
                process.check_alive()
            raise


@contextmanager
def running(case: LoadCase, peer: Peer, session: Session) -> Iterator[Target]:
    """The peer with as many servers as the case wants."""
    if case.servers == 1:
        with peer.running(session.scratch) as target:
            yield target
        return
    assert isinstance(peer, Oyez)
    with Network(peer, session.scratch, backups=0, servers=case.servers) as network:
        first, *rest = ((network.server_addresses[name], process) for name, process in network.servers.items())
        yield Target(*first[0], first[1], list(network.centrals.values()), tuple(rest))


def load_target(case: LoadCase, peer: Peer, session: Session, target: Target) -> Outcome:
    speech = peer.speech(activity(case.size))
    plan = case.plan if speech.publishers_receive else without_echo(case.plan)

    def show(heard: dict[str, Any]) -> None:
        if plan.seconds and heard["elapsed"]:
            total = round(plan.seconds * 10)
            session.on_progress("tenths of a second", min(total, round(heard["elapsed"] * 10)), total)
        elif heard["expected"]:
            session.on_progress("deliveries", heard["deliveries"], heard["expected"])
        else:
            session.on_progress("connections", heard["connected"], plan.subscribers + plan.publishers)

    with Generator(load_command(plan, speech, *target.addresses), show) as generator:
        opened_before = sum(server.cpu_seconds() for server in target.servers)
        opened = generator.wait_for("ready")
        opened_cpu = sum(server.cpu_seconds() for server in target.servers) - opened_before
        generator.wait_for("warm")
        meter = Meter(*target.servers, *target.others)
        generator.go()
        result = generator.wait_for("result")
        meter.stop()
    count = len(target.servers)
    figures = load_figures(result, sum(meter.used[:count]), sum(meter.used[count:]))
    figures |= {"subscribers": plan.subscribers, "activity_bytes": case.size, "servers": count}
    figures["foreign_cores"] = meter.foreign_cores(result["cpu_seconds"])
    figures["connects_per_second"] = opened["connections"] / opened["seconds"]
    figures["connect_server_cpu_ms"] = opened_cpu * 1e3 / opened["connections"]
    return Outcome(case.name, figures, faults_of(result))


def without_echo(plan: Plan) -> Plan:
    """Of a peer whose publishers get nothing: where there are no subscribers, as many beside them; and a message is
    finished when those have it."""
    return replace(plan, subscribers=plan.subscribers or plan.publishers, window_at_echo=False)


def quantiles(what: str, seconds: list[float]) -> dict[str, float]:
    """In milliseconds; p99 by the nearest rank, which of fewer than a hundred is the largest."""
    ordered = sorted(seconds)
    return {
        f"{what}_p50_ms": statistics.median(ordered) * 1e3,
        f"{what}_p99_ms": ordered[math.ceil(0.99 * len(ordered)) - 1] * 1e3,
        f"{what}_max_ms": ordered[-1] * 1e3,
    }


def load_figures(result: dict[str, Any], server_cpu: float, other_cpu: float) -> dict[str, float]:
    """Names and units of the figures: see README.md."""
    deliveries, seconds = max(1, result["deliveries"]), result["seconds"]
    figures: dict[str, float] = {
        "sent": result["sent"],
        "deliveries": result["deliveries"],
        "seconds": seconds,
        "server_cpu_seconds": server_cpu,
        "other_cpu_seconds": other_cpu,
        "load_cpu_seconds": result["cpu_seconds"],
        "cpu_per_million": server_cpu / deliveries * 1e6,
        "load_cpu_per_million": result["cpu_seconds"] / deliveries * 1e6,
        "deliveries_per_second": deliveries / seconds,
        "sent_per_second": result["sent"] / seconds,
        "server_core_percent": server_cpu / seconds * 100,
        "load_core_percent": result["cpu_seconds"] / seconds * 100,
        "cpu_us_per_sent": server_cpu / max(1, result["sent"]) * 1e6,
        "sent_per_cpu_second": result["sent"] / max(1e-9, server_cpu),
        "bytes_per_delivery": result["bytes"] / deliveries,
        "deliveries_per_read": deliveries / max(1, result["reads"]),
        "window": result["window"],
    }
    for what in ("latency", "late"):
        for name, value in result.get(f"{what}_ms", {}).items():
            figures[f"{what}_{name}_ms"] = value
    return figures


def faults_of(result: dict[str, Any]) -> list[str]:
    return [f"{result[name]} {meaning}" for name, meaning in FAULTS.items() if result[name]]

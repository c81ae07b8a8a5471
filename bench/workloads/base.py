"""What a workload is, what it gives back, and the run of the load generator that most of them share.

A workload has cases; a case is run on each peer in turn, round after round, each time on freshly started servers.
"""

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from bench.errors import BenchError
from bench.generator import Generator, Plan, load_command
from bench.meter import Meter
from bench.peers.base import Peer, Target, activity

IN_FLIGHT_BYTES = 256 * 1024
"""Delivered bytes that a saturating publisher has under way to each subscriber."""

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


@dataclass(frozen=True)
class Case:
    """One setting of a workload."""

    name: str


@dataclass(frozen=True)
class LoadCase(Case):
    """A setting that the load generator alone makes up."""

    plan: Plan


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
    delivered_bytes: dict[str, int] = field(default_factory=dict)


C = TypeVar("C", bound=Case)


class Workload(ABC, Generic[C]):
    """A kind of load. `ratio` names the figure that is compared with the limit's, pair by pair."""

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    ratio: ClassVar[str | None] = None
    peers: ClassVar[frozenset[str] | None] = None
    """Names of the only peers that it can be run on; None: on all."""

    @abstractmethod
    def cases(self, quick: bool, line_bytes: int) -> list[C]:
        """The settings; `line_bytes` is the length of a delivered line, for windows that are given in bytes."""

    @abstractmethod
    def run(self, case: C, peer: Peer, session: Session) -> list[Outcome]:
        """Start the peer, load it, measure, stop it. Raises BenchError when there are no figures."""


def run_load(case: LoadCase, peer: Peer, session: Session) -> Outcome:
    """The usual run: start the peer, open the connections, warm up, measure from "go" to the last delivery."""
    with peer.running(session.scratch) as target:
        try:
            return load_target(case, peer, session, target)
        except BenchError:
            # If a server has ended, that says more than what the generator saw of it.
            for process in (target.server, *target.others):
                process.check_alive()
            raise


def load_target(case: LoadCase, peer: Peer, session: Session, target: Target) -> Outcome:
    def show(heard: dict[str, Any]) -> None:
        if heard["expected"]:
            session.on_progress("deliveries", heard["deliveries"], heard["expected"])
        else:
            session.on_progress("connections", heard["connected"], case.plan.subscribers + case.plan.publishers)

    speech = peer.speech(activity())
    with Generator(load_command(case.plan, speech, target.host, target.port), show) as generator:
        opened_before = target.server.cpu_seconds()
        opened = generator.wait_for("ready")
        opened_cpu = target.server.cpu_seconds() - opened_before
        generator.wait_for("warm")
        meter = Meter(target.server, *target.others)
        generator.go()
        result = generator.wait_for("result")
        meter.stop()
    figures = load_figures(result, meter.used[0], sum(meter.used[1:]))
    figures["foreign_cores"] = meter.foreign_cores(result["cpu_seconds"])
    figures["connects_per_second"] = opened["connections"] / opened["seconds"]
    figures["connect_server_cpu_ms"] = opened_cpu * 1e3 / opened["connections"]
    return Outcome(case.name, figures, faults_of(result))


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
        "cpu_us_per_sent": server_cpu / max(1, result["sent"]) * 1e6,
        "bytes_per_delivery": result["bytes"] / deliveries,
        "deliveries_per_read": deliveries / max(1, result["reads"]),
    }
    for name, value in result.get("latency_ms", {}).items():
        figures[f"latency_{name}_ms"] = value
    return figures


def faults_of(result: dict[str, Any]) -> list[str]:
    return [f"{result[name]} {meaning}" for name, meaning in FAULTS.items() if result[name]]

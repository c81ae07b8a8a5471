"""Runs workloads: every case on every peer, interleaved, round after round; failures are kept as faults.

Guarantees that the peers of one round run directly one after the other, so that their ratio is a pair, and in the
opposite order in every other round.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.errors import BenchError
from bench.generator import Plan
from bench.peers.base import Peer, in_turn
from bench.peers.limit import Limit
from bench.workloads.base import LoadCase, Outcome, Session, Workload, run_load

PROBE = LoadCase("length of a delivered line", Plan(1, messages=5000, warmup=100, window=50))


@dataclass
class Sample:
    """One outcome, and where it came from."""

    peer: str
    round: int
    case: str
    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def measure_line(peers: dict[str, Peer], session: Session) -> int:
    """Makes the limit's lines as long as those that Oyez delivers, if both take part; returns the length."""
    limit = peers.get("limit")
    assert limit is None or isinstance(limit, Limit)
    if "oyez" in peers:
        outcome = run_load(PROBE, peers["oyez"], session)
        length = round(outcome.figures["bytes_per_delivery"])
        if limit:
            limit.line_bytes = length
        return length
    return limit.line_bytes if limit else Limit().line_bytes


def run_workload(
    workload: Workload[Any],
    peers: dict[str, Peer],
    rounds: int,
    quick: bool,
    line_bytes: int,
    session: Session,
    on_run: Callable[[str, int, int], None],
) -> list[Sample]:
    """`on_run` hears what is about to run, how many runs are done and how many there are."""
    cases = workload.cases(quick, line_bytes)
    able = [peer for name, peer in peers.items() if workload.peers is None or name in workload.peers]
    samples: list[Sample] = []
    done, total = 0, len(cases) * rounds * len(able)
    for case in cases:
        for number in range(rounds):
            for peer in in_turn(able, number):
                on_run(f"{workload.name}: {case.name}, round {number + 1}, {peer.name}", done, total)
                for outcome in outcomes_of(workload, case, peer, session):
                    samples.append(Sample(peer.name, number + 1, outcome.case, outcome.figures, outcome.faults))
                done += 1
    on_run(workload.name, done, total)
    return samples


def outcomes_of(workload: Workload[Any], case: Any, peer: Peer, session: Session) -> list[Outcome]:
    try:
        return workload.run(case, peer, session)
    except BenchError as failure:
        return [Outcome(case.name, faults=[str(failure)])]

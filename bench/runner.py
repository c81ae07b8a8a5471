"""Runs workloads: every case on every peer, interleaved, round after round; failures are kept as faults.

Guarantees that the peers of one round run directly one after the other, so that their ratio is a pair, and in the
opposite order in every other round.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bench.errors import BenchError
from bench.generator import Plan
from bench.peers.base import ACTIVITY_BYTES, Peer, in_turn
from bench.peers.limit import Limit
from bench.workloads.base import Case, LoadCase, LoadWorkload, Outcome, Session, Workload, run_load

PROBE = LoadCase("length of a delivered line", Plan(1, messages=5000, warmup=100, window=50))


@dataclass
class Sample:
    """One outcome, and where it came from."""

    peer: str
    round: int
    case: str
    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    base: str | None = None
    """The case with which this one is compared besides."""


def measure_line(peers: dict[str, Peer], session: Session) -> int:
    """Makes the limit's lines as long as those that Oyez delivers, if both take part; returns the length for an
    activity of ACTIVITY_BYTES."""
    limit = peers.get("limit")
    assert limit is None or isinstance(limit, Limit)
    if "oyez" in peers:
        outcome = run_load(PROBE, peers["oyez"], session)
        length = round(outcome.figures["bytes_per_delivery"])
        if limit:
            limit.overhead = length - ACTIVITY_BYTES
        return length
    return ACTIVITY_BYTES + (limit or Limit()).overhead


def run_workload(
    workload: Workload[Any],
    peers: dict[str, Peer],
    rounds: int,
    quick: bool,
    line_bytes: int,
    session: Session,
    on_run: Callable[[str, int, int], None],
    only: str = "",
) -> list[Sample]:
    """`on_run` hears what is about to run, how many runs are done and how many there are. `only`: in a case's name."""
    cases = [case for case in workload.cases(quick, line_bytes) if only in case.name]
    able = {case: [peer for peer in peers.values() if is_able(peer, workload, case)] for case in cases}
    samples: list[Sample] = []
    done, total = 0, rounds * sum(map(len, able.values()))
    for case in cases:
        for number in range(rounds):
            for peer in in_turn(able[case], number):
                on_run(f"{workload.name}: {case.name}, round {number + 1}, {peer.name}", done, total)
                for outcome in outcomes_of(workload, case, peer, session, number):
                    sample = Sample(peer.name, number + 1, outcome.case, outcome.figures, outcome.faults, case.base)
                    samples.append(sample)
                done += 1
    on_run(workload.name, done, total)
    return samples


def is_able(peer: Peer, workload: Workload[Any], case: Case) -> bool:
    return all(names is None or peer.name in names for names in (workload.peers, case.peers))


def outcomes_of(workload: Workload[Any], case: Case, peer: Peer, session: Session, number: int) -> list[Outcome]:
    """A failure is an outcome too. What another workload has had run in this round is not run again."""
    try:
        if not (isinstance(workload, LoadWorkload) and isinstance(case, LoadCase)):
            return workload.run(case, peer, session)
        key = (peer.name, number, case.plan, case.size, case.servers)
        if key not in session.measured:
            (session.measured[key],) = workload.run(case, peer, session)
        return [replace(session.measured[key], case=case.name)]
    except BenchError as failure:
        return [Outcome(case.name, faults=[str(failure)])]

"""Paced: delay from the time a message is due to each delivery, at a rate that leaves the server idle in between."""

from bench.generator import Plan
from bench.peers.base import Peer
from bench.workloads.base import Column, LoadCase, Outcome, Session, Workload, run_load


class Paced(Workload[LoadCase]):
    """50 messages a second to 1000 subscribers."""

    name = "paced"
    title = "Paced: 50 messages per second to 1000 subscribers"
    columns = (
        Column("latency_p50_ms", "p50 ms", 2),
        Column("latency_p99_ms", "p99 ms", 2),
        Column("latency_max_ms", "max ms", 2),
        Column("server_cpu_seconds", "server CPU s", 2),
    )
    ratio = "server_cpu_seconds"

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        seconds = 2 if quick else 10
        return [LoadCase(f"{seconds} s", Plan(1000, messages=50 * seconds, warmup=25, rate=50, latency=True))]

    def run(self, case: LoadCase, peer: Peer, session: Session) -> list[Outcome]:
        return [run_load(case, peer, session)]

"""Ingest: how many activities a server accepts in a second, from one client and from fifty."""

from bench.generator import Plan
from bench.peers.base import Peer
from bench.workloads.base import IN_FLIGHT_BYTES, Column, LoadCase, Outcome, Session, Workload, run_load


class Ingest(Workload[LoadCase]):
    """Accepted means that the publisher has it back. Saturated, and each publisher waiting for each echo."""

    name = "ingest"
    title = "Ingest: activities accepted per second"
    columns = (
        Column("sent_per_second", "accepted/s", 0),
        Column("cpu_us_per_sent", "server CPU µs each", 2),
        Column("cpu_per_million", "server CPU s/M deliveries", 3, spread=False),
        Column("latency_p50_ms", "delay p50 ms", 2, spread=False),
        Column("latency_p99_ms", "p99 ms", 2, spread=False),
    )
    ratio = "cpu_us_per_sent"

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        together, cases = IN_FLIGHT_BYTES // line_bytes, []
        for publishers in (1, 50):
            for subscribers in (1, 10):
                where = f"{publishers} publishing, {subscribers} more"
                total = 30_000 if quick else 300_000
                cases.append(
                    LoadCase(f"{where}, saturated", self.plan(publishers, subscribers, total, together // publishers))
                )
                total = (3_000 if quick else 30_000) * (1 if publishers == 1 else 3)
                cases.append(LoadCase(f"{where}, each awaited", self.plan(publishers, subscribers, total, 1)))
        return cases

    def plan(self, publishers: int, subscribers: int, total: int, window: int) -> Plan:
        each = total // publishers
        return Plan(subscribers, publishers, each, each // 10, window, window_at_echo=True, latency=True)

    def run(self, case: LoadCase, peer: Peer, session: Session) -> list[Outcome]:
        return [run_load(case, peer, session)]

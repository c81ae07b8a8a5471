"""Fan-out: what one delivery costs the server, saturated and with one message at a time."""

from bench.generator import Plan
from bench.peers.base import Peer
from bench.workloads.base import IN_FLIGHT_BYTES, Column, LoadCase, Outcome, Session, Workload, run_load


class FanOut(Workload[LoadCase]):
    """One publisher, N subscribers; a message is finished when the slowest subscriber has it."""

    name = "fanout"
    title = "Fan-out: 200-byte activities from one publisher to N subscribers"
    columns = (
        Column("cpu_per_million", "server CPU s/M deliveries", 3),
        Column("deliveries_per_second", "deliveries/s", 0, spread=False),
        Column("deliveries_per_read", "deliveries/read", 1, spread=False),
        Column("load_cpu_per_million", "load CPU s/M", 3, spread=False),
    )
    ratio = "cpu_per_million"

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        window, cases = IN_FLIGHT_BYTES // line_bytes, []
        for subscribers in (100, 1000):
            saturated = (2_000_000 if quick else 20_000_000) // subscribers
            cases.append(
                LoadCase(
                    f"N={subscribers}, saturated",
                    Plan(subscribers, messages=saturated, warmup=2 * window, window=window),
                )
            )
            one = (50_000 if quick else 500_000) // subscribers
            cases.append(LoadCase(f"N={subscribers}, one at a time", Plan(subscribers, messages=one, warmup=one // 10)))
        return cases

    def run(self, case: LoadCase, peer: Peer, session: Session) -> list[Outcome]:
        return [run_load(case, peer, session)]

"""Copies: what it costs that a second server holds each activity before anybody sees it."""

from dataclasses import dataclass

from bench.generator import Generator, Plan, load_command
from bench.network import Network
from bench.peers.base import Peer, Target, activity
from bench.peers.oyez import Oyez
from bench.workloads.base import IN_FLIGHT_BYTES, Column, LoadCase, Outcome, Session, Workload, load_target

COPIES = (1, 2)


@dataclass(frozen=True)
class CopiesCase(LoadCase):
    """With each number of copies in turn."""


class Copies(Workload[CopiesCase]):
    """Two servers on one core, with as many clients each; those who post are at the first, whose clients are measured.

    Server CPU is that of both. With one copy the activities go to the second as well, and its clients get them; but
    nobody waits for that.
    """

    name = "copies"
    title = "Copies: two servers, 200-byte activities, posted at one; N clients at each"
    columns = (
        Column("latency_p50_ms", "p50 ms", 2),
        Column("latency_p99_ms", "p99 ms", 2),
        Column("latency_max_ms", "max ms", 1, spread=False),
        Column("cpu_per_million_both", "CPU s/M deliveries, both", 3),
        Column("cpu_ratio", "× one copy", 2),
        Column("sent_per_second", "posts/s", 0, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[CopiesCase]:
        window, seconds = IN_FLIGHT_BYTES // line_bytes, 3 if quick else 10
        many = Plan(100, messages=20_000 if quick else 200_000, warmup=2 * window, window=window, latency=True)
        few = Plan(
            1,
            publishers=10,
            messages=2_000 if quick else 20_000,
            warmup=window // 5,
            window=window // 10,
            window_at_echo=True,
            latency=True,
        )
        # A window as wide as the run: what is late does not hold up what follows.
        paced = Plan(
            100, publishers=4, messages=50 * seconds, warmup=50, window=50 * seconds + 50, rate=200, latency=True
        )
        return [
            CopiesCase("saturated, 1 publisher, N=100", many),
            CopiesCase("saturated, 10 publishers, N=1", few),
            CopiesCase("paced, 200 posts/s, N=100", paced),
        ]

    def run(self, case: CopiesCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        outcomes: list[Outcome] = []
        for copies in COPIES:
            options = ("--copies", str(copies))
            with Network(peer, session.scratch, backups=0, servers=2, options=options) as network:
                outcome = run_pair(case, peer, session, network)
            outcome.case = f"{case.name}, --copies {copies}"
            outcomes.append(outcome)
        one, two = (outcome.figures for outcome in outcomes)
        one["cpu_ratio"], two["cpu_ratio"] = 1.0, two["cpu_per_million_both"] / one["cpu_per_million_both"]
        return outcomes


def run_pair(case: CopiesCase, peer: Oyez, session: Session, network: Network) -> Outcome:
    """As many clients listen at the second server as take part at the first: else the network would even that out."""
    first, second = network.server_addresses.values()
    target = Target(*first, network.servers["s1"], [network.servers["s2"]])
    listeners = Plan(case.plan.subscribers + case.plan.publishers, publishers=0)
    with Generator(load_command(listeners, peer.speech(activity()), second), lambda heard: None) as generator:
        generator.wait_for("ready")
        outcome = load_target(case, peer, session, target)
    figures = outcome.figures
    both = figures["server_cpu_seconds"] + figures["other_cpu_seconds"]
    figures["cpu_per_million_both"] = both / max(1.0, 2 * figures["deliveries"]) * 1e6
    return outcome

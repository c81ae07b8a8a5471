"""Silence: how long clients hear nothing when the server that has their sessions is killed or frozen."""

from dataclasses import dataclass, field
from typing import Any

from bench.errors import BenchError
from bench.generator import Generator, clients_command
from bench.network import Network
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.workloads.base import Case, Column, Outcome, Session, Workload, quantiles
from bench.workloads.leaving import count_faults

SERVERS, CLIENTS, SENDERS = 4, 200, 20

RATE = 100
"""Posts a second: a client that is well hears something each 10 ms, which the figures are without."""


@dataclass(frozen=True)
class SilenceCase(Case):
    """So many times in one run."""

    times: int
    frozen: bool


@dataclass
class Heard:
    """What the clients of the servers that died told."""

    silences: list[float] = field(default_factory=list)
    late: float = 0.0
    lost: int = 0


class Silence(Workload[SilenceCase]):
    """Library clients on four servers, with a steady feed. One server after the other dies, and comes back.

    For each client whose server it is: the longest time between two messages, from the signal until all of them hear
    again, less the feed's pace.
    """

    name = "silence"
    title = f"Silence: {CLIENTS} clients on {SERVERS} servers, {RATE} posts/s; longest that a dead one's hear nothing"
    columns = (
        Column("times", "times", 0, spread=False),
        Column("clients", "clients", 0, spread=False),
        Column("silence_p50_ms", "p50 ms", 0),
        Column("silence_p99_ms", "p99 ms", 0),
        Column("silence_max_ms", "max ms", 0),
        Column("late_ms", "load process late, max ms", 0),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[SilenceCase]:
        return [
            SilenceCase("server killed (SIGKILL)", 3 if quick else 24, frozen=False),
            SilenceCase("server frozen (SIGSTOP)", 2 if quick else 12, frozen=True),
        ]

    def run(self, case: SilenceCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        heard = Heard()
        with Network(peer, session.scratch, backups=1, servers=SERVERS) as network:
            command = clients_command(network.known, clients=CLIENTS, senders=SENDERS, rate=RATE, receive=True)
            with Generator(command, lambda event: None) as clients:
                clients.wait_for("ready")
                for number in range(case.times):
                    session.on_progress("servers lost", number, case.times)
                    network.wait_until_even(CLIENTS)
                    lose(network, f"s{number % SERVERS + 1}", case.frozen, clients, heard)
                counts = clients.ask("quiet", "quiet")
        figures = {
            "times": case.times,
            "clients": len(heard.silences),
            "late_ms": heard.late * 1e3,
            **quantiles("silence", [max(0.0, seconds - 1 / RATE) for seconds in heard.silences]),
        }
        return [Outcome(case.name, figures, faults(counts, heard))]


def lose(network: Network, name: str, frozen: bool, clients: Generator, heard: Heard) -> None:
    """This server; until its clients hear again, and it is back."""
    if not clients.ask(f"mark {name}", "watched")["clients"]:
        raise BenchError(f"{name} has no clients")
    (network.freeze if frozen else network.kill)(name)
    told = clients.ask("silences", "silences")
    heard.silences += told["seconds"]
    heard.late = max(heard.late, told["late"])
    heard.lost += told["lost"]
    if frozen:
        network.wake(name)
    else:
        network.servers[name].stop()
        network.add_server(name)


def faults(counts: dict[str, Any], heard: Heard) -> list[str]:
    lost = [f"{heard.lost} clients did not hear again"] if heard.lost else []
    return lost + count_faults(counts)

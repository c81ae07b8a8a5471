"""Leaving: what it takes to drain a server that is full, and how even a rolling restart of all servers ends."""

import time
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from bench.generator import Generator, clients_command
from bench.machine import raise_descriptor_limit
from bench.network import Network, spread, wait
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.workloads.base import Case, Column, Outcome, Session, Workload

SENDERS = 10

WATCHED = 30.0
"""Seconds after the last server's return in which loads have to be even (promise 6), and are looked at."""

LOOK = 0.25
"""Seconds between two looks."""


@dataclass(frozen=True)
class LeavingCase(Case):
    """So many library clients, with so many posts a second."""

    clients: int
    rate: int


class Drain(Workload[LeavingCase]):
    """All clients are at one server. Another joins, and the first is drained: from the word to the main, as `oyez
    drain` says it, until the process has ended, and until all clients are logged in at the other one."""

    name = "drain"
    title = "Drain: one server gives all its sessions to another, and ends"
    columns = (
        Column("clients", "sessions", 0, spread=False),
        Column("ended_seconds", "ended after s", 2),
        Column("moved_seconds", "all moved after s", 2),
        Column("sessions_per_second", "sessions/s", 0, spread=False),
        Column("posted", "posts meanwhile", 0, spread=False),
        Column("failed", "failed posts", 0, spread=False),
        Column("came_back", "lost links", 0, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[LeavingCase]:
        clients = 500 if quick else 5000
        return [LeavingCase(f"{clients} sessions", clients, rate=10)]

    def run(self, case: LeavingCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        with Network(peer, session.scratch, backups=1, servers=1) as network, gather(case, network, session) as clients:
            clients.wait_for("ready")
            network.add_server("s2")
            before = clients.ask("counts", "counts")
            load = network.loads()["s1"]
            began = time.monotonic()
            ended = network.drain("s1")
            after = wait_for_all(clients, case.clients)
            moved = time.monotonic() - began
            network.wait_until_even(case.clients)
            end = clients.ask("quiet", "quiet")
        figures = {
            "clients": load,
            "ended_seconds": ended,
            "moved_seconds": moved,
            "sessions_per_second": load / moved,
            "posted": after["posted"] - before["posted"],
            "failed": end["failed"],
            "moved": end["moved"],
            "came_back": end["came_back"],
        }
        return [Outcome(case.name, figures, count_faults(end))]


class Rolling(Workload[LeavingCase]):
    """Four servers. Each in turn gets SIGTERM, and is started again when it has ended; then the loads are watched."""

    name = "rolling"
    title = f"Rolling: four servers restarted one by one; spread is max/mean of their sessions {WATCHED:.0f} s later"
    columns = (
        Column("clients", "sessions", 0, spread=False),
        Column("leave_seconds_max", "longest to leave s", 2),
        Column("spread_at_once", "spread at once", 2),
        Column("spread", "spread", 3),
        Column("even_seconds", "max/mean ≤ 1.1 after s", 1),
        Column("posted", "posts", 0, spread=False),
        Column("failed", "failed posts", 0, spread=False),
        Column("came_back", "lost links", 0, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[LeavingCase]:
        clients = 200 if quick else 2000
        return [LeavingCase(f"{clients} sessions", clients, rate=10)]

    def run(self, case: LeavingCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        took = []
        with Network(peer, session.scratch, backups=1, servers=4) as network, gather(case, network, session) as clients:
            clients.wait_for("ready")
            network.wait_until_even(case.clients)
            for number, name in enumerate(list(network.servers)):
                session.on_progress("servers restarted", number, 4)
                took.append(network.terminate(name))
                network.add_server(name)
            watched = watch_loads(network, case.clients)
            end = clients.ask("quiet", "quiet")
        figures = {
            "clients": case.clients,
            "leave_seconds_max": max(took),
            "posted": end["posted"],
            "failed": end["failed"],
            "moved": end["moved"],
            "came_back": end["came_back"],
        }
        return [Outcome(case.name, figures | watched, count_faults(end))]


def gather(case: LeavingCase, network: Network, session: Session) -> Generator:
    if raise_descriptor_limit() < case.clients + 200:
        raise BenchError(f"{case.clients} clients need a limit on open files (ulimit -Hn) above {case.clients + 200}")
    command = clients_command(network.known, clients=case.clients, senders=SENDERS, rate=case.rate, receive=False)
    return Generator(command, lambda heard: session.on_progress("connections", heard["connected"], case.clients))


def wait_for_all(clients: Generator, count: int) -> dict[str, Any]:
    """Until each of so many clients has been logged in once more; returns what they count then."""
    counts: dict[str, Any] = {}

    def are_there() -> bool:
        counts.update(clients.ask("counts", "counts"))
        return bool(counts["moved"] + counts["came_back"] >= count)

    wait(are_there, "all clients are at another server", pause=0.02)
    return counts


def watch_loads(network: Network, clients: int) -> dict[str, float]:
    """From now on: the spread now and at the end, and since when it has been a tenth above the mean at most."""
    began = time.monotonic()
    first = now = spread(network.loads().values())
    uneven = 0.0
    while time.monotonic() - began < WATCHED:
        loads = network.loads()
        now = spread(loads.values())
        if now > 1.1 or sum(loads.values()) != clients:
            uneven = time.monotonic() - began
        time.sleep(LOOK)
    return {"spread_at_once": first, "spread": now, "even_seconds": uneven}


def count_faults(counts: dict[str, Any]) -> list[str]:
    """What the clients say that must not be."""
    meanings = {
        "failed": f"posts failed: {counts['failures']}",
        "missing": "messages missing",
        "repeated": "messages twice or out of order",
        "gaps": "gaps told",
    }
    return [f"{counts[name]} {meaning}" for name, meaning in meanings.items() if counts[name]]

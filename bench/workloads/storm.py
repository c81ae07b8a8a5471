"""The storm: thousands of clients whose server dies come back at another, and get everything, once."""

import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.build import program
from bench.errors import BenchError
from bench.generator import Generator, clients_command
from bench.machine import LOAD_CORE, raise_descriptor_limit
from bench.meter import Meter
from bench.network import Network
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.workloads.base import Case, Column, Outcome, Session, Workload, quantiles
from bench.workloads.leaving import count_faults

CONCURRENCY = 50
"""Registrations, and first logins, at a time."""

RATE = 2
"""Posts a second meanwhile: enough to see that all are delivered, few enough not to be what is measured."""

LIBRARY = "library"


@dataclass(frozen=True)
class StormCase(Case):
    """So many clients lose their server; `way` is how they come back: see bench/storm.c, or LIBRARY."""

    clients: int
    way: str


class Storm(Workload[StormCase]):
    """The servers are on SERVER_CORE, the central and the clients on LOAD_CORE. From the signal to each client's
    LOGIN_SUCCESS at the other server.

    The C clients are spread evenly: as many as lose their server are at the other one from the beginning. All library
    clients are at the one that dies; the other one has just started.
    """

    name = "storm"
    title = f"Storm: a server is killed, its clients come back at another; {RATE} posts/s to all"
    columns = (
        Column("clients", "come back", 0, spread=False),
        Column("back_p50_ms", "p50 ms", 0),
        Column("back_p99_ms", "p99 ms", 0),
        Column("back_max_ms", "all back ms", 0),
        Column("server_cpu_seconds", "server CPU s", 2),
        Column("central_cpu_seconds", "central CPU s", 2),
        Column("load_cpu_seconds", "load CPU s", 2, spread=False),
        Column("tries_failed", "tries that failed", 0),
        Column("listen_drops", "connects dropped", 0),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[StormCase]:
        clients = 500 if quick else 5000
        return [
            StormCase("C clients, straight to an alternate", clients, "alternates"),
            StormCase("C clients, by the central, by ticket", clients, "ticket"),
            StormCase("C clients, by the central, by secret", clients, "secret"),
            StormCase("library clients", clients, LIBRARY),
        ]

    def run(self, case: StormCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        most = case.clients * 2 + 200
        if raise_descriptor_limit() < most:
            raise BenchError(f"{case.clients} clients need a limit on open files (ulimit -Hn) above {most}")
        run = library_storm if case.way == LIBRARY else c_storm
        return [run(case, peer, session)]


def c_storm(case: StormCase, peer: Oyez, session: Session) -> Outcome:
    """Of bench/storm.c. Without argon2, which nobody meets who comes back, and registering takes too long with."""
    both = case.clients * 2

    def show(heard: dict[str, Any]) -> None:
        session.on_progress("clients", heard.get("returned") or heard.get("live", heard.get("done", 0)), both)

    with (
        tempfile.TemporaryDirectory(dir=session.scratch) as folder,
        Network(Oyez(list(Oyez.CHEAP)), session.scratch, backups=0, servers=2, main_core=LOAD_CORE) as network,
    ):
        users = Path(folder) / "users"
        users.write_text("".join(f"bench{i:06} {secrets.token_hex(12)} -\n" for i in range(both)), "ascii")
        central = [network.addresses["c1"][0], str(network.addresses["c1"][1])]
        with Generator(
            [program("login"), *central, "register", str(both), str(CONCURRENCY), "0", str(users)], show
        ) as g:
            g.wait_for("warm")
            g.go()
            if g.wait_for("result")["succeeded"] != both:
                raise BenchError("not all users could be registered")
            g.wait_for_end()
        command = [program("storm"), *central, "s1", case.way, str(RATE), str(CONCURRENCY), str(users)]
        with Generator(command, show) as generator:
            generator.wait_for("warm")
            meter, dropped = Meter(network.servers["s2"], network.centrals["c1"]), listen_drops()
            killed = time.monotonic_ns()
            network.kill("s1")
            generator.say(f"killed {killed}")
            returned = generator.wait_for("returned")
            meter.stop()
            dropped = listen_drops() - dropped
            result = generator.wait_for("result")
    figures = {
        "clients": result["victims"],
        "others": both - result["victims"],
        "back_p50_ms": result["p50_ms"],
        "back_p99_ms": result["p99_ms"],
        "back_max_ms": result["max_ms"],
        "server_cpu_seconds": meter.used[0],
        "central_cpu_seconds": meter.used[1],
        "load_cpu_seconds": returned["cpu_seconds"],
        "tries_failed": result["refused"] + result["failed"],
        "refused": result["refused"],
        "listen_drops": dropped,
        "posts": returned["posts"],
        "deliveries": result["deliveries"],
        "foreign_cores": meter.foreign_cores(returned["cpu_seconds"]),
    }
    return Outcome(case.name, figures, c_faults(result))


def c_faults(result: dict[str, Any]) -> list[str]:
    faults = []
    if result["failed"]:
        faults.append(f"{result['failed']} tries were refused or closed, the first: {result['first_failure']}")
    if lost := result["victims"] - result["returned"]:
        faults.append(f"{lost} clients did not come back")
    meanings = {
        "missing": f"deliveries missing, at {result['behind']} clients to the end",
        "duplicates": "deliveries twice",
        "foreign": "activities that nobody sent",
        "gaps": "gaps told",
    }
    return faults + [f"{result[name]} {meaning}" for name, meaning in meanings.items() if result[name]]


def library_storm(case: StormCase, peer: Oyez, session: Session) -> Outcome:
    """Of bench/clients.py: anonymous, and one of them posts. One core has them all: its CPU seconds are the floor."""

    def show(heard: dict[str, Any]) -> None:
        session.on_progress("connections", heard["connected"], case.clients)

    with Network(peer, session.scratch, backups=0, servers=1, main_core=LOAD_CORE) as network:
        command = clients_command(network.known, clients=case.clients, senders=1, rate=RATE, receive=True)
        with Generator(command, show) as clients:
            clients.wait_for("ready")
            network.add_server("s2")
            victims = clients.ask("mark s1", "watched")["clients"]
            load_before = clients.ask("counts", "counts")["cpu_seconds"]
            meter, dropped = Meter(network.servers["s2"], network.centrals["c1"]), listen_drops()
            killed = time.monotonic()
            network.kill("s1")
            told = clients.ask("returns", "returns")
            meter.stop()
            dropped = listen_drops() - dropped
            counts = clients.ask("quiet", "quiet")
    load = told["cpu_seconds"] - load_before
    figures = {
        "clients": victims,
        **quantiles("back", [back - killed for back in told["backs"]]),
        "server_cpu_seconds": meter.used[0],
        "central_cpu_seconds": meter.used[1],
        "load_cpu_seconds": load,
        "listen_drops": dropped,
        "deliveries": counts["deliveries"],
        "foreign_cores": meter.foreign_cores(load),
    }
    lost = [f"{told['lost']} clients did not come back"] if told["lost"] else []
    return Outcome(case.name, figures, lost + count_faults(counts))


def listen_drops() -> int:
    """Connects that this machine's kernel has dropped so far because a backlog was full, or for another reason. Who
    was dropped knocks again after 1 s, then after 2 s, 4 s, 8 s more."""
    names, values = (
        line.split() for line in Path("/proc/net/netstat").read_text("ascii").splitlines() if line.startswith("TcpExt:")
    )
    return int(values[names.index("ListenDrops")])

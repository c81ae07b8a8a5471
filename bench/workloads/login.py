"""Login: registrations and logins per second through the central, on to the server, and straight back to it."""

import secrets
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.build import program
from bench.generator import Generator
from bench.line import Address, ask
from bench.machine import SERVER_CORE
from bench.meter import Meter
from bench.network import ready_servers, wait
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.processes import Process
from bench.workloads.base import Case, Column, Outcome, Session, Workload

CONCURRENCY = 50
SEVERAL = 5
"""Servers where there are several: with the four alternates that a central names at most."""

KEPT = 1.5
"""Seconds after which a central has stored which registrations are acknowledged (it does so twice a second). One that
has started again takes the rest for unsettled, and pays argon2 at each of their logins: not what is measured here."""


@dataclass(frozen=True)
class LoginCase(Case):
    """So many users, each of whom logs in so many times where a login is cheap; the servers are all on one core."""

    users: int
    times: int
    servers: int = 1


@dataclass(frozen=True)
class Phase:
    """One kind of attempt by all users; `follow`: see bench/login.c."""

    name: str
    mode: str
    times: int
    follow: int = 0


TO_REDIRECT, PLAINLY, AS_LIBRARY = range(3)


class Login(Workload[LoginCase]):
    """Central and servers share SERVER_CORE, so a rate is that of one core for all; 50 attempts at a time.

    The central is started again between the registrations and the first logins: so each first login pays argon2,
    and the users were read from disk. Each attempt that gets as far as a server ends its session there at once: what
    that costs, at the server and (DE_LOAD) at the central, is in the figures.
    """

    name = "login"
    title = f"Login: {CONCURRENCY} at a time, central and server on one core"
    columns = (
        Column("per_second", "per second", 0),
        Column("per_core_second", "per CPU second", 0),
        Column("central_cpu_ms", "central CPU ms each", 3),
        Column("server_cpu_ms", "server CPU ms each", 3),
        Column("load_cpu_ms", "load CPU ms each", 3, spread=False),
        Column("latency_p50_ms", "p50 ms", 1, spread=False),
        Column("latency_p99_ms", "p99 ms", 1, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[LoginCase]:
        users, times = (60, 10) if quick else (200, 50)
        return [LoginCase("one server", users, times), LoginCase("several servers", users, times, SEVERAL)]

    def run(self, case: LoginCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        with tempfile.TemporaryDirectory(dir=session.scratch) as folder:
            data, users = Path(folder) / "central", Path(folder) / "users"
            users.write_text("".join(f"bench{i:06} {secrets.token_hex(12)} -\n" for i in range(case.users)), "ascii")
            with peer.central(session.scratch, data, SERVER_CORE) as central:
                address = central.wait_ready()
                first = attempt(Phase("register", "register", 1), case, users, address, [central], session)
                time.sleep(KEPT)
            with peer.central(session.scratch, data, SERVER_CORE) as central, ExitStack() as stack:
                address = central.wait_ready()
                known = f"{address[0]}:{address[1]}"
                servers = [stack.enter_context(peer.server(session.scratch, known)) for _ in range(case.servers)]
                there = [server.wait_ready() for server in servers]
                rest = login_all(case, users, address, there, [central, *servers], session)
        # What does not depend on the number of servers is shown once.
        return [first, *rest] if case.servers == 1 else rest[1:]


def login_all(
    case: LoginCase,
    users: Path,
    central: Address,
    servers: list[Address],
    processes: list[Process],
    session: Session,
) -> list[Outcome]:
    """Each phase needs what those before it have left: the central's memory of secrets, tickets, cursors."""
    wait(lambda: ready_servers(ask(central, command="STATUS")) == case.servers, "all servers are ready", pause=0.05)
    outcomes = []
    for phase in one_server(case.times) if case.servers == 1 else several_servers(case.times):
        to = servers[0] if phase.mode == "return" else central
        outcomes.append(attempt(phase, case, users, to, processes, session))
    return outcomes


FIRST = Phase("secret, first time (argon2)", "secret", 1)


def one_server(times: int) -> list[Phase]:
    return [
        FIRST,
        Phase("secret, to the REDIRECT", "secret", times),
        Phase("ticket, to the REDIRECT", "ticket", times),
        Phase("secret, and in at the server", "secret", times, PLAINLY),
        Phase("ticket, and in at the server", "ticket", times, PLAINLY),
        Phase("ticket, and in, as the library", "ticket", times, AS_LIBRARY),
        Phase("back at the server (lasting ticket)", "return", times, AS_LIBRARY),
    ]


def several_servers(times: int) -> list[Phase]:
    """With tickets for the alternates."""
    return [
        FIRST,
        Phase(f"{SEVERAL} servers: ticket, to the REDIRECT", "ticket", times),
        Phase(f"{SEVERAL} servers: ticket, and in, as the library", "ticket", times, AS_LIBRARY),
    ]


def attempt(
    phase: Phase,
    case: LoginCase,
    users: Path,
    address: Address,
    processes: list[Process],
    session: Session,
) -> Outcome:
    """Every user goes through the phase; the users file learns what the nodes gave. The central is the first of
    `processes`, behind it are the servers, where there are any."""

    def show(heard: dict[str, Any]) -> None:
        session.on_progress(phase.name, heard["done"], heard["expected"])

    count = case.users * phase.times
    command = [program("login"), address[0], str(address[1]), phase.mode, str(count)]
    command += [str(CONCURRENCY), str(phase.follow), str(users)]
    with Generator(command, show) as generator:
        generator.wait_for("warm")
        meter = Meter(*processes)
        generator.go()
        result = generator.wait_for("result")
        meter.stop()
        generator.wait_for_end()
    done = max(1, result["succeeded"])
    figures = {
        "succeeded": result["succeeded"],
        "seconds": result["seconds"],
        "per_second": result["succeeded"] / result["seconds"],
        "per_core_second": result["succeeded"] / sum(meter.used),
        "central_cpu_ms": meter.used[0] * 1e3 / done,
        "server_cpu_ms": sum(meter.used[1:]) * 1e3 / done,
        "foreign_cores": meter.foreign_cores(result["cpu_seconds"]),
        "load_cpu_ms": result["cpu_seconds"] * 1e3 / done,
        **{f"latency_{name}_ms": value for name, value in result["latency_ms"].items()},
    }
    faults = []
    if result["failed"]:
        faults.append(f"{result['failed']} attempts failed, the first with: {result['first_failure']}")
    if result["unanswered"]:
        faults.append(f"{result['unanswered']} attempts were not answered")
    return Outcome(phase.name, figures, faults)

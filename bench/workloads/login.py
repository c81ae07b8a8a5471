"""Login: registrations and logins per second through the central, and on to the server."""

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.build import program
from bench.generator import Generator
from bench.machine import SERVER_CORE
from bench.meter import Meter
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.processes import Process
from bench.workloads.base import Case, Column, Outcome, Session, Workload

CONCURRENCY = 50


@dataclass(frozen=True)
class LoginCase(Case):
    """So many users, each of whom logs in so many times where a login is cheap."""

    users: int
    times: int


@dataclass(frozen=True)
class Phase:
    """One kind of attempt by all users; `follow` goes on to the server that the central names."""

    name: str
    mode: str
    times: int
    follow: bool = False


class Login(Workload[LoginCase]):
    """Central and server share SERVER_CORE, so a rate is that of one core for both; 50 attempts at a time.

    The central is started again between the registrations and the first logins: so each first login pays argon2,
    and the users were read from disk.
    """

    name = "login"
    title = f"Login: through the central, {CONCURRENCY} at a time"
    columns = (
        Column("per_second", "per second", 0),
        Column("central_cpu_ms", "central CPU ms each", 3),
        Column("server_cpu_ms", "server CPU ms each", 3),
        Column("latency_p50_ms", "p50 ms", 1, spread=False),
        Column("latency_p99_ms", "p99 ms", 1, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[LoginCase]:
        return [LoginCase("all", 60, 10) if quick else LoginCase("all", 200, 15)]

    def run(self, case: LoginCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        with tempfile.TemporaryDirectory(dir=session.scratch) as folder:
            data, users = Path(folder) / "central", Path(folder) / "users"
            users.write_text("".join(f"bench{i:06} {secrets.token_hex(12)} -\n" for i in range(case.users)), "ascii")
            with peer.central(session.scratch, data, SERVER_CORE) as central:
                address = central.wait_ready()
                outcomes = [attempt(Phase("register", "register", 1), case, users, address, central, None, session)]
            with peer.central(session.scratch, data, SERVER_CORE) as central:
                address = central.wait_ready()
                with peer.server(session.scratch, f"{address[0]}:{address[1]}") as server:
                    server.wait_ready()
                    for phase in login_phases(case.times):
                        outcomes.append(attempt(phase, case, users, address, central, server, session))
        return outcomes


def login_phases(times: int) -> list[Phase]:
    return [
        Phase("secret, first time (argon2)", "secret", 1),
        Phase("secret, again", "secret", times),
        Phase("ticket", "ticket", times),
        Phase("secret, and on to the server", "secret", times, follow=True),
        Phase("ticket, and on to the server", "ticket", times, follow=True),
    ]


def attempt(
    phase: Phase,
    case: LoginCase,
    users: Path,
    address: tuple[str, int],
    central: Process,
    server: Process | None,
    session: Session,
) -> Outcome:
    """Every user goes through the phase; the users file learns the tickets that the central gave."""

    def show(heard: dict[str, Any]) -> None:
        session.on_progress(phase.name, heard["done"], heard["expected"])

    count = case.users * phase.times
    command = [program("login"), address[0], str(address[1]), phase.mode, str(count)]
    command += [str(CONCURRENCY), str(int(phase.follow)), str(users)]
    with Generator(command, show) as generator:
        generator.wait_for("warm")
        meter = Meter(central, *([server] if server else []))
        generator.go()
        result = generator.wait_for("result")
        meter.stop()
        generator.wait_for_end()
    done = max(1, result["succeeded"])
    figures = {
        "succeeded": result["succeeded"],
        "seconds": result["seconds"],
        "per_second": result["succeeded"] / result["seconds"],
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

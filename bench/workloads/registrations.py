"""Registrations: how many are acknowledged in a second with 0, 1 and 2 backups, with argon2 and without."""

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.build import program
from bench.generator import Generator
from bench.meter import Meter
from bench.network import Network
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.workloads.base import Case, Column, Outcome, Session, Workload

CONCURRENCY = 50
SERVERS = 2


@dataclass(frozen=True)
class RegistrationsCase(Case):
    """So many users, registered once."""

    backups: int
    users: int
    cheap: bool


class Registrations(Workload[RegistrationsCase]):
    """The main and two idle servers (which vote) on SERVER_CORE; the backups and the load on LOAD_CORE.

    Acknowledged means on disk at the main and every backup, and confirmed by the voters.
    """

    name = "registrations"
    title = f"Registrations: {CONCURRENCY} at a time, by number of backups"
    columns = (
        Column("per_second", "per second", 0),
        Column("main_cpu_ms", "main CPU ms each", 3),
        Column("backup_cpu_ms", "each backup CPU ms", 3),
        Column("server_cpu_ms", "each server CPU ms", 3),
        Column("latency_p50_ms", "p50 ms", 1, spread=False),
        Column("latency_p99_ms", "p99 ms", 1, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[RegistrationsCase]:
        few, many = (100, 1000) if quick else (400, 10_000)
        return [
            RegistrationsCase(f"{backups} backup{'s' * (backups != 1)}, {how}", backups, users, cheap)
            for how, users, cheap in (("argon2", few, False), ("argon2 taken out", many, True))
            for backups in (0, 1, 2)
        ]

    def run(self, case: RegistrationsCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        runs = Oyez(list(Oyez.CHEAP)) if case.cheap else peer
        with (
            Network(runs, session.scratch, backups=case.backups, servers=SERVERS) as network,
            tempfile.TemporaryDirectory(dir=session.scratch) as folder,
        ):
            users = write_users(Path(folder) / "users", case.users)
            meter, result = register_all(network, users, case.users, session)
        done = max(1, result["succeeded"])
        cpu = [used * 1e3 / done for used in meter.used]
        figures = {
            "succeeded": result["succeeded"],
            "seconds": result["seconds"],
            "per_second": result["succeeded"] / result["seconds"],
            "main_cpu_ms": cpu[0],
            "backup_cpu_ms": sum(cpu[1 : case.backups + 1]) / max(1, case.backups),
            "server_cpu_ms": sum(cpu[case.backups + 1 :]) / SERVERS,
            "foreign_cores": meter.foreign_cores(result["cpu_seconds"]),
            **{f"latency_{name}_ms": value for name, value in result["latency_ms"].items()},
        }
        return [Outcome(case.name, figures, faults_of(result))]


def write_users(path: Path, count: int) -> Path:
    path.write_text("".join(f"bench{i:06} {secrets.token_hex(12)} -\n" for i in range(count)), "ascii")
    return path


def register_all(network: Network, users: Path, count: int, session: Session) -> tuple[Meter, dict[str, Any]]:
    """Every user once."""

    def show(heard: dict[str, Any]) -> None:
        session.on_progress("registrations", heard["done"], heard["expected"])

    host, port = network.addresses["c1"]
    command = [program("login"), host, str(port), "register", str(count), str(CONCURRENCY), "0", str(users)]
    with Generator(command, show) as generator:
        generator.wait_for("warm")
        meter = Meter(*network.centrals.values(), *network.servers.values())
        generator.go()
        result = generator.wait_for("result")
        meter.stop()
        generator.wait_for_end()
    return meter, result


def faults_of(result: dict[str, Any]) -> list[str]:
    faults = []
    if result["failed"]:
        faults.append(f"{result['failed']} registrations failed, the first with: {result['first_failure']}")
    if result["unanswered"]:
        faults.append(f"{result['unanswered']} registrations were not answered")
    return faults

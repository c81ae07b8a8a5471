"""Idle: what a client that is logged in and silent costs in memory, and what it cost to let it in."""

import time
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from bench.generator import Generator, Plan, load_command
from bench.machine import raise_descriptor_limit
from bench.peers.base import Peer, activity
from bench.processes import Memory, Process
from bench.workloads.base import Bars, Column, LoadCase, Outcome, Session, Workload

IDLE_SECONDS = 8.0
"""After them a server may have given back what its clients needed only to log in: Redis looks from 5 s on."""


@dataclass(frozen=True)
class IdleCase(LoadCase):
    """All clients are idle for so many seconds before the memory is read."""

    pause: float


class Idle(Workload[IdleCase]):
    """Memory of the server process with N clients, less its memory with none, divided by N.

    What the kernel keeps for a socket is not in it; it is the same for every peer.
    """

    name = "idle"
    title = "Idle: memory of the server process per client that is logged in"
    columns = (
        Column("resident_kib_per_client", "resident KiB/client", 2),
        Column("private_kib_per_client", "private KiB/client", 2),
        Column("resident_mib_before", "MiB with none", 1, spread=False),
        Column("resident_mib_after", "MiB with all", 1, spread=False),
        Column("connects_per_second", "connects/s", 0),
        Column("connect_server_cpu_ms", "server CPU ms/connect", 3),
    )

    charts = (
        Bars("memory", title, "resident KiB per client", "N clients", (("resident_kib_per_client", "resident"),)),
    )

    def cases(self, quick: bool, line_bytes: int) -> list[IdleCase]:
        numbers = (500, 1000) if quick else (5000, 10_000)
        pause = 0.0 if quick else IDLE_SECONDS
        return [IdleCase(f"N={clients}", Plan(clients, publishers=0), pause) for clients in numbers]

    def run(self, case: IdleCase, peer: Peer, session: Session) -> list[Outcome]:
        clients = case.plan.subscribers
        if raise_descriptor_limit() < clients + 100:
            raise BenchError(f"{clients} clients need a limit on open files (ulimit -Hn) above {clients + 100}")

        def show(heard: dict[str, Any]) -> None:
            session.on_progress("connections", heard["connected"], clients)

        with peer.running(session.scratch) as target:
            before, cpu_before = settled_memory(target.server), target.server.cpu_seconds()
            command = load_command(case.plan, peer.speech(activity()), *target.addresses)
            with Generator(command, show) as generator:
                opened = generator.wait_for("ready")
                cpu = target.server.cpu_seconds() - cpu_before
                after = settled_memory(target.server, case.pause)
                target.server.check_alive()
        return [Outcome(case.name, idle_figures(clients, before, after, opened["seconds"], cpu))]


def idle_figures(clients: int, before: Memory, after: Memory, seconds: float, cpu: float) -> dict[str, float]:
    return {
        "clients": clients,
        "resident_kib_per_client": (after.resident - before.resident) / clients,
        "private_kib_per_client": (after.private - before.private) / clients,
        "resident_mib_before": before.resident / 1024,
        "resident_mib_after": after.resident / 1024,
        "connects_per_second": clients / seconds,
        "connect_server_cpu_ms": cpu * 1e3 / clients,
    }


def settled_memory(process: Process, pause: float = 0.0) -> Memory:
    """Its memory, after a pause, once that has not changed for a second; after ten at the latest."""
    time.sleep(pause)
    last, unchanged = process.memory(), 0
    for _ in range(40):
        time.sleep(0.25)
        now = process.memory()
        unchanged = unchanged + 1 if now == last else 0
        if unchanged == 4:
            break
        last = now
    return last

"""TLS: what encryption costs the server, next to the same without: for each delivery, each handshake, each login, each
idle link."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.build import program
from bench.errors import BenchError
from bench.generator import Generator
from bench.machine import LOAD_CORE, raise_descriptor_limit
from bench.meter import Meter
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.processes import Process
from bench.workloads.base import IN_FLIGHT_BYTES, Case, Column, Outcome, Ratio, Session, Workload, line_length
from bench.workloads.idle import settled_memory


@dataclass(frozen=True)
class TlsCase(Case):
    """What the clients do, with TLS or without."""

    what: str
    encrypted: bool
    clients: int = 1
    seconds: float = 1.0
    window: int = 1
    rate: float = 0.0


HANDSHAKES = ("full", "resumed", "plain")
"""What bench/handshakes.c does; `plain`: connections alone."""

AT_ONCE = 16
"""Handshakes that are under way."""

PACED = 100.0
"""Activities a second."""


class Tls(Workload[TlsCase]):
    """The clients are on the load core, in Python but for the handshakes; what is compared is the server's CPU and
    memory."""

    name = "tls"
    title = "TLS: the server's CPU and memory, with it and without"
    columns = (
        Column("cpu_per_million", "server CPU s/million deliveries", 2),
        Column("bytes_per_delivery", "bytes/delivery", 0, spread=False),
        Column("handshake_cpu_ms", "server CPU ms/handshake", 3),
        Column("handshakes_per_cpu_second", "handshakes/server CPU s", 0, spread=False),
        Column("login_cpu_ms", "server CPU ms/login", 3),
        Column("logins_per_cpu_second", "logins/server CPU s", 0, spread=False),
        Column("kib_per_client", "resident KiB/client", 1),
        Column("server_core_percent", "server core %", 0, spread=False),
    )
    ratios = (
        Ratio("cpu_per_million", "CPU"),
        Ratio("handshake_cpu_ms", "handshake CPU"),
        Ratio("login_cpu_ms", "login CPU"),
        Ratio("kib_per_client", "KiB"),
    )
    base_word = "plain"
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[TlsCase]:
        seconds, idle = (0.5, 200) if quick else (4.0, 1000)
        window = max(1, IN_FLIGHT_BYTES // line_length(200, line_bytes))
        cases = []
        for name, what, clients, lines, rate in (
            ("N=100, saturated", "deliver", 100, window, 0.0),
            (f"N=100, {PACED:g}/s", "deliver", 100, window, PACED),
            ("N=100, one at a time", "deliver", 100, 1, 0.0),
            ("logins", "log_in", 1, 1, 0.0),
            ("idle", "stay", idle, 1, 0.0),
        ):
            plain = f"{name}, plain"
            cases.append(TlsCase(plain, what, False, clients, seconds, lines, rate))
            cases.append(TlsCase(f"{name}, TLS", what, True, clients, seconds, lines, rate, base=plain))
        cases.append(TlsCase("connections, plain", "plain", False, AT_ONCE, seconds))
        for what in ("full", "resumed"):
            cases.append(TlsCase(f"handshakes, {what}", what, True, AT_ONCE, seconds, base="connections, plain"))
        return cases

    def run(self, case: TlsCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        if raise_descriptor_limit() < case.clients + 200:
            raise BenchError(f"{case.clients} clients need a limit on open files above {case.clients + 200}")
        with running(case, peer, session) as (server, command):
            before = settled_memory(server) if case.what == "stay" else server.memory()
            with Generator(command, lambda heard: None) as clients:
                clients.wait_for("ready")
                after = settled_memory(server) if case.what == "stay" else server.memory()
                meter = Meter(server)
                clients.go()
                result = clients.wait_for("result")
                meter.stop()
        [cpu] = meter.used
        figures = {"server_cpu_seconds": cpu, "clients": case.clients}
        if case.what == "stay":
            figures["kib_per_client"] = (after.resident - before.resident) / case.clients
            return [Outcome(case.name, figures)]
        figures |= {"seconds": result["seconds"], "server_core_percent": cpu / result["seconds"] * 100}
        figures["foreign_cores"] = meter.foreign_cores(result["cpu_seconds"])
        if case.what in HANDSHAKES:
            figures["handshakes"] = result["handshakes"]
            figures["handshake_cpu_ms"] = cpu * 1e3 / result["handshakes"]
            figures["handshakes_per_cpu_second"] = result["handshakes"] / cpu
            if result["resumed"] != (result["handshakes"] if case.what == "resumed" else 0):
                raise BenchError(f"{result['resumed']} of {result['handshakes']} handshakes were resumed")
        elif case.what == "log_in":
            figures["logins"] = result["logins"]
            figures["login_cpu_ms"] = cpu * 1e3 / result["logins"]
            figures["logins_per_cpu_second"] = result["logins"] / cpu
        else:
            figures["deliveries"] = result["deliveries"]
            figures["cpu_per_million"] = cpu * 1e6 / result["deliveries"]
            figures["bytes_per_delivery"] = result["bytes"] / result["deliveries"]
        return [Outcome(case.name, figures)]


@contextmanager
def running(case: TlsCase, peer: Oyez, session: Session) -> Iterator[tuple[Process, list[str]]]:
    """A central, a server with or without a certificate, and the command line of its clients."""
    folder = session.scratch / f"{case.what}-{case.encrypted}"
    options, believe = peer.certificate(folder) if case.encrypted else ([], [])
    with peer.central(session.scratch, folder / "data", LOAD_CORE) as central:
        host, port = central.wait_ready()
        with peer.server(session.scratch, f"{host}:{port}", options=options) as server:
            host, port = server.wait_ready()
            if case.what in HANDSHAKES:
                words = [host, port, case.what, case.clients, case.seconds]
                yield server, [program("handshakes"), *map(str, words)]
                return
            words = ["--clients", case.clients, "--seconds", case.seconds, "--window", case.window, "--rate", case.rate]
            command = [sys.executable, "-m", "bench.tls_clients", case.what, "--address", f"{host}:{port}"]
            yield server, [*command, *map(str, words), *believe]

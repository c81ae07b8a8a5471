"""Failover: how long a network has no main that lets people in, after its main was killed or frozen."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.errors import BenchError
from bench.line import Line, Lost, ask
from bench.network import SETTLED, Network, ready_servers
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.workloads.base import Case, Column, Outcome, Session, Workload, quantiles

USER, SECRET = "somebody", "a secret of somebody"
SERVERS = 2
PAUSE = 0.001
"""Seconds between two questions."""


@dataclass(frozen=True)
class FailoverCase(Case):
    """So many times in one run."""

    times: int
    frozen: bool


class Failover(Workload[FailoverCase]):
    """A main, a backup, two servers. The main dies, over and over; the one that died comes back as the backup.

    From the signal to LOGIN_SUCCESS at a central for a registered user (by secret, which the new main has to check by
    argon2), and until the new main has both servers ready.
    """

    name = "failover"
    title = f"Failover: from the signal to the main until a LOGIN is accepted, and until {SERVERS} servers are ready"
    columns = (
        Column("times", "times", 0, spread=False),
        Column("login_p50_ms", "login p50 ms", 0),
        Column("login_p99_ms", "p99 ms", 0),
        Column("login_max_ms", "max ms", 0),
        Column("servers_p50_ms", "servers p50 ms", 0),
        Column("servers_p99_ms", "p99 ms", 0),
        Column("servers_max_ms", "max ms", 0),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[FailoverCase]:
        return [
            FailoverCase("main killed (SIGKILL)", 5 if quick else 50, frozen=False),
            FailoverCase("main frozen (SIGSTOP)", 2 if quick else 10, frozen=True),
        ]

    def run(self, case: FailoverCase, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        logins, servers = [], []
        with Network(peer, session.scratch, backups=1, servers=SERVERS) as network:
            registered = ask(network.addresses["c1"], command="REGISTER", username=USER, secret=SECRET)
            if registered["command"] != "REGISTER_SUCCESS":
                raise BenchError(f"nobody could register: {registered}")
            for number in range(case.times):
                session.on_progress("failovers", number, case.times)
                main = network.wait_until_whole()
                login, ready = fail_over(network, main, case.frozen)
                logins.append(login)
                servers.append(ready)
                bring_back(network, main, case.frozen)
        return [Outcome(case.name, {"times": case.times} | quantiles("login", logins) | quantiles("servers", servers))]


def fail_over(network: Network, main: str, frozen: bool) -> tuple[float, float]:
    """Seconds until a login was accepted, and until all servers were ready."""
    others = [address for name, address in network.addresses.items() if name != main]
    results: dict[str, float] = {}

    def watch(what: str, is_so: Callable[[tuple[str, int]], bool]) -> None:
        while time.monotonic() < began + SETTLED:
            for address in others:
                try:
                    if is_so(address):
                        results[what] = time.monotonic() - began
                        return
                except Lost:
                    pass
            time.sleep(PAUSE)

    began = time.monotonic()
    (network.freeze if frozen else network.kill)(main)
    threads = [
        threading.Thread(target=watch, args=("login", lets_in)),
        threading.Thread(target=watch, args=("servers", has_its_servers)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(results) < len(threads):
        raise BenchError(f"no new main within {SETTLED:.0f} s of {main}'s end")
    return results["login"], results["servers"]


def lets_in(address: tuple[str, int]) -> bool:
    """Also after having waited there; a REDIRECT to the old main is no."""
    return ask(address, command="LOGIN", username=USER, secret=SECRET)["command"] == "LOGIN_SUCCESS"


def has_its_servers(address: tuple[str, int]) -> bool:
    """Asked over and over on one link, which a central that is well keeps open."""
    with Line(address) as line:
        while True:
            report = line.ask(command="STATUS")
            if report.get("role", "main") == "main" and ready_servers(report) == SERVERS:
                return True
            time.sleep(PAUSE)


def bring_back(network: Network, name: str, frozen: bool) -> None:
    if frozen:
        network.wake(name)
    else:
        network.centrals[name].stop()
        network.start(name)
        network.centrals[name].wait_ready()
    network.wait_until_whole()

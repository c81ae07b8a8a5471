"""A network with backups, seen from outside: its centrals are killed, frozen, woken and started again.

Ends only what it started. Knows of the wire what it needs: STATUS.
"""

import random
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.errors import BenchError
from bench.line import Address, Lost, ask
from bench.machine import LOAD_CORE, SERVER_CORE
from bench.peers.oyez import Oyez
from bench.processes import Process

SETTLED = 60.0
"""Seconds in which a network has found itself again."""

PORTS = range(10_000, 30_000)
"""Of centrals: no outgoing connection takes them while one is being started again."""


class Network:
    """`c1` is the first main, on SERVER_CORE with the servers; its backups are on LOAD_CORE. A context manager.

    The last `late` of the backups are not started on entry.
    """

    def __init__(self, peer: Oyez, scratch: Path, *, backups: int, servers: int, late: int = 0) -> None:
        self._peer = peer
        self._scratch = scratch
        self._names = [f"c{number}" for number in range(1, backups + 2)]
        self._cores = {name: SERVER_CORE if name == "c1" else LOAD_CORE for name in self._names}
        self._early = self._names[: len(self._names) - late]
        self._wanted_servers = servers
        self._stack = ExitStack()
        self._data: Path
        self.centrals: dict[str, Process] = {}
        self.servers: list[Process] = []
        self.addresses: dict[str, Address] = {name: ("127.0.0.1", free_port()) for name in self._names}

    def __enter__(self) -> Self:
        with self._stack:
            self._data = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch)))
            self._stack.callback(self._stop)
            for name in self._early:
                self.start(name, alone=name == "c1")
                self.centrals[name].wait_ready()
            known = ",".join(map(_text, self.addresses.values()))
            self.servers = [self._peer.server(self._scratch, known) for _ in range(self._wanted_servers)]
            for server in self.servers:
                server.wait_ready()
            self.wait_until_whole()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _stop(self) -> None:
        for process in (*self.servers, *self.centrals.values()):
            process.signal(signal.SIGCONT)
            process.stop()

    def start(self, name: str, alone: bool = False) -> None:
        """Start this central, or start it again; not waited for."""
        others = "" if alone else ",".join(_text(at) for other, at in self.addresses.items() if other != name)
        port, core = self.addresses[name][1], self._cores[name]
        self.centrals[name] = self._peer.central(self._scratch, self._data / name, core, port=port, backup_of=others)

    def kill(self, name: str) -> None:
        """SIGKILL; not waited for."""
        self.centrals[name].signal(signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self.centrals[name].signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT."""
        self.centrals[name].signal(signal.SIGCONT)

    def status(self, name: str) -> dict[str, Any] | None:
        """What this central says, if it says anything within a second."""
        with suppress(Lost):
            return ask(self.addresses[name], 1.0, command="STATUS")
        return None

    def wait_until_whole(self) -> str:
        """Until one is main, with all others in sync and all servers ready; returns its name."""
        found: list[str] = []

        def is_whole() -> bool:
            found[:] = [name for name in self.centrals if self._is_main_of_all(self.status(name))]
            return len(found) == 1

        wait(is_whole, "the network is whole again", pause=0.05)
        return found[0]

    def _is_main_of_all(self, report: dict[str, Any] | None) -> bool:
        if report is None or report.get("role", "main") != "main":
            return False
        in_sync = [one for one in report["centrals"] if one.get("in_sync", True) and one["role"] != "away"]
        return len(in_sync) == len(self.centrals) and ready_servers(report) == len(self.servers)


def ready_servers(report: dict[str, Any]) -> int:
    """How many servers it would send clients to."""
    return sum(one.get("ready", True) for one in report["servers"])


def wait(condition: Callable[[], bool], what: str, pause: float, seconds: float = SETTLED) -> None:
    """Ask again, at intervals of `pause`, until it holds. Raises BenchError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"

"""A network with backups, seen from outside: its nodes are killed, frozen, woken, told to leave and started again.

Ends only what it started. Knows of the wire what it needs: STATUS.
"""

import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.errors import BenchError
from bench.line import Address, Lost, ask
from bench.machine import LOAD_CORE, SERVER_CORE, free_port
from bench.peers.oyez import Oyez
from bench.processes import Process

SETTLED = 60.0
"""Seconds in which a network has found itself again."""


class Network:
    """`c1` is the first main, on SERVER_CORE with the servers; its backups are on LOAD_CORE. A context manager.

    The last `late` of the backups are not started on entry. The servers are `s1`, `s2` …, started with `options`.
    `main_core` is where `c1` goes instead.
    """

    def __init__(
        self,
        peer: Oyez,
        scratch: Path,
        *,
        backups: int,
        servers: int,
        late: int = 0,
        options: Sequence[str] = (),
        main_core: int = SERVER_CORE,
    ) -> None:
        self._peer = peer
        self._scratch = scratch
        self._names = [f"c{number}" for number in range(1, backups + 2)]
        self._cores = {name: main_core if name == "c1" else LOAD_CORE for name in self._names}
        self._early = self._names[: len(self._names) - late]
        self._options = options
        self._stack = ExitStack()
        self._data: Path
        self.centrals: dict[str, Process] = {}
        self.servers: dict[str, Process] = {}
        """Those that should be there."""
        self.addresses: dict[str, Address] = {name: ("127.0.0.1", free_port()) for name in self._names}
        self.server_addresses: dict[str, Address] = {
            f"s{number}": ("127.0.0.1", free_port()) for number in range(1, servers + 1)
        }

    def __enter__(self) -> Self:
        with self._stack:
            self._data = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch)))
            self._stack.callback(self._stop)
            for name in self._early:
                self.start(name, alone=name == "c1")
                self.centrals[name].wait_ready()
            for name in self.server_addresses:
                self.start_server(name)
            for server in self.servers.values():
                server.wait_ready()
            self.wait_until_whole()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _stop(self) -> None:
        for process in (*self.servers.values(), *self.centrals.values()):
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGINT)  # at once, with all its sessions
        for process in (*self.servers.values(), *self.centrals.values()):
            process.stop()

    def start(self, name: str, alone: bool = False) -> None:
        """Start this central, or start it again; not waited for."""
        others = "" if alone else ",".join(_text(at) for other, at in self.addresses.items() if other != name)
        port, core = self.addresses[name][1], self._cores[name]
        self.centrals[name] = self._peer.central(self._scratch, self._data / name, core, port=port, backup_of=others)

    def start_server(self, name: str) -> None:
        """Start this server, or start it again; not waited for."""
        port, options = self.server_addresses[name][1], ("--id", name, *self._options)
        self.servers[name] = self._peer.server(self._scratch, self.known, port=port, options=options)

    def add_server(self, name: str) -> None:
        """Start it, or start it again, and wait until the network is whole."""
        self.server_addresses.setdefault(name, ("127.0.0.1", free_port()))
        self.start_server(name)
        self.servers[name].wait_ready()
        self.wait_until_whole()

    @property
    def known(self) -> str:
        """The centrals, as programs are told of them."""
        return ",".join(map(_text, self.addresses.values()))

    def _process(self, name: str) -> Process:
        return self.centrals[name] if name in self.centrals else self.servers[name]

    def kill(self, name: str) -> None:
        """SIGKILL; not waited for."""
        self._process(name).signal(signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self._process(name).signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT."""
        self._process(name).signal(signal.SIGCONT)

    def leave(self, name: str, how: Callable[[], None]) -> float:
        """Have this server leave, by `how`; returns the seconds until it has ended, with 0. Raises BenchError."""
        began = time.monotonic()
        how()
        self.servers[name].wait_end(SETTLED)
        del self.servers[name]
        return time.monotonic() - began

    def drain(self, name: str) -> float:
        """As `oyez drain` does."""

        def ask_main() -> None:
            answer = ask(self.addresses["c1"], command="DRAIN_SERVER", secret=self._peer.secret, server=name)
            if answer["command"] != "DRAIN_SERVER_SUCCESS":
                raise BenchError(f"{name} is not drained: {answer}")

        return self.leave(name, ask_main)

    def terminate(self, name: str) -> float:
        """SIGTERM."""
        return self.leave(name, lambda: self.servers[name].signal(signal.SIGTERM))

    def loads(self) -> dict[str, int]:
        """Sessions by server, as c1 counts them, which has to be the main."""
        report = self.status("c1")
        return {one["id"]: one["load"] for one in report["servers"]} if report else {}

    def wait_until_even(self, sessions: int) -> float:
        """Until all of them are there, and no server has more than a tenth above the mean, or they differ by 1;
        returns the seconds that it took. Raises BenchError."""
        began = time.monotonic()

        def is_even() -> bool:
            loads = list(self.loads().values())
            if sum(loads) != sessions or len(loads) != len(self.servers):
                return False
            return spread(loads) <= 1.1 or max(loads) - min(loads) <= 1

        wait(is_even, f"{sessions} sessions, evenly", pause=0.1)
        return time.monotonic() - began

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


def spread(loads: Iterable[int]) -> float:
    """The fullest server's load, by the mean."""
    loads = list(loads)
    return max(loads) * len(loads) / max(1, sum(loads))


def wait(condition: Callable[[], bool], what: str, pause: float, seconds: float = SETTLED) -> None:
    """Ask again, at intervals of `pause`, until it holds. Raises BenchError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"

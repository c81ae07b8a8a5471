"""A whole network as child processes, started and stopped the way an operator does it.

Every process gets a free port, a folder of its own and the cluster secret in its environment; its standard input is
closed and its standard error goes to a file, which a failing test shows. Nothing of the product is imported.
"""

import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.blackbox.wire import Address, Message, Peer, eventually

START_DEADLINE = 60.0
"""Seconds for a process to say that it is ready: several start at once on two busy cores."""

STOP_DEADLINE = 20.0
"""Seconds from SIGTERM to the exit."""

LOOPBACK = "127.0.0.1"
CLUSTER_SECRET = "the cluster's secret: red anchor 4711"
TRACEBACK = "Traceback (most recent call last)"


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: ours without any OYEZ setting (nor file of them), plain wide output, the changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OYEZ_")}
    plain = {"OYEZ_CONFIG": os.devnull, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    return kept | plain | dict(changes or {})


_kept: list[socket.socket] = []
"""Bound to the ports that were given out, to the end of the process."""


def free_port() -> int:
    """A port that nobody listens on, from below the range that outgoing connections take theirs from.

    For what must come back on the same port after it has died: there no outgoing connection can take it meanwhile, nor
    can another test, here or in another process, because this one stays bound to it. A node that listens there is let
    in all the same: it asks for the address with SO_REUSEADDR.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        kept = socket.socket()
        try:
            kept.bind((LOOPBACK, port))
        except OSError:
            kept.close()
            continue
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _kept.append(kept)
        return port


class Process:
    """One `python -m oyez ...` child. `prefix` is a command that runs it, such as one that enters a namespace."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        folder: Path,
        variables: Mapping[str, str],
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.errors = folder / f"{name}.stderr"
        self._shown = 0
        with self.errors.open("ab") as errors:
            self._child: subprocess.Popen[bytes] = subprocess.Popen(
                [*prefix, sys.executable, "-m", "oyez", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=environment(variables),
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def ready(self, role: str) -> Address:
        """The address in the one line `ready <role> HOST:PORT` that the process prints on its standard output."""
        line = self._first_line()
        found = re.fullmatch(rb"ready ([a-z]+) ([^ ]+):(\d+)\n", line)
        assert found is not None, f"{self.name} printed {line!r}\n{self.log()}"
        assert found[1].decode() == role, f"{self.name} printed {line!r}"
        return Address(found[2].decode(), int(found[3]))

    def _first_line(self) -> bytes:
        deadline = time.monotonic() + START_DEADLINE
        line = b""
        output = self._output()
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, f"{self.name} was not ready within {START_DEADLINE} s, said {line!r}\n{self.log()}"
            byte = os.read(output.fileno(), 1)
            assert byte, f"{self.name} ended before it was ready, said {line!r}\n{self.log()}"
            line += byte
        return line

    def _output(self) -> IO[bytes]:
        assert self._child.stdout is not None
        return self._child.stdout

    def running(self) -> bool:
        return self._child.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self._child.send_signal(number)

    def stop(self, seconds: float = STOP_DEADLINE) -> list[str]:
        """SIGTERM; what was wrong with the way it ended (an empty list where all was well)."""
        if not self.running() and self._output().closed:
            return []  # ended before, and looked at then
        self._child.terminate()
        return self.wait(seconds, "SIGTERM")

    def wait(self, seconds: float, why: str) -> list[str]:
        """For its end, which `why` brings about; what was wrong with it. It is killed where that takes longer."""
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return [f"{self.name} was still running {seconds} s after {why}"]
        with self._output() as output:
            more = output.read()
        wrong = [] if code == 0 else [f"{self.name} exited with {code} on {why}"]
        return wrong if not more else [*wrong, f"{self.name} printed more than its one line: {more!r}"]

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._child.kill()
        self._child.wait()
        self._output().close()

    def log(self, last: int = 6000) -> str:
        """The end of what it wrote on standard error."""
        return self.errors.read_text(errors="replace")[-last:]

    def new_traceback(self) -> str | None:
        """What was logged since the last call, where it holds a traceback: that is a bug, whatever the client did."""
        text = self.errors.read_text(errors="replace")
        new, self._shown = text[self._shown :], len(text)
        return f"{self.name} logged a traceback:\n{new[-6000:]}" if TRACEBACK in new else None


class Network:
    """A central and its servers; use as a context manager.

    `port` 0 takes a free one; a test that restarts the central gives it a `free_port()`. Leaving the context stops
    every process with SIGTERM and fails where one does not exit with 0.
    """

    def __init__(
        self,
        folder: Path,
        *,
        servers: int = 2,
        port: int = 0,
        central_options: tuple[str, ...] = (),
        server_options: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.secret = CLUSTER_SECRET
        self.processes: dict[str, Process] = {}
        self.ended: list[Process] = []
        self._addresses: dict[str, Address] = {}
        self._port = port
        self._servers = servers
        self.central_options = central_options
        self._server_options = server_options

    def __enter__(self) -> "Network":
        try:
            self.start_central()
            for number in range(1, self._servers + 1):
                self.start_server(f"s{number}")
        except BaseException:
            self._kill_all()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        wrong = []
        try:
            for name in sorted(self.processes, reverse=True):  # the servers before the central
                wrong += self.processes[name].stop()
        finally:
            self._kill_all()
        if kind is None:
            assert not wrong, "\n".join([*wrong, self.logs()])

    def _kill_all(self) -> None:
        for process in self.processes.values():
            if process.running():
                process.kill()
            process.stop()

    @property
    def central(self) -> Address:
        return self._addresses["central"]

    @property
    def servers(self) -> dict[str, Address]:
        """Address by server id, of the servers that were started and not killed."""
        return {name: self._addresses[name] for name in sorted(self.processes) if name != "central"}

    def start_central(self) -> None:
        """Start the central on its data folder; also to bring it back, on the same port, after it has ended."""
        arguments = ["central", "--port", str(self._port), "--data", str(self.data)]
        self._start("central", "central", [*arguments, *self.central_options])

    def start_server(self, name: str) -> Address:
        """Start (or bring back) the server with this id, and wait until the central sends clients there.

        The central learns of that a moment after the server has said that it is ready.
        """
        arguments = ["server", "--central", str(self.central), "--id", name]
        self._start(name, "server", [*arguments, *self._server_options])
        eventually(lambda: name in self.loads(), f"{name} takes clients, by STATUS", seconds=30)
        return self._addresses[name]

    def _start(self, name: str, role: str, arguments: list[str]) -> None:
        process = Process(name, arguments, self.folder, {"OYEZ_SECRET": self.secret})
        self.processes[name] = process
        self._addresses[name] = process.ready(role)

    def kill(self, name: str) -> None:
        """SIGKILL one process."""
        process = self.processes.pop(name)
        process.kill()
        self.ended.append(process)

    def stop(self, name: str) -> None:
        """SIGTERM one process, which has to exit with 0."""
        process = self.processes.pop(name)
        self.ended.append(process)
        wrong = process.stop()
        assert not wrong, "\n".join([*wrong, process.log()])

    def status(self) -> Message:
        """The central's STATUS_REPORT."""
        peer = Peer(self.central)
        try:
            peer.send({"command": "STATUS"})
            return peer.expect("STATUS_REPORT")
        finally:
            peer.close()

    def loads(self) -> dict[str, int]:
        """Sessions by server id, as the central knows them, on the servers that it sends clients to."""
        servers = self.status()["servers"]
        return {server["id"]: server["load"] for server in servers if server.get("ready", True)}

    def wait_for_loads(self, total: int) -> dict[str, int]:
        """Wait until the central counts this many sessions on all servers together."""
        eventually(lambda: sum(self.loads().values()) == total, f"{total} sessions, by STATUS")
        return self.loads()

    def logs(self) -> str:
        """The ends of all logs, for the report of a failure."""
        every = [*self.ended, *self.processes.values()]
        return "\n".join(f"--- {process.name}\n{process.log()}" for process in every)

    def new_tracebacks(self) -> list[str]:
        """Tracebacks that were logged since the last call."""
        every = [*self.ended, *self.processes.values()]
        return [found for process in every if (found := process.new_traceback()) is not None]

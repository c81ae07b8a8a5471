"""Oyez as its users run it: `oyez central` and `oyez server`, subscribers logged in as anonymous at the server."""

import importlib.util
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.machine import LOAD_CORE, SERVER_CORE
from bench.peers.base import Peer, Speech, Step, Target
from bench.processes import Process

LOGIN = Step(b'{"command":"LOGIN","username":"anonymous"}\n', b"LOGIN_SUCCESS")


class Oyez(Peer):
    """One central and one server of this checkout, or of whatever `command` runs."""

    name = "oyez"
    CHEAP = (sys.executable, "-m", "bench.cheap")
    """This checkout's, without argon2."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._command = command or [sys.executable, "-m", "oyez"]
        self._is_own = command is None
        self._environment = {"OYEZ_SECRET": secrets.token_hex(16)}

    def missing(self) -> str | None:
        if not self._is_own:
            return None
        try:
            spec = importlib.util.find_spec("oyez.__main__")
        except ModuleNotFoundError:
            spec = None
        return None if spec else "this checkout has no oyez command (no module oyez.__main__)"

    def central(
        self,
        scratch: Path,
        data: Path,
        core: int,
        port: int = 0,
        backup_of: str = "",
        options: Sequence[str] = (),
    ) -> Process:
        """A central, started, as a backup of those at HOST:PORT; the caller waits until it is ready, and stops it."""
        command = [*self._command, "central", "--port", str(port), "--data", str(data), *options]
        if backup_of:
            command += ["--backup-of", backup_of]
        return Process("central", command, core=core, scratch=scratch, environment=self._environment)

    @property
    def secret(self) -> str:
        """The cluster's."""
        return self._environment["OYEZ_SECRET"]

    def server(
        self, scratch: Path, central: str, core: int = SERVER_CORE, port: int = 0, options: Sequence[str] = ()
    ) -> Process:
        """A server of the centrals at HOST:PORT, started; the caller waits until it is ready, and stops it."""
        command = [*self._command, "server", "--port", str(port), "--central", central, *options]
        return Process("server", command, core=core, scratch=scratch, environment=self._environment)

    def certificate(self, folder: Path) -> tuple[list[str], list[str]]:
        """A certificate for a server on this machine: what it is told of it, and what its clients are told.

        Between its nodes nothing is encrypted.
        """
        authority = folder / "ca"
        if not authority.exists():
            for words in (["init", authority], ["issue", authority, "server", "--host", "127.0.0.1"]):
                subprocess.run([*self._command, "certs", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        told = ["--tls-cert", str(authority / "server.pem"), "--tls-key", str(authority / "server.key")]
        return told, ["--ca", str(authority / "ca.pem")]

    @contextmanager
    def running(self, scratch: Path) -> Iterator[Target]:
        with (
            tempfile.TemporaryDirectory(dir=scratch) as data,
            # Idle, once the server has joined: it may sit on the load generator's core.
            self.central(scratch, Path(data), LOAD_CORE) as central,
        ):
            central_host, central_port = central.wait_ready()
            with self.server(scratch, f"{central_host}:{central_port}") as server:
                host, port = server.wait_ready()
                yield Target(host, port, server, [central])

    def speech(self, activity: bytes) -> Speech:
        message = b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":' + activity + b"}\n"
        return Speech(message, (LOGIN,), (LOGIN,))

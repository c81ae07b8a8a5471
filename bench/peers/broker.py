"""What the brokers have in common: a program of a Debian package, with a configuration file, at a port that it is told.

Each is configured the way its own documentation says for this load: nothing on disk, one core, and no limit under which
it would drop what a reader is slow to take.
"""

import os
import shutil
import socket
import tempfile
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from bench.errors import BenchError
from bench.machine import SERVER_CORE, free_port
from bench.peers.base import Peer, Target
from bench.processes import READY_SECONDS, Process

HOST = "127.0.0.1"
TOPIC = b"activity"
"""What everybody publishes to and subscribes to."""


class Broker(Peer):
    """One process, on SERVER_CORE. `program` is found in the path, or where Debian keeps what only root has in it."""

    program: ClassVar[str]
    package: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    """Of the command line, before the configuration file."""
    environment: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def missing(self) -> str | None:
        if self._path():
            return None
        return f"{self.program} is not installed: install the package {self.package} (make bench-peers)"

    @abstractmethod
    def configuration(self, port: int, scratch: Path) -> str:
        """The configuration file."""

    @contextmanager
    def running(self, scratch: Path) -> Iterator[Target]:
        path = self._path()
        if path is None:
            raise BenchError(f"{self.missing()}")
        with tempfile.TemporaryDirectory(dir=scratch) as own:
            port, file = free_port(), Path(own) / "configuration"
            file.write_text(self.configuration(port, Path(own)), "ascii")
            command = [path, *self.options, str(file)]
            with Process(
                self.name, command, core=SERVER_CORE, scratch=scratch, environment=dict(self.environment)
            ) as server:
                wait_listening(server, port)
                yield Target(HOST, port, server)

    def _path(self) -> str | None:
        return shutil.which(self.program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def wait_listening(server: Process, port: int) -> None:
    """Until it accepts connections at the port. Raises BenchError when it ends, or does not within READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        server.check_alive()
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.01)
    raise BenchError(f"{server.name} was not ready within {READY_SECONDS} s. {server.last_words()}")

"""Stands in for systemd, as far as docs/tutorial.md needs it: runs what the units in deploy/systemd/ say.

Knows ExecStart=, LoadCredential= and Type=notify of units, and nothing of Oyez. Starts nothing again that has ended.
"""

import re
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.docs.markdown import ROOT, read

UNITS = ROOT / "deploy" / "systemd"
START_DEADLINE = 60.0
"""Seconds for a process to say that it is ready, on a busy machine."""


class Unit:
    """One unit on one machine. `localise` gives the path that stands for one on that machine."""

    def __init__(
        self,
        name: str,
        localise: Callable[[str], str],
        prefix: Sequence[str],
        variables: Mapping[str, str],
        log: Path,
    ) -> None:
        kind, at, instance = name.partition("@")
        text = read(UNITS / f"{kind}{at}.service")
        run = _setting(text, "ExecStart").replace("%S", "/var/lib").replace("%i", instance)
        secret = _setting(text, "LoadCredential").partition(":")[2]
        assert _setting(text, "Type") == "notify"
        self._name = name
        self._folder = tempfile.TemporaryDirectory()  # the name of a socket has to be short
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"{self._folder.name}/notify")
        self._socket.settimeout(START_DEADLINE)
        command = [*prefix, *(localise(word) for word in shlex.split(run))]
        told = {"OYEZ_SECRET_FILE": localise(secret), "NOTIFY_SOCKET": f"{self._folder.name}/notify"}
        self._log = log
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                command, env={**variables, **told}, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    def wait_until_ready(self) -> None:
        """For its process to say that it does its job."""
        try:
            while not self._socket.recv(4096).startswith(b"READY=1"):
                pass
        except TimeoutError:
            raise AssertionError(f"{self._name} is not ready:\n{read(self._log)}") from None

    def end(self) -> None:
        """At once, as if its machine had lost power."""
        self._child.kill()
        self._child.wait()
        self._socket.close()
        self._folder.cleanup()


def _setting(unit: str, name: str) -> str:
    [value] = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    return str(value)

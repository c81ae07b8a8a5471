"""The command line as a user meets it: arguments in, standard output, standard error and an exit code back."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.blackbox.processes import TRACEBACK, environment

PATIENCE = 60.0
"""Seconds for a command that ends by itself."""


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def sentence(self) -> str:
        """The one line on standard error, which is what an error has to be."""
        lines = self.errors.strip().splitlines()
        assert len(lines) == 1, f"not one sentence: {self.errors!r}"
        assert TRACEBACK not in self.errors
        return lines[0]


def oyez(
    *arguments: str,
    given: str = "",
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Outcome:
    """Run one command to its end; `given` is its standard input, `variables` are added to its environment."""
    done = subprocess.run(
        [sys.executable, "-m", "oyez", *arguments],
        input=given.encode(),
        capture_output=True,
        timeout=PATIENCE,
        env=environment(variables),
        cwd=folder,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def running(
    *arguments: str, variables: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs on, in a process group of its own like a job of a shell.

    When the test is through with it, it is killed, and so are its children, where they are still there.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "oyez", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(variables),
        cwd=folder,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            for pid in (*children(child.pid), child.pid):
                os.kill(pid, signal.SIGKILL)
        child.communicate()


PROCESSES = Path("/proc")


def children(parent: int) -> dict[int, list[str]]:
    """The running processes that this one has started: their arguments by process id. Empty where there is no /proc."""
    found = {}
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            state, owner = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            arguments = (folder / "cmdline").read_text().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if int(owner) == parent and state != "Z":
            found[int(folder.name)] = arguments
    return found


def alive(pids: Iterable[int]) -> list[int]:
    """Those of these processes that are still there."""
    return [pid for pid in pids if exists(pid)]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

"""The command line as a user meets it: arguments in, standard output, standard error and an exit code back."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
    """A command that runs on, in a process group of its own like a job of a shell; none of it is left behind."""
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
        if group_exists(child.pid):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def group_exists(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True

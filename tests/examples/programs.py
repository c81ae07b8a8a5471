"""A Python program as a child process: what it is given, what it prints, how it ends."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.blackbox.processes import environment

PATIENCE = 60.0
"""Seconds for a whole test of one; then the program is killed, and so the test fails."""

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Program:
    """It runs."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self.child = child

    @property
    def input(self) -> IO[str]:
        assert self.child.stdin is not None
        return self.child.stdin

    @property
    def output(self) -> IO[str]:
        assert self.child.stdout is not None
        return self.child.stdout

    def type(self, text: str) -> None:
        self.input.write(text + "\n")
        self.input.flush()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Until a line is printed in which this is found."""
        seen = []
        for line in self.output:
            if found := re.search(pattern, line):
                return found
            seen.append(line)
        raise AssertionError(f"never printed {pattern!r}, but:\n{''.join(seen)}")

    def end(self, how: signal.Signals = signal.SIGINT) -> str:
        """Ctrl-C; what it printed at last. It has to take that well."""
        self.child.send_signal(how)
        return self.ended()

    def ended(self) -> str:
        output = self.output.read()
        assert self.child.wait() == 0, output
        return output


@contextmanager
def running(*arguments: str, variables: Mapping[str, str], folder: Path | None = None) -> Iterator[Program]:
    """`python ...`; standard error goes where standard output goes."""
    child = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(variables),
        cwd=folder,
    )
    program = Program(child)
    watch = threading.Timer(PATIENCE, child.kill)
    watch.start()
    try:
        yield program
    finally:
        watch.cancel()
        child.kill()
        child.wait()
        for pipe in (program.input, program.output):
            with suppress(BrokenPipeError):
                pipe.close()

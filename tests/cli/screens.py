"""A command on a terminal of its own: what a person types, and what they see."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.blackbox.processes import environment

PATIENCE = 30.0

_STEERING = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\r\x07]")


class Screen:
    """The terminal; everything that was ever shown on it, without the sequences that steer it."""

    def __init__(self, terminal: int, child: subprocess.Popen[bytes]) -> None:
        self._terminal = terminal
        self._raw = b""
        self._seen = 0
        self.child = child

    @property
    def shown(self) -> str:
        return _STEERING.sub("", self._raw.decode(errors="replace"))

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_for(self, text: str) -> None:
        """Until it has been shown, after whatever was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.shown.find(text, self._seen)) < 0:
            assert self._read(deadline), f"never saw {text!r} in:\n{self.shown[self._seen :]}"
        self._seen = found + len(text)

    def wait_for_end(self) -> int:
        """The exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.child.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        """Read something; False at the end, or when the time is over. A question for the cursor's place is answered."""
        readable, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # what Linux says when the other side has closed
            return False
        if b"\x1b[6n" in data:
            os.write(self._terminal, b"\x1b[1;1R")
        self._raw += data
        return bool(data)


@contextmanager
def on_a_terminal(*arguments: str, variables: Mapping[str, str] | None = None, folder: Path) -> Iterator[Screen]:
    """Run one command on a terminal of 100 columns; it is killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", _OWN_TERMINAL, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment({"TERM": "xterm"} | dict(variables or {})),
        cwd=folder,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Screen(ours, child)
    finally:
        child.kill()
        child.wait()
        os.close(ours)


_OWN_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from oyez.cli import main
main()
"""

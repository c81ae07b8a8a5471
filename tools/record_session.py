"""Records docs/session.cast, of a real session: `python -m tools.record_session`.

Types the commands of `SCRIPT` into a bash in a pseudo-terminal, waits for what each one shows and brings about, and
keeps what the terminal was sent, and when, as asciicast v2. Nothing is made up, and nothing that was shown is left out.
Ports 3780 and 3781 have to be free; what is started is ended.
"""

import argparse
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fcntl import ioctl
from functools import partial
from pathlib import Path

CAST = Path(__file__).resolve().parent.parent / "docs" / "session.cast"
WIDTH, HEIGHT = 88, 36
PATIENCE = 60.0
"""Seconds for one command, however busy the machine is."""

KEY, THOUGHT, IDLE = 0.03, 0.7, 2.0
"""Seconds between two keys, and before each command; a player shortens longer pauses to the last."""

PROMPT = "$ "
SHOWN = r"\n\$ $"
CENTRALS = "127.0.0.1:3780,127.0.0.1:3781"


@dataclass(frozen=True)
class Step:
    """What is typed; what is answered to questions; and a command outside of the terminal that tells, by the lines of
    its output that match these patterns, that the next step may come."""

    text: str
    answers: tuple[tuple[str, str], ...] = ()
    look: str = ""
    until: tuple[str, ...] = ()


STATUS = f"oyez status --central {CENTRALS}"
SECRET = ("Secret for ada: ?$", "a secret")

SCRIPT = [
    Step("oyez up > up.log 2>&1 &", (), STATUS, ("backup +yes", "s1 .* ready", "s2 .* ready")),
    Step("oyez status"),
    Step("oyez tail > feed &", (), STATUS, ("^1 session",)),
    Step("oyez register ada", (SECRET, ("The same again: ?$", "a secret"))),
    Step("oyez post 'hear ye'", (), "cat feed", ("hear ye",)),
    Step("# The main dies."),
    Step(f"export OYEZ_CENTRAL={CENTRALS}"),
    Step(
        "kill -9 $(pgrep -P $(jobs -p %1) -f 'central .*--port 3780')",
        (),
        STATUS,
        ("3780 +backup +yes", "3781 +main", "s1 .* ready", "s2 .* ready", "^1 session"),
    ),
    Step("oyez status"),
    Step("oyez post --user ada 'still here'", (SECRET,), "cat feed", ("still here",)),
    Step("cat feed"),
]


class Terminal:
    """A bash in a pseudo-terminal, and what it has written so far."""

    def __init__(self, variables: Mapping[str, str], folder: Path) -> None:
        self.frames: list[tuple[float, str]] = []
        self._begun = time.monotonic()
        self._new = ""
        self._pending = b""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--norc", "--noprofile"], dict(variables))
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))

    def wait_for(self, pattern: str) -> None:
        """For what it has written since something was typed to match; TimeoutError if it never does."""
        _wait(lambda: self._shows(pattern), f"no {pattern!r} in the terminal")

    def type(self, text: str, pace: float) -> None:
        """As somebody does."""
        self._new = ""
        for key in [*text, "\r"]:
            os.write(self._terminal, key.encode())
            self.rest(pace)

    def rest(self, seconds: float) -> None:
        """Read for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(left)

    def end(self) -> None:
        """End its jobs, which are process groups of their own, and bash itself."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        for child in map(int, children):
            os.killpg(child, signal.SIGTERM)
        for child in map(int, children):
            _wait(partial(_ended, child), f"process {child} goes on")
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def _shows(self, pattern: str) -> bool:
        self._read(0.1)
        return re.search(pattern, plain(self._new)) is not None

    def _read(self, seconds: float) -> None:
        readable, _, _ = select.select([self._terminal], [], [], seconds)
        if not readable:
            return
        self._pending += os.read(self._terminal, 65536)
        try:
            text, self._pending = self._pending.decode(), b""
        except UnicodeDecodeError:
            return  # the rest of a character is on the way
        self._new += text
        self.frames.append((round(time.monotonic() - self._begun, 3), text))


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)


def _ended(pid: int) -> bool:
    """A process that is not ours to wait for."""
    time.sleep(0.05)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def record(folder: Path) -> str:
    """The session, as the text of an asciicast; `folder` is where it runs."""
    variables = _prepare(folder)
    terminal = Terminal(variables, folder)
    try:
        terminal.wait_for(r"\$ $")
        for step in SCRIPT:
            terminal.rest(THOUGHT)
            terminal.type(step.text, KEY)
            for asked, answer in step.answers:
                terminal.wait_for(asked)
                terminal.rest(THOUGHT)
                terminal.type(answer, 0.0)
            terminal.wait_for(SHOWN)
            if step.look:
                _look(step, variables, folder)
        terminal.rest(THOUGHT)
    finally:
        terminal.end()
    shell = {"SHELL": "bash", "TERM": variables["TERM"]}
    head = {"version": 2, "width": WIDTH, "height": HEIGHT, "idle_time_limit": IDLE, "env": shell}
    lines = [head, *([at, "o", text] for at, text in terminal.frames)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _prepare(folder: Path) -> dict[str, str]:
    """Put the command `oyez` there; the variables for whatever runs there."""
    program = folder / "bin" / "oyez"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m oyez "$@"\n')
    program.chmod(0o755)
    keys = folder / "inputrc"
    keys.write_text("set enable-bracketed-paste off\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OYEZ_", "PROMPT", "XDG_"))}
    return {
        **kept,
        "HOME": str(folder),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PS1": PROMPT,
        "INPUTRC": str(keys),
        "TERM": "xterm-256color",
        "OYEZ_DATA": str(folder / "data"),
        "OYEZ_CONFIG": os.devnull,
    }


def _look(step: Step, variables: Mapping[str, str], folder: Path) -> None:
    """Wait until it is so."""

    def is_so() -> bool:
        command = step.look.split()
        done = subprocess.run(command, env=dict(variables), cwd=folder, capture_output=True, text=True, check=False)
        return all(re.search(pattern, done.stdout, re.MULTILINE) for pattern in step.until)

    _wait(is_so, f"{step.look} does not show {step.until}")


def plain(text: str) -> str:
    """Without colours and other sequences for terminals, and with what was overwritten left out."""
    text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])", "", text)
    text = re.sub(r"\r+\n", "\n", text)
    return re.sub(r"[^\n]*\r(?!\n)", "", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=CAST, help="where to write it")
    file = parser.parse_args().file
    for program in ("bash", "pgrep"):
        if shutil.which(program) is None:
            parser.error(f"needs {program}")
    with tempfile.TemporaryDirectory() as folder:
        file.write_text(record(Path(folder)), "utf-8")


if __name__ == "__main__":
    main()

"""docs/tutorial.md is followed to its end, on three machines that are network namespaces, and shows what it says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.processes import environment
from tests.blackbox.wire import eventually
from tests.docs.markdown import DOCS, ROOT, read
from tests.docs.tutorial_page import READER, Command, File, lacking, steps
from tests.docs.units import Unit
from tests.failover.namespaces import Machines, why_not

PAGE = DOCS / "tutorial.md"
MACHINES = ("a", "b", "c")
PATIENCE = 60.0
"""Seconds for one command, and in which the network has become what the page shows, however busy the machine is."""

LOOKS = ("oyez status", "curl ")
"""Commands that change nothing: who reads the page looks again, too, until it is as the page says."""

COMMANDS = """
scp() { cp "$@"; }
chown() { :; }
"""


class Reader:
    """Does what the page says, in a folder that has a part for each machine; use as a context manager."""

    def __init__(self, folder: Path, machines: Machines) -> None:
        self._folder = folder
        self._machines = machines
        self._units: dict[tuple[str, str], Unit] = {}
        self._running: list[tuple[Command, subprocess.Popen[bytes], Path]] = []
        self._program = folder / "bin" / "oyez"
        for name in (*MACHINES, READER):
            self._bring(name)
        self._program.parent.mkdir()
        self._program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m oyez "$@"\n')
        self._program.chmod(0o755)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        for unit in self._units.values():
            unit.end()
        for _command, child, _output in self._running:
            child.kill()
            child.wait()

    def do(self, step: File | Command) -> None:
        if isinstance(step, File):
            path = Path(self._local(step.path.replace("~", str(self._folder / READER)), step.machine))
            path.write_text(self._local(step.text, step.machine))
        elif step.text.startswith("systemctl "):
            self._systemctl(step)
        elif step.runs_on:
            output = self._folder / f"{len(self._running)}.output"
            with output.open("wb") as file, output.with_suffix(".errors").open("wb") as errors:
                child = subprocess.Popen(
                    self._shell(step), stdout=file, stderr=errors, env=self._variables(step.machine)
                )
            self._running.append((step, child, output))
        else:
            self._run(step)

    def finish(self) -> None:
        """What ran on has shown all that the page says, in this order, and nothing else on standard output."""
        for step, child, output in self._running:
            self._has_shown(step, output)
            assert child.poll() is None
            assert "missed" not in read(output.with_suffix(".errors"))
        logs = "".join(path.read_text() for path in self._folder.glob("*.log"))
        assert "Traceback" not in logs

    def _has_shown(self, step: Command, output: Path) -> None:
        try:
            eventually(lambda: read(output).splitlines() == step.expected, step.text, seconds=PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{step.text} has shown\n{read(output)}") from error

    def _run(self, step: Command) -> None:
        expected = [self._local(line, step.machine) for line in step.expected]
        last: list[str] = []

        def done() -> bool:
            ended = subprocess.run(
                self._shell(step),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,  # as on a terminal
                text=True,
                env=self._variables(step.machine),
                timeout=PATIENCE,
            )
            missing = lacking(expected, ended.stdout)
            last[:] = ["lacks:", *missing, "in:", ended.stdout]
            return ended.returncode == 0 and not missing

        if step.text.startswith(LOOKS):
            try:
                eventually(done, step.text, seconds=PATIENCE)
            except AssertionError as error:
                raise AssertionError("\n".join([step.text, *last])) from error
        else:
            assert done(), "\n".join([step.text, *last])

    def _systemctl(self, step: Command) -> None:
        if step.text == "systemctl poweroff --force --force":
            self._power_off(step.machine)
            return
        found = re.fullmatch(r"systemctl (?:enable --now|start) --no-block (.*)", step.text)
        assert found, f"nothing stands in for {step.text!r}"
        names = [(step.machine, name) for name in found[1].split()]
        for unit in names:
            self._start(*unit)
        for unit in names:
            self._units[unit].wait_until_ready()  # who reads the page takes longer

    def _power_off(self, machine: str) -> None:
        """For ever: there is an empty one in its place."""
        for at, name in list(self._units):
            if at == machine:
                self._units.pop((at, name)).end()
        shutil.rmtree(self._folder / machine)
        self._bring(machine)

    def _bring(self, machine: str) -> None:
        (self._folder / machine / "var" / "lib").mkdir(parents=True)

    def _start(self, machine: str, name: str) -> None:
        if (machine, name) in self._units:
            self._units[machine, name].end()
        self._units[machine, name] = Unit(
            name,
            lambda word: self._local(word, machine),
            self._machines.enter(machine),
            self._variables(machine),
            self._folder / f"{machine}-{name}.log",
        )

    def _shell(self, step: Command) -> list[str]:
        prefix = [] if step.machine == READER else self._machines.enter(step.machine)
        text = self._local(step.text, step.machine)
        # What goes on is the process that is ended, not a shell around it.
        return [*prefix, "bash", "-c", f"exec {text}" if step.runs_on else COMMANDS + text]

    def _local(self, text: str, machine: str) -> str:
        """With the files and the addresses of the test in place of those of the page."""
        text = re.sub(r"root@([abc])\.example\.org:", lambda found: f"{self._folder}/{found[1]}", text)
        text = re.sub(r"(?<![\w/])/(?=(etc/oyez|var)\b)", f"{self._folder}/{machine}/", text)
        text = text.replace("/opt/oyez/bin/oyez", str(self._program))
        return re.sub(r"\b([abc])\.example\.org\b", lambda found: self._machines.address(found[1]), text)

    def _variables(self, machine: str) -> dict[str, str]:
        variables = environment(
            {
                "HOME": str(self._folder / machine),
                "PATH": f"{self._program.parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT / "src"),
                "OYEZ_USER_SECRET": "a secret of ada's",
                "no_proxy": "*",  # of curl
            }
        )
        variables.pop("XDG_CONFIG_HOME", None)
        del variables["OYEZ_CONFIG"]
        if machine != READER:
            variables["OYEZ_CONFIG"] = str(self._folder / machine / "etc" / "oyez" / "oyez.toml")
        return variables


@pytest.fixture
def machines() -> Iterator[Machines]:
    why = why_not()
    if why:
        pytest.skip(why)
    if shutil.which("curl") is None:
        pytest.skip("the page uses curl, which is not here")
    with Machines(MACHINES) as machines:
        yield machines


def test_it_can_be_followed(tmp_path: Path, machines: Machines) -> None:
    with Reader(tmp_path, machines) as reader:
        for step in steps(read(PAGE)):
            reader.do(step)
        reader.finish()


def test_every_step_is_found() -> None:
    found = list(steps(read(PAGE)))
    assert sum(isinstance(step, File) for step in found) == 5
    commands = [step for step in found if isinstance(step, Command)]
    assert len(commands) > 30
    assert sum(bool(step.expected) for step in commands) > 15


def test_what_is_left_out_says_why() -> None:
    marks = re.findall(r"<!-- (.*?) -->\n```", read(PAGE))
    assert marks.count("runs on") == 1
    assert all(re.fullmatch(r"runs on|not run: \w.+", mark) for mark in marks)


@pytest.mark.parametrize(
    ("expected", "output", "missing"),
    [
        (["id   role", "────────", "c-01234567   main"], "id  role\n──\nc-89abcdef main\n", []),
        (["c-01234567   main"], "c-89abcdef backup\n", ["c-01234567   main"]),
        (["s2   ready   …"], "s2 ready 3 0.0\n", []),
        (["s2   ready   …"], "s2 not ready 3 0.0\n", ["s2   ready   …"]),
        (["Secret for ada:", "…", "registered ada"], "registered ada\n", []),
    ],
)
def test_a_difference_is_seen(expected: list[str], output: str, missing: list[str]) -> None:
    assert lacking(expected, output) == missing

"""The units in deploy/systemd/: systemd knows every word of them, our commands do, and a node tells it how it is."""

import ctypes
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from oyez.cli import app
from oyez.cli.settings import settings_of
from oyez.net.node import LEAVING
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, START_DEADLINE, Process
from tests.docs.markdown import DOCS, ROOT, read

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OYEZ = "/opt/oyez/bin/oyez"
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1


def settings(unit: Path, name: str) -> list[str]:
    """What it says of this; it may say it more than once."""
    return re.findall(rf"^{name}=(.*)$", read(unit), re.MULTILINE)


def command_of(unit: Path) -> tuple[str, list[str]]:
    [line] = settings(unit, "ExecStart")
    program, command, *arguments = line.split()
    assert program == OYEZ
    return command, arguments


def test_there_is_one_for_each_kind_of_node() -> None:
    assert [(unit.name, command_of(unit)[0]) for unit in UNITS] == [
        ("oyez-central.service", "central"),
        ("oyez-server@.service", "server"),
    ]
    assert all(unit.name in read(DOCS / "operations.md") for unit in UNITS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_option_and_variable_in_it_exists(unit: Path) -> None:
    command, arguments = command_of(unit)
    known = settings_of(COMMANDS[command], command)
    flags = {word for word in arguments if word.startswith("-")}
    assert flags <= {f"--{name}" for name in known} | {"--config"}
    variables = set(re.findall(r"OYEZ_[A-Z_]+", read(unit)))
    assert "OYEZ_SECRET_FILE" in variables
    assert variables <= {one.variable for one in known.values()}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_it_fits_what_a_node_does(unit: Path) -> None:
    assert settings(unit, "Type") == ["notify"]
    assert settings(unit, "TimeoutStartSec") == ["infinity"], "votes may be long in coming"
    assert settings(unit, "ExecReload") == ["kill -HUP $MAINPID"]
    assert settings(unit, "RestartPreventExitStatus") == ["2"]
    assert settings(unit, "KillSignal") == ["SIGTERM"]
    [seconds] = settings(unit, "TimeoutStopSec")
    assert int(seconds) > (LEAVING if command_of(unit)[0] == "server" else 10)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_knows_every_word_of_it(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@s1")
    copy.write_text(read(unit).replace(OYEZ, sys.executable))  # it looks whether the program is there
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name[:8] in line]) == (0, [])
    copy.write_text(copy.read_text().replace("NoNewPrivileges", "NoOldPrivileges"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "NoOldPrivileges" in done.stderr, "this test can fail"


def never_executable() -> list[str]:
    """A command that runs another one under what MemoryDenyWriteExecute= asks for; none where the kernel can't."""
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:
        return []
    script = (
        "import ctypes, os, sys\n"
        f"assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE_EXEC_GAIN}, 0, 0, 0) == 0\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", script]


@pytest.mark.parametrize("abstract", [False, True])
def test_a_node_tells_systemd_when_it_is_ready(tmp_path: Path, abstract: bool) -> None:
    """And it does its job where no memory may be both written and run."""
    name = f"oyez-test-{tmp_path.parent.name}-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0{name}" if abstract else name)
        supervisor.settimeout(START_DEADLINE)
        variables = {"OYEZ_SECRET": CLUSTER_SECRET, "NOTIFY_SOCKET": f"@{name}" if abstract else name}
        arguments = ["central", "--port", "0", "--data", str(tmp_path / "data")]
        central = Process("central", arguments, tmp_path, variables, never_executable())
        server = None
        try:
            address = central.ready("central")
            listens, ready = supervisor.recv(4096).decode(), supervisor.recv(4096).decode()
            assert listens == f"STATUS=listens at {address}, and is not ready yet"
            assert ready == f"READY=1\nSTATUS=ready at {address}"
            server = Process("server", ["server", "--central", str(address)], tmp_path, variables, never_executable())
            at = server.ready("server")
            assert at.hostname == LOOPBACK
            assert supervisor.recv(4096).decode().startswith("STATUS=listens")
            assert supervisor.recv(4096).decode().startswith("READY=1\n")
            assert server.stop() == []
            assert supervisor.recv(4096).decode().startswith("STOPPING=1\n")
            assert central.stop() == []
        finally:
            for process in (central, server):
                if process is not None and process.running():
                    process.kill()


def test_a_supervisor_that_does_not_listen_ends_nothing(tmp_path: Path) -> None:
    variables = {"OYEZ_SECRET": CLUSTER_SECRET, "NOTIFY_SOCKET": str(tmp_path / "nobody")}
    central = Process("central", ["central", "--port", "0", "--data", str(tmp_path / "data")], tmp_path, variables)
    central.ready("central")
    assert central.stop() == []

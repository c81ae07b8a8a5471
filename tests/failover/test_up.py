"""`oyez up` with a backup: it survives the death of its main, and its own end."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.blackbox.commands import PROCESSES, alive, children, oyez, running
from tests.blackbox.people import Person, somebody
from tests.blackbox.processes import LOOPBACK, free_port
from tests.blackbox.wire import Address, eventually
from tests.failover.cluster import SETTLED, Report
from tests.failover.line import Lost, ask
from tests.failover.load import attempt


class Local:
    """What `oyez up` runs, seen from outside. The backup is on the port after the main's."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.folder = folder
        self.centrals = [Address(LOOPBACK, port), Address(LOOPBACK, port + 1)]
        self.arguments = ["up", "--port", str(port), "--servers", "2", "--data", str(folder / "data")]

    def main(self) -> Report | None:
        """What the main reports, if there is one."""
        for address in self.centrals:
            try:
                report = ask(address, {"command": "STATUS"}, 1.0)
            except Lost:
                continue
            if report.get("role", "main") == "main":
                return report
        return None

    def is_whole(self) -> bool:
        """Both centrals are in sync, and both servers are ready."""
        report = self.main()
        if report is None:
            return False
        in_sync = [one for one in report["centrals"] if one.get("in_sync", True) and one["role"] != "away"]
        return len(in_sync) == 2 and sum(one.get("ready", True) for one in report["servers"]) == 2

    def main_address(self) -> Address:
        report = self.main()
        assert report is not None
        [main] = [one for one in report["centrals"] if one["role"] == "main"]
        return Address(main["hostname"], main["port"])

    def register(self) -> Person:
        person = somebody()
        outcome = oyez(
            *("register", person.username, "--central", ",".join(map(str, self.centrals))),
            variables={"OYEZ_USER_SECRET": str(person.secret)},
        )
        assert outcome.code == 0, outcome
        return person

    def lets_in(self, person: Person) -> bool:
        answer = attempt(self.centrals[0], person.login())
        return answer is not None and answer["command"] == "REDIRECT"


def stop(up: subprocess.Popen[bytes]) -> None:
    nodes = children(up.pid)
    up.send_signal(signal.SIGTERM)
    output, errors = up.communicate(timeout=60)
    assert up.returncode == 0, (output, errors)
    assert b"Traceback" not in output + errors
    eventually(lambda: not alive(nodes), "no process of it is left")


def central_at(parent: int, port: int) -> int:
    """The process id of the central that listens on this port."""
    centrals = {pid: words for pid, words in children(parent).items() if "central" in words}
    return next(pid for pid, words in centrals.items() if words[words.index("--port") + 1] == str(port))


@pytest.mark.skipif(not PROCESSES.exists(), reason="finds the nodes by /proc")
def test_it_goes_on_when_its_main_dies_and_when_it_is_started_again(tmp_path: Path) -> None:
    local = Local(tmp_path)
    with running(*local.arguments, folder=tmp_path) as up:
        eventually(local.is_whole, "both centrals and both servers are there", seconds=SETTLED)
        first = local.register()
        old = local.main_address()
        os.kill(central_at(up.pid, old.port), signal.SIGKILL)
        second = local.register()
        eventually(local.is_whole, "who was main is back", seconds=SETTLED)
        assert local.main_address() != old
        stop(up)
    with running(*local.arguments, "--backups", "0", folder=tmp_path) as up:  # the other has data, and a vote
        eventually(local.is_whole, "both centrals and both servers are there again", seconds=SETTLED)
        assert local.lets_in(first)
        assert local.lets_in(second)
        stop(up)


def test_status_tells_who_is_main_and_who_votes(tmp_path: Path) -> None:
    local = Local(tmp_path)
    with running(*local.arguments, folder=tmp_path) as up:
        eventually(local.is_whole, "both centrals and both servers are there", seconds=SETTLED)
        shown = oyez("status", "--central", str(local.centrals[1]))
        assert shown.code == 0, shown
        lines = shown.output.splitlines()
        assert any(str(local.centrals[0]) in line and " main " in line and " yes " in line for line in lines), lines
        assert any(str(local.centrals[1]) in line and " backup " in line and " yes " in line for line in lines), lines
        assert "(term 1)" in shown.output
        assert "registrations can be acknowledged" in shown.output
        [voters] = [line for line in lines if line.startswith("voters: ")]
        assert voters.count(",") == 3, voters
        stop(up)


def test_up_without_backups_is_a_network_too(tmp_path: Path) -> None:
    local = Local(tmp_path)
    with running(*local.arguments, "--backups", "0", folder=tmp_path) as up:
        eventually(lambda: local.main() is not None, "a main", seconds=SETTLED)
        eventually(lambda: len((local.main() or {"servers": []})["servers"]) == 2, "both servers", seconds=SETTLED)
        assert len((local.main() or {"centrals": []})["centrals"]) == 1
        local.register()
        stop(up)


def test_a_server_that_was_drained_is_not_started_again(tmp_path: Path) -> None:
    local = Local(tmp_path)
    with running(*local.arguments, "--log-format", "human", folder=tmp_path) as up:
        eventually(local.is_whole, "both centrals and both servers are there", seconds=SETTLED)
        secret = {"OYEZ_SECRET": (tmp_path / "data" / "secret").read_text().strip()}
        drained = oyez("drain", "s1", "--central", str(local.centrals[1]), variables=secret)  # a backup sends it on
        assert (drained.code, drained.errors) == (0, "s1 has left\n")
        assert up.stderr is not None
        said = next(line for line in up.stderr if line.startswith(b"oyez: s1"))
        assert said == b"oyez: s1 has left, and is not started again\n"
        report = local.main()
        assert report is not None
        assert [server["id"] for server in report["servers"]] == ["s2"]
        stop(up)

"""Running it: secrets stay secret, a whole network starts with one command and stops with Ctrl-C."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.blackbox.commands import alive, children, oyez, running
from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, Person, log_in, redirect, register, somebody
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network, free_port
from tests.blackbox.wire import Address, Peer, encode, eventually


def test_no_secret_is_written_anywhere(private_network: Network, dial: Dial) -> None:
    """Not the right one, not a mistyped one, not the cluster's: neither on disk nor in any log."""
    person = somebody()
    mistyped = Person(person.username, f"mistyped-{somebody().secret}")
    register(dial(private_network.central), person)
    tickets = []
    for address in (private_network.central, *private_network.servers.values()):
        peer = dial(address)
        peer.send(mistyped.login())
        peer.expect_refusal("LOGIN_FAILED")
        peer = dial(address)
        peer.send_raw(encode(person.login())[:-2] + b", broken\n")
        peer.expect_refusal("INVALID_MESSAGE")
    answer = redirect(dial(private_network.central), person)
    tickets.append(answer["ticket"])
    session = dial(Address(answer["hostname"], answer["port"]))
    log_in(session, person)
    session.send(person.post({"n": 1}))
    session.expect_activity()
    session.send(mistyped.post({"n": 2}))
    session.expect_refusal("AUTHENTICATION_FAIL")
    for name in (*private_network.servers, "central"):
        private_network.stop(name)

    secrets = [str(person.secret), str(mistyped.secret), CLUSTER_SECRET, *tickets]
    files = [path for path in private_network.folder.rglob("*") if path.is_file()]
    assert any(private_network.data in path.parents for path in files)
    for path in files:
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, f"{secret} is in {path.name}"


def test_the_log_is_json_lines_where_it_is_no_terminal(private_network: Network, dial: Dial) -> None:
    redirect(dial(private_network.central), ANONYMOUS)
    names = [*private_network.servers, "central"]
    logs = {name: private_network.processes[name] for name in names}
    for name in names:
        private_network.stop(name)
    for name, process in logs.items():
        lines = process.errors.read_text().splitlines()
        assert lines, f"{name} logged nothing"
        assert all(isinstance(json.loads(line), dict) for line in lines)


def test_a_secret_from_a_file_lets_nodes_find_each_other(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CLUSTER_SECRET}\n")
    with Network(tmp_path, servers=0) as network:  # the central has it from the environment
        arguments = ["server", "--central", str(network.central), "--id", "s9", "--secret-file", str(file)]
        with running(*arguments, folder=tmp_path) as server:
            assert server.stdout is not None
            assert server.stdout.readline().startswith(b"ready server ")
            eventually(lambda: list(network.loads()) == ["s9"], "s9 takes clients, by STATUS")
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_nodes_with_clients_connected_end_cleanly(private_network: Network, dial: Dial, number: signal.Signals) -> None:
    sessions = []
    for address in private_network.servers.values():
        session = dial(address)
        log_in(session, ANONYMOUS)
        sessions.append(session)
    dial(private_network.central)
    names = [*private_network.servers, "central"]
    for name in names:
        private_network.processes[name].signal(number)
    for session in sessions:
        session.drain()
    for name in names:
        process = private_network.processes[name]
        eventually(lambda process=process: not process.running(), f"{name} has ended")  # type: ignore[misc]
        private_network.stop(name)  # which looks at the exit code


def status_of(central: Address) -> dict[str, Address]:
    """The servers that a central sends clients to; none while nobody listens there yet."""
    try:
        peer = Peer(central)
    except ConnectionRefusedError:
        return {}
    try:
        peer.send({"command": "STATUS"})
        servers = peer.expect("STATUS_REPORT")["servers"]
        ready = [one for one in servers if one.get("ready", True)]
        return {one["id"]: Address(one["hostname"], one["port"]) for one in ready}
    finally:
        peer.close()


def listens(address: Address) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


@pytest.mark.parametrize("to_all", [True, False], ids=["Ctrl-C in a terminal", "SIGINT to it alone"])
def test_up_runs_a_whole_network_until_interrupted(tmp_path: Path, dial: Dial, to_all: bool) -> None:
    central = Address(LOOPBACK, free_port())
    arguments = ["up", "--port", str(central.port), "--servers", "2", "--backups", "0"]
    arguments += ["--data", str(tmp_path / "data")]
    with running(*arguments, folder=tmp_path) as up:
        eventually(lambda: len(status_of(central)) == 2 or up.poll() is not None, "two servers", seconds=60)
        assert up.poll() is None, up.communicate()
        servers = status_of(central)
        answer = redirect(dial(central), ANONYMOUS)
        session = dial(Address(answer["hostname"], answer["port"]))
        log_in(session, ANONYMOUS)
        session.send(ANONYMOUS.post({"n": 1}))
        assert session.expect_activity()["n"] == 1

        nodes = children(up.pid)
        (os.killpg if to_all else os.kill)(up.pid, signal.SIGINT)
        output, errors = up.communicate(timeout=30)
        assert up.returncode == 0, (output, errors)
        assert b"Traceback" not in output + errors
        assert str(central).encode() in output
        assert b"oyez " in output  # what to try
        assert alive(nodes) == []
    assert not any(listens(address) for address in (central, *servers.values()))


def test_up_keeps_its_users_from_one_run_to_the_next(tmp_path: Path) -> None:
    central = Address(LOOPBACK, free_port())
    person = somebody()
    arguments = ["up", "--port", str(central.port), "--servers", "1", "--backups", "0"]
    arguments += ["--data", str(tmp_path / "data")]  # with a backup: tests/failover
    for run in ("first", "second"):
        with running(*arguments, folder=tmp_path) as up:
            eventually(lambda: len(status_of(central)) == 1, "a server", seconds=60)
            if run == "first":
                outcome = oyez(
                    *("register", person.username, "--central", str(central)),
                    variables={"OYEZ_USER_SECRET": str(person.secret)},
                )
                assert outcome.code == 0, outcome
            else:
                peer = Peer(central)
                redirect(peer, person)
                peer.close()
            nodes = children(up.pid)
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=30)
            assert up.returncode == 0
            assert alive(nodes) == []


def test_up_on_a_taken_port_says_so_and_leaves_nothing_behind(network: Network, tmp_path: Path) -> None:
    port = str(network.central.port)
    with running("up", "--port", port, "--backups", "0", "--data", str(tmp_path / "data"), folder=tmp_path) as up:
        nodes: set[int] = set()

        def ended() -> bool:
            nodes.update(children(up.pid))
            return up.poll() is not None

        eventually(ended, "up has given up", seconds=60)
        output, errors = up.communicate()
        assert up.returncode == 1, (output, errors)
        assert port.encode() in errors
        assert b"Traceback" not in errors
        assert alive(nodes) == []

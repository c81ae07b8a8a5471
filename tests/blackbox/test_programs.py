"""Programs that stay: `tail` and `client` outlive their server, and `up` starts a node again that has died."""

import json
import os
import select
import signal
from pathlib import Path

import pytest

from tests.blackbox.commands import PROCESSES, alive, children, oyez, running
from tests.blackbox.conftest import Dial, registered
from tests.blackbox.people import ANONYMOUS, log_in, redirect
from tests.blackbox.processes import LOOPBACK, Network, free_port
from tests.blackbox.wire import Address, Peer, eventually


def holder(network: Network) -> str:
    """The id of the one server that holds a session."""
    eventually(lambda: sum(network.loads().values()) == 1, "somebody is logged in, by STATUS", seconds=60)
    return next(name for name, load in network.loads().items() if load)


def test_tail_goes_on_at_another_server_when_its_own_dies(private_network: Network, dial: Dial) -> None:
    network = private_network
    with running("tail", "--central", str(network.central)) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        died = holder(network)
        (survivor,) = set(network.servers) - {died}
        poster = dial(network.servers[survivor])
        log_in(poster, ANONYMOUS)
        poster.send(ANONYMOUS.post({"n": "before"}))
        assert json.loads(tail.stdout.readline())["n"] == "before"

        network.kill(died)
        eventually(lambda: network.loads() == {survivor: 2}, "tail is at the survivor, by STATUS", seconds=30)
        poster.send(ANONYMOUS.post({"n": "after"}))
        assert json.loads(tail.stdout.readline())["n"] == "after"
        assert select.select([tail.stderr], [], [], 10)[0], "it said nothing of it"
        tail.send_signal(signal.SIGTERM)
        assert tail.wait(20) == 0


def test_tail_outlives_its_central(private_network: Network, dial: Dial) -> None:
    network = private_network
    with running("tail", "--central", str(network.central)) as tail:
        assert tail.stdout is not None
        poster = dial(network.servers[holder(network)])
        log_in(poster, ANONYMOUS)
        network.kill("central")
        for number in range(3):
            poster.send(ANONYMOUS.post({"n": number}))
            assert json.loads(tail.stdout.readline())["n"] == number


def test_client_takes_its_input_from_a_pipe(network: Network, dial: Dial) -> None:
    listener = dial(network.servers["s1"])
    log_in(listener, ANONYMOUS)
    person = registered(network, "piper")
    lines = ["hear ye", '{"type":"Like","object":"urn:x"}', "/who", "/status", "/help", "good bye"]
    outcome = oyez(
        *("client", "--central", str(network.central), "--user", person.username),
        given="".join(f"{line}\n" for line in lines),
        variables={"OYEZ_USER_SECRET": str(person.secret)},
    )
    assert outcome.code == 0, outcome
    assert "Traceback" not in outcome.output + outcome.errors
    author = {"authenticated_user": person.username}
    assert listener.expect_activity() == author | {"type": "Note", "content": "hear ye"}
    assert listener.expect_activity() == author | {"type": "Like", "object": "urn:x"}
    assert listener.expect_activity()["content"] == "good bye"
    for said in (f"{person.username}: hear ye", "s1", "s2", "/logout"):
        assert said in outcome.output + outcome.errors, said


@pytest.mark.skipif(not PROCESSES.exists(), reason="finds the nodes by /proc")
@pytest.mark.parametrize("role", ["server", "central"])
def test_up_starts_a_node_again_that_has_died(tmp_path: Path, dial: Dial, role: str) -> None:
    central = Address(LOOPBACK, free_port())
    arguments = ["up", "--port", str(central.port), "--servers", "2", "--backups", "0"]
    arguments += ["--data", str(tmp_path / "data")]  # with a backup: tests/failover

    def ready() -> set[str]:
        try:
            peer = Peer(central)
        except ConnectionRefusedError:
            return set()
        try:
            peer.send({"command": "STATUS"})
            report = peer.receive()
            servers = report["servers"] if report is not None else []
            return {f"{one['id']} at {one['port']}" for one in servers if one.get("ready", True)}
        finally:
            peer.close()

    with running(*arguments, folder=tmp_path) as up:
        eventually(lambda: len(ready()) == 2, "two servers", seconds=60)

        def nodes() -> list[int]:
            return [pid for pid, command in children(up.pid).items() if role in command]

        victim, *_ = nodes()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in nodes(), "it is dead")
        eventually(lambda: len(ready()) == 2 and bool(nodes()), "two servers again", seconds=60)
        answer = redirect(dial(central), ANONYMOUS)
        log_in(dial(Address(answer["hostname"], answer["port"])), ANONYMOUS)
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=30)
        assert up.returncode == 0


@pytest.mark.skipif(not PROCESSES.exists(), reason="finds the nodes by /proc")
def test_nodes_do_not_outlive_an_up_that_is_killed(tmp_path: Path) -> None:
    arguments = ["up", "--port", str(free_port()), "--data", str(tmp_path / "data")]
    with running(*arguments, folder=tmp_path) as up:
        eventually(lambda: len(children(up.pid)) == 4, "two centrals and two servers", seconds=60)
        nodes = children(up.pid)
        up.kill()
        eventually(lambda: alive(nodes) == [], "no node of it is left")

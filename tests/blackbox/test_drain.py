"""A server that leaves: its sessions go elsewhere, nothing is lost, and it is gone with exit code 0."""

import signal

import pytest

from tests.blackbox.commands import oyez
from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, log_in
from tests.blackbox.processes import CLUSTER_SECRET, Network
from tests.blackbox.wire import eventually


def drain(network: Network, server: str, secret: str = CLUSTER_SECRET) -> tuple[int, str]:
    """Exit code, and what the operator reads."""
    outcome = oyez("drain", server, "--central", str(network.central), variables={"OYEZ_SECRET": secret})
    return outcome.code, outcome.errors


def test_the_operator_takes_a_server_out_and_its_sessions_are_sent_to_another(
    private_network: Network, dial: Dial
) -> None:
    leaving = private_network.servers["s1"]
    sessions = [dial(leaving) for _ in range(3)]
    for session in sessions:
        log_in(session, ANONYMOUS)
    assert drain(private_network, "s1") == (0, "s1 has left\n")
    for session in sessions:
        redirect = session.expect("REDIRECT")
        assert redirect["port"] == private_network.servers["s2"].port
        there = dial(private_network.servers["s2"])
        there.send({"command": "LOGIN", "username": "anonymous", "ticket": redirect["ticket"]})
        there.expect("LOGIN_SUCCESS")
    assert private_network.loads().keys() == {"s2"}
    process = private_network.processes["s1"]
    eventually(lambda: not process.running(), "its process has ended")
    private_network.stop("s1")  # which looks at the exit code
    assert private_network.wait_for_loads(3) == {"s2": 3}


def test_an_order_that_can_not_be_followed_is_refused_in_a_sentence(private_network: Network) -> None:
    assert drain(private_network, "s9") == (1, "oyez: there is no server s9\n")
    assert drain(private_network, "s1", "not the secret") == (1, "oyez: the cluster secret is wrong\n")
    private_network.stop("s2")
    code, said = drain(private_network, "s1")
    assert (code, said) == (1, "oyez: there is no other server that could take the sessions of s1\n")
    assert private_network.loads().keys() == {"s1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_by_sigterm_sessions_are_moved_and_by_sigint_they_are_sent_back(
    private_network: Network, dial: Dial, number: signal.Signals
) -> None:
    session = dial(private_network.servers["s1"])
    log_in(session, ANONYMOUS)
    process = private_network.processes["s1"]
    process.signal(number)
    redirect = session.expect("REDIRECT")
    wanted = private_network.servers["s2"] if number is signal.SIGTERM else private_network.central
    assert redirect["port"] == wanted.port
    assert ("ticket" in redirect) == (number is signal.SIGTERM)
    eventually(lambda: not process.running(), "it has ended")
    private_network.stop("s1")

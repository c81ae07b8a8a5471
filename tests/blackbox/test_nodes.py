"""What servers and the central say to each other, as far as a program that plays a server can see it."""

import pytest

from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, log_in, redirect
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network
from tests.blackbox.wire import Address, Message, Peer, decode, eventually


def introduction(name: str, port: int, secret: str = CLUSTER_SECRET) -> Message:
    return {
        "command": "AUTHENTICATE",
        "secret": secret,
        "id": name,
        "hostname": LOOPBACK,
        "port": port,
        "incarnation": "first",
        "load": 0,
        "term": 0,
    }


def answer(peer: Peer, *commands: str) -> Message:
    """The next of these node commands; others, such as heartbeats, may come before it."""
    for _ in range(100):
        line = peer.receive_line()
        assert line is not None, f"closed before any of {commands}\n{peer.conversation()}"
        message = decode(line)
        if message["command"] in commands:
            return message
    raise AssertionError(f"a hundred other messages and none of {commands}\n{peer.conversation()}")


def joined(network: Network, dial: Dial, name: str) -> Peer:
    """A link on which a server of this name has been let in (nothing listens at its address)."""
    link = dial(network.central)
    link.send(introduction(name, 9))
    answer(link, "AUTHENTICATE_SUCCESS")
    return link


def test_a_server_is_let_in_with_the_secret_and_told_of_the_others(private_network: Network, dial: Dial) -> None:
    link = dial(private_network.central)
    link.send(introduction("toy", 9))
    success = answer(link, "AUTHENTICATE_SUCCESS")
    assert isinstance(success["info"], str)
    others = {one["id"]: Address(one["hostname"], one["port"]) for one in success["servers"]}
    others.pop("toy", None)
    assert others == private_network.servers
    assert "toy" in private_network.loads()


@pytest.mark.parametrize("secret", ["", "a guess", CLUSTER_SECRET + " "])
def test_a_server_with_the_wrong_secret_is_refused(network: Network, dial: Dial, secret: str) -> None:
    link = dial(network.central)
    link.send(introduction("toy", 9, secret))
    link.expect_refusal("AUTHENTICATION_FAIL", *(["INVALID_MESSAGE"] if not secret else []))
    assert "toy" not in network.loads()


def test_a_second_introduction_is_malformed(private_network: Network, dial: Dial) -> None:
    link = joined(private_network, dial, "toy")
    link.send(introduction("toy", 9))
    refusal = answer(link, "INVALID_MESSAGE", "AUTHENTICATE_SUCCESS", "AUTHENTICATION_FAIL")
    assert refusal["command"] == "INVALID_MESSAGE"
    assert refusal["info"]
    link.expect_close()


def test_servers_are_told_who_comes_and_who_goes(private_network: Network, dial: Dial) -> None:
    watcher = joined(private_network, dial, "watcher")
    guest = joined(private_network, dial, "guest")
    news = answer(watcher, "SYNCHRONISED_NEW_SERVER")
    while news["id"] != "guest":
        news = answer(watcher, "SYNCHRONISED_NEW_SERVER")
    assert Address(news["hostname"], news["port"]) == Address(LOOPBACK, 9)
    guest.close()
    news = answer(watcher, "REMOVE_SERVER")
    while news["id"] != "guest":
        news = answer(watcher, "REMOVE_SERVER")
    eventually(lambda: "guest" not in private_network.loads(), "the guest is gone, by STATUS")


def test_a_server_that_goes_silent_gets_no_more_logins(private_network: Network, dial: Dial) -> None:
    """Frozen, not dead: its link stays open, so only the missing heartbeat tells."""
    silent = joined(private_network, dial, "silent")
    try:
        eventually(lambda: "silent" not in private_network.loads(), "the silent one is out, by STATUS", seconds=20)
        for _ in range(4):
            there = redirect(dial(private_network.central), ANONYMOUS)
            assert Address(there["hostname"], there["port"]) in private_network.servers.values()
    finally:
        silent.close()


def test_the_loads_come_from_the_servers_themselves(private_network: Network, dial: Dial) -> None:
    link = joined(private_network, dial, "toy")
    announce = {"command": "SERVER_ANNOUNCE", "id": "toy", "load": 7, "hostname": LOOPBACK, "port": 9}
    link.send(announce)
    eventually(lambda: private_network.loads().get("toy") == 7, "the announced load, by STATUS")
    link.send({"command": "DE_LOAD", "id": "toy"})
    eventually(lambda: private_network.loads().get("toy") == 6, "one less, by STATUS")


def test_a_server_speaks_for_itself_alone(private_network: Network, dial: Dial) -> None:
    log_in(dial(private_network.servers["s1"]), ANONYMOUS)
    private_network.wait_for_loads(1)
    link = joined(private_network, dial, "toy")
    link.send({"command": "SERVER_ANNOUNCE", "id": "s1", "load": 1000, "hostname": LOOPBACK, "port": 9})
    refusal = answer(link, "INVALID_MESSAGE", "AUTHENTICATION_FAIL")
    assert refusal["info"]
    link.expect_close()
    assert private_network.loads()["s1"] == 1


def test_a_client_command_on_a_servers_link_is_malformed(private_network: Network, dial: Dial) -> None:
    link = joined(private_network, dial, "toy")
    link.send(ANONYMOUS.post({}))
    assert answer(link, "INVALID_MESSAGE")["info"]
    link.expect_close()

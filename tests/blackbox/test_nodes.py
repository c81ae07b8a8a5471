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
        "incarnation": 1,
        "load": 0,
        "term": 0,
    }


def answer(peer: Peer, *commands: str, name: str | None = None) -> Message:
    """The next of these node commands; others may come before it.

    As the server of this name, answer heartbeats on the way: who says nothing for 3 s is taken for dead.
    """
    for _ in range(100):
        line = peer.receive_line()
        assert line is not None, f"closed before any of {commands}\n{peer.conversation()}"
        message = decode(line)
        if message["command"] in commands:
            return message
        if name is not None and message["command"] == "HEARTBEAT":
            peer.send(announcement(name))
    raise AssertionError(f"a hundred other messages and none of {commands}\n{peer.conversation()}")


def announcement(name: str, load: int = 0) -> Message:
    return {"command": "SERVER_ANNOUNCE", "id": name, "load": load, "hostname": LOOPBACK, "port": 9}


def joined(network: Network, dial: Dial, name: str) -> Peer:
    """A link on which a server of this name has been let in and takes clients (nothing listens at its address)."""
    link = dial(network.central)
    link.send(introduction(name, 9))
    answer(link, "AUTHENTICATE_SUCCESS")
    link.send(announcement(name))
    eventually(lambda: name in network.loads(), f"{name} takes clients, by STATUS")
    return link


def test_a_server_is_let_in_with_the_secret_and_told_of_the_others(private_network: Network, dial: Dial) -> None:
    link = dial(private_network.central)
    link.send(introduction("toy", 9))
    success = answer(link, "AUTHENTICATE_SUCCESS")
    assert isinstance(success["info"], str)
    others = {one["id"]: Address(one["hostname"], one["port"]) for one in success["servers"]}
    others.pop("toy", None)
    assert others == private_network.servers
    assert "toy" in {one["id"] for one in private_network.status()["servers"]}


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
    news = answer(watcher, "SYNCHRONISED_NEW_SERVER", name="watcher")
    assert news["id"] == "guest"
    assert Address(news["hostname"], news["port"]) == Address(LOOPBACK, 9)
    guest.close()
    eventually(lambda: "guest" not in private_network.loads(), "no more clients for the guest, by STATUS")
    news = answer(watcher, "REMOVE_SERVER", name="watcher")
    assert news["id"] == "guest"
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
    link.send(announcement("toy", 7))
    eventually(lambda: private_network.loads().get("toy") == 7, "the announced load, by STATUS")
    link.send({"command": "DE_LOAD", "id": "toy"})
    eventually(lambda: private_network.loads().get("toy") == 6, "one less, by STATUS")


def test_a_server_speaks_for_itself_alone(private_network: Network, dial: Dial) -> None:
    log_in(dial(private_network.servers["s1"]), ANONYMOUS)
    private_network.wait_for_loads(1)
    link = joined(private_network, dial, "toy")
    link.send(announcement("s1", 1000))
    link.send({"command": "DE_LOAD", "id": "s1"})
    link.finish_sending()
    while (line := link.receive_line()) is not None:  # refused or not, but with nothing done
        allowed = ("HEARTBEAT", "CONFIGURE", "CONFIRM_TERM", "INVALID_MESSAGE", "AUTHENTICATION_FAIL")
        assert decode(line)["command"] in allowed
    assert private_network.loads() == {"s1": 1, "s2": 0}
    address = {one["id"]: one["port"] for one in private_network.status()["servers"]}["s1"]
    assert address == private_network.servers["s1"].port


def test_a_client_command_on_a_servers_link_is_malformed(private_network: Network, dial: Dial) -> None:
    link = joined(private_network, dial, "toy")
    link.send(ANONYMOUS.post({}))
    assert answer(link, "INVALID_MESSAGE")["info"]
    link.expect_close()

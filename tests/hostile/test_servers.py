"""A fake server with the id of a living one: without the cluster's secret, and with it, as whoever has read it may.

With the secret anybody is a node, and may take any id (SECURITY.md). What is promised is that nobody takes the place of
a living server by an incarnation that is not later; that no taking goes unlogged; and that sessions go on.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import registered
from tests.blackbox.people import ANONYMOUS, Person
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network
from tests.blackbox.wire import Address, Message, Peer, eventually
from tests.hostile.strangers import Attacker, Honest, attack, logged, said

LATEST = 2**53


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """One of their own: its servers lose their places."""
    with Network(tmp_path_factory.mktemp("stolen-ids")) as network:
        yield network


@pytest.fixture(scope="module")
def people(network: Network) -> list[Person]:
    return [registered(network, "alice"), registered(network, "bob")]


def incarnation(network: Network, name: str) -> int:
    """Everybody may know it: it is in the id of each activity."""
    link = Peer(network.servers[name])
    link.send(ANONYMOUS.login() | {"resume": {}})
    origin = link.expect("LOGIN_SUCCESS")["origin"]
    link.close()
    return int(origin.rpartition(".")[2])


def introduction(name: str, at: Address, incarnation: int, secret: str = CLUSTER_SECRET) -> Message:
    place = {"id": name, "hostname": at.hostname, "port": at.port, "incarnation": incarnation}
    return {"command": "AUTHENTICATE", "secret": secret, "load": 0, "term": 0} | place


def hello(name: str, incarnation: int, secret: str = CLUSTER_SECRET) -> Message:
    return {"command": "SERVER_HELLO", "secret": secret, "id": name, "incarnation": incarnation}


def comes(attacker: Attacker, address: Address, line: Message) -> str:
    """What the first answer to this is."""
    link = attacker.connects(address)
    link.send(line)
    message = said(link) or {}
    return str(message.get("reason") or message.get("command"))


ELSEWHERE = Address(LOOPBACK, 9)


def test_a_stolen_id_is_worth_nothing_without_the_secret(network: Network, honest: Honest) -> None:
    before = network.status()["servers"]
    with attack("127.0.18.1") as attacker:
        for later in (0, incarnation(network, "s1"), LATEST):
            stolen = introduction("s1", ELSEWHERE, later, "a guess")
            assert comes(attacker, network.central, stolen) == "wrong_secret"
            assert comes(attacker, network.servers["s2"], hello("s1", later, "a guess")) == "wrong_secret"
    assert {one["id"]: one["port"] for one in network.status()["servers"]} == {one["id"]: one["port"] for one in before}


def test_an_incarnation_of_the_past_displaces_nobody(network: Network, honest: Honest) -> None:
    now = incarnation(network, "s1")
    with attack("127.0.18.2") as attacker:
        for earlier in (0, now - 1):
            for at in (ELSEWHERE, network.servers["s1"]):
                assert comes(attacker, network.central, introduction("s1", at, earlier)) == "id_in_use"
            assert comes(attacker, network.servers["s2"], hello("s1", earlier)) == "superseded"
        honest.go_on()
    assert sorted(network.loads()) == ["s1", "s2"]
    assert incarnation(network, "s1") == now


def test_the_same_incarnation_at_another_address_displaces_nobody(network: Network, honest: Honest) -> None:
    with attack("127.0.18.3") as attacker:
        stolen = introduction("s1", ELSEWHERE, incarnation(network, "s1"))
        assert comes(attacker, network.central, stolen) == "id_in_use"
        honest.go_on()
    ports = {one["id"]: one["port"] for one in network.status()["servers"]}
    assert ports == {name: address.port for name, address in network.servers.items()}
    assert not logged(network, "central", "server_displaced")


def test_a_server_does_not_meet_itself(network: Network, honest: Honest) -> None:
    with attack("127.0.18.4") as attacker:
        assert comes(attacker, network.servers["s1"], hello("s1", LATEST)) == "id_in_use"


def test_the_same_incarnation_at_the_same_address_is_told_of_and_the_living_one_comes_back(
    network: Network, honest: Honest
) -> None:
    """It can't be told from a server that has lost its link."""
    with attack("127.0.18.5") as attacker:
        stolen = introduction("s1", network.servers["s1"], incarnation(network, "s1"))
        assert comes(attacker, network.central, stolen) == "AUTHENTICATE_SUCCESS"
        eventually(lambda: sorted(network.loads()) == ["s1", "s2"], "the living one has its place again")
        assert logged(network, "central", "server_displaced")
        honest.go_on()
        honest.come()
        assert comes(attacker, network.servers["s2"], hello("s1", incarnation(network, "s1"))) == "SERVER_HELLO"
        eventually(lambda: logged(network, "s2", "mesh_lost"), "the other server says that a link was replaced")
        attacker.over()
        honest.go_on()


def test_a_later_incarnation_takes_the_place_and_both_say_so(tmp_path: Path) -> None:
    """Last in its network: until it is started again, the living server is taken for its own past. Those who are in
    hear each other all the same, as far as one server goes."""
    with Network(tmp_path, servers=1) as network:
        honest = Honest(network, [registered(network, "alice")])
        honest.go_on()
        with attack("127.0.18.6") as attacker:
            link = attacker.connects(network.central)
            link.send(introduction("s1", ELSEWHERE, LATEST))
            assert (said(link) or {})["command"] == "AUTHENTICATE_SUCCESS"
            eventually(lambda: logged(network, "s1", "not_welcome"), "the living one says that it is refused")
            assert logged(network, "central", "server_displaced")
            honest.go_on()
        network.kill("s1")
        eventually(lambda: not network.status()["servers"], "the thief is taken out of the directory", seconds=30)
        network.start_server("s1")
        honest.close()

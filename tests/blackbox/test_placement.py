"""Where logins are sent: to the server with the fewest sessions and reservations; who has left is counted out."""

from collections import Counter

import pytest

from tests.blackbox.conftest import Dial, registered
from tests.blackbox.people import ANONYMOUS, Person, log_in, redirect
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, Peer, eventually


def placed(network: Network, dial: Dial, person: Person = ANONYMOUS) -> tuple[Address, str]:
    """Log in at the central: where to go, and the ticket for it."""
    answer = redirect(dial(network.central), person)
    return Address(answer["hostname"], answer["port"]), answer["ticket"]


def settle(network: Network, dial: Dial, person: Person = ANONYMOUS) -> tuple[Address, Peer]:
    """Log in at the central and, with the ticket, at the server it named."""
    address, ticket = placed(network, dial, person)
    session = dial(address)
    session.send({"command": "LOGIN", "username": person.username, "ticket": ticket})
    session.expect("LOGIN_SUCCESS")
    return address, session


def spread(network: Network, addresses: list[Address]) -> int:
    """The difference between the most and the least often named server."""
    counts = Counter(addresses)
    assert set(counts) <= set(network.servers.values()), counts
    return max(counts.values()) - min(counts[address] for address in network.servers.values())


def test_thirty_logins_that_do_not_connect_on_spread_evenly(private_network: Network, dial: Dial) -> None:
    addresses = []
    for _ in range(30):
        addresses.append(placed(private_network, dial)[0])
        assert spread(private_network, addresses) <= 1, addresses


def test_thirty_logins_that_connect_on_spread_evenly(private_network: Network, dial: Dial) -> None:
    addresses = []
    for _ in range(30):
        addresses.append(settle(private_network, dial)[0])
        assert spread(private_network, addresses) <= 1, addresses
    assert private_network.wait_for_loads(30) == {"s1": 15, "s2": 15}


def test_thirty_logins_at_once_spread_evenly(private_network: Network, dial: Dial) -> None:
    peers = [dial(private_network.central) for _ in range(30)]
    for peer in peers:
        peer.send(ANONYMOUS.login())
    addresses = []
    for peer in peers:
        peer.expect("LOGIN_SUCCESS")
        answer = peer.expect("REDIRECT")
        addresses.append(Address(answer["hostname"], answer["port"]))
    assert spread(private_network, addresses) <= 1, Counter(addresses)


def test_clients_without_tickets_spread_evenly_too(private_network: Network, dial: Dial) -> None:
    """Existing programs follow the REDIRECT with username and secret: their reservation is redeemed all the same."""
    person = registered(private_network, "old")
    addresses = []
    for number in range(1, 11):
        address, _ = placed(private_network, dial, person)
        log_in(dial(address), person)
        addresses.append(address)
        private_network.wait_for_loads(number)
        assert spread(private_network, addresses) <= 1, addresses


def test_the_emptier_server_fills_first(private_network: Network, dial: Dial) -> None:
    for _ in range(6):
        log_in(dial(private_network.servers["s1"]), ANONYMOUS)
    assert private_network.wait_for_loads(6) == {"s1": 6, "s2": 0}
    assert {placed(private_network, dial)[0] for _ in range(6)} == {private_network.servers["s2"]}


@pytest.mark.parametrize("how", ["reset", "drop", "logout"])
def test_a_client_that_leaves_is_counted_out(private_network: Network, dial: Dial, how: str) -> None:
    sessions = [settle(private_network, dial) for _ in range(6)]
    assert private_network.wait_for_loads(6) == {"s1": 3, "s2": 3}
    for address, session in sessions:
        if address == private_network.servers["s1"]:
            if how == "reset":
                session.reset()
            elif how == "drop":
                session.close()
            else:
                session.log_out()
    eventually(lambda: private_network.loads() == {"s1": 0, "s2": 3}, "those of s1 are counted out")
    assert {placed(private_network, dial)[0] for _ in range(3)} == {private_network.servers["s1"]}


def test_links_without_a_login_count_for_nothing(private_network: Network, dial: Dial) -> None:
    for _ in range(5):
        dial(private_network.servers["s1"])
        refused = dial(private_network.servers["s1"])
        refused.send(Person("nobody", "nothing").login())
        refused.expect_refusal("LOGIN_FAILED")
    log_in(dial(private_network.servers["s2"]), ANONYMOUS)
    assert private_network.wait_for_loads(1) == {"s1": 0, "s2": 1}


def test_without_any_server_a_login_says_so(private_network: Network, dial: Dial) -> None:
    for name in private_network.servers:
        private_network.stop(name)
    eventually(lambda: private_network.status()["servers"] == [], "no server is left, by STATUS")
    central = dial(private_network.central)
    central.send(ANONYMOUS.login())
    assert "server" in central.expect_refusal("LOGIN_FAILED")["info"]


def test_nobody_is_sent_to_a_server_that_died(private_network: Network, dial: Dial) -> None:
    survivor = dial(private_network.servers["s1"])
    log_in(survivor, ANONYMOUS)
    victim = dial(private_network.servers["s2"])
    log_in(victim, ANONYMOUS)
    private_network.kill("s2")
    victim.expect_close()
    eventually(lambda: list(private_network.loads()) == ["s1"], "s2 is gone, by STATUS")
    assert {placed(private_network, dial)[0] for _ in range(5)} == {private_network.servers["s1"]}
    survivor.send(ANONYMOUS.post({"n": 1}))
    assert survivor.expect_activity()["n"] == 1


def test_a_server_that_comes_back_takes_part_again(private_network: Network, dial: Dial) -> None:
    private_network.kill("s2")
    eventually(lambda: list(private_network.loads()) == ["s1"], "s2 is gone, by STATUS")
    here = dial(private_network.servers["s1"])
    log_in(here, ANONYMOUS)
    here.send(ANONYMOUS.post({"n": "before"}))
    here.expect_activity()
    private_network.start_server("s2")
    there = dial(private_network.servers["s2"])
    log_in(there, ANONYMOUS)
    for peer, number in ((here, 1), (there, 2)):
        peer.send(ANONYMOUS.post({"n": number}))
        for listener in (here, there):
            assert listener.expect_activity()["n"] == number


def test_a_server_that_joins_later_takes_part(private_network: Network, dial: Dial) -> None:
    others = {name: dial(address) for name, address in private_network.servers.items()}
    for peer in others.values():
        log_in(peer, ANONYMOUS)
    private_network.wait_for_loads(2)
    third = private_network.start_server("s3")
    assert placed(private_network, dial)[0] == third
    newcomer = dial(third)
    log_in(newcomer, ANONYMOUS)
    everybody = [*others.values(), newcomer]
    for number, poster in enumerate(everybody):
        poster.send(ANONYMOUS.post({"n": number}))
        for listener in everybody:
            assert listener.expect_activity()["n"] == number

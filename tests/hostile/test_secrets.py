"""Secrets: guessing at them, and asking for more hashing than there is time for."""

import re

from tests.blackbox.people import Person, redirect, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, Peer, eventually
from tests.hostile.strangers import Attacker, Honest, answer, attack


def guess(attacker: Attacker, address: Address, username: str) -> tuple[str, str]:
    """A wrong secret: the reason, and what is told to a person."""
    link = attacker.connects(address)
    link.send(Person(username, "not the secret").login())
    refusal = link.expect_refusal("LOGIN_FAILED")
    link.close()
    return refusal["reason"], refusal["info"]


def test_who_guesses_waits_longer_each_time_and_the_user_does_not(
    network: Network, honest: Honest, people: list[Person]
) -> None:
    alice, bob = people
    with attack("127.0.9.1") as attacker:
        found = [guess(attacker, network.central, alice.username)[0] for _ in range(5)]
        assert found == ["wrong_credentials"] * 3 + ["too_many_failures"] * 2
        waits = []
        for _ in range(2):
            waits.append(re.findall(r"try again in (\d+) s", guess(attacker, network.central, alice.username)[1]))
            eventually(
                lambda: guess(attacker, network.central, alice.username)[0] == "wrong_credentials",
                "the delay is over",
            )
        waits.append(re.findall(r"try again in (\d+) s", guess(attacker, network.central, alice.username)[1]))
        assert waits == [["1"], ["2"], ["4"]]
        right = attacker.connects(network.central)
        right.send(alice.login())
        assert answer(right) == "too_many_failures", "who has guessed does not learn when it is right"
        for person in (alice, bob):
            peer = Peer(network.central)
            honest.enter(person, redirect(peer, person))
            peer.close()
        other = attacker.connects(network.central)
        other.send(bob.login())
        assert answer(other) == "LOGIN_SUCCESS"


def test_whether_a_user_exists_is_not_told(network: Network, honest: Honest, people: list[Person]) -> None:
    told = []
    for number, username in enumerate((people[0].username, somebody("nobody").username), 2):
        with attack(f"127.0.9.{number}") as attacker:
            found = [guess(attacker, network.central, username) for _ in range(4)]
            told.append([(reason, info.replace(username, "X").replace(attacker.host, "Y")) for reason, info in found])
    assert told[0] == told[1]


def test_guesses_by_a_server_are_the_same(network: Network, honest: Honest, people: list[Person]) -> None:
    with attack("127.0.9.4") as attacker:
        server = network.servers["s2"]
        found = [guess(attacker, server, people[1].username)[0] for _ in range(4)]
        assert found == ["wrong_credentials"] * 3 + ["too_many_failures"]
        assert guess(attacker, network.central, people[1].username)[0] == "too_many_failures"
    honest.go_on()


def test_a_flood_of_registrations(network: Network, honest: Honest) -> None:
    with attack("127.0.9.5") as attacker:
        links = [attacker.connects(network.central) for _ in range(50)]
        for link in links:
            link.send(somebody("flood").registration())
        honest.come()
        found = [answer(link) for link in attacker.links]
    assert set(found) == {"REGISTER_SUCCESS", "busy", "too_many_registrations"}
    assert found.count("too_many_registrations") >= 25
    honest.come()


def test_a_flood_of_logins_that_nobody_waits_for(network: Network, honest: Honest) -> None:
    """Each would have a secret hashed; the sender is gone by then."""
    with attack("127.0.9.6") as attacker:
        for _ in range(100):
            link = attacker.connects(network.central)
            link.send(somebody("ghost").login())
            link.reset()
        honest.come()
        honest.go_on()

"""The central dies and comes back: no user is lost, and connected clients notice nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import Dial, assert_no_tracebacks, registered
from tests.blackbox.people import Conversation, Person, log_in, redirect, register, somebody
from tests.blackbox.processes import Network, free_port
from tests.blackbox.wire import Address, Peer, eventually


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network whose central can come back on its port."""
    with Network(tmp_path, port=free_port()) as network:
        yield network
        assert_no_tracebacks(network)


@pytest.fixture
def talk(network: Network, dial: Dial) -> Conversation:
    """One session at each server."""
    conversation = Conversation()
    for address in network.servers.values():
        person = registered(network, "talker")
        session = dial(address)
        log_in(session, person)
        conversation.join(session, person)
    return conversation


def servers_are_back(network: Network) -> bool:
    return set(network.loads()) == {"s1", "s2"}


def test_a_user_who_was_told_of_success_is_kept(network: Network, dial: Dial) -> None:
    person = somebody()
    register(dial(network.central), person)
    network.kill("central")
    network.start_central()
    eventually(lambda: servers_are_back(network), "both servers are back at the central", seconds=30)
    answer = redirect(dial(network.central), person)
    session = dial(Address(answer["hostname"], answer["port"]))
    log_in(session, person)
    session.send(person.post({"n": 1}))
    assert session.expect_activity()["authenticated_user"] == person.username


def test_a_taken_name_stays_taken(network: Network, dial: Dial) -> None:
    person = registered(network, "first")
    network.kill("central")
    network.start_central()
    second = dial(network.central)
    second.send(Person(person.username, "another secret").registration())
    assert "is already registered with the system" in second.expect_refusal("REGISTER_FAILED")["info"]


def test_a_wrong_secret_stays_wrong(network: Network, dial: Dial) -> None:
    person = registered(network, "first")
    network.kill("central")
    network.start_central()
    central = dial(network.central)
    central.send(Person(person.username, "a guess").login())
    central.expect_refusal("LOGIN_FAILED")


def test_every_one_of_many_acknowledged_users_is_kept(network: Network, dial: Dial) -> None:
    """Killed in the middle of registrations: what was acknowledged is there, and nothing else broke."""
    people = [somebody() for _ in range(30)]
    links = [dial(network.central) for _ in people]
    for link, person in zip(links, people, strict=True):
        link.send(person.registration())
    acknowledged = []
    for link, person in zip(links[:10], people[:10], strict=True):
        link.expect("REGISTER_SUCCESS")
        acknowledged.append(person)
    network.kill("central")
    for link, person in zip(links[10:], people[10:], strict=True):
        if (answer := link.receive()) is not None:
            assert answer["command"] == "REGISTER_SUCCESS"
            acknowledged.append(person)
    network.start_central()
    eventually(lambda: servers_are_back(network), "both servers are back at the central", seconds=30)
    for person in acknowledged:
        redirect(dial(network.central), person)


def test_connected_clients_talk_on_while_the_central_is_dead(network: Network, talk: Conversation) -> None:
    talk.say(10)
    network.kill("central")
    for _ in range(5):
        talk.say(20)
        talk.check()
    network.start_central()
    talk.say(20)
    eventually(lambda: servers_are_back(network), "both servers are back at the central", seconds=30)
    eventually(lambda: network.loads() == {"s1": 1, "s2": 1}, "the loads come from the servers, by STATUS")
    talk.say(20)
    talk.leave()


def test_a_ticket_is_good_without_the_central(network: Network, dial: Dial) -> None:
    person = registered(network, "ticket")
    answer = redirect(dial(network.central), person)
    network.kill("central")
    session = dial(Address(answer["hostname"], answer["port"]))
    session.send({"command": "LOGIN", "username": person.username, "ticket": answer["ticket"]})
    session.expect("LOGIN_SUCCESS")
    session.send({"command": "ACTIVITY_MESSAGE", "username": person.username, "activity": {"n": 1}})
    answer_to_post = session.receive()
    assert answer_to_post is not None
    assert answer_to_post["command"] in ("ACTIVITY_BROADCAST", "AUTHENTICATION_FAIL")


def test_nobody_is_let_in_unchecked_without_the_central(network: Network, dial: Dial) -> None:
    person = registered(network, "checked")
    network.kill("central")
    for guess in (Person(person.username, "a guess"), somebody("stranger")):
        session = dial(network.servers["s1"])
        session.send(guess.login())
        session.expect_refusal("LOGIN_FAILED")


def test_a_central_that_is_stopped_and_started_again_takes_everybody_back(
    network: Network, talk: Conversation, dial: Dial
) -> None:
    network.stop("central")
    talk.say(5)
    talk.check()
    network.start_central()
    eventually(lambda: servers_are_back(network), "both servers are back at the central", seconds=30)
    peer: Peer = dial(network.central)
    redirect(peer, talk.speakers[0].person)
    talk.say(5)
    talk.leave()


def test_a_server_that_starts_before_its_central_waits_for_it(network: Network, dial: Dial) -> None:
    """What a machine's boot order brings about."""
    network.stop("s2")
    network.kill("central")
    network.start_central()
    network.start_server("s2")
    eventually(lambda: servers_are_back(network), "both servers are at the central", seconds=30)
    person = registered(network, "late")
    redirect(dial(network.central), person)

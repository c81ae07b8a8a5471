"""The exact refusals: what is wrong is answered with its name, an `info` that says what, and the close."""

from typing import Any

import pytest

from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, Conversation, Person, log_in, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, Message, Peer, encode

pytestmark = pytest.mark.usefixtures("bystanders")


@pytest.fixture
def session(network: Network, dial: Dial, alice: Person) -> Peer:
    """Alice, logged in at s1."""
    peer = dial(network.servers["s1"])
    log_in(peer, alice)
    return peer


def test_a_post_before_the_login_is_refused(
    network: Network, dial: Dial, alice: Person, bystanders: Conversation
) -> None:
    peer = dial(network.servers["s1"])
    peer.send(alice.post({"content": "too early"}))
    peer.expect_refusal("AUTHENTICATION_FAIL")
    bystanders.say()
    bystanders.check()
    assert bystanders.overheard == []


def test_an_anonymous_post_before_the_login_is_refused(network: Network, dial: Dial) -> None:
    peer = dial(network.servers["s1"])
    peer.send(ANONYMOUS.post({}))
    peer.expect_refusal("AUTHENTICATION_FAIL")


def test_a_post_as_somebody_else_is_refused(session: Peer, bob: Person, bystanders: Conversation) -> None:
    session.send(bob.post({"content": "not mine"}))
    session.expect_refusal("AUTHENTICATION_FAIL")
    bystanders.say()
    bystanders.check()
    assert bystanders.overheard == []


def test_a_post_as_nobody_there_is_refused(session: Peer) -> None:
    session.send(somebody().post({}))
    session.expect_refusal("AUTHENTICATION_FAIL")


def test_a_post_with_the_wrong_secret_is_refused(session: Peer, alice: Person, bystanders: Conversation) -> None:
    session.send(Person(alice.username, "a guess").post({"content": "not mine"}))
    session.expect_refusal("AUTHENTICATION_FAIL")
    bystanders.say()
    bystanders.check()
    assert bystanders.overheard == []


@pytest.mark.parametrize("secret", [None, ""])
def test_a_post_as_anonymous_while_logged_in_as_somebody_is_refused(session: Peer, secret: str | None) -> None:
    session.send(Person("anonymous", secret).post({}))
    session.expect_refusal("AUTHENTICATION_FAIL")


def test_a_post_as_somebody_while_logged_in_as_anonymous_is_refused(
    network: Network, dial: Dial, alice: Person
) -> None:
    peer = dial(network.servers["s1"])
    log_in(peer, ANONYMOUS)
    peer.send(alice.post({}))
    peer.expect_refusal("AUTHENTICATION_FAIL")


def test_a_good_post_right_before_a_bad_one_still_counts(
    session: Peer, alice: Person, bystanders: Conversation
) -> None:
    bad = Person(alice.username, "a guess").post({"content": "bad"})
    late = alice.post({"content": "after the refusal"})
    session.send_raw(encode(alice.post({"content": "good"})) + encode(bad) + encode(late))
    session.expect_refusal("AUTHENTICATION_FAIL")
    bystanders.say()
    bystanders.check()
    assert [one["content"] for one in bystanders.overheard] == ["good", "good"]  # by each bystander once


@pytest.mark.parametrize("activity", [None, "text", 7, 1.5, True, [], [{}], ""], ids=repr)
def test_an_activity_that_is_no_object_is_malformed(session: Peer, alice: Person, activity: Any) -> None:
    session.send(alice.post(activity))
    session.expect_refusal("INVALID_MESSAGE")


def test_a_post_without_an_activity_is_malformed(session: Peer, alice: Person) -> None:
    session.send({"command": "ACTIVITY_MESSAGE"} | alice.credentials())
    session.expect_refusal("INVALID_MESSAGE")


@pytest.mark.parametrize("username", [None, "", 7, True, [], {}, ["alice"]], ids=repr)
def test_a_post_with_a_malformed_username_is_malformed(session: Peer, username: Any, alice: Person) -> None:
    session.send(alice.post({}) | {"username": username})
    session.expect_refusal("INVALID_MESSAGE")


@pytest.mark.parametrize("secret", [7, True, [], {}, ["secret"]], ids=repr)
def test_a_post_with_a_malformed_secret_is_malformed(session: Peer, secret: Any, alice: Person) -> None:
    session.send(alice.post({}) | {"secret": secret})
    session.expect_refusal("INVALID_MESSAGE")


def test_registering_while_logged_in_is_malformed(session: Peer) -> None:
    session.send(somebody().registration())
    session.expect_refusal("INVALID_MESSAGE")


def test_a_second_login_on_a_link_is_refused(session: Peer, alice: Person) -> None:
    session.send(alice.login())
    session.expect_refusal("INVALID_MESSAGE", "LOGIN_FAILED")


def test_a_server_sends_those_who_register_to_the_central(network: Network, dial: Dial) -> None:
    person = somebody()
    peer = dial(network.servers["s2"])
    peer.send(person.registration())
    answer = peer.expect("REDIRECT")
    assert type(answer["port"]) is int
    assert Address(answer["hostname"], answer["port"]) == network.central
    peer.expect_close()
    register(dial(network.central), person)  # nobody took the name meanwhile


MALFORMED_NAMES: list[Message] = [
    {"username": "", "secret": "s"},
    {"username": None, "secret": "s"},
    {"username": 7, "secret": "s"},
    {"username": ["bob"], "secret": "s"},
    {"username": {"bob": 1}, "secret": "s"},
    {"username": True, "secret": "s"},
    {"secret": "s"},
    {"username": "bob", "secret": 7},
    {"username": "bob", "secret": ["s"]},
    {"username": "bob", "secret": {}},
    {"username": "bob", "secret": False},
    {},
]


@pytest.mark.parametrize("fields", MALFORMED_NAMES, ids=str)
@pytest.mark.parametrize("command", ["REGISTER", "LOGIN"])
@pytest.mark.parametrize("where", ["central", "s1"])
def test_malformed_names_and_secrets_are_malformed(
    network: Network, dial: Dial, where: str, command: str, fields: Message
) -> None:
    peer = dial(network.central if where == "central" else network.servers[where])
    peer.send({"command": command} | fields)
    peer.expect_refusal("INVALID_MESSAGE")


@pytest.mark.parametrize("fields", [{"secret": ""}, {"secret": None}, {}], ids=str)
def test_nobody_registers_without_a_secret(network: Network, dial: Dial, fields: Message) -> None:
    peer = dial(network.central)
    peer.send({"command": "REGISTER", "username": somebody().username} | fields)
    peer.expect_refusal("INVALID_MESSAGE")


@pytest.mark.parametrize("fields", [{"secret": ""}, {"secret": None}, {}], ids=str)
@pytest.mark.parametrize("where", ["central", "s1"])
def test_nobody_but_anonymous_logs_in_without_a_secret(
    network: Network, dial: Dial, where: str, fields: Message, alice: Person
) -> None:
    peer = dial(network.central if where == "central" else network.servers[where])
    peer.send({"command": "LOGIN", "username": alice.username} | fields)
    peer.expect_refusal("INVALID_MESSAGE", "LOGIN_FAILED")


@pytest.mark.parametrize("ticket", [7, [], {}, True, ""], ids=repr)
@pytest.mark.parametrize("where", ["central", "s1"])
def test_a_malformed_ticket_opens_nothing(network: Network, dial: Dial, where: str, ticket: Any, alice: Person) -> None:
    peer = dial(network.central if where == "central" else network.servers[where])
    peer.send({"command": "LOGIN", "username": alice.username, "ticket": ticket})
    peer.expect_refusal("INVALID_MESSAGE", "LOGIN_FAILED")


def test_a_post_at_the_central_is_refused(network: Network, dial: Dial, alice: Person) -> None:
    peer = dial(network.central)
    peer.send(alice.post({}))
    peer.expect_refusal("AUTHENTICATION_FAIL", "INVALID_MESSAGE")


@pytest.mark.parametrize("where", ["central", "s1"])
def test_a_refusal_ends_what_came_in_the_same_packet(
    network: Network, dial: Dial, where: str, bystanders: Conversation
) -> None:
    """Nothing after the first bad line is done, even where it would have been fine by itself."""
    late = somebody()
    peer = dial(network.central if where == "central" else network.servers[where])
    lines = ({"command": "NO SUCH COMMAND"}, late.registration(), ANONYMOUS.login(), ANONYMOUS.post({}))
    peer.send_raw(b"".join(encode(line) for line in lines))
    peer.expect_refusal("INVALID_MESSAGE")
    register(dial(network.central), late)
    bystanders.say()
    bystanders.check()
    assert bystanders.overheard == []

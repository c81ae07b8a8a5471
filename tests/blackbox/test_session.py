"""A session from the first word to the last: register, log in, be redirected, log in there, talk, log out."""

import itertools
import re

import pytest

from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, Conversation, Person, log_in, redirect, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, Message, Peer, eventually


def address_in(message: Message) -> Address:
    """The address in a REDIRECT, whose port has to be a JSON number."""
    assert type(message["port"]) is int, f"the port is not a JSON number: {message!r}"
    assert isinstance(message["hostname"], str)
    return Address(message["hostname"], message["port"])


def test_register_login_redirect_login_and_talk(network: Network, dial: Dial) -> None:
    person = somebody()
    central = dial(network.central)
    assert isinstance(register(central, person)["info"], str)
    success = log_in(central, person)
    assert success["info"].startswith("logged in as user ")
    assert person.username in success["info"]
    there = address_in(central.expect("REDIRECT"))
    central.expect_close()
    assert there in network.servers.values()

    session = dial(there)
    success = log_in(session, person)
    assert success["info"].startswith("logged in as user ")
    session.send(person.post({"type": "Note", "content": "hear ye"}))
    assert session.expect_activity() == {
        "authenticated_user": person.username,
        "type": "Note",
        "content": "hear ye",
    }
    assert session.log_out() == []


def test_a_ticket_opens_the_session_it_was_given_for(network: Network, dial: Dial, alice: Person) -> None:
    answer = redirect(dial(network.central), alice)
    session = dial(address_in(answer))
    session.send({"command": "LOGIN", "username": alice.username, "ticket": answer["ticket"]})
    session.expect("LOGIN_SUCCESS")
    session.send(alice.post({"n": 1}))
    assert session.expect_activity() == {"authenticated_user": alice.username, "n": 1}


def test_a_ticket_opens_one_session_only(network: Network, dial: Dial, alice: Person) -> None:
    answer = redirect(dial(network.central), alice)
    login = {"command": "LOGIN", "username": alice.username, "ticket": answer["ticket"]}
    first, second = dial(address_in(answer)), dial(address_in(answer))
    first.send(login)
    first.expect("LOGIN_SUCCESS")
    second.send(login)
    second.expect_refusal("LOGIN_FAILED")


def test_a_ticket_is_for_one_server(network: Network, dial: Dial, alice: Person) -> None:
    answer = redirect(dial(network.central), alice)
    (other,) = set(network.servers.values()) - {address_in(answer)}
    session = dial(other)
    session.send({"command": "LOGIN", "username": alice.username, "ticket": answer["ticket"]})
    session.expect_refusal("LOGIN_FAILED")


def test_a_ticket_is_for_one_user(network: Network, dial: Dial, alice: Person, bob: Person) -> None:
    answer = redirect(dial(network.central), alice)
    session = dial(address_in(answer))
    session.send({"command": "LOGIN", "username": bob.username, "ticket": answer["ticket"]})
    session.expect_refusal("LOGIN_FAILED")


def test_an_altered_ticket_is_worth_nothing(network: Network, dial: Dial, alice: Person) -> None:
    answer = redirect(dial(network.central), alice)
    middle = len(answer["ticket"]) // 2
    other = "A" if answer["ticket"][middle] != "A" else "B"
    altered = answer["ticket"][:middle] + other + answer["ticket"][middle + 1 :]
    for ticket in (altered, "not a ticket", "x" * 1000):
        session = dial(address_in(answer))
        session.send({"command": "LOGIN", "username": alice.username, "ticket": ticket})
        session.expect_refusal("LOGIN_FAILED")


def test_a_returning_user_logs_in_at_the_central_by_ticket(
    network: Network, dial: Dial, alice: Person, bob: Person
) -> None:
    central = dial(network.central)
    ticket = log_in(central, alice)["ticket"]
    returning, thief = dial(network.central), dial(network.central)
    returning.send({"command": "LOGIN", "username": alice.username, "ticket": ticket})
    returning.expect("LOGIN_SUCCESS")
    assert address_in(returning.expect("REDIRECT")) in network.servers.values()
    thief.send({"command": "LOGIN", "username": bob.username, "ticket": ticket})
    thief.expect_refusal("LOGIN_FAILED")


def test_the_login_names_the_centrals(network: Network, dial: Dial, alice: Person) -> None:
    centrals = log_in(dial(network.central), alice)["centrals"]
    assert network.central in [Address(one["hostname"], one["port"]) for one in centrals]


def test_activities_reach_everybody_in_order_and_once(network: Network, dial: Dial) -> None:
    talk = Conversation()
    for address in itertools.islice(itertools.cycle(network.servers.values()), 6):
        person = somebody()
        register(dial(network.central), person)
        session = dial(address)
        log_in(session, person)
        talk.join(session, person)
    for count in (1, 50, 3, 100):
        talk.say(count)
    talk.leave()


def test_one_user_with_two_sessions_hears_everything_twice_not_half(
    network: Network, dial: Dial, alice: Person
) -> None:
    talk = Conversation()
    for address in (*network.servers.values(), *network.servers.values()):
        session = dial(address)
        log_in(session, alice)
        talk.join(session, alice)
    talk.say(20)
    talk.leave()


def test_a_newcomer_hears_what_is_posted_after_the_login_and_nothing_older(
    network: Network, dial: Dial, alice: Person, bob: Person
) -> None:
    poster = dial(network.servers["s1"])
    log_in(poster, alice)
    poster.send(alice.post({"n": "older"}))
    poster.expect_activity()
    newcomer = dial(network.servers["s1"])
    log_in(newcomer, bob)
    poster.send(alice.post({"n": "newer"}))
    poster.expect_activity()
    assert newcomer.expect_activity()["n"] == "newer"


def test_a_broadcast_is_spelt_as_existing_programs_expect(network: Network, dial: Dial, alice: Person) -> None:
    session = dial(network.servers["s1"])
    log_in(session, alice)
    session.send_raw(
        b'{"command":"ACTIVITY_MESSAGE","username":"%b","secret":"%b","activity":{"b":1.50,"a":[ 1,2 ]}}\n'
        % (alice.username.encode(), str(alice.secret).encode())
    )
    line = session.receive_line()
    assert line is not None
    start = rb'\{"command":"ACTIVITY_BROADCAST","id":"s1\.[^"-]+-\d+","activity":'
    activity = b'{"authenticated_user":"%b","b":1.50,"a":[ 1,2 ]}}\n' % alice.username.encode()
    assert re.fullmatch(start + re.escape(activity), line), line


def test_a_post_with_an_id_can_be_recognised_by_its_sender(
    network: Network, dial: Dial, alice: Person, bob: Person
) -> None:
    own_name = "0123456789abcdef-session-of-alice"
    listener = dial(network.servers["s2"])
    log_in(listener, bob)
    session = dial(network.servers["s1"])
    session.send(alice.login() | {"session": own_name})
    success = session.expect("LOGIN_SUCCESS")
    assert success["server"] == "s1"
    tag = success["session"]
    assert own_name not in tag
    for number in (1, 2, 3):
        session.send(alice.post({"n": number}) | {"id": number})
    for peer in (session, listener):
        for number in (1, 2, 3):
            message = peer.expect("ACTIVITY_BROADCAST")
            assert message["post"] == f"{tag}-{number}"
            assert message["activity"]["n"] == number
            assert own_name not in str(message)


def test_who_is_there(network: Network, dial: Dial, alice: Person) -> None:
    session = dial(network.servers["s1"])
    log_in(session, alice)
    asking = dial(network.central)

    def where() -> list[str]:
        asking.send(alice.login() | {"command": "WHO"})
        report = asking.expect("WHO_REPORT")
        assert report["total"] >= len(report["users"])
        return [one["server"] for one in report["users"] if one["username"] == alice.username]

    eventually(lambda: where() == ["s1"], "alice is at s1, by WHO")
    session.log_out()
    eventually(lambda: where() == [], "alice has left, by WHO")


def test_who_is_there_is_not_told_to_strangers(network: Network, dial: Dial, guessed: Person) -> None:
    stranger = dial(network.central)
    stranger.send({"command": "WHO", "username": guessed.username, "secret": "a guess"})
    stranger.expect_refusal("LOGIN_FAILED", "AUTHENTICATION_FAIL")


def test_a_taken_username_is_refused(network: Network, dial: Dial, alice: Person) -> None:
    for secret in (alice.secret, "another secret"):
        peer = dial(network.central)
        peer.send(Person(alice.username, secret).registration())
        refusal = peer.expect_refusal("REGISTER_FAILED")
        assert refusal["info"].rstrip(".").endswith("is already registered with the system")
        assert alice.username in refusal["info"]


def test_two_who_want_one_name_at_once_do_not_both_get_it(network: Network, dial: Dial) -> None:
    person = somebody()
    peers = [dial(network.central) for _ in range(8)]
    for peer in peers:
        peer.send(person.registration())
    answers = [peer.receive() for peer in peers]
    commands = sorted(answer["command"] for answer in answers if answer is not None)
    assert commands == ["REGISTER_FAILED"] * 7 + ["REGISTER_SUCCESS"]


@pytest.mark.parametrize("where", ["central", "s1"])
def test_wrong_credentials_are_refused(network: Network, dial: Dial, guessed: Person, where: str) -> None:
    address = network.central if where == "central" else network.servers[where]
    stranger = somebody("stranger")
    wrong = [
        Person(guessed.username, "a guess"),
        Person(guessed.username, f"{guessed.secret} "),
        Person(guessed.username.upper(), guessed.secret),
        stranger,
    ]
    for person in wrong:
        peer = dial(address)
        peer.send(person.login())
        peer.expect_refusal("LOGIN_FAILED")


@pytest.mark.parametrize("secret", [None, ""])
def test_anonymous_needs_no_secret(network: Network, dial: Dial, secret: str | None) -> None:
    person = Person("anonymous", secret)
    there = address_in(redirect(dial(network.central), person))
    session = dial(there)
    assert "anonymous" in log_in(session, person)["info"]
    session.send(person.post({"n": 1}))
    assert session.expect_activity() == {"authenticated_user": "anonymous", "n": 1}


def test_anonymous_may_log_in_with_one_spelling_and_post_with_the_other(network: Network, dial: Dial) -> None:
    session = dial(network.servers["s1"])
    log_in(session, ANONYMOUS)
    session.send(Person("anonymous", "").post({"n": 1}))
    assert session.expect_activity()["n"] == 1


@pytest.mark.parametrize("secret", ["", "a secret"])
def test_anonymous_cannot_be_registered(network: Network, dial: Dial, secret: str) -> None:
    peer = dial(network.central)
    peer.send(Person("anonymous", secret).registration())
    # An empty secret is malformed for everybody; either refusal tells the truth.
    peer.expect_refusal("REGISTER_FAILED", *(["INVALID_MESSAGE"] if not secret else []))


def test_logout_is_answered_by_the_close_alone(network: Network, dial: Dial, alice: Person) -> None:
    session = dial(network.servers["s2"])
    log_in(session, alice)
    assert session.log_out() == []


def test_a_failed_login_ends_the_link_and_a_new_one_may_try_again(
    network: Network, dial: Dial, guessed: Person
) -> None:
    first: Peer = dial(network.servers["s1"])
    first.send(Person(guessed.username, "a guess").login())
    first.expect_refusal("LOGIN_FAILED")
    log_in(dial(network.servers["s1"]), guessed)


@pytest.mark.parametrize(
    "username",
    ["Zoë", "日本語", "\U0001d11e", 'he said "hi"', "back\\slash", "{}", "a b", "<b>&amp;</b>", "\u2028"],
)
def test_a_name_in_any_writing_is_kept_or_refused_never_mangled(network: Network, dial: Dial, username: str) -> None:
    person = Person(f"{username} {somebody().username}", "Geheimnis ß 秘密")
    central = dial(network.central)
    central.send(person.registration())
    answer = central.receive()
    assert answer is not None
    if answer["command"] != "REGISTER_SUCCESS":
        assert answer["command"] in ("REGISTER_FAILED", "INVALID_MESSAGE")
        assert answer["info"]
        return
    session = dial(address_in(redirect(central, person)))
    log_in(session, person)
    session.send(person.post({"n": 1}))
    assert session.expect_activity() == {"authenticated_user": person.username, "n": 1}

"""The habits of existing client programs, each of which must keep working unchanged."""

from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, Person, log_in, redirect, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, encode


def test_register_and_login_in_one_packet(network: Network, dial: Dial) -> None:
    person = somebody()
    central = dial(network.central)
    central.send_raw(encode(person.registration()) + encode(person.login()))
    central.expect("REGISTER_SUCCESS")
    central.expect("LOGIN_SUCCESS")
    central.expect("REDIRECT")
    central.expect_close()


def test_register_on_one_link_and_log_in_on_another(network: Network, dial: Dial) -> None:
    person = somebody()
    register(dial(network.central), person)
    redirect(dial(network.central), person)


def test_a_client_that_never_closes_its_link_to_the_central_is_closed_there(
    private_network: Network, dial: Dial
) -> None:
    central = dial(private_network.central)
    answer = redirect(central, ANONYMOUS)  # which waits for the close; our side stays open
    session = dial(Address(answer["hostname"], answer["port"]))
    log_in(session, ANONYMOUS)
    assert sum(private_network.wait_for_loads(1).values()) == 1


def test_a_logout_at_the_central_changes_no_servers_load(private_network: Network, dial: Dial) -> None:
    """One of them says LOGOUT on its old link to the central before it follows the REDIRECT."""
    sessions = []
    for number in range(1, 5):
        central = dial(private_network.central)
        central.send_raw(encode(ANONYMOUS.login()) + encode({"command": "LOGOUT"}))
        central.expect("LOGIN_SUCCESS")
        answer = central.expect("REDIRECT")
        central.expect_close()
        session = dial(Address(answer["hostname"], answer["port"]))
        log_in(session, ANONYMOUS)
        sessions.append(session)
        loads = private_network.wait_for_loads(number)
        assert max(loads.values()) - min(loads.values()) <= 1, loads
    assert sum(private_network.loads().values()) == 4


def test_a_logout_at_the_central_before_any_login_just_closes(network: Network, dial: Dial) -> None:
    central = dial(network.central)
    central.send({"command": "LOGOUT"})
    assert central.drain() == []


def test_a_client_gets_no_command_that_it_does_not_know(
    network: Network, dial: Dial, alice: Person, bob: Person
) -> None:
    """`Peer.receive` refuses every command outside the clients' table; here all kinds of answers come by."""
    central = dial(network.central)
    answer = redirect(central, alice)
    session, other = dial(Address(answer["hostname"], answer["port"])), dial(network.servers["s2"])
    log_in(session, alice)
    log_in(other, bob)
    for number in range(100):
        session.send(alice.post({"n": number}))
    for number in range(100):
        assert session.expect_activity()["n"] == number
        assert other.expect_activity()["n"] == number
    assert session.log_out() == []
    assert other.log_out() == []


def test_fields_that_nobody_knows_do_no_harm(network: Network, dial: Dial) -> None:
    person = somebody()
    unknown = {"colour": "red", "deep": {"a": [1, None, True, {"b": 2.5e300}]}, "": ""}
    central = dial(network.central)
    central.send(person.registration() | unknown)
    central.expect("REGISTER_SUCCESS")
    central.send(unknown | person.login())
    central.expect("LOGIN_SUCCESS")
    answer = central.expect("REDIRECT")
    session = dial(Address(answer["hostname"], answer["port"]))
    session.send(person.login() | unknown)
    session.expect("LOGIN_SUCCESS")
    session.send(unknown | person.post({"n": 1}) | {"authenticated_user": "somebody else"})
    assert session.expect_activity() == {"authenticated_user": person.username, "n": 1}
    session.send({"command": "LOGOUT"} | unknown)
    session.expect_close()


def test_lines_may_end_in_carriage_return_and_newline(network: Network, dial: Dial, alice: Person) -> None:
    def line(message: dict[str, object]) -> bytes:
        return encode(message)[:-1] + b"\r\n"

    session = dial(network.servers["s1"])
    session.send_raw(line(alice.login()))
    session.expect("LOGIN_SUCCESS")
    session.send_raw(line(alice.post({"n": 1})) + line(alice.post({"n": 2})))
    lines = [session.receive_line(), session.receive_line()]
    assert all(got is not None and got.endswith(b"}\n") for got in lines), lines
    session.send_raw(line({"command": "LOGOUT"}))
    session.expect_close()


def test_a_session_sent_a_byte_at_a_time(network: Network, dial: Dial, alice: Person) -> None:
    session = dial(network.servers["s1"])
    for byte in encode(alice.login()):
        session.send_raw(bytes([byte]))
    session.expect("LOGIN_SUCCESS")
    for byte in encode(alice.post({"content": "Ünïcödé in pieces \U0001d11e"})):
        session.send_raw(bytes([byte]))
    assert session.expect_activity()["content"] == "Ünïcödé in pieces \U0001d11e"
    for byte in encode({"command": "LOGOUT"}):
        session.send_raw(bytes([byte]))
    session.expect_close()


def test_everything_in_one_packet(network: Network, dial: Dial, alice: Person, bob: Person) -> None:
    """A program that posts and leaves at once has posted all the same."""
    listener = dial(network.servers["s1"])
    log_in(listener, bob)
    session = dial(network.servers["s2"])
    posts = [encode(alice.post({"n": number})) for number in range(50)]
    session.send_raw(encode(alice.login()) + b"".join(posts) + encode({"command": "LOGOUT"}))
    session.expect("LOGIN_SUCCESS")
    # Which of its own posts are out to itself before LOGOUT ends the session is the server's affair.
    heard = [message["activity"]["n"] for message in session.drain()]
    assert heard == list(range(len(heard)))
    assert [listener.expect_activity()["n"] for _ in range(50)] == list(range(50))


def test_a_client_whose_input_has_ended_still_posts_and_hears(
    network: Network, dial: Dial, alice: Person, bob: Person
) -> None:
    listener = dial(network.servers["s1"])
    log_in(listener, bob)
    session = dial(network.servers["s2"])
    log_in(session, alice)
    session.send(alice.post({"n": "the last word"}))
    session.finish_sending()
    assert listener.expect_activity()["n"] == "the last word"
    session.drain()  # and the link does not stay half open for ever

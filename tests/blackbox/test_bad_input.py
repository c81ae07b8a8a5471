"""Bad input, on every port and in every state: refused with a reason and closed, and nobody else notices."""

import contextlib
import threading
from pathlib import Path

import pytest

from tests.blackbox.conftest import Dial
from tests.blackbox.garbage import BAD_ACTIVITIES, DEPTH_LIMIT, LINE_LIMIT, LINES, NODE_COMMANDS, NODE_REFUSALS
from tests.blackbox.people import ANONYMOUS, Conversation, Person, log_in, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Peer, encode

STATES = ["central, fresh", "central, registered", "server, fresh", "server, logged in"]


@pytest.fixture(params=STATES)
def stranger(request: pytest.FixtureRequest, network: Network, dial: Dial) -> Peer:
    """A link to each kind of node, in each state that a client can bring it to."""
    where, state = request.param.split(", ")
    peer = dial(network.central if where == "central" else network.servers["s1"])
    if state == "registered":
        register(peer, somebody())
    elif state == "logged in":
        log_in(peer, ANONYMOUS)
    return peer


def anonymous_post(activity: bytes) -> bytes:
    return b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":' + activity + b"}\n"


@pytest.mark.parametrize("what", LINES)
def test_garbage_is_refused_and_disturbs_nobody(stranger: Peer, what: str, bystanders: Conversation) -> None:
    bystanders.say()
    stranger.send_while_open(LINES[what])
    bystanders.say()
    stranger.expect_refusal("INVALID_MESSAGE", *(["AUTHENTICATION_FAIL"] if what.startswith("an activity") else []))
    bystanders.check()


@pytest.mark.parametrize("command", NODE_COMMANDS)
def test_a_client_may_send_no_node_command(stranger: Peer, command: str, bystanders: Conversation) -> None:
    bystanders.say()
    stranger.send({"command": command} | NODE_COMMANDS[command])
    bystanders.say()
    stranger.expect_refusal(*NODE_REFUSALS.get(command, ("INVALID_MESSAGE",)))
    bystanders.check()


@pytest.mark.parametrize("command", NODE_COMMANDS)
def test_a_node_command_without_fields_is_refused(stranger: Peer, command: str) -> None:
    stranger.send({"command": command})
    stranger.expect_refusal(*NODE_REFUSALS.get(command, ("INVALID_MESSAGE",)))


def test_node_commands_from_clients_change_nothing(network: Network, dial: Dial) -> None:
    for address in (network.central, *network.servers.values()):
        for command, fields in NODE_COMMANDS.items():
            peer = dial(address)
            peer.send({"command": command} | fields)
            peer.expect_refusal(*NODE_REFUSALS.get(command, ("INVALID_MESSAGE",)))
    servers = network.status()["servers"]
    assert {one["id"]: one["port"] for one in servers} == {
        name: address.port for name, address in network.servers.items()
    }
    assert all(one["load"] < 1000 for one in servers)


@pytest.mark.parametrize("what", BAD_ACTIVITIES)
def test_an_activity_that_is_not_json_reaches_nobody(
    network: Network, dial: Dial, what: str, bystanders: Conversation
) -> None:
    peer = dial(network.servers["s1"])
    log_in(peer, ANONYMOUS)
    bystanders.say()
    peer.send_while_open(anonymous_post(BAD_ACTIVITIES[what]))
    peer.expect_refusal("INVALID_MESSAGE")
    bystanders.say()
    bystanders.check()  # which would also choke on a broadcast that is not JSON
    assert bystanders.overheard == []


def test_a_carriage_return_between_values_reaches_nobody(network: Network, dial: Dial, alice: Person) -> None:
    """It is white space in JSON, but to many a line reader it ends the line."""
    listener = dial(network.servers["s2"])
    log_in(listener, alice)
    for activity in (b'{\r"a":\r1,\r"b":[1,\r2]\r}', b'\r{"a":1}\r', b'{"a":{"b":\r\r{}}}', b"{\r}"):
        peer = dial(network.servers["s1"])
        log_in(peer, ANONYMOUS)
        peer.send_raw(anonymous_post(activity) + encode({"command": "LOGOUT"}))
        peer.drain()  # refused or passed on without it: both keep the promise
    last = dial(network.servers["s1"])
    log_in(last, ANONYMOUS)
    last.send(ANONYMOUS.post({"content": "the end"}))
    while b"the end" not in (line := listener.receive_line() or b"the end: closed"):
        assert b"\r" not in line, line
    assert not line.endswith(b"closed")


def test_a_long_line_within_the_limit_arrives(network: Network, dial: Dial, alice: Person) -> None:
    listener, poster = dial(network.servers["s2"]), dial(network.servers["s1"])
    log_in(listener, ANONYMOUS)
    log_in(poster, alice)
    room = LINE_LIMIT - len(encode(alice.post({"content": ""}))) - 1
    content = "x" * room
    assert LINE_LIMIT - 2 <= len(encode(alice.post({"content": content}))) <= LINE_LIMIT
    poster.send(alice.post({"content": content}))
    for peer in (poster, listener):
        assert peer.expect_activity()["content"] == content


def test_the_limit_of_a_line_is_exact(network: Network, dial: Dial) -> None:
    for length, refused in ((LINE_LIMIT, False), (LINE_LIMIT + 1, True)):
        peer = dial(network.servers["s1"])
        log_in(peer, ANONYMOUS)
        room = length - len(anonymous_post(b'{"content":""}')) + 1  # the line's end does not count
        peer.send_raw(anonymous_post(b'{"content":"' + b"x" * room + b'"}'))
        if refused:
            assert peer.expect_refusal("INVALID_MESSAGE")["reason"] == "line_too_long"
        else:
            assert peer.expect_activity()["content"] == "x" * room


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
def test_the_limit_of_nesting_is_exact(network: Network, dial: Dial, opening: bytes, closing: bytes) -> None:
    for depth, refused in ((DEPTH_LIMIT, False), (DEPTH_LIMIT + 1, True)):
        peer = dial(network.servers["s1"])
        log_in(peer, ANONYMOUS)
        inner = depth - 1  # the activity itself is the first
        peer.send_raw(anonymous_post(b'{"a":' + opening * inner + b"1" + closing * inner + b"}"))
        if refused:
            assert peer.expect_refusal("INVALID_MESSAGE")["reason"] == "too_deep"
        else:
            peer.expect_activity()


def test_the_limits_of_names_and_secrets_are_exact(network: Network, dial: Dial) -> None:
    """In characters, not bytes."""
    for letter in ("x", "é", "\U0001d11e"):
        start = somebody().username
        longest = Person(start + letter * (128 - len(start)), letter * 1024)
        peer = dial(network.central)
        register(peer, longest)
        log_in(peer, longest)
        for person in (Person(longest.username + letter, "s"), Person(somebody().username, letter * 1025)):
            peer = dial(network.central)
            peer.send(person.registration())
            peer.expect_refusal("INVALID_MESSAGE")


def test_nesting_that_is_honest_arrives(network: Network, dial: Dial, alice: Person) -> None:
    listener, poster = dial(network.servers["s2"]), dial(network.servers["s1"])
    log_in(listener, ANONYMOUS)
    log_in(poster, alice)
    deep: object = "the core"
    for layer in range(100):
        deep = {"in": deep} if layer % 2 else [deep]
    poster.send(alice.post({"object": deep}))
    assert listener.expect_activity()["object"] == deep


def test_commands_out_of_order_are_refused(
    network: Network, dial: Dial, alice: Person, bystanders: Conversation
) -> None:
    peer = dial(network.servers["s1"])
    log_in(peer, alice)
    peer.send(alice.login())
    peer.expect_refusal("INVALID_MESSAGE", "LOGIN_FAILED")
    peer = dial(network.central)
    peer.send(alice.post({}))
    peer.expect_refusal("INVALID_MESSAGE", "AUTHENTICATION_FAIL")
    bystanders.check()


def test_a_logout_before_the_login_just_closes(network: Network, dial: Dial) -> None:
    for address in network.servers.values():
        peer = dial(address)
        peer.send({"command": "LOGOUT"})
        peer.expect_close()


def test_an_invalid_message_from_a_client_ends_its_link(stranger: Peer, bystanders: Conversation) -> None:
    """Existing programs say INVALID_MESSAGE, too, before they close; it must not be answered for ever."""
    stranger.send({"command": "INVALID_MESSAGE", "info": "I did not understand that"})
    answers = [one["command"] for one in stranger.drain() if one["command"] != "ACTIVITY_BROADCAST"]
    assert answers in ([], ["INVALID_MESSAGE"])
    bystanders.check()


def test_silent_and_half_spoken_links_disturb_nobody(network: Network, dial: Dial, bystanders: Conversation) -> None:
    for address in (network.central, *network.servers.values()):
        for start in (b"", b"{", b'{"command":"LOG', b"\x16", b"G", b"GET /"):
            peer = dial(address)
            peer.send_raw(start)
    bystanders.say(20)
    bystanders.check()


def test_a_flood_of_connects_disturbs_nobody(network: Network, dial: Dial, bystanders: Conversation) -> None:
    for address in (network.central, network.servers["s1"]):
        flood = []
        for number in range(500):
            flood.append(dial(address))
            if number % 100 == 0:
                bystanders.say()
        bystanders.check()
        redirected = dial(network.central)
        log_in(redirected, ANONYMOUS)
        redirected.expect("REDIRECT")
        for peer in flood:
            peer.reset()
        bystanders.say(5)
        bystanders.check()


def test_many_questions_at_once_are_all_answered_in_order(tmp_path: Path) -> None:
    """More than a link takes at once; how many it may ask is not limited here."""
    with Network(tmp_path, servers=0, central_options=("--limit-questions", "0")) as network:
        peer = Peer(network.central)
        alice = somebody("alice")
        register(peer, alice)
        questions = [{"command": "STATUS"}, alice.login() | {"command": "WHO"}] * 2000
        peer.send_raw(b"".join(encode(question) for question in questions))
        for question in questions:
            peer.expect(f"{question['command']}_REPORT")
        peer.close()


def test_questions_without_end_disturb_nobody(private_network: Network, dial: Dial) -> None:
    """Somebody asks on and on and reads no answer: others are answered, and no server is given up meanwhile."""
    watcher = dial(private_network.central)
    flooder = dial(private_network.central, receive_buffer=4096)

    def flood() -> None:
        with contextlib.suppress(OSError):  # held up for good, cut off, or reset below
            for _ in range(20):
                flooder.send_raw(encode({"command": "STATUS"}) * 20_000)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(200):
            watcher.send({"command": "STATUS"})
            servers = watcher.expect("STATUS_REPORT")["servers"]
            assert {one["id"] for one in servers if one.get("ready", True)} == {"s1", "s2"}
            log_in(dial(private_network.central), ANONYMOUS)
    finally:
        flooder.shut()
        thread.join()


def test_clients_that_vanish_disturb_nobody(network: Network, dial: Dial, bystanders: Conversation) -> None:
    for number in range(30):
        peer = dial(network.servers["s1" if number % 2 else "s2"])
        log_in(peer, ANONYMOUS)
        peer.send_raw(anonymous_post(b'{"n":1}') * 5 + b'{"command":"ACTIVITY_MES')
        if number % 3:
            peer.reset()
        else:
            peer.close()
        bystanders.say()
    bystanders.check()


def test_garbage_after_a_logout_is_not_even_looked_at(network: Network, dial: Dial, bystanders: Conversation) -> None:
    peer = dial(network.servers["s1"])
    log_in(peer, ANONYMOUS)
    peer.send_raw(encode({"command": "LOGOUT"}) + b"garbage\n" * 100)
    assert peer.drain() == []
    bystanders.check()

"""Nobody posts in another's name: `authenticated_user` is the server's, whatever the sender puts there.

Receivers differ in which of two equal keys they believe, so one that merely wins in our parser is not enough: there
must be exactly one at the top level of the activity, with the true name, and the rest has to be what was posted.
"""

from typing import Any, NamedTuple

import pytest

from tests.blackbox.conftest import Dial
from tests.blackbox.people import Person, log_in
from tests.blackbox.processes import Network
from tests.blackbox.wire import Peer, strict_json


class Pairs(NamedTuple):
    """An object as its members in order, duplicates included."""

    members: tuple[tuple[str, Any], ...]


class Number(NamedTuple):
    """A number as it is written."""

    text: str


def parse(text: bytes) -> Any:
    """Strict JSON with nothing merged and nothing rounded."""
    return strict_json(
        text,
        object_pairs_hook=lambda members: Pairs(tuple(members)),
        parse_int=Number,
        parse_float=Number,
    )


def without_author(activity: Pairs) -> Pairs:
    return Pairs(tuple(member for member in activity.members if member[0] != "authenticated_user"))


FORGERIES: dict[str, bytes] = {
    "alone": b'{"authenticated_user":"mallory"}',
    "first": b'{"authenticated_user":"mallory","n":1}',
    "last": b'{"n":1,"authenticated_user":"mallory"}',
    "in the middle": b'{"n":1,"authenticated_user":"mallory","m":2}',
    "twice": b'{"authenticated_user":"mallory","authenticated_user":"trudy","n":1}',
    "twice with something between": b'{"authenticated_user":"mallory","n":1,"authenticated_user":"trudy"}',
    "three times, one escaped": b'{"authenticated_user":1,"n":1,"\\u0061uthenticated_user":2,"authenticated_user":3}',
    "the first letter escaped": b'{"\\u0061uthenticated_user":"mallory","n":1}',
    "the last letter escaped": b'{"n":1,"authenticated_use\\u0072":"mallory"}',
    "the underscore escaped": b'{"authenticated\\u005fuser":"mallory"}',
    "the underscore escaped in capitals": b'{"n":1,"authenticated\\u005Fuser":"mallory","m":2}',
    "every letter escaped": b'{"'
    + "".join(f"\\u{ord(letter):04x}" for letter in "authenticated_user").encode()
    + b'":"mallory","n":1}',
    "white space around": b'{ \t"authenticated_user" \t: \t"mallory" \t, "n" : 1 }',
    "white space around the last": b'{"n" : 1 , "authenticated_user" : "mallory" }',
    "null": b'{"authenticated_user":null,"n":1}',
    "an object": b'{"authenticated_user":{"authenticated_user":"mallory","n":[1,{"a":"}"}]},"n":1}',
    "an array": b'{"n":1,"authenticated_user":["mallory",{"a":"]"},"\\"]"]}',
    "a number": b'{"authenticated_user":-1.50e+10,"n":1}',
    "a value full of brackets": b'{"authenticated_user":"},{\\"authenticated_user\\":\\"x\\"","n":1}',
    "a value that ends in a backslash": b'{"authenticated_user":"mallory\\\\","n":1}',
    "the empty string": b'{"authenticated_user":"","n":1}',
    "after deep content": b'{"a":{"b":{"c":[[[{"d":"\\\\\\""}]]]}},"authenticated_user":"mallory"}',
    "after a string that looks like an end": b'{"a":"\\"}","authenticated_user":"mallory"}',
    "before an empty object": b'{"authenticated_user":"mallory","a":{}}',
    "a hundred times": b'{"n":1' + b',"authenticated_user":"mallory"' * 100 + b"}",
}
"""Activities with the key at their top level, in some spelling."""

CONTENT: dict[str, bytes] = {
    "empty": b"{}",
    "empty with a blank": b"{ }",
    "nested": b'{"object":{"authenticated_user":"mallory"},"n":1}',
    "nested in an array": b'{"items":[{"authenticated_user":"mallory"},{"\\u0061uthenticated_user":"trudy"}]}',
    "nested and doubled": b'{"object":{"authenticated_user":"mallory","authenticated_user":"trudy"}}',
    "as a value": b'{"a":"authenticated_user","b":["authenticated_user","mallory"]}',
    "inside a string": b'{"a":"\\"authenticated_user\\":\\"mallory\\""}',
    "a longer key": b'{"authenticated_users":"mallory","xauthenticated_user":1,"authenticated_user ":2}',
    "a key in other letters": b'{"Authenticated_User":"mallory","AUTHENTICATED_USER":1}',
    "an escaped backslash in the key": b'{"\\\\u0061uthenticated_user":"mallory"}',
    "a nul in the key": b'{"authenticated_user\\u0000":"mallory","\\u0000authenticated_user":1}',
    "letters that look alike": '{"\u0430uthenticated_user":"mallory"}'.encode(),
    "other keys twice": b'{"a":1,"a":2,"b":3,"a":4}',
    "keys of the wire": b'{"command":"LOGOUT","activity":{},"id":"s1-1","username":"mallory","secret":"s"}',
    "numbers as written": b'{"a":1.0,"b":1e5,"c":-0,"d":12345678901234567890123,"e":0.1000,"f":1E-400}',
    "every kind of value": b'{"a":null,"b":true,"c":false,"d":"","e":[],"f":{},"g":[[],{}],"":0}',
    "escapes": b'{"a":"\\u00e9\\n\\r\\t\\b\\f\\/\\\\\\"\\ud834\\udd1e\\u2028","\\u00e9":1}',
    "raw characters": '{"a":"é 𝄞 \u2028 \u007f \ufeff \uffff","日本":"語"}'.encode(),
    "white space": b' { "a" : [ 1 , 2 ] , "b" : { } } ',
}
"""Activities without the key at their top level: they arrive as they are."""


@pytest.fixture
def poster(network: Network, dial: Dial, alice: Person) -> Peer:
    peer = dial(network.servers["s1"])
    log_in(peer, alice)
    return peer


@pytest.fixture
def listeners(network: Network, dial: Dial, bob: Person) -> list[Peer]:
    """One at the poster's server, one at the other."""
    peers = [dial(address) for address in network.servers.values()]
    for peer in peers:
        log_in(peer, bob)
    return peers


def post_raw(peer: Peer, person: Person, activity: bytes, more: bytes = b"") -> None:
    """Post the activity as these very bytes."""
    start = b'{"command":"ACTIVITY_MESSAGE","username":"%b","secret":"%b","activity":'
    names = (person.username.encode(), str(person.secret).encode())
    peer.send_raw(start % names + activity + more + b"}\n")


def heard(peer: Peer) -> Pairs:
    """The activity of the next broadcast, of which there is exactly one."""
    line = peer.receive_line()
    assert line is not None, peer.conversation()
    message = parse(line)
    assert [key for key, _ in message.members].count("activity") == 1, line
    assert ("command", "ACTIVITY_BROADCAST") in message.members, line
    activity = dict(message.members)["activity"]
    assert isinstance(activity, Pairs), line
    return activity


@pytest.mark.parametrize("how", [*FORGERIES, *CONTENT])
def test_an_activity_has_exactly_its_true_author(poster: Peer, listeners: list[Peer], alice: Person, how: str) -> None:
    posted = {**FORGERIES, **CONTENT}[how]
    post_raw(poster, alice, posted)
    for peer in (poster, *listeners):
        activity = heard(peer)
        authors = [value for key, value in activity.members if key == "authenticated_user"]
        assert authors == [alice.username]
        assert without_author(activity) == without_author(parse(posted))


@pytest.mark.parametrize(
    "more",
    [
        b',"authenticated_user":"mallory"',
        b',"activity":{"authenticated_user":"mallory"}',
        b',"\\u0061ctivity":{"authenticated_user":"mallory"}',
        b',"username":"mallory"',
        b',"command":"LOGOUT"',
    ],
    ids=["the author beside it", "another activity", "an escaped one", "another username", "another command"],
)
def test_doubled_fields_of_the_message_forge_nothing(
    poster: Peer, listeners: list[Peer], alice: Person, more: bytes, network: Network, dial: Dial
) -> None:
    """Refused or read one way: in no case does anybody see another author, or two of them."""
    post_raw(poster, alice, b'{"n":1}', more)
    last = dial(network.servers["s1"])
    log_in(last, alice)
    post_raw(last, alice, b'{"content":"the end"}')
    for peer in listeners:
        activity = heard(peer)
        while ("content", "the end") not in activity.members:
            assert [value for key, value in activity.members if key == "authenticated_user"] == [alice.username]
            activity = heard(peer)


@pytest.mark.parametrize("surrogate", [b"\\ud800", b"\\udc00", b"\\ud834x", b"\\udd1e\\ud834"])
def test_half_a_surrogate_pair_breaks_no_receiver(
    poster: Peer, listeners: list[Peer], alice: Person, surrogate: bytes
) -> None:
    """RFC 8259 allows the escape and warns of it: refused at the door, or passed on as it was written."""
    posted = b'{"a":"' + surrogate + b'"}'
    post_raw(poster, alice, posted)
    answer = poster.receive_line()
    assert answer is not None
    if b"INVALID_MESSAGE" in answer:
        poster.expect_close()
        return
    for peer in listeners:
        line = peer.receive_line()
        assert line is not None
        assert surrogate in line


def test_somebody_who_comes_later_with_the_same_forgery_gets_their_own_name(
    network: Network, dial: Dial, alice: Person, bob: Person, listeners: list[Peer]
) -> None:
    posted = FORGERIES["first"]
    for person in (alice, bob):
        peer = dial(network.servers["s2"])
        log_in(peer, person)
        post_raw(peer, person, posted)
        for listener in listeners:
            assert dict(heard(listener).members)["authenticated_user"] == person.username

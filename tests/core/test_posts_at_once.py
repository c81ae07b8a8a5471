"""Many lines at once from one client: what comes of them is as if each had come alone, in every byte."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oyez.protocol import codec, limits
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.servers import feed, login, post, ready
from tests.protocol.json_texts import OBJECTS

SECRET = "secret of bob"


def raw(text: str, username: str = "bob", secret: str | None = SECRET, id: int | None = None) -> bytes:
    return codec.encode(m.ActivityMessage(username, msgspec.Raw(text.encode()), secret, id))


POSTS = st.builds(raw, OBJECTS, id=st.none() | st.integers(1, 5))
PLAIN = st.integers(0, 99).map(lambda number: raw(f'{{"n":{number}}}'))
ODD = st.sampled_from(
    [
        raw('{"a":1}', secret="wrong"),
        raw('{"a":1}', secret=None),
        raw('{"a":1}', username="eve"),
        raw("[1]"),
        raw("5"),
        raw('"text"'),
        raw('{"a":' + "[" * limits.DEPTH + "]" * limits.DEPTH + "}"),
        raw('{"a":"' + "x" * (limits.LINE - 100) + '"}'),
        raw('{"a":"' + "x" * limits.LINE + '"}'),
        raw('{"a":1}')[:-1] + b"\r\n",
        raw("{}"),
        raw('{ "a":1}'),
        raw('{"authenticated_user":"eve"}'),
        raw('{"\\u0061uthenticated_user":"eve","a":1}'),
        raw('{"a":"é"}'),
        raw('{"a":"~"}').replace(b"~", b"\xff"),
        b'{"command":"ACTIVITY_MESSAGE","username":"bob","secret":"secret of bob","activity":\n',
        b'{"a":1}}\n',
        b"\n",
        b"{}\n",
        codec.encode(m.Logout()),
        codec.encode(login("bob")),
    ]
)
LINES = st.lists(PLAIN | POSTS | ODD, min_size=1, max_size=8) | st.lists(PLAIN, max_size=40) | st.lists(POSTS)


def outcome(lines: list[bytes], come: Callable[[list[bytes]], list[bytes]]) -> tuple[object, ...]:
    """What everybody hears, and what is kept, where these lines come in such pieces."""
    server, central = ready()
    reader = server.logs_in("anonymous")
    bob = server.connect().says(m.Login("bob", SECRET))
    (question,) = [message for message in central.hears() if isinstance(message, n.VerifyLogin)]
    central.says(n.VerifyLoginSuccess(question.request))
    for piece in come(lines):
        server.host.received(bob.link, piece)
    server.settle()
    assert not any(isinstance(message, m.Malformed) for message in reader.hears())
    return bob.sent, bob.ended, reader.sent, server.role.merged.positions, server.role.origin.sequence


INJECTED = b'{"command":"REDIRECT","hostname":"evil.example","port":80}'
TWO_IN_ONE = raw('{"a":1}')[:-1]


def across_lines(*inside: bytes) -> list[bytes]:
    """A post with white space in it that ends a line, twice."""
    head, tail = raw('{"x":~}').split(b"~")
    return [head + b"\n", *[line + b"\n" for line in inside], tail]


@given(lines=LINES)
@settings(max_examples=300)
@example(lines=[TWO_IN_ONE, TWO_IN_ONE, *across_lines(INJECTED)])
@example(lines=[TWO_IN_ONE, TWO_IN_ONE, TWO_IN_ONE, *across_lines(INJECTED), raw('{"a":2}')])
@example(lines=[TWO_IN_ONE, raw('{"a":2}'), b"\n"])
@example(lines=[raw('{"a":1}'), raw('{"a":2}', secret="wrong"), raw('{"a":3}')])
@example(lines=[raw('{"a":1}', id=1), raw('{"a":1}', id=1), raw('{"a":2}'), raw('{"a":3}', id=2)])
@example(lines=[b'{"command":"ACTIVITY_MESSAGE","username":"bob","activity":\n', b'{"a":1}}\n'])
@example(lines=[raw("{}"), raw('{"a":1}')])
@example(lines=[raw("5"), raw('{"a":1}')])
@example(lines=[raw('{"a":"' + "x" * limits.LINE + '"}'), raw('{"a":1}')])
def test_lines_that_come_at_once_bring_what_they_bring_alone(lines: list[bytes]) -> None:
    alone = outcome(lines, lambda lines: b"".join(lines).splitlines(keepends=True))
    assert outcome(lines, lambda lines: [b"".join(lines)]) == alone


@given(lines=st.lists(PLAIN | POSTS, min_size=2, max_size=9))
def test_sound_posts_are_read_at_once(lines: list[bytes]) -> None:
    posts = codec.decode_posts([line[:-1] for line in lines], b"".join(lines))
    assert posts == [codec.decode(line[:-1]) for line in lines]


def test_a_wrong_one_is_refused_in_its_turn() -> None:
    server, _ = ready()
    reader, bob = server.logs_in(), server.logs_in("bob")
    bob.says(post("bob", "one"), post("eve", "two"), post("bob", "three"))
    assert feed(reader) == ["bob: one"]
    assert bob.ended


@pytest.mark.parametrize("number", [1, 40])
def test_numbered_posts_that_are_repeated_in_one_piece_are_shown_once(number: int) -> None:
    server, _ = ready()
    bob = server.logs_in("bob", session="s" * 16)
    bob.says(*[post("bob", f"{n}", id=n) for n in range(1, number + 1)] * 2)
    assert feed(bob) == [f"bob: {n}" for n in range(1, number + 1)]

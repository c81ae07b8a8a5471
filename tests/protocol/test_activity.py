"""The line that carries an activity: one line, one author that nobody can forge, and the rest as it was sent."""

import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oyez.protocol import activity, codec, limits
from oyez.protocol.framing import MESSAGE_PREFIX
from oyez.protocol.messages import ActivityMessage, InvalidMessage
from tests.protocol.json_texts import AUTHOR, OBJECTS, SPACES, VALUES
from tests.protocol.messages_of import CHARACTERS

Pairs = list[tuple[str, Any]]
USERNAMES = st.text(CHARACTERS, min_size=1, max_size=12)


def received(text: str) -> bytes:
    """An activity as the decoder hands it on."""
    message = codec.decode(b'{"command":"ACTIVITY_MESSAGE","username":"u","activity":' + text.encode() + b"}")
    assert isinstance(message, ActivityMessage), message
    return bytes(message.activity)


def line_with(members: bytes, username: str = "bob") -> bytes:
    """The line as an origin makes it."""
    return MESSAGE_PREFIX + b'"id":"s.1-1",' + activity.opening(username) + members + b"}\n"


def published(text: str, username: str = "bob") -> bytes:
    members = activity.body(received(text))
    assert isinstance(members, bytes), members
    return line_with(members, username)


def strictly(text: str | bytes) -> Any:
    """JSON with nothing interpreted: objects as pairs with their duplicates, numbers as their text."""

    def no_constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str, parse_constant=no_constant)


def pairs_of(line: bytes) -> Pairs:
    envelope = strictly(line)
    assert [key for key, _ in envelope] == ["command", "id", "activity"]
    members: Pairs = envelope[2][1]
    return members


@given(text=OBJECTS, username=USERNAMES)
@settings(max_examples=300)
@example(text='{"a":1,"authenticated_user":"eve","a":2}', username="bob")
@example(text='{"authenticated_user":"eve"}', username="bob")
@example(text='{"\\u0061uthenticated_user":"eve" , "authenticated_user":"eve"}', username='"},"x":{"')
@example(text='{"x":"authenticated_user"}', username="authenticated_user")
@example(text='{"x":{"authenticated_user":"eve"},"\\u005c":1}', username="\n\r\x00\u2028")
def test_one_line_one_author_and_the_rest_as_it_was_sent(text: str, username: str) -> None:
    line = published(text, username)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\r" not in line
    sent = [(key, value) for key, value in strictly(text) if key != AUTHOR]
    assert pairs_of(line) == [(AUTHOR, username), *sent]


@given(members=st.lists(st.tuples(st.sampled_from(["a", "b", "id", "Ab"]), VALUES), max_size=4), space=SPACES)
@settings(max_examples=100)
def test_what_forges_nothing_arrives_byte_for_byte(members: list[tuple[str, str]], space: str) -> None:
    text = "{" + ",".join(f'"{key}"{space}:{value}{space}' for key, value in members) + "}"
    line = published(text)
    assert line.endswith(text[1:].replace("\r", " ").encode() + b"}\n")


@pytest.mark.parametrize(
    ("sent", "members"),
    [
        ("{}", b"}"),
        ("{ \t }", b"}"),
        ('{"a":1}', b',"a":1}'),
        ('{ "a" : 1 }', b',"a" : 1 }'),
        ('{"authenticated_user":"eve"}', b"}"),
        ('{"authenticated_user":"eve","a":1}', b',"a":1}'),
        ('{"a":1,"authenticated_user":"eve"}', b',"a":1}'),
        ('{"a":1,"authenticated_user":{"a":[1,{}],"b":","},"c":"}"}', b',"a":1,"c":"}"}'),
        ('{"authenticated_user":null,"authenticated_user":2}', b"}"),
        ('{"\\u0061uthenticated_use\\u0072":"eve","\\u0061":"\\u0062"}', b',"\\u0061":"\\u0062"}'),
        ('{"a":[{"authenticated_user":1}]}', b',"a":[{"authenticated_user":1}]}'),
        ('{"a\\"":"\\\\","authenticated_user":1,"\\\\":"\\""}', b',"a\\"":"\\\\","\\\\":"\\""}'),
        ('{"authenticated_user":1, "big":1E+400, "b":0.10}', b',"big":1E+400, "b":0.10}'),
        ('{"a":[1,{"b":","}] , "authenticated_user" : "eve" }', b',"a":[1,{"b":","}] }'),
        ('{"a":{"authenticated_user":1},"authenticated_user":[{"authenticated_user":2}],"b":3}', None),
        ('{ "a":"\\"authenticated_user\\":1" ,"authenticated_user":2,"c\\\\":"\\\\\\"authenticated_user"}', None),
        ('{"\\\\u0061uthenticated_user":1,"\\u0041uthenticated_user":2,"\\u0061uthenticated_user":3}', None),
    ],
)
def test_what_is_put_behind_the_author(sent: str, members: bytes | None) -> None:
    found = activity.body(received(sent))
    assert isinstance(found, bytes)
    assert members is None or found == members
    assert pairs_of(line_with(found)) == [(AUTHOR, "bob"), *[pair for pair in strictly(sent) if pair[0] != AUTHOR]]


@pytest.mark.parametrize("sent", ['{"a":\n1}', '{\n"a":1\r\n}', "{\n}", '{"authenticated_user":\n1,\n"a":[\n]\n}'])
def test_white_space_that_would_end_the_line_becomes_a_space(sent: str) -> None:
    """Lines have none of it inside; a message that comes another way may."""
    line = published(sent)
    assert line.count(b"\n") == 1
    assert pairs_of(line) == [(AUTHOR, "bob"), *[pair for pair in strictly(sent) if pair[0] != AUTHOR]]


@pytest.mark.parametrize("sent", ["[]", "null", "1", '"{}"', "true", '[{"a":1}]'])
def test_only_objects_are_activities(sent: str) -> None:
    assert activity.body(received(sent)) == InvalidMessage("activity is not an object", "activity_not_object")


EXAMPLES = Path(__file__).resolve().parent.parent / "data" / "activities"


def test_the_examples_of_the_w3c_arrive_unchanged() -> None:
    for path in sorted(EXAMPLES.glob("*.json")):
        text = path.read_text("utf-8")
        try:
            sent = strictly(text)
        except ValueError:  # one of them is no JSON
            continue
        assert pairs_of(published(text)) == [(AUTHOR, "bob"), *sent], path.name


@given(username=USERNAMES)
def test_a_username_stays_a_string_whatever_is_in_it(username: str) -> None:
    assert pairs_of(line_with(b"}", username)) == [(AUTHOR, username)]


# -- depth ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('[{"b":', "}]")])
def test_the_deepest_activity_passes_and_the_next_does_not(opening: str, closing: str) -> None:
    step = opening.count("[") + opening.count("{")
    text = '{"a":' + opening * ((limits.DEPTH - 1) // step) + "1" + closing * ((limits.DEPTH - 1) // step) + "}"
    assert isinstance(activity.body(text.encode()), bytes)
    deeper = '{"a":' + opening * (limits.DEPTH // step) + "1" + closing * (limits.DEPTH // step) + "}"
    refused = activity.body(deeper.encode())
    assert refused == InvalidMessage(f"activity is nested deeper than {limits.DEPTH}", "too_deep")


def test_many_brackets_side_by_side_are_not_deep() -> None:
    wide = '{"a":[' + ",".join(["[]", "{}"] * 500) + "]}"
    assert isinstance(activity.body(wide.encode()), bytes)


@pytest.mark.parametrize("one", ["[" * 126 + "]" * 126, "[[],[[],[[],[[]]]]]", '{"a":[{"]":1}]}', "[]", '["["]'])
def test_thousands_of_brackets_are_counted_like_a_few(one: str) -> None:
    """A line full of them, of each shape: what is taken away at once is counted, too."""
    many = '{"a":[' + ",".join([one] * (limits.LINE // (len(one) + 1))) + "]}"
    assert activity.depth(many.encode()) == 2 + depth_of(json.loads(one))


def test_brackets_in_strings_are_not_deep() -> None:
    text = json.dumps({"a": "[" * 1000 + '"' + "\\" + "{" * 1000, "[" * 200: 1})
    assert isinstance(activity.body(text.encode()), bytes)


def test_a_deep_activity_that_forges_is_still_refused_in_words() -> None:
    text = '{"\\u0061uthenticated_user":' + "[" * 5000 + "]" * 5000 + "}"
    assert isinstance(activity.body(text.encode()), InvalidMessage)


def lines_run(text: str) -> int:
    """How many lines of Python it takes to look at this activity."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        activity.body(text.encode())
    finally:
        sys.settrace(before)
    return count


def test_a_hostile_activity_costs_no_python_for_each_of_its_brackets() -> None:
    """16,000 brackets and a forged author took 20 ms, when Python looked at each; now 0.5 ms."""
    for one in ("[]", "{}", "[[],[[]]]", '{"a":[{}]}', "[" * 100 + "]" * 100):
        brackets = ",".join([one] * (48_000 // (len(one) + 1)))
        assert lines_run('{"authenticated_user":"eve","a":[' + brackets + "]}") < 5000
        assert lines_run('{"a":1,"authenticated_user":[' + brackets + "]}") < 5000


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth_of(one) for one in value.values()), default=0)
    return 1 + max((depth_of(one) for one in value), default=0) if isinstance(value, list) else 0


@given(text=OBJECTS)
def test_depth_is_what_a_parser_finds(text: str) -> None:
    def unmerged(pairs: Pairs) -> dict[int, Any]:
        return dict(enumerate(value for _, value in pairs))

    assert activity.depth(text.encode()) == depth_of(json.loads(text, object_pairs_hook=unmerged))

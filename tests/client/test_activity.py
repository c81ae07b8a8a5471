"""What may be posted, in which form it leaves, and what an activity shows of itself."""

import json
import math
from collections import ChainMap
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oyez
from oyez.client.activity import Activity, encode
from oyez.protocol import limits

plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    plain | st.text(), lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(), some, max_size=4)
)
json_objects = st.dictionaries(st.text(), json_values, max_size=6)


@given(json_objects)
def test_any_object_leaves_as_one_line_of_the_same_json(some: dict[str, Any]) -> None:
    line = encode(some)
    assert json.loads(line) == some
    assert b"\n" not in line


@given(json_objects, st.sampled_from([None, 1, "\t"]))
def test_json_text_leaves_as_it_is_but_for_its_line_ends(some: dict[str, Any], indent: int | str | None) -> None:
    text = json.dumps(some, indent=indent, ensure_ascii=False).encode()
    assert encode(b"\r\n " + text + b" \n") == text.replace(b"\n", b" ")


@pytest.mark.parametrize("some", [MappingProxyType({"n": 1}), ChainMap({"n": 1})], ids=lambda some: type(some).__name__)
def test_any_mapping_will_do(some: Any) -> None:
    assert encode(some) == b'{"n":1}'


def test_a_text_is_a_note() -> None:
    assert json.loads(encode('hear "ye"\n')) == {"type": "Note", "content": 'hear "ye"\n'}


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"17",
        b"{} {}",
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}",
        {"a": 1j},
        {("a", "b"): 1},
        {"a": "x" * limits.LINE},
        b'{"a":"' + b"x" * limits.LINE + b'"}',
        "x" * limits.LINE,
        [("a", 1)],
        17,
        None,
    ],
    ids=lambda given: repr(given)[:30],
)
def test_what_is_no_activity_is_refused_before_it_leaves(given: Any) -> None:
    with pytest.raises(oyez.NotAnActivity):
        encode(given)


def test_the_room_that_credentials_take_is_counted() -> None:
    fits = {"a": "x" * (limits.LINE - 1000)}
    encode(fits)
    with pytest.raises(oyez.NotAnActivity, match="fit"):
        encode(fits, around=1000)


def test_an_activity_is_decoded_once() -> None:
    activity = Activity("s1.1-2", b'{"authenticated_user":"alice","n":1}')
    assert activity.user == "alice"
    assert activity.object == {"authenticated_user": "alice", "n": 1}
    assert activity.object is activity.object
    assert repr(activity) == """Activity('s1.1-2', b'{"authenticated_user":"alice","n":1}')"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", math.inf),
        ("-1e400", -math.inf),
        ("9" * 400, 10**400 - 1),
        ("-" + "9" * 50_000, -math.inf),
        ("1" * 60_000 + ".5", math.inf),
        ("1e-400", 0.0),
        (r'"\ud800"', "\ud800"),
        (r'{"\ud800":1e400}', {"\ud800": math.inf}),
        ("[" * 126 + "]" * 126, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_whatever_is_json_can_be_looked_at(text: str, value: Any) -> None:
    """A stranger may post it, and must not make a program of somebody else's fail."""
    activity = Activity("s1.1-2", b'{"authenticated_user":"eve","x":' + text.encode() + b"}")
    assert activity.user == "eve"
    assert value is None or activity.object["x"] == value
    assert len(activity.object) == 2

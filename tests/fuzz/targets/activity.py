"""The line that carries an activity: one line, its one author the session's, the rest as it was sent.

The input is an activity as a client writes it, or decisions about one; taken one by one, and several in a block.
"""

from __future__ import annotations

import json
from typing import Any

from oyez.core.origin import Origin
from oyez.protocol import activity, codec, framing, limits
from oyez.protocol.messages import ActivityBroadcast, ActivityMessage, InvalidMessage
from tests.fuzz.data import Data
from tests.fuzz.json_like import AUTHOR, text

LONGEST, RUNS = 400, 3_000
WORDS = [f'"{AUTHOR}":', '"\\u0061uthenticated_user":', "\\u", "{", "}", "[", "]", ",", '\\"', "\\\\", "\r", '{"a":1}']
NAMES = ["bob", '"},"x":{"', "\n\r\x00\u2028", AUTHOR, "%d%b%%", "é😀"]
POST = b'{"command":"ACTIVITY_MESSAGE","username":"u","activity":%b}'


def check(data: bytes) -> None:
    decisions = Data(data)
    name, built, repeated = decisions.pick(NAMES), decisions.flag(), decisions.below(4)
    if built:
        sent = [text(decisions).encode() for _ in range(1 + repeated)]
        if decisions.byte() == 255:
            depth = decisions.below(300)
            sent.append(b'{"a":' + b"[" * depth + b"]" * depth + b"}")
    else:
        sent = decisions.rest().split(b"\n")
    _together(name, [message for one in sent if (message := _received(one)) is not None])


def _received(sent: bytes) -> ActivityMessage | None:
    message = codec.decode(POST % sent)
    return message if isinstance(message, ActivityMessage) else None


def _together(name: str, posts: list[ActivityMessage]) -> None:
    found = [activity.body(bytes(post.activity)) for post in posts]
    alone, together = Origin("s", 1, 1000), Origin("s", 1, 1000)
    for post, members in zip(posts, found, strict=True):
        if isinstance(members, InvalidMessage):
            _refused(bytes(post.activity), members)
            return
        alone.accept(activity.opening(name), members)
    chunk = alone.take()
    if chunk is None:
        return
    assert chunk.count == len(posts) == len(chunk.lines)
    for number, (post, line) in enumerate(zip(posts, chunk.lines, strict=True), 1):
        _one(number, name, bytes(post.activity), line)
    block = b"".join(codec.encode(post) for post in posts)
    at_once = activity.bodies(posts, block)
    if at_once is not None:
        together.accept_all(activity.opening(name), at_once)
        assert together.take() == chunk


def _refused(sent: bytes, refusal: InvalidMessage) -> None:
    value = _strictly(sent)
    if refusal.reason == "activity_not_object":
        assert not isinstance(value, _Members), sent
    else:
        assert refusal.reason == "too_deep"
        assert _depth(value) > limits.DEPTH, sent


def _one(number: int, name: str, sent: bytes, line: bytes) -> None:
    assert line.count(b"\n") == 1, line
    assert b"\r" not in line, line
    assert line.endswith(b"}\n"), line
    assert line.startswith(framing.MESSAGE_PREFIX), line
    parsed = _strictly(line)
    assert parsed[0] == ("command", "ACTIVITY_BROADCAST")
    assert parsed[1] == ("id", f"s.1-{number}")
    assert [key for key, _ in parsed] == ["command", "id", "activity"], line
    value = _strictly(sent)
    assert _depth(value) <= limits.DEPTH, sent
    assert parsed[2][1] == [(AUTHOR, name), *[member for member in value if member[0] != AUTHOR]], (sent, line)
    assert json.loads(line)["activity"][AUTHOR] == name
    message = codec.decode(line[:-1])
    assert isinstance(message, ActivityBroadcast), message


class _Members(list[tuple[str, Any]]):
    """An object, with its members repeated if they are; a list is another thing."""


def _strictly(sent: bytes) -> Any:
    """With numbers as their text, because a reader may be more exact than we are."""
    return json.loads(sent, object_pairs_hook=_Members, parse_float=str, parse_int=str)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while inner := [one for one in level if isinstance(one, list)]:
        deepest += 1
        level = [part for one in inner for part in ([v for _, v in one] if isinstance(one, _Members) else list(one))]
    return deepest

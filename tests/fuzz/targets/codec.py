"""Any line is a message or a refusal with a name; what was decoded and is encoded is decoded to the same again.

And a block of posts is what its lines are one by one. The input is lines, as a client sends them.
"""

from __future__ import annotations

from oyez.protocol import codec
from oyez.protocol.messages import ActivityMessage, InvalidMessage, Malformed, Message
from tests.fuzz.data import Data
from tests.fuzz.json_like import KINDS, line

LONGEST, RUNS = 512, 4_000
WORDS = [f'{{"command":"{command}"' for command in KINDS] + [
    '"username":"a"',
    '"activity":{',
    '"\\ud800"',
    "\n",
    "\xff",
]
REASONS = {"not_utf8", "malformed", "not_json", "too_deep"}
MOST_SAID = 300
"""Characters of a refusal: it is sent back, and written to the log."""


def check(data: bytes) -> None:
    lines = _built(Data(data[1:])) if data[:1] == b"\x01" else data.split(b"\n")
    messages = [codec.decode(one) for one in lines]
    for message in messages:
        _one(message)
    _block(lines, messages)


def _built(data: Data) -> list[bytes]:
    lines = [line(data, {})]
    while data.left and len(lines) < 8:
        lines.append(line(data, {}))
    return lines


def _one(message: Message) -> None:
    encoded = codec.encode(message)
    assert encoded.count(b"\n") == 1, encoded
    assert encoded.endswith(b"\n"), encoded
    encoded.decode()
    again = codec.decode(encoded[:-1])
    if isinstance(message, Malformed):
        assert message.reason in REASONS, message
        assert 0 < len(message.info) <= MOST_SAID, message
        assert again == InvalidMessage(message.info, message.reason)
    else:
        assert type(again) is type(message)
        assert again == message
        assert codec.encode(again) == encoded


def _block(lines: list[bytes], alone: list[Message]) -> None:
    posts = codec.decode_posts(lines, b"".join(one + b"\n" for one in lines))
    if posts is not None:
        assert posts == alone
        assert all(type(post) is ActivityMessage for post in posts)
    elif b'"ACTIVITY_MESSAGE"' in lines[0]:  # else it does not even look
        assert any(type(message) is not ActivityMessage for message in alone)

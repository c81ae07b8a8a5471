"""Lines to messages and back.

`decode` returns a message or a `Malformed` whose info says what was wrong with the line: a peer's bad input is
a value here, never an exception. `encode` gives exactly one line. Knows nothing of links: who may say what is decided
above.
"""

import re

import msgspec

from oyez.protocol.messages import ActivityMessage, ClientMessage, Malformed, Message
from oyez.protocol.nodes import NodeMessage
from oyez.protocol.peers import PeerMessage
from oyez.protocol.users import UserMessage

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(ClientMessage | NodeMessage | PeerMessage | UserMessage)
_encoder = msgspec.json.Encoder()
_POST = b'"ACTIVITY_MESSAGE"'

_UNKNOWN = re.compile(r"^Invalid value (.*) - at `\$\.command`$", re.DOTALL)
_AT = re.compile(r" - at `\$\.?(.*)`$")
_REPEATED = 64  # most characters of a peer's own words that are said back to it, and to the log


def encode(message: Message) -> bytes:
    """One line, its `\\n` included."""
    line = _encoder.encode(message)
    if (
        b"\n" in line
    ):  # only an activity can bring one along, as white space: a program may post a pretty-printed object
        line = line.replace(b"\n", b" ")
    return line + b"\n"


def decode(line: bytes) -> Message:
    """The message in `line` (without its line end), or an Malformed to answer with (DESIGN section 3)."""
    try:
        if not line.isascii():
            line.decode()
        return _decoder.decode(line)
    except UnicodeDecodeError as error:
        return Malformed(f"the line is not UTF-8 (byte {error.start})", "not_utf8")
    except msgspec.ValidationError as error:
        return Malformed(_explain(str(error)), "malformed")
    except msgspec.DecodeError as error:
        return Malformed(_not_json(line, str(error)), "not_json")
    except RecursionError:
        return Malformed("the line is nested too deeply", "too_deep")


def decode_posts(lines: list[bytes], block: bytes) -> list[ActivityMessage] | None:
    """The messages in these lines, of this block, where each is an ACTIVITY_MESSAGE, and sound; else None: `decode` one
    after the other. Less than half the work of that."""
    if _POST not in lines[0]:
        return None
    try:
        if not block.isascii():
            block.decode()
        # Each line by itself: msgspec's decode_lines takes two messages in one line, and one in two.
        messages = list(map(_decoder.decode, lines))
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    posts = [message for message in messages if type(message) is ActivityMessage]
    return posts if len(posts) == len(messages) else None


def _not_json(line: bytes, error: str) -> str:
    if not line.strip():
        return "the line is blank: send one JSON object a line"
    reason = "it ends too early" if error == "Input data was truncated" else error.removeprefix("JSON is malformed: ")
    return f"the line is not a JSON object: {reason}"


def _explain(error: str) -> str:
    """A sentence for a person, made of msgspec's for a developer."""
    if "required field `command`" in error:
        return "the command is missing"
    unknown = _UNKNOWN.match(error)
    if unknown:
        shown = unknown[1] if len(unknown[1]) <= _REPEATED else f"{unknown[1][:_REPEATED]}…'"
        return f"there is no command {shown}"
    if error.startswith(("Expected `object`", "Number out of range")) and " - at " not in error:
        return "the line is not a JSON object"
    where = _AT.search(error)
    sentence = _AT.sub("", error).replace("`", "").replace("Object missing required field", "missing field")
    return f"{where[1]}: {sentence}" if where and where[1] else sentence

"""Builds lines and JSON texts out of a fuzzer's decisions: mostly right, and wrong in a place that it chooses.

A fuzzer that has to find `{"command":"ACTIVITY_MESSAGE","username":` byte by byte finds nothing behind it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import inspect

from oyez.protocol.messages import ClientMessage
from oyez.protocol.nodes import NodeMessage
from oyez.protocol.peers import PeerMessage
from oyez.protocol.users import UserMessage
from tests.fuzz.data import Data

_UNION = inspect.type_info(ClientMessage | NodeMessage | PeerMessage | UserMessage)
assert isinstance(_UNION, inspect.UnionType)
KINDS: dict[str, inspect.StructType] = {
    str(kind.cls.__struct_config__.tag): kind for kind in _UNION.types if isinstance(kind, inspect.StructType)
}
"""Every command, and what is in it."""


def _weight(number: int, command: str) -> bytes:
    return hashlib.blake2b(b"%d" % number + command.encode(), digest_size=8).digest()


COMMANDS = [max(KINDS, key=lambda command: _weight(number, command)) for number in range(1024)]
"""By number. A new command takes a few from each of the others, and leaves what most of the kept inputs mean."""

AUTHOR = "authenticated_user"
NUMBERS = [0, 1, 2, 3, 7, 255, 65_535, 2**31, 2**53, 2**53 + 1, 2**64, 10**30, -1]
TEXTS = ["", "a", "b", "bob", "anonymous", "m", "m.1", "a.1", "b.1", "a.1-1", "tag-1", "tag-99999999999999999999"]
TEXTS += [
    "x" * 16,
    "\n",
    "\r\n",
    '"',
    "\\",
    "\u2028",
    "😀",
    "\0",
    AUTHOR,
    "-",
    ".",
    "x" * 200,
    "a." + "9" * 5000,
    "tag-" + "9" * 5000,
]
WORDS = [AUTHOR, AUTHOR, AUTHOR + "2", "Authenticated_user", "", "id", "a", "\\", '"', '{"', "[[", "},", "\u2028", "é"]
GAPS = ["", "", "", " ", "\t", "\r", " \r "]


def line(data: Data, usual: dict[str, list[Any]]) -> bytes:
    """A line without its end. `usual` has values for fields of that name that get through."""
    shape = data.below(16)
    if shape == 15:
        return data.take(data.below(64)).replace(b"\n", b" ")
    command = data.pick(COMMANDS)
    fields: dict[str, Any] = {"command": command, **_members(data, KINDS[command], usual, 0)}
    made = msgspec.json.encode(fields)
    if shape == 14:  # hurt somewhere
        at = data.below(len(made))
        made = made[:at] + data.take(3) + made[at + data.below(4) :]
    if shape == 13:  # an activity as people and programs write it, and forge it
        made = made.replace(b'"activity":null', b'"activity":' + text(data).encode())
    return made.replace(b"\n", b" ")


def _members(data: Data, kind: inspect.StructType, usual: dict[str, list[Any]], depth: int) -> dict[str, Any]:
    members = {}
    for field in kind.fields:
        how = data.below(8)
        if how == 0 and not field.required:
            continue
        known = usual.get(field.name)
        members[field.encode_name] = data.pick(known) if known and how < 6 else value(data, field.type, usual, depth)
    return members


def value(data: Data, info: inspect.Type, usual: dict[str, list[Any]], depth: int = 0) -> Any:
    """A value for such a field; now and then one that does not fit."""
    if data.below(32) == 31 or depth > 3:
        return data.pick([None, True, 1.5, "x", [], {}, 10**30, [[]], {"": {}}])
    match info:
        case inspect.IntType():
            return data.pick(NUMBERS)
        case inspect.FloatType():
            return data.pick([0.0, 1.0, -1.0, 1e9, 1e308])
        case inspect.BoolType():
            return data.flag()
        case inspect.StrType() | inspect.BytesType():
            return data.pick(TEXTS)
        case inspect.ListType() | inspect.VarTupleType():
            return [value(data, info.item_type, usual, depth + 1) for _ in range(data.below(4))]
        case inspect.DictType():
            keys = [data.pick(TEXTS) for _ in range(data.below(4))]
            return {key: value(data, info.value_type, usual, depth + 1) for key in keys}
        case inspect.UnionType():
            return value(data, data.pick(info.types), usual, depth)
        case inspect.StructType(array_like=True):
            return [value(data, field.type, usual, depth + 1) for field in info.fields]
        case inspect.StructType():
            return _members(data, info, usual, depth + 1)
    return None if not isinstance(info, inspect.RawType) else {"content": data.pick(TEXTS)}


def text(data: Data, depth: int = 0) -> str:
    """A JSON text: objects with forged authors, spelled in every way, white space where it may stand."""
    kind = data.below(8) if depth < 6 else data.below(4)
    if depth == 0 and kind:
        kind = 7
    if kind < 2:
        return data.pick(["null", "true", "0", "-1.50E+10", "1e400", "18446744073709551616", '""', '"a"'])
    if kind < 4:
        return spelled(data, data.pick(WORDS))
    gap = data.pick(GAPS)
    if kind < 6:
        return "[" + f"{gap},".join(text(data, depth + 1) for _ in range(data.below(4))) + gap + "]"
    members = [
        f"{gap}{spelled(data, data.pick(WORDS))}{gap}:{gap}{text(data, depth + 1)}" for _ in range(data.below(5))
    ]
    return "{" + f"{gap},".join(members) + gap + "}"


def spelled(data: Data, word: str) -> str:
    """A JSON string for this word, with escapes that nobody needs."""
    mode = data.below(4)
    letters = []
    for letter in word:
        must = letter in '"\\' or letter < " "
        if must and mode < 2:
            letters.append("\\" + letter if letter >= " " else f"\\u{ord(letter):04x}")
        elif must or (mode == 2 and data.flag()) or mode == 3:
            pair = letter.encode("utf-16-be").hex()
            letters += [f"\\u{pair[at : at + 4]}" for at in range(0, len(pair), 4)]
        else:
            letters.append(letter)
    return '"' + "".join(letters) + '"'

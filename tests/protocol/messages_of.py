"""Hypothesis strategies for every message, made from the structs themselves: a new field needs no word here."""

import string
from types import UnionType
from typing import get_args

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from oyez.protocol.messages import ClientMessage, Message
from oyez.protocol.nodes import NodeMessage
from oyez.protocol.peers import PeerMessage
from oyez.protocol.users import UserMessage

KINDS: list[type[Message]] = [
    *get_args(ClientMessage),
    *get_args(NodeMessage),
    *get_args(PeerMessage),
    *get_args(UserMessage),
]
"""Every struct that has a command of its own."""

CHARACTERS = st.characters(exclude_categories=["Cs"])
NODE_IDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)
ACTIVITIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(CHARACTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS), inner, max_size=3),
    max_leaves=5,
)
RAW_OBJECTS = st.dictionaries(st.text(CHARACTERS), ACTIVITIES, max_size=4).map(
    lambda activity: msgspec.Raw(msgspec.json.encode(activity))
)


def messages(kind: type[Message] | UnionType) -> st.SearchStrategy[Message]:
    """Messages of this kind, or of any kind in a union, with everything within its limits."""
    return _values(inspect.type_info(kind))


def _values(info: inspect.Type) -> st.SearchStrategy:
    match info:
        case inspect.StrType(pattern=None):
            return _texts(info)
        case inspect.StrType():
            return NODE_IDS
        case inspect.IntType():
            least = -(2**62) if info.ge is None else info.ge
            return st.integers(least, 2**62 if info.le is None else info.le)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.BytesType():
            return st.binary(max_size=40)
        case inspect.RawType():
            return RAW_OBJECTS
        case inspect.ListType():
            return st.lists(_values(info.item_type), max_size=3)
        case inspect.VarTupleType():
            return st.lists(_values(info.item_type), max_size=3).map(tuple)
        case inspect.DictType():
            return st.dictionaries(_values(info.key_type), _values(info.value_type), max_size=3)
        case inspect.UnionType():
            return st.one_of([_values(one) for one in info.types])
        case inspect.StructType():
            return st.builds(info.cls, **{field.name: _values(field.type) for field in info.fields})
    raise NotImplementedError(f"no strategy for {info} yet")


def _texts(info: inspect.StrType) -> st.SearchStrategy[str]:
    """Short texts, and now and then the longest allowed."""
    least = info.min_length or 0
    short = st.text(CHARACTERS, min_size=least, max_size=least + 20)
    longest = info.max_length
    if longest is None:
        return short
    return st.one_of(short, short, short, st.sampled_from([letter * longest for letter in "aé€😀\x00"]))

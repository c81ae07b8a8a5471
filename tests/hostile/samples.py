"""A line of each command that there is, made from the structs themselves: a new command needs no word here."""

from typing import Any, get_args

import msgspec
from msgspec import inspect

from oyez.protocol.messages import ClientMessage, Message
from oyez.protocol.nodes import NodeMessage
from oyez.protocol.peers import PeerMessage
from oyez.protocol.users import ChangeSecret, UserMessage
from tests.blackbox.wire import Message as Line

OF_CLIENTS = frozenset(str(kind.__struct_config__.tag) for kind in (*get_args(ClientMessage), ChangeSecret))
"""Commands that clients speak or hear."""

KINDS: dict[str, type[Message]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(ClientMessage | NodeMessage | PeerMessage | UserMessage)
}
"""Every struct, by its command."""


def line(command: str, secret: str) -> Line:
    """The command with everything that is mandatory, and this secret wherever it has one."""
    found: Line = {"command": command} | _object(inspect.type_info(KINDS[command]))
    return found | ({"secret": secret} if "secret" in found else {})


def _object(info: inspect.Type) -> dict[str, Any]:
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: _value(field.type) for field in info.fields if field.required}


def _value(info: inspect.Type) -> Any:
    match info:
        case inspect.StrType():
            return "s1"
        case inspect.IntType():
            return 1
        case inspect.FloatType():
            return 1.5
        case inspect.BoolType():
            return True
        case inspect.RawType():
            return {}
        case inspect.ListType() | inspect.VarTupleType():
            return [_value(info.item_type)]
        case inspect.DictType():
            return {"s1": _value(info.value_type)}
        case inspect.UnionType():
            return _value(info.types[0])
        case inspect.StructType(array_like=True):
            return [_value(field.type) for field in info.fields]
        case inspect.StructType():
            return _object(info)
    raise NotImplementedError(f"no sample of {info} yet")


def check(sample: Line) -> None:
    """It is what the struct says; else the refusal would be for another reason."""
    msgspec.json.decode(msgspec.json.encode(sample), type=KINDS[sample["command"]])

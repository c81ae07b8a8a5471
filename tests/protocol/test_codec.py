"""Messages to lines and back; and that no bytes at all make the decoder raise."""

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.protocol import codec
from oyez.protocol.messages import (
    ActivityMessage,
    ClientMessage,
    InvalidMessage,
    Login,
    Logout,
    Malformed,
    Message,
    Redirect,
)
from oyez.protocol.nodes import NodeMessage
from oyez.protocol.peers import PeerMessage
from oyez.protocol.users import UserMessage
from tests.protocol.messages_of import KINDS, messages

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
ANYTHING = messages(ClientMessage) | messages(NodeMessage) | messages(PeerMessage) | messages(UserMessage)


def line_of(message: Message) -> bytes:
    """The line without its end, as framing cuts it."""
    return codec.encode(message).removesuffix(b"\n")


@each_kind
@given(data=st.data())
@settings(max_examples=20)
def test_what_is_encoded_is_decoded_again(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    decoded = codec.decode(line_of(message))
    assert decoded == message
    assert type(decoded) is kind


@each_kind
@given(data=st.data())
@settings(max_examples=10)
def test_a_message_is_one_line_of_utf8_that_names_its_command(kind: type[Message], data: st.DataObject) -> None:
    encoded = codec.encode(data.draw(messages(kind)))
    assert encoded.endswith(b"\n")
    assert encoded.count(b"\n") == 1
    assert b"\r" not in encoded
    assert encoded.startswith(b'{"command":"%b"' % str(kind.__struct_config__.tag).encode())
    encoded.decode()


@each_kind
@given(data=st.data())
@settings(max_examples=10)
def test_fields_of_a_newer_version_are_ignored(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    news = data.draw(st.sampled_from([b"1", b'"x"', b"null", b'{"command":"LOGOUT"}', b"[[[]]]", b"1e999"]))
    assert codec.decode(line_of(message)[:-1] + b',"since_version_9":' + news + b"}") == message


@each_kind
def test_each_command_is_upper_case_and_has_one_struct(kind: type[Message]) -> None:
    tag = kind.__struct_config__.tag
    assert re.fullmatch("[A-Z]+(_[A-Z]+)*", str(tag))
    assert [other for other in KINDS if other.__struct_config__.tag == tag] == [kind]


def test_what_was_left_out_is_left_out_again() -> None:
    assert codec.encode(Login("bob")) == b'{"command":"LOGIN","username":"bob"}\n'
    assert codec.encode(Logout()) == b'{"command":"LOGOUT"}\n'
    assert codec.encode(Redirect("a", 1)) == b'{"command":"REDIRECT","hostname":"a","port":1}\n'


def test_fields_may_come_in_any_order_with_any_white_space() -> None:
    assert codec.decode(b' {\t"username" : "bob",\r"command":\r"LOGIN"} \r') == Login("bob")


def test_names_may_be_spelled_with_escapes() -> None:
    line = b'{"comm\\u0061nd":"LOG\\u0049N","username":"b\\u00f6b\\ud83d\\ude00"}'
    assert codec.decode(line) == Login("böb😀")


def test_an_activity_keeps_its_bytes() -> None:
    activity = b'{ "b":1.50e+01,\t"a" :"\\u00e9\\/", "b":18446744073709551616123}'
    message = codec.decode(b'{"command":"ACTIVITY_MESSAGE","username":"bob","activity":' + activity + b"}")
    assert isinstance(message, ActivityMessage)
    assert bytes(message.activity) == activity


def test_an_activity_of_several_lines_leaves_as_one() -> None:
    """A program may post a pretty-printed object: its line ends are white space, and would end the message."""
    line = line_of(ActivityMessage("bob", msgspec.Raw(b'{\n  "a": "b\\n",\r\n  "c": [\n]\n}')))
    assert b"\n" not in line
    message = codec.decode(line)
    assert isinstance(message, ActivityMessage)
    assert msgspec.json.decode(message.activity) == {"a": "b\n", "c": []}


def test_the_peers_complaint_is_not_taken_for_our_own() -> None:
    """`Malformed` has the same tag, but only the decoder makes it."""
    message = codec.decode(b'{"command":"INVALID_MESSAGE","info":"what?"}')
    assert type(message) is InvalidMessage


def test_the_decoders_complaint_goes_out_as_invalid_message() -> None:
    complaint = codec.decode(b"?")
    assert type(complaint) is Malformed
    assert codec.decode(line_of(complaint)) == InvalidMessage(complaint.info, complaint.reason)


# -- no bytes make it raise -----------------------------------------------------------------------------------------

COMMANDS = [str(kind.__struct_config__.tag).encode() for kind in KINDS]
PARTS = [
    b'{"command":"',
    b'"',
    b'","username":',
    b'"activity":',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-",
    b"1e9",
]
DEBRIS = [b"NaN", b"\\", b"\\ud800", b"\\u0000", b"\xff", b"\x00", b"\r", b" ", b"\xef\xbb\xbf", b"\xed\xa0\x80"]
MASSES = [b"9" * 400, b"{" * 300, b"[" * 2000]
PIECES = st.sampled_from([*COMMANDS, *PARTS, *DEBRIS, *MASSES])


@given(line=st.binary(max_size=200) | st.lists(PIECES, max_size=12).map(b"".join))
@settings(max_examples=800)
def test_any_bytes_give_a_message_or_a_reason(line: bytes) -> None:
    answer = codec.decode(line)
    if isinstance(answer, Malformed):
        assert answer.info
        assert answer.reason


@given(message=ANYTHING, data=st.data())
@settings(max_examples=800)
def test_a_damaged_message_gives_a_message_or_a_reason(message: Message, data: st.DataObject) -> None:
    line = bytearray(line_of(message))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(line)))
        end = data.draw(st.integers(start, min(len(line), start + 8)))
        line[start:end] = data.draw(st.binary(max_size=3) | PIECES)
    answer = codec.decode(bytes(line))
    assert isinstance(answer, Message)


@given(message=ANYTHING)
@settings(max_examples=50)
def test_a_message_cut_short_is_never_a_message(message: Message) -> None:
    line = line_of(message)
    for end in range(max(0, len(line) - 60), len(line)):
        assert isinstance(codec.decode(line[:end]), Malformed)

"""What is said about a line that is no message: a sentence that its sender can act on (promise 10)."""

import pytest

from oyez.protocol import codec, limits
from oyez.protocol.messages import Login, Malformed

DEEP = 10_000

NOT_JSON = {
    "garbage": (b"hello there", "byte 0"),
    "a request of another protocol": (b"GET / HTTP/1.1", "byte 0"),
    "a message cut short": (b'{"command":"LOGOUT"', "ends too early"),
    "a second message on the same line": (b'{"command":"LOGOUT"}{"command":"LOGOUT"}', "trailing characters (byte 21)"),
    "a trailing letter": (b'{"command":"LOGOUT"}x', "trailing characters (byte 21)"),
    "a trailing comma": (b'{"command":"LOGOUT",}', "trailing comma"),
    "quotes of another language": (b"{'command':'LOGOUT'}", "keys must be strings"),
    "NaN": (b'{"command":"LOGIN","username":NaN}', "byte 30"),
    "Infinity": (b'{"command":"LOGOUT","x":-Infinity}', "byte 25"),
    "a byte order mark": (b'\xef\xbb\xbf{"command":"LOGOUT"}', "byte 0"),
    "a zero byte": (b'{"command":"LOGOUT"}\x00', "trailing characters"),
    "a control character in a string": (b'{"command":"LOGIN","username":"a\x01"}', "invalid character (byte 32)"),
    "a lone surrogate": (b'{"command":"LOGIN","username":"\\ud83d, alone"}', "surrogate"),
    "a lone surrogate in a field that nobody reads": (b'{"command":"LOGOUT","x":"\\udc00 alone"}', "surrogate"),
    "a lone surrogate in an activity": (
        b'{"command":"ACTIVITY_MESSAGE","username":"a","activity":{"\\udc00 alone":1}}',
        "surrogate",
    ),
    "an escape that there is none of": (b'{"command":"LOGIN","username":"\\x41"}', "escape character"),
    "a number with a leading zero": (b'{"command":"LOGOUT","x":01}', "invalid number"),
    "a comment": (b'{"command":"LOGOUT"/*bye*/}', "byte 19"),
}

NOT_AN_OBJECT = {
    "an array": b'[{"command":"LOGOUT"}]',
    "a string": b'"LOGOUT"',
    "a number": b"1",
    "a huge number": b"9" * 5000,
    "null": b"null",
    "true": b"true",
    "an array nested 10,000 deep": b"[" * DEEP,
}

MALFORMED = {
    "no members": (b"{}", "the command is missing"),
    "no command": (b'{"username":"bob"}', "the command is missing"),
    "a command in other letters": (b'{"Command":"LOGOUT"}', "the command is missing"),
    "a command that is a number": (b'{"command":7}', "command: Expected str"),
    "a command that is null": (b'{"command":null}', "command: Expected str"),
    "a command that is an object": (b'{"command":{}}', "command: Expected str"),
    "an unknown command": (b'{"command":"SHOUT"}', "there is no command 'SHOUT'"),
    "a command in lower case": (b'{"command":"login"}', "there is no command 'login'"),
    "an empty command": (b'{"command":""}', "there is no command ''"),
    "a command with a line end in it": (b'{"command":"A\\nB"}', "there is no command 'A\nB'"),
    "a command that looks like an explanation": (b'{"command":"x - at `$.y`"}', "there is no command 'x - at `$.y`'"),
    "a missing field": (b'{"command":"LOGIN"}', "missing field username"),
    "an activity that is missing": (b'{"command":"ACTIVITY_MESSAGE","username":"a"}', "missing field activity"),
    "a number for a name": (b'{"command":"LOGIN","username":5}', "username: Expected str, got int"),
    "null for a name": (b'{"command":"LOGIN","username":null}', "username: Expected str, got null"),
    "an empty name": (b'{"command":"LOGIN","username":""}', "username: Expected str of length >= 1"),
    "an empty secret": (b'{"command":"REGISTER","username":"a","secret":""}', "secret: Expected str of length >= 1"),
    "an array for a secret": (b'{"command":"LOGIN","username":"a","secret":[]}', "secret: Expected str | null, got"),
    "a port in quotes": (b'{"command":"REDIRECT","hostname":"a","port":"1"}', "port: Expected int, got str"),
    "port 0": (b'{"command":"REDIRECT","hostname":"a","port":0}', "port: Expected int >= 1"),
    "a port that is too high": (b'{"command":"REDIRECT","hostname":"a","port":65536}', "port: Expected int <= 65535"),
    "a port with 30 digits": (
        b'{"command":"REDIRECT","hostname":"a","port":%b}' % (b"9" * 30),
        "port: Expected int <= 65535",
    ),
    "a port beyond any number": (b'{"command":"REDIRECT","hostname":"a","port":1e999}', "port: Number out of range"),
    "post number 0": (
        b'{"command":"ACTIVITY_MESSAGE","username":"a","activity":{},"id":0}',
        "id: Expected int >= 1",
    ),
    "a session that can be guessed": (
        b'{"command":"LOGIN","username":"a","session":"short"}',
        "session: Expected str of length >= 16",
    ),
    "a node id with a dot": (
        b'{"command":"REMOVE_SERVER","id":"a.b"}',
        "id: Expected str matching regex '^[A-Za-z0-9_-]+",
    ),
    "a node id with a line end": (
        b'{"command":"REMOVE_SERVER","id":"ab\\n"}',
        "id: Expected str matching regex '^[A-Za-z0-9_-]+",
    ),
    "something wrong further inside": (
        b'{"command":"AUTHENTICATE_SUCCESS","info":"","servers":[{"id":"a","hostname":"h"}]}',
        "servers[0]: missing field port",
    ),
}

TOO_DEEP = {
    "objects": b'{"a":' * DEEP,
    "an activity": b'{"command":"ACTIVITY_MESSAGE","username":"a","activity":' + b'{"a":' * DEEP + b"}" * (DEEP + 1),
    "a field that nobody reads": b'{"command":"LOGOUT","x":' + b"[" * DEEP + b"]" * DEEP + b"}",
}

NOT_UTF8 = {
    "a lone byte": (b'{"command":"LOGIN","username":"\xff"}', 31),
    "latin-1": ('{"command":"LOGIN","username":"böb"}'.encode("latin-1"), 32),
    "a surrogate, encoded": (b'{"command":"LOGIN","username":"\xed\xa0\x80"}', 31),
    "a letter spelled too long": (b'{"command":"LOGIN","username":"\xc1\xa1"}', 31),
    "bytes that nobody reads": (b'{"command":"LOGOUT","x":"\xfe"}', 25),
    "half a letter at the end": (b'{"command":"LOGOUT"}\xe2\x82', 20),
    "UTF-16": ('{"command":"LOGOUT"}'.encode("utf-16"), 0),
}


def complaint_about(line: bytes) -> Malformed:
    answer = codec.decode(line)
    assert type(answer) is Malformed
    return answer


def cases(table: dict) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("what", table)


@cases(NOT_JSON)
def test_what_is_not_json(what: str) -> None:
    line, about = NOT_JSON[what]
    complaint = complaint_about(line)
    assert complaint.info.startswith("the line is not a JSON object: ")
    assert about in complaint.info
    assert complaint.reason == "not_json"


@cases(NOT_AN_OBJECT)
def test_what_is_json_but_no_object(what: str) -> None:
    assert complaint_about(NOT_AN_OBJECT[what]).info == "the line is not a JSON object"


@pytest.mark.parametrize("line", [b"", b" ", b"\t \r"])
def test_a_blank_line_is_called_that(line: bytes) -> None:
    assert complaint_about(line) == Malformed("the line is blank: send one JSON object a line", "not_json")


@cases(MALFORMED)
def test_what_is_an_object_but_no_message(what: str) -> None:
    line, about = MALFORMED[what]
    complaint = complaint_about(line)
    assert complaint.info.startswith(about)
    assert complaint.reason == "malformed"


@cases(MALFORMED)
def test_the_sentence_is_for_people(what: str) -> None:
    line, _ = MALFORMED[what]
    info = complaint_about(line).info
    assert "Object missing" not in info
    assert ("`" in info) == (b"`" in line)


def test_an_unknown_command_is_not_repeated_at_length() -> None:
    """It is sent back and written to the log: nobody wants 64 KiB of it there."""
    info = complaint_about(b'{"command":"%b"}' % (b"X" * 60_000)).info
    assert info.startswith("there is no command 'XXX")
    assert len(info) < 200


@cases(TOO_DEEP)
def test_what_is_nested_too_deeply(what: str) -> None:
    assert complaint_about(TOO_DEEP[what]) == Malformed("the line is nested too deeply", "too_deep")


@cases(NOT_UTF8)
def test_what_is_not_utf8(what: str) -> None:
    line, byte = NOT_UTF8[what]
    assert complaint_about(line) == Malformed(f"the line is not UTF-8 (byte {byte})", "not_utf8")


def login(**fields: str) -> bytes:
    return codec._encoder.encode({"command": "LOGIN", "username": "bob"} | fields)


@pytest.mark.parametrize(
    ("field", "longest"),
    [("username", limits.USERNAME), ("secret", limits.SECRET), ("ticket", limits.TICKET), ("session", 64)],
)
@pytest.mark.parametrize("letter", ["a", "é", "😀"])
def test_limits_count_characters_and_are_named(field: str, longest: int, letter: str) -> None:
    assert isinstance(codec.decode(login(**{field: letter * longest})), Login)
    complaint = complaint_about(login(**{field: letter * (longest + 1)}))
    assert complaint.info.startswith(f"{field}: Expected str of length ")
    assert str(longest) in complaint.info

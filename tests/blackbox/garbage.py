"""Input that no node may accept, by name. Each ends with a refusal and the close, and touches nobody else."""

from tests.blackbox.wire import Message, encode

LINE_LIMIT = 64 * 1024
"""The default limit of a line in bytes (protocol: bad input)."""

DEPTH_LIMIT = 128
"""Levels of objects and arrays that an activity may have, itself the first."""

DEPTH = 10_000


def _command(rest: bytes) -> bytes:
    return b'{"command":"LOGIN","username":"anonymous",' + rest + b"}\n"


def nested(opening: bytes, closing: bytes) -> bytes:
    """A value that is nested far deeper than any honest one, yet short enough for the line limit."""
    return opening * DEPTH + closing * DEPTH


LINES: dict[str, bytes] = {
    # not JSON
    "a word": b"hello\n",
    "a half object": b'{"command":"LOGIN"\n',
    "an opening brace": b"{\n",
    "a closing brace": b"}\n",
    "nul bytes": b"\x00\x00\x00\x00\n",
    "control bytes": b"\x01\x02\x03\x7f\n",
    "single quotes": b"{'command':'LOGIN','username':'anonymous'}\n",
    "a bare key": b'{command:"LOGIN","username":"anonymous"}\n',
    "a comma too many": b'{"command":"LOGIN","username":"anonymous",}\n',
    "a comment": b'{"command":"LOGIN"/* hi */,"username":"anonymous"}\n',
    "words after the object": b'{"command":"LOGIN","username":"anonymous"} hello\n',
    "two objects in a line": b'{"command":"LOGIN","username":"anonymous"}{"command":"LOGOUT"}\n',
    "not a number": _command(b'"n":NaN'),
    "an infinite number": _command(b'"n":Infinity'),
    "an unknown escape": _command(b'"a":"\\x41"'),
    "a raw newline's cousin in a string": _command(b'"a":"tab\there"'),
    # blank
    "an empty line": b"\n",
    "an empty line with a carriage return": b"\r\n",
    "a line of blanks": b"   \n",
    # not an object
    "an array": b"[]\n",
    "an array of an object": b'[{"command":"LOGIN","username":"anonymous"}]\n',
    "a string": b'"LOGIN"\n',
    "a number": b"17\n",
    "null": b"null\n",
    "true": b"true\n",
    # no command, an unknown one, one of a wrong type
    "an empty object": b"{}\n",
    "no command": b'{"username":"anonymous"}\n',
    "an unknown command": b'{"command":"SHOUT"}\n',
    "an empty command": b'{"command":""}\n',
    "a command in small letters": b'{"command":"login","username":"anonymous"}\n',
    "a command with a blank": b'{"command":"LOGIN ","username":"anonymous"}\n',
    "the key in capitals": b'{"COMMAND":"LOGIN","username":"anonymous"}\n',
    "a numeric command": b'{"command":7}\n',
    "a null command": b'{"command":null}\n',
    "a command in an array": b'{"command":["LOGIN"],"username":"anonymous"}\n',
    "a command in an object": b'{"command":{"LOGIN":1}}\n',
    "a very long command": b'{"command":"' + b"X" * 50_000 + b'"}\n',
    # an answer, as if the client were the node
    "a login success": encode({"command": "LOGIN_SUCCESS", "info": "logged in as user anonymous"}),
    "a broadcast": encode({"command": "ACTIVITY_BROADCAST", "activity": {"authenticated_user": "bob"}}),
    "a redirect": encode({"command": "REDIRECT", "hostname": "127.0.0.1", "port": 1}),
    "a status report": encode({"command": "STATUS_REPORT", "servers": []}),
    # wrong types
    "a numeric username": b'{"command":"LOGIN","username":7}\n',
    "a numeric secret": b'{"command":"LOGIN","username":"bob","secret":7}\n',
    # nested too deep
    "deep arrays": nested(b"[", b"]") + b"\n",
    "deep objects": nested(b'{"":', b"}").replace(b":}", b":1}") + b"\n",
    "a field of deep arrays": _command(b'"a":' + nested(b"[", b"]")),
    "an activity of deep arrays": b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"a":'
    + nested(b"[", b"]")
    + b"}}\n",
    "an activity of deep objects": b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":'
    + nested(b'{"":', b"}").replace(b":}", b":1}")
    + b"}\n",
    "ten thousand opening brackets": b"[" * DEPTH + b"\n",
    # not UTF-8
    "a stray byte": b"\xff\n",
    "latin-1 in a string": _command(b'"a":"caf\xe9"'),
    "an overlong sequence": _command(b'"a":"\xc0\xaf"'),
    "an encoded surrogate": _command(b'"a":"\xed\xa0\x80"'),
    "a sequence cut short": _command(b'"a":"\xe2\x82"'),
    "beyond Unicode": _command(b'"a":"\xf4\x90\x80\x80"'),
    "latin-1 in a key": _command(b'"\xe9":1'),
    "UTF-16": '{"command":"LOGIN"}'.encode("utf-16") + b"\n",
    # too long
    "a line over the limit": _command(b'"a":"' + b"x" * LINE_LIMIT + b'"'),
    "a line over the limit without an end": b"x" * (LINE_LIMIT + 4096),
    "an object over the limit without an end": b'{"command":"LOGIN","a":"' + b"x" * (LINE_LIMIT + 4096),
    "a megabyte without an end": b"[" * (1 << 20),
    "a megabyte of a line": _command(b'"a":"' + b"x" * (1 << 20) + b'"'),
    "blanks without an end": b" " * (LINE_LIMIT + 4096),
}

ADDRESS: Message = {"hostname": "127.0.0.1", "port": 65000}

NODE_COMMANDS: dict[str, Message] = {
    "AUTHENTICATE": {"secret": "a guess", "id": "rogue", "incarnation": 1, "load": 0, "term": 1} | ADDRESS,
    "AUTHENTICATE_SUCCESS": {"info": "welcome", "term": 9, "centrals": [], "servers": []},
    "BACKUP_AUTHENTICATE": {"secret": "a guess", "id": "rogue", "cursor": 0} | ADDRESS,
    "BACKUP_AUTHENTICATION_SUCCESS": {"info": "welcome"},
    "BACKUP_AUTHENTICATION_FAIL": {"info": "go away"},
    "SYNCHRONISE_SERVER_LOAD": {"loads": {"s1": 1_000_000}, "term": 9, "index": 1},
    "SYNCHRONISE_SERVER_ADDRESSES": {"servers": {"s1": ADDRESS}, "term": 9, "index": 1},
    "SYNCHRONISE_USER_STORE": {"users": {"rogue": "rogue"}, "term": 9, "index": 1},
    "SYNCHRONISED_NEW_SERVER": {"id": "rogue", "term": 9, "index": 1} | ADDRESS,
    "REMOVE_SERVER": {"id": "s1", "term": 9, "index": 1},
    "DE_LOAD": {"id": "s1"},
    "SERVER_ANNOUNCE": {"id": "s1", "load": 1_000_000} | ADDRESS,
    # commands that the project has named itself
    "VERIFY_LOGIN": {"request": 1, "username": "anonymous", "secret": "a guess"},
    "VERIFY_LOGIN_SUCCESS": {"request": 1},
    "VERIFY_LOGIN_FAILED": {"request": 1, "info": "no"},
    "SERVER_HELLO": {"secret": "a guess", "id": "rogue", "incarnation": 1},
    "SERVER_POSITION": {"origin": "s2.1", "sequence": 0},
    "HEARTBEAT": {},
}
"""A well-formed line of every node command; a client may send none of them."""

NODE_REFUSALS = {
    "AUTHENTICATE": ("AUTHENTICATION_FAIL", "INVALID_MESSAGE"),
    "BACKUP_AUTHENTICATE": ("BACKUP_AUTHENTICATION_FAIL", "INVALID_MESSAGE"),
    "SERVER_HELLO": ("AUTHENTICATION_FAIL", "INVALID_MESSAGE"),
}
"""Where something else than INVALID_MESSAGE may be the answer: the secret is wrong."""

BAD_ACTIVITIES: dict[str, bytes] = {
    "half": b'{"a":1',
    "a comma too many": b'{"a":1,}',
    "a comma too many in an array": b'{"a":[1,]}',
    "two commas": b'{"a":1,,"b":2}',
    "no comma": b'{"a":1 "b":2}',
    "no colon": b'{"a" 1}',
    "no value": b'{"a":}',
    "a number as a key": b"{1:1}",
    "a bare word": b'{"a":yes}',
    "a capital literal": b'{"a":True}',
    "NaN": b'{"a":NaN}',
    "minus infinity": b'{"a":-Infinity}',
    "a leading zero": b'{"a":01}',
    "a leading plus": b'{"a":+1}',
    "a bare minus": b'{"a":-}',
    "a number that ends in a point": b'{"a":1.}',
    "a number that starts with a point": b'{"a":.5}',
    "an empty exponent": b'{"a":1e}',
    "a hexadecimal number": b'{"a":0x10}',
    "an unknown escape": b'{"a":"\\q"}',
    "a broken unicode escape": b'{"a":"\\u12G4"}',
    "a short unicode escape": b'{"a":"\\u12"}',
    "a tab in a string": b'{"a":"\t"}',
    "a carriage return in a string": b'{"a":"\r"}',
    "a nul in a string": b'{"a":"\x00"}',
    "an escape character in a key": b'{"\x1b":1}',
    "a form feed between": b'{"a":\x0c1}',
    "a no-break space between": '{"a":\u00a01}'.encode(),
    "latin-1 in a string": b'{"a":"caf\xe9"}',
    "an overlong sequence": b'{"a":"\xc0\x80"}',
    "an encoded surrogate": b'{"a":"\xed\xbf\xbf"}',
    "latin-1 deep inside": b'{"a":{"b":[{"c":"\xe9"}]}}',
    "mismatched brackets": b'{"a":[1}]',
    "a string that never ends": b'{"a":"b}',
    "two values": b'{"a":1}{"a":2}',
    "a comment": b'{"a":1/**/}',
    "nested too deep": b'{"a":' + nested(b"[", b"]") + b"}",
}
"""Values of `activity` that look like an object but are no JSON: what others would choke on."""

"""What nobody should ever send: bytes that are wrong in one way each, for clients that misbehave.

Each entry is complete bytes, line end included where it takes one to be noticed.
"""

from oyez.protocol import limits

FLOOD = "a flood of questions"
"""Whoever sends this reads none of the answers."""


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


CATALOGUE: dict[str, bytes] = {
    "not JSON": _line("hello there"),
    "an empty line": b"\n",
    "an array": _line("[1,2,3]"),
    "a number": _line("42"),
    "no command": _line('{"username":"bob"}'),
    "a command that is no string": _line('{"command":7}'),
    "an unknown command": _line('{"command":"DANCE"}'),
    "a login without a username": _line('{"command":"LOGIN"}'),
    "a login with a list for a username": _line('{"command":"LOGIN","username":["bob"],"secret":"x"}'),
    "a registration with an empty username": _line('{"command":"REGISTER","username":"","secret":"x"}'),
    "an activity that is none": _line('{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":[]}'),
    "no activity": _line('{"command":"ACTIVITY_MESSAGE","username":"anonymous"}'),
    "an activity of somebody else": _line(
        '{"command":"ACTIVITY_MESSAGE","username":"somebody else","secret":"x","activity":{"a":1}}'
    ),
    "nested too deeply": b'{"command":"LOGIN","username":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n",
    "no UTF-8": b'{"command":"LOGIN","username":"\xff\xfe"}\n',
    "half a surrogate": _line('{"command":"LOGIN","username":"\\ud800","secret":"x"}'),
    "a line that is too long": b'{"command":"' + b"x" * (limits.LINE + 10),
    FLOOD: _line('{"command":"STATUS"}') * 2000,
    "a truncated object": _line('{"command":"LOGIN","user'),
    "two objects in a line": _line('{"command":"LOGOUT"}{"command":"LOGOUT"}'),
    "a byte order mark": b'\xef\xbb\xbf{"command":"LOGOUT"}\n',
    "a page request": b"GET / HTTP/1.1\r\nHost: oyez\r\n\r\n",
    "a node's heartbeat": _line('{"command":"HEARTBEAT"}'),
    "a node's authentication, without the secret": _line(
        '{"command":"AUTHENTICATE","secret":"guess","id":"s9","hostname":"h","port":1}'
    ),
    "a server's greeting, without the secret": _line(
        '{"command":"SERVER_HELLO","secret":"guess","id":"s9","incarnation":1}'
    ),
    "a server's load": _line('{"command":"SERVER_ANNOUNCE","id":"s1","load":0,"hostname":"h","port":1}'),
    "a server's removal": _line('{"command":"REMOVE_SERVER","id":"s1"}'),
    "a client less": _line('{"command":"DE_LOAD","id":"s1"}'),
    "somebody else's broadcast": _line('{"command":"ACTIVITY_BROADCAST","activity":{"authenticated_user":"bob"}}'),
    "an answer": _line('{"command":"LOGIN_SUCCESS","info":"logged in as user bob"}'),
}

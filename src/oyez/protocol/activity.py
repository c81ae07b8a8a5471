"""The one line that carries an activity to everyone.

An activity is encoded once, at its origin, by splicing: the sender's own bytes go between the envelope and
`authenticated_user`, which the server alone sets. Guarantees: the line is one line for every reader (no raw CR or LF
inside), has exactly one top-level `authenticated_user` with the true name whatever the sender wrote (duplicate keys,
escaped spellings), and everything else arrives as it was sent. Knows nothing of sessions or logs.
"""

import re

import msgspec

from oyez.protocol import limits
from oyez.protocol.messages import ActivityMessage, InvalidMessage

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_key = msgspec.json.Decoder(str).decode
_string = msgspec.json.Encoder().encode

FORGED = "authenticated_user"
_FORGED = FORGED.encode()
_LETTERS = "".join(rf"(?:{letter}|\\u(?i:{ord(letter):04x}))" for letter in FORGED)
_KEY = re.compile(rf'"{_LETTERS}"[ \t\r\n]*:[ \t\r\n]*'.encode())
_MARK = b"\0"  # which no JSON text has
_WHITE = re.compile(rb"[ \t\r\n]*")
_RUNS = re.compile(rb"(\[+)(\]+)")
_SQUARE = bytes.maketrans(b"{}", b"[]")
_PLAIN = bytes(byte for byte in range(256) if byte not in b"[]{}" + _MARK)
_FEW = 1000
"""Of so many pairs of brackets each can be looked at alone: 0.3 ms."""
_OPEN, _QUOTE = b'{"'
_SHALLOW = 2 * limits.DEPTH  # bytes: what is no longer can't be nested too deeply, as that takes two a level


def opening(username: str) -> bytes:
    """What stands before a sender's own members: made once a session."""
    return b'"activity":{"authenticated_user":' + _string(username)


def body(activity: bytes) -> bytes | InvalidMessage:
    """The members of `activity` to put behind `opening`: `,"a":1}` or `}`. Its input is valid JSON, from a decoder."""
    if activity[:1] != b"{":
        return InvalidMessage("activity is not an object", "activity_not_object")
    if _may_be_deep(activity) and depth(activity) > limits.DEPTH:
        return InvalidMessage(f"activity is nested deeper than {limits.DEPTH}", "too_deep")
    if _may_forge(activity):
        activity = _without_authenticated_user(activity)
    if b"\r" in activity or b"\n" in activity:  # outside strings they are white space, inside they are not JSON
        activity = activity.replace(b"\r", b" ").replace(b"\n", b" ")
    if activity[1:2] == b'"':
        return b"," + activity[1:]
    members = activity[1:].lstrip()
    return members if members == b"}" else b"," + members


def bodies(posts: list[ActivityMessage], block: bytes) -> list[bytes] | None:
    """The same at once for all posts of a block of lines, but each without its comma. None where they have not all the
    same credentials, or an activity is empty, or to be refused: take them one by one."""
    username, secret = posts[0].username, posts[0].secret
    odd = _may_forge(block) or b"\r" in block
    found: list[bytes] = []
    for post in posts:
        # Not in constant time: it is the sender's own secret, in the first of these posts, that this compares with.
        if post.username != username or post.secret != secret:
            return None
        text = bytes(post.activity)
        if odd or text[0] != _OPEN or text[1] != _QUOTE or (len(text) > _SHALLOW and _may_be_deep(text)):
            members = body(text)
            if not isinstance(members, bytes) or members == b"}":
                return None
            text = members
        found.append(text[1:])
    return found


def _may_be_deep(text: bytes) -> bool:
    return len(text) > _SHALLOW and text.count(b"{") + text.count(b"[") > limits.DEPTH


def _may_forge(text: bytes) -> bool:
    return _FORGED in text or (b"\\" in text and b"\\u" in text)  # the search for one byte is far cheaper


def depth(text: bytes) -> int:
    """How deep objects and arrays nest in a valid JSON text.

    A hostile text has tens of thousands of brackets, so nothing here is done for each of them: to take away all
    innermost pairs at once takes one off the depth, and once few are left they are counted run by run.
    """
    brackets = _outline(_calmed(text))
    taken = deepest = level = 0
    while brackets.count(b"[]") > _FEW:
        brackets = brackets.replace(b"[]", b"")
        taken += 1
    for up, down in _RUNS.findall(brackets):
        level += len(up)
        deepest = max(deepest, level)
        level -= len(down)
    return taken + deepest


def _calmed(text: bytes) -> bytes:
    """The same, as long, without escaped quotes and backslashes: now each quote begins or ends a string."""
    if b"\\" not in text:
        return text
    return text.replace(b"\\\\", b"__").replace(b'\\"', b"__")


def _outline(text: bytes) -> bytes:
    """The brackets outside strings, all square, and the marks among them."""
    return b"".join(text.split(b'"')[::2]).translate(_SQUARE, _PLAIN)


def _without_authenticated_user(activity: bytes) -> bytes:
    """The object without each member of that name, however it is spelled; not a byte of the others changes."""
    if FORGED not in _members.decode(activity):
        return activity
    text = _calmed(activity)
    kept = []
    end = 1  # of the member that was left out last, with its comma
    keys = _forged_keys(text)
    for number, key in enumerate(keys):
        start = _member_start(text, key.start())
        kept.append(activity[end:start])
        if number + 1 < len(keys):
            rest = activity[start : _member_start(text, keys[number + 1].start()) - 1] + b"}"
        else:
            rest = activity[start:]
        value = bytes(_members.decode(b"{" + rest)[FORGED])
        end = _to_comma(text, key.end() + len(value)) + 1
    if end == len(activity):  # the last member of all: no comma stands before the end
        return b"{" + b"".join(kept).removesuffix(b",") + b"}"
    return b"{" + b"".join(kept) + activity[end:]


def _forged_keys(text: bytes) -> list[re.Match[bytes]]:
    """The keys of that name at the top level: found by the brackets that stand between all of that name."""
    level, keys = 0, []
    between = _outline(_KEY.sub(_MARK, text)).split(_MARK)
    for key, brackets in zip(_KEY.finditer(text), between, strict=False):
        level += len(brackets) - 2 * brackets.count(b"]")
        if level == 1:
            keys.append(key)
    return keys


def _member_start(text: bytes, key: int) -> int:
    """Where the member of this key at the top level begins, with the white space before it."""
    return text.rfind(b",", 0, key) + 1 or 1


def _to_comma(text: bytes, end: int) -> int:
    """Where the comma stands behind the value that ends there, or the brace that ends the object."""
    found = _WHITE.match(text, end)
    return found.end() if found else end

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
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]')  # strings, and what structures the rest

FORGED = "authenticated_user"
_FORGED = FORGED.encode()
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
    """How deep objects and arrays nest in a valid JSON text."""
    deepest = level = 0
    in_string = escaped = False
    for byte in text:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"}]":
            level -= 1
    return deepest


def _without_authenticated_user(activity: bytes) -> bytes:
    """The object without each member of that name, however it is spelled; not a byte of the others changes."""
    if FORGED not in _members.decode(activity):
        return activity
    kept = []
    key, level, start = b"", 0, 1
    for found in _MARKS.finditer(activity):
        mark = found[0]
        if mark[0] == 0x22:
            key = key or mark  # the first string of a member
        elif mark in b"{[":
            level += 1
        else:
            level -= mark != b","
            if level == 0 or (level == 1 and mark == b","):
                if _key(key) != FORGED:
                    kept.append(activity[start : found.start()])
                key, start = b"", found.end()
    return b"{" + b",".join(kept) + b"}"

"""An activity on its way in, and what may go out as one.

Guarantees: `raw` has the bytes that its sender posted, with `authenticated_user` in front; what `encode` gives is one
line that a server accepts. Must not know: links, sessions.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from oyez.client.errors import NotAnActivity
from oyez.protocol import activity, limits
from oyez.protocol.messages import InvalidMessage

ENVELOPE = 256
"""Bytes of a line that are kept for what stands around the activity, besides username and secret."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()
_DIGITS = 4000
"""Digits of the longest number that becomes an integer: Python refuses to read much longer ones."""


class _Authorship(msgspec.Struct):
    authenticated_user: str


_authorship = msgspec.json.Decoder(_Authorship)


class Activity:
    """One activity of the network. Decoded only when it is looked into: a program may pass it on, or drop it, as is."""

    __slots__ = ("_object", "id", "raw")

    def __init__(self, id: str, raw: bytes) -> None:
        self.id = id
        """Its name in the network, "origin-sequence"; the same for everyone."""
        self.raw = raw
        """The JSON object, in one line without its end."""
        self._object: dict[str, Any] | None = None

    @property
    def object(self) -> dict[str, Any]:
        """The JSON object as a dict; decoded once, so changes to it stay.

        Whatever is JSON can be looked at: a number that is too large for a float, such as 1e400, is infinite, and half
        of a surrogate pair stays what it is.
        """
        if self._object is None:
            try:
                self._object = _decode(self.raw)
            except msgspec.DecodeError:
                self._object = _decode_anything(self.raw)
        return self._object

    @property
    def user(self) -> str:
        """Who posted it, as checked by the network."""
        try:
            return _authorship.decode(self.raw).authenticated_user
        except msgspec.DecodeError:
            return str(self.object["authenticated_user"])

    def __repr__(self) -> str:
        return f"Activity({self.id!r}, {self.raw!r})"


def _decode_anything(raw: bytes) -> dict[str, Any]:
    """What a fast decoder refuses: numbers beyond the bounds of a machine, text that is not Unicode."""
    decoded: dict[str, Any] = json.loads(raw, parse_int=lambda text: int(text) if len(text) <= _DIGITS else float(text))
    return decoded


def note(text: str) -> bytes:
    """A Note that says `text`, encoded."""
    return _encoder.encode({"type": "Note", "content": text})


def encode(given: Mapping[str, Any] | bytes | str, around: int = 0) -> bytes:
    """One line of JSON for `given`: an object as a mapping, or as JSON text in bytes; a str is the text of a Note.

    `around` is how many bytes username and secret take beside it. Raises NotAnActivity.
    """
    if isinstance(given, str):
        text = note(given)
    elif isinstance(given, bytes):
        text = _checked(given)
    else:
        text = _encoded(given)
    members = activity.body(text)
    if isinstance(members, InvalidMessage):
        raise NotAnActivity(members.info)
    room = limits.LINE - ENVELOPE - around
    if len(text) > room:
        raise NotAnActivity(f"the activity has {len(text)} bytes, and at most {room} fit into a line")
    return text


def _checked(text: bytes) -> bytes:
    """The same object, certainly JSON, in one line."""
    try:
        text.decode()
        _members.decode(text)
    except UnicodeDecodeError as error:
        raise NotAnActivity(f"not UTF-8 (byte {error.start})") from error
    except msgspec.ValidationError as error:
        raise NotAnActivity("a JSON value, but not an object") from error
    except msgspec.DecodeError as error:
        raise NotAnActivity(f"not JSON: {error}") from error
    except RecursionError as error:
        raise NotAnActivity("nested too deeply") from error
    return text.strip().replace(b"\n", b" ").replace(b"\r", b" ")  # raw line ends stand only between JSON's tokens


def _encoded(given: Mapping[str, Any]) -> bytes:
    if not isinstance(given, Mapping):
        raise NotAnActivity(f"not a JSON object, but {type(given).__name__}")
    try:
        return _encoder.encode(given if isinstance(given, dict) else dict(given))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotAnActivity(f"not a JSON object: {error}") from error

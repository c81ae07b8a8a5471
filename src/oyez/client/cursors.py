"""A cursor as programs keep it: one opaque line of text.

Guarantees: what `encode` gives is read back by `decode`, in this version and later ones; anything else is a ValueError.
Must not know: links, files.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from oyez.core.client.seen import ORIGINS
from oyez.core.numbers import number_of
from oyez.protocol.messages import Count, Resume


class _Kept(msgspec.Struct, array_like=True):
    version: Literal[1]
    network: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    origins: Annotated[dict[str, Count], msgspec.Meta(max_length=ORIGINS)]


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(_Kept)


def encode(network: str, origins: Mapping[str, int]) -> str:
    """The cursor as text: letters, digits, `-` and `_`."""
    latest = dict(list(origins.items())[-ORIGINS:])
    return base64.urlsafe_b64encode(_encode(_Kept(1, network, latest))).rstrip(b"=").decode()


def decode(text: str) -> Resume:
    """The opposite. Raises ValueError."""
    try:
        kept = _decoder.decode(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise ValueError(f"{text[:32]!r} is not a cursor: keep what Network.cursor gives, as it is") from error
    return Resume(kept.network, kept.origins)


def before(origins: Mapping[str, int], ids: Sequence[str]) -> dict[str, int]:
    """The cursor of who has seen `origins`, but for the activities `ids`, which are each origin's latest."""
    cursor = dict(origins)
    for id in reversed(ids):
        origin, _, digits = id.rpartition("-")
        number = number_of(digits)
        if number is not None:
            cursor[origin] = number - 1
    return cursor

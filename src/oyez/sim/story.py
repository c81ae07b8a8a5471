"""A history as a whole: the story that a person reads, and the fingerprint that two runs are compared by.

Guarantees: equal histories, and only they, have the same digest.
"""

import hashlib
from collections.abc import Iterator

import msgspec

from oyez.sim.history import Accepted, Confirmed, History, Measured, Posted, Saw

_encode = msgspec.json.Encoder().encode


def digest(history: History) -> str:
    """A fingerprint of everything that happened."""
    return hashlib.sha256(_encode(history)).hexdigest()


def narrate(history: History, activities: bool = True) -> Iterator[str]:
    """The history as a person reads it, line by line; without `activities` what is posted and seen is left out."""
    for entry in history:
        if isinstance(entry, Measured | Accepted | Confirmed) or (not activities and isinstance(entry, Posted | Saw)):
            continue
        yield f"{entry.at:9.4f}  {entry.told()}"

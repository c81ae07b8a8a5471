"""The port of durable storage: what a central needs of a disk.

Contract (each implementation passes the same tests): once `append` has returned, its records survive the death of the
process and of the machine; a record of the same key replaces the older one, and a `Replacement` all users and servers;
records of one `append` are stored all or none; a store that can't keep its word raises `StorageError`, and nothing of
that append may be relied on. What is loaded is `core.central.stored.Stored`.
"""

from typing import Protocol

from oyez.core.central.stored import Stored
from oyez.core.effects import Record


class StorageError(Exception):
    """The store can't be read or written; the message says which file, and what to do about it."""


class Store(Protocol):
    """Synchronous; the caller keeps it off the event loop, and calls one method at a time."""

    def load(self) -> Stored:
        """Everything that is stored."""
        ...

    def append(self, records: list[Record]) -> None:
        """Make these durable, in order, in one transaction. Raises StorageError."""
        ...

    def close(self) -> None:
        """Release what is held; nothing follows."""
        ...

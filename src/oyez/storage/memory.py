"""The durable store of a process that has no disk: the tests'.

Passes the port's contract within one process: what `append` has taken survives the death of whoever held the store,
and `reopen` gives what a new process would find. Must not know: files, time, who uses it.
"""

from oyez.core.central.stored import Stored
from oyez.core.effects import Record
from oyez.storage.content import Content, new_id, new_key
from oyez.storage.port import StorageError


class MemoryStore:
    """A `Store` that lives as long as this object and those reopened from it.

    `key` and `id` are given where a run has to be the same each time; otherwise they are random, as the port asks.
    """

    def __init__(self, key: bytes | None = None, id: str | None = None) -> None:
        self._content = Content(key or new_key(), id or new_id())
        self._closed = False

    def load(self) -> Stored:
        """Everything that is stored, as a copy. Raises StorageError once closed or reopened."""
        self._check_open()
        return self._content.stored()

    def append(self, records: list[Record]) -> None:
        """Take these records. Raises StorageError once closed or reopened."""
        self._check_open()
        for record in records:
            self._content.take(record)

    def close(self) -> None:
        """Release what is held; nothing follows."""
        self._closed = True

    def reopen(self) -> "MemoryStore":
        """What a new process finds. The old object is its dead predecessor's: it refuses everything from now on."""
        self._closed = True
        new = MemoryStore()
        new._content = self._content
        return new

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("this store in memory is closed: only the one that was opened last may be used")

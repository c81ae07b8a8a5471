"""The durable store of a process that has no disk: the simulator's, and the tests'.

Passes the port's contract within one process: what `append` has taken survives the death of whoever held the store,
and `reopen` gives what a new process would find. Must not know: files, time, who uses it.
"""

import os
from collections.abc import Iterable

from oyez.core.effects import Record, ServerGone, ServerRecord, UserRecord
from oyez.storage.port import StorageError, Stored


class MemoryStore:
    """A `Store` that lives as long as this object and those reopened from it.

    `key` is given where a run has to be the same each time; otherwise it is random, as the port asks.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._stored = Stored(os.urandom(32) if key is None else key)
        self._closed = False

    def load(self) -> Stored:
        """Everything that is stored, as a copy. Raises StorageError once closed or reopened."""
        self._check_open()
        return Stored(self._stored.key, dict(self._stored.users), list(self._stored.servers))

    def append(self, records: list[Record]) -> None:
        """Take these records, all or none. Raises StorageError once closed or reopened."""
        self._check_open()
        users = dict[str, str]()
        servers = {server.id: server for server in self._stored.servers}
        for record in records:
            match record:
                case UserRecord():
                    users[record.username] = record.hash
                case ServerRecord():
                    servers[record.id] = record
                case ServerGone():
                    servers.pop(record.id, None)
        self._stored.users.update(users)
        self._stored.servers = _in_order(servers.values())

    def close(self) -> None:
        """Release what is held; nothing follows."""
        self._closed = True

    def reopen(self) -> "MemoryStore":
        """What a new process finds. The old object is its dead predecessor's: it refuses everything from now on."""
        self._closed = True
        new = MemoryStore(self._stored.key)
        new._stored = self._stored
        return new

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("this store in memory is closed: only the one that was opened last may be used")


def _in_order(servers: Iterable[ServerRecord]) -> list[ServerRecord]:
    """By id: the same order whatever the history was, and as SQLite gives it."""
    return sorted(servers, key=lambda server: server.id)

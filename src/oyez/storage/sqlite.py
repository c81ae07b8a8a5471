"""The durable store on a disk: one SQLite file.

Guarantees, beyond the port's: the file holds secrets' hashes and the key, so nobody but its owner may read it; one
process at a time has it open, another is refused with a sentence; a file that is not ours, is a backup, is damaged as
far as SQLite can tell, or that a newer Oyez has written, is left untouched. A commit has returned from fsync
(write-ahead log, synchronous=FULL) before `append` does. Must not know: the event loop, threads (the caller gives it
one call at a time), what a user or a server is for.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import msgspec

from oyez.core.central.stored import Stored
from oyez.core.effects import (
    Key,
    Position,
    Record,
    Replacement,
    Revocation,
    RevocationsOver,
    ServerGone,
    ServerRecord,
    UserRecord,
)
from oyez.core.voter import VoterState
from oyez.storage import files, schema
from oyez.storage.port import StorageError

PATIENCE = 5.0
"""Seconds to wait for a backup that is just being made to let go of the file."""

_ADD_USER = "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?)"
_ADD_SERVER = "INSERT OR REPLACE INTO servers VALUES (?, ?, ?, ?)"
_ADD_REVOKED = "INSERT OR REPLACE INTO revoked VALUES (?, ?, ?, ?)"


class SqliteStore:
    """A `Store` in the file `path`, which is made (mode 0600, its folder 0700) where it does not exist.

    Raises StorageError where the file can't be opened, read, or had for itself alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        files.make_folder(path.parent)
        self._claim = files.Claim(path)
        try:
            if path.exists():
                files.take_from_others(path)
            else:
                self._make()
            with self._explained("open"):
                # Made on one thread, used on the storage thread: the port promises one call at a time.
                self._database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        except BaseException:
            self._claim.release()
            raise
        try:
            with self._explained("open"):
                self._begin_use()
        except BaseException:
            self._close()
            raise

    def load(self) -> Stored:
        """Everything that is stored. Raises StorageError."""
        with self._explained("read"):
            select = self._database.execute
            meta = dict(select("SELECT name, value FROM meta").fetchall())
            if "key" not in meta or "id" not in meta:
                raise StorageError(f"{self.path} has lost its key or id: use a backup from before that")
            position, voter = schema.position(meta), schema.voter(meta)
            users = dict(select("SELECT username, hash FROM users").fetchall())
            since = dict(select("SELECT username, since FROM users").fetchall())
            unsettled = select("SELECT username, entry FROM users WHERE entry > ?", (position.committed,)).fetchall()
            servers = select("SELECT id, hostname, port, incarnation FROM servers ORDER BY id").fetchall()
            records = [ServerRecord(*server) for server in servers]
            rows = select("SELECT username, since, until, removed FROM revoked").fetchall()
            revoked = {name: Revocation(name, at, until, bool(removed)) for name, at, until, removed in rows}
            id = meta["id"].decode()
            return Stored(meta["key"], id, users, dict(unsettled), records, position, voter, since, revoked)

    def append(self, records: list[Record]) -> None:
        """Make these durable, in order, in one transaction. Raises StorageError."""
        meta: dict[str, bytes] = {}  # of what there is but one, only the last of each kind need be written
        with self._explained("write to"), transaction(self._database):
            for record in records:
                self._write(record, meta)
            self._database.executemany(schema.PUT, meta.items())

    def close(self) -> None:
        """Release the file; nothing follows. Raises StorageError (what was appended is safe all the same)."""
        with self._explained("close"):
            self._close()

    def _write(self, record: Record, meta: dict[str, bytes]) -> None:
        execute = self._database.execute
        match record:
            case UserRecord():
                execute(_ADD_USER, _user(record))
            case Revocation(username, since, until, removed):
                execute(_ADD_REVOKED, (username, since, until, removed))
                if removed:
                    execute("DELETE FROM users WHERE username = ?", (username,))
            case RevocationsOver(until):
                execute("DELETE FROM revoked WHERE until <= ?", (until,))
            case ServerRecord(id, hostname, port, incarnation):
                execute(_ADD_SERVER, (id, hostname, port, incarnation))
            case ServerGone(id):
                execute("DELETE FROM servers WHERE id = ?", (id,))
            case Replacement():
                self._replace(record)
            case Position():
                meta["position"] = msgspec.json.encode(record)
            case VoterState():
                meta["voter"] = msgspec.json.encode(record)
            case Key(key):
                meta["key"] = key

    def _replace(self, record: Replacement) -> None:
        for table in ("users", "servers", "revoked"):
            self._database.execute(f"DELETE FROM {table}")
        users = sorted(map(_user, record.users))  # in the order of the table:
        self._database.executemany(_ADD_USER, users)  # four times as fast as in any other
        servers = [(server.id, server.hostname, server.port, server.incarnation) for server in record.servers]
        self._database.executemany(_ADD_SERVER, servers)
        revoked = [(one.username, one.since, one.until, one.removed) for one in record.revoked]
        self._database.executemany(_ADD_REVOKED, revoked)

    def _make(self) -> None:
        """A new store. It has its name only once it is complete: what is incomplete under that name is damaged."""
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        files.make_file(new)
        with self._explained("make"), closing(sqlite3.connect(new, isolation_level=None)) as database:
            schema.make(database)
        files.put_in_place(new, self.path)

    def _begin_use(self) -> None:
        """See that the file is ours and sound, and of the newest version."""
        execute = self._database.execute
        version = checked(self._database, self.path, schema.APPLICATION)
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        if version < schema.VERSION:
            with transaction(self._database):
                schema.migrate(self._database, version)

    def _close(self) -> None:
        try:
            self._database.close()
        finally:
            self._claim.release()

    def _explained(self, what: str) -> AbstractContextManager[None]:
        return files.explained(what, self.path)


def _user(record: UserRecord) -> tuple[str, str, int, int]:
    """As it stands in the table."""
    return (record.username, record.hash, record.index, record.set_at)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of what is done in it, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # some errors have rolled back already
            database.execute("ROLLBACK")
        raise


def checked(database: sqlite3.Connection, path: Path, application: int) -> int:
    """The version of a file that is ours, and sound. Raises StorageError for any other, which is left as it is."""

    def single(query: str) -> int:
        return int(database.execute(query).fetchone()[0])

    if not path.stat().st_size:
        raise StorageError(
            f"{path} is empty, which a store never is: use a backup, or remove the file if no central has"
            " ever run with this folder"
        )
    version, found = single("PRAGMA user_version"), single("PRAGMA application_id")
    if found != application:
        raise StorageError(_WRONG_KIND.get(found, "{} is not a store of Oyez: choose another folder").format(path))
    if version > schema.VERSION:
        raise StorageError(
            f"{path} was written by a newer Oyez (its schema is version {version}, this one knows {schema.VERSION}):"
            " run the newer one"
        )
    [found] = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise files.damaged(path, " ".join(found.split()))
    if version == schema.VERSION and (table := schema.misfit(database)):
        raise files.damaged(path, f"{table} has a value of the wrong kind")
    return version


_WRONG_KIND = {
    schema.APPLICATION: "{} is a central's own store and no backup: oyez backup makes one of it",
    schema.BACKUP: "{} is a backup, from which no central may run: oyez restore makes a store of it",
}

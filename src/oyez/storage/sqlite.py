"""The durable store on a disk: one SQLite file.

Guarantees, beyond the port's: the file holds secrets' hashes and the key, so nobody but its owner may read it; one
process at a time has it open, another is refused with a sentence; a file that is not ours, or that a newer Oyez has
written, is left untouched. A commit has returned from fsync (write-ahead log, synchronous=FULL) before `append` does.
Must not know: the event loop, threads (the caller gives it one call at a time), what a user or a server is for.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from oyez.core.central.stored import Stored
from oyez.core.effects import Key, Position, Record, Replacement, ServerGone, ServerRecord, UserRecord
from oyez.core.voter import VoterState
from oyez.storage.content import new_id, new_key
from oyez.storage.port import StorageError

T = TypeVar("T")

VERSION = 2
"""Of the schema, in `PRAGMA user_version`."""

APPLICATION = 0x4F79657A
"""ASCII "Oyez", in `PRAGMA application_id`: tells our file from other programs' SQLite files."""

_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE users (username TEXT PRIMARY KEY, hash TEXT NOT NULL, entry INTEGER NOT NULL DEFAULT 0)"
    " WITHOUT ROWID",
    "CREATE TABLE servers (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, port INTEGER NOT NULL,"
    " incarnation INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
"""`meta` has the key, the id, the position and the voter's state, the last two as JSON."""

_FROM_VERSION_1 = (
    "ALTER TABLE users ADD COLUMN entry INTEGER NOT NULL DEFAULT 0",
    "PRAGMA user_version = 2",
)
_MIGRATED = Position(1, 0, 1)
"""What a directory without a log counts as: one entry. A new backup is at 0, and so gets all of it."""

_PUT = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_ADD_USER = "INSERT OR REPLACE INTO users VALUES (?, ?, ?)"
_ADD_SERVER = "INSERT OR REPLACE INTO servers VALUES (?, ?, ?, ?)"


class SqliteStore:
    """A `Store` in the file `path`, which is made (mode 0600, its folder 0700) where it does not exist.

    Raises StorageError where the file can't be opened, read, or had for itself alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _make_file(path)
        with self._explained("open"):
            # Made on one thread, used on the storage thread: the port promises one call at a time.
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with self._explained("open"):
                self._begin_use()
        except StorageError:
            self._database.close()
            raise

    def load(self) -> Stored:
        """Everything that is stored. Raises StorageError."""
        with self._explained("read"):
            select = self._database.execute
            meta = dict(select("SELECT name, value FROM meta").fetchall())
            if "key" not in meta or "id" not in meta:
                raise StorageError(f"{self.path} has lost its key or id: restore it from a backup")
            position = self._decoded(meta.get("position"), Position) or Position(0, 0, 0)
            voter = self._decoded(meta.get("voter"), VoterState) or VoterState()
            users = dict(select("SELECT username, hash FROM users").fetchall())
            unsettled = select("SELECT username, entry FROM users WHERE entry > ?", (position.committed,)).fetchall()
            servers = select("SELECT id, hostname, port, incarnation FROM servers ORDER BY id").fetchall()
            records = [ServerRecord(*server) for server in servers]
            return Stored(meta["key"], meta["id"].decode(), users, dict(unsettled), records, position, voter)

    def append(self, records: list[Record]) -> None:
        """Make these durable, in order, in one transaction. Raises StorageError."""
        meta: dict[str, bytes] = {}  # of what there is but one, only the last of each kind need be written
        with self._explained("write to"), self._transaction():
            for record in records:
                self._write(record, meta)
            self._database.executemany(_PUT, meta.items())

    def close(self) -> None:
        """Release the file; nothing follows. Raises StorageError (what was appended is safe all the same)."""
        with self._explained("close"):
            self._database.close()

    def _write(self, record: Record, meta: dict[str, bytes]) -> None:
        execute = self._database.execute
        match record:
            case UserRecord(username, hash, index):
                execute(_ADD_USER, (username, hash, index))
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
        self._database.execute("DELETE FROM users")
        self._database.execute("DELETE FROM servers")
        users = sorted((user.username, user.hash, user.index) for user in record.users)  # in the order of the table:
        self._database.executemany(_ADD_USER, users)  # four times as fast as in any other
        servers = [(server.id, server.hostname, server.port, server.incarnation) for server in record.servers]
        self._database.executemany(_ADD_SERVER, servers)

    def _decoded(self, value: bytes | None, type: type[T]) -> T | None:
        try:
            return None if value is None else msgspec.json.decode(value, type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StorageError(f"{self.path} is damaged ({error}): restore it from a backup") from error

    def _begin_use(self) -> None:
        """Take the file for this process, see that it is ours, and give a new one its tables."""
        execute = self._database.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")  # held until close or death, whoever kills us
        version, application = self._single("PRAGMA user_version"), self._single("PRAGMA application_id")
        is_new = version == 0 and not self._single("SELECT count(*) FROM sqlite_master")
        if not is_new and application != APPLICATION:
            raise StorageError(f"{self.path} is not a store of Oyez: choose another folder for the data")
        if version > VERSION:
            raise StorageError(
                f"{self.path} was written by a newer Oyez (its schema is version {version}, this one knows {VERSION}):"
                " run the newer one"
            )
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        with self._transaction("EXCLUSIVE"):
            if is_new:
                self._make()
            elif version < VERSION:
                self._migrate()

    def _make(self) -> None:
        for statement in _SCHEMA:
            self._database.execute(statement)
        self._database.executemany(_PUT, [("key", new_key()), ("id", new_id().encode())])

    def _migrate(self) -> None:
        """From version 1, which had a key, users and servers, and knew no backups."""
        for statement in _FROM_VERSION_1:
            self._database.execute(statement)
        position = msgspec.json.encode(_MIGRATED)
        self._database.executemany(_PUT, [("id", new_id().encode()), ("position", position)])

    def _single(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._database.execute(f"BEGIN {kind}")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # some errors have rolled back already
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn SQLite's errors into a sentence that a person can act on."""
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(_sentence(what, self.path, error)) from error


def _sentence(what: str, path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None  # the rest of an extended code says where, not what
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{path} is in use by another process: is a central already running with this data folder?"
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return f"{path} is damaged or not a store of Oyez ({error}): restore it from a backup"
    if primary == sqlite3.SQLITE_FULL:
        return f"cannot {what} {path}: the disk is full"
    return f"cannot {what} {path}: {error}"


def _make_file(path: Path) -> None:
    """Make the file and its folder if need be, for the owner's eyes only, so that they survive a power cut."""
    try:
        is_new_folder = not path.parent.exists()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # Never opened again: closing any handle of this file would drop the locks that SQLite holds on it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return
        _sync_folder(path.parent)
        if is_new_folder:
            _sync_folder(path.parent.parent)
    except OSError as error:
        raise StorageError(f"cannot use {path}: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The tables of the SQLite store, version by version, and how a file becomes one of the next (ADR 12).

Guarantees: a file of any version that was ever written becomes one of the newest, step by step, in the transaction of
the caller: all of it or nothing. Knows connections, and nothing of how files are found, locked or kept.
"""

import sqlite3
from collections.abc import Callable, Mapping

import msgspec

from oyez.core.effects import Position
from oyez.core.voter import VoterState
from oyez.storage.content import new_id, new_key

VERSION = 3
"""Of the schema, in `PRAGMA user_version`."""

APPLICATION = 0x4F79657A
"""ASCII "Oyez", in `PRAGMA application_id`: tells our file from other programs' SQLite files."""

BACKUP = 0x4F796562
"""ASCII "Oyeb": a copy, which no central may run from."""

PUT = "INSERT OR REPLACE INTO meta VALUES (?, ?)"

_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE users (username TEXT PRIMARY KEY, hash TEXT NOT NULL, entry INTEGER NOT NULL DEFAULT 0,"
    " since INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
    "CREATE TABLE servers (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, port INTEGER NOT NULL,"
    " incarnation INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE revoked (username TEXT PRIMARY KEY, since INTEGER NOT NULL, until REAL NOT NULL,"
    " removed INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
"""`meta` has the key, the id, the position and the voter's state, the last two as JSON. `entry` is the entry that set
a user's secret as long as that is not settled, `since` is the same at any time."""

_KINDS = {
    "meta": {"name": "text", "value": "blob"},
    "users": {"username": "text", "hash": "text", "entry": "integer", "since": "integer"},
    "servers": {"id": "text", "hostname": "text", "port": "integer", "incarnation": "integer"},
    "revoked": {"username": "text", "since": "integer", "until": "real", "removed": "integer"},
}
"""Of the columns."""

_WITHOUT_A_LOG = Position(1, 0, 1)
"""What a directory without a log counts as: one entry. A new backup is at 0, and so gets all of it."""


def make(database: sqlite3.Connection) -> None:
    """The tables of a new store, with a key and an id of its own."""
    for statement in _TABLES:
        database.execute(statement)
    database.executemany(PUT, [("key", new_key()), ("id", new_id().encode())])


def migrate(database: sqlite3.Connection, version: int) -> None:
    """From `version` to the newest."""
    for step in _STEPS[version - 1 :]:
        step(database)
    database.execute(f"PRAGMA user_version = {VERSION}")


def position(meta: Mapping[str, bytes]) -> Position:
    """Where the directory's log ends, of what the table of that name has. Raises msgspec.DecodeError."""
    return msgspec.json.decode(meta["position"], type=Position) if "position" in meta else Position(0, 0, 0)


def voter(meta: Mapping[str, bytes]) -> VoterState:
    """What was promised. Raises msgspec.DecodeError."""
    return msgspec.json.decode(meta["voter"], type=VoterState) if "voter" in meta else VoterState()


def misfit(database: sqlite3.Connection) -> str | None:
    """A table of the newest version with a value of another kind than its column's: SQLite takes any, and finds nothing
    wrong when damage has made it so."""
    for table, kinds in _KINDS.items():
        wrong = " OR ".join(f"typeof({column}) <> '{kind}'" for column, kind in kinds.items())
        if database.execute(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone():
            return table
    return None


def _give_it_a_log(database: sqlite3.Connection) -> None:
    """From 1, which had a key, users and servers, and knew no backups."""
    database.execute("ALTER TABLE users ADD COLUMN entry INTEGER NOT NULL DEFAULT 0")
    log = msgspec.json.encode(_WITHOUT_A_LOG)
    database.executemany(PUT, [("id", new_id().encode()), ("position", log)])


def _let_secrets_change(database: sqlite3.Connection) -> None:
    """From 2, in which a username had one secret for ever. What is settled counts as set before the log: so it does
    at every central, whatever each has kept of where in the log it was."""
    database.execute("ALTER TABLE users ADD COLUMN since INTEGER NOT NULL DEFAULT 0")
    settled = position(dict(database.execute("SELECT name, value FROM meta"))).committed
    database.execute("UPDATE users SET since = entry WHERE entry > ?", (settled,))
    database.execute(
        "CREATE TABLE revoked (username TEXT PRIMARY KEY, since INTEGER NOT NULL, until REAL NOT NULL,"
        " removed INTEGER NOT NULL) WITHOUT ROWID"
    )


_STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_give_it_a_log, _let_secrets_change)
"""Step n leads from version n to n + 1."""
assert len(_STEPS) == VERSION - 1

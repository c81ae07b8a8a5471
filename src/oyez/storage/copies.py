"""Backups of a central's store, and new beginnings from them (ADR 12).

Guarantees: a backup is what was on disk at one moment, taken while the central runs or not, whole under its name or not
there at all; no central runs from it as it is. What `restore` makes of it is another central, which remembers nothing
of what the old one has promised, and in a term beyond all that the old one knew. Must not know: what the network does
with that.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec

from oyez.core.central.office import PROMOTION
from oyez.core.voter import VoterState
from oyez.storage import files, schema
from oyez.storage.content import new_id, new_key
from oyez.storage.port import StorageError
from oyez.storage.sqlite import PATIENCE, checked, transaction

NAME = "central.sqlite"
"""Of the store in a data folder."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What is in a copy: so many users, the entry at which the directory's log ends there, and its central's id."""

    users: int
    index: int
    id: str


def back_up(folder: Path, to: Path) -> Copied:
    """Copy the store in this data folder to the new file `to`, for the owner's eyes only. Raises StorageError."""
    path = folder / NAME
    if not path.exists():
        raise StorageError(f"there is no {path}: is that the data folder of a central?")
    if to.exists():
        raise StorageError(f"{to} is there already: choose another name")
    new = to.with_name(f"{to.name}.part")
    with _made(new), files.explained("read", path), _reading(path) as source:
        checked(source, path, schema.APPLICATION)
        with closing(sqlite3.connect(new, isolation_level=None)) as copy, files.explained("write to", new):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute(f"PRAGMA application_id = {schema.BACKUP}")
            _see_that_it_is_whole(copy, new)
            found = _found(copy)
        files.put_in_place(new, to)
    return found


def restore(backup: Path, folder: Path, now: float, *, another_key: bool = False) -> Copied:
    """Make a data folder in which a central begins anew, alone, with what is in this backup; `now` in seconds since
    1970. `another_key`: the network gets one. Raises StorageError; where the folder has data already, for one."""
    path = folder / NAME
    if not backup.is_file():
        raise StorageError(f"there is no file {backup}")
    files.make_folder(folder)
    claim = files.Claim(path)
    try:
        if path.exists():
            raise StorageError(f"{path} is there already, and is not replaced: choose an empty folder")
        new = path.with_name(f"{NAME}.new")
        new.unlink(missing_ok=True)
        with _made(new), files.explained("read", backup), _reading(backup) as source:
            version = checked(source, backup, schema.BACKUP)
            _see_that_it_is_whole(source, backup)
            with closing(sqlite3.connect(new, isolation_level=None)) as copy, files.explained("write to", new):
                source.backup(copy)
                with transaction(copy):
                    schema.migrate(copy, version)
                    copy.execute(f"PRAGMA application_id = {schema.APPLICATION}")
                    _begin_anew(copy, now)
                    if another_key:
                        copy.execute(schema.PUT, ("key", new_key()))
                found = _found(copy)
            files.put_in_place(new, path)
        return found
    finally:
        claim.release()


def _begin_anew(copy: sqlite3.Connection, now: float) -> None:
    """Another central, alone, in a term that no other reign has had.

    The old one may have promised more since, so it must not be itself again. It may have been promoted since, or
    another been restored from the same backup, so its own terms are no measure of those that there have been; but there
    have not been more than one a second since 1970.
    """
    old = schema.voter(dict(copy.execute("SELECT name, value FROM meta")))
    voter = VoterState(max(old.promised + PROMOTION, int(now)))
    copy.executemany(schema.PUT, [("id", new_id().encode()), ("voter", msgspec.json.encode(voter))])


@contextmanager
def _made(new: Path) -> Iterator[None]:
    """A new file, which is gone again if what is done with it fails."""
    files.make_file(new)
    try:
        yield
    except BaseException:
        for end in ("", "-journal", "-wal", "-shm"):
            new.with_name(f"{new.name}{end}").unlink(missing_ok=True)
        raise


def _reading(path: Path) -> closing[sqlite3.Connection]:
    """The file, not to be written. What a running central writes meanwhile is not seen, and does not wait."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    return closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None))


def _see_that_it_is_whole(copy: sqlite3.Connection, path: Path) -> None:
    [found] = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise files.damaged(path, " ".join(found.split()))


def _found(copy: sqlite3.Connection) -> Copied:
    [users] = copy.execute("SELECT count(*) FROM users").fetchone()
    meta = dict(copy.execute("SELECT name, value FROM meta").fetchall())
    if "key" not in meta:
        raise StorageError("the copy has no key: what it was made of is damaged")
    return Copied(users, schema.position(meta).index, meta.get("id", b"").decode())  # version 1 had none

"""What the SQLite store needs of the file system: folders and files for the owner's eyes, one owner at a time.

Guarantees: what is made here survives a power cut; two processes never have the same store, whoever kills them; what
goes wrong is a StorageError whose sentence a person can act on. Must not know: what is in a file.
"""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from oyez.storage.port import StorageError


class Claim:
    """Holds `path` for this process, by a lock on the file beside it; raises StorageError where another has it.

    The store's own locks would do for that, but for `oyez backup`, which has to read what a running central writes.
    """

    def __init__(self, path: Path) -> None:
        lock = path.with_name(f"{path.name}.lock")
        with using(path):
            self._handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with using(path):
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except StorageError:
            self.release()
            raise

    def release(self) -> None:
        """Let others have it."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def make_folder(folder: Path) -> None:
    """Make it if need be, for the owner alone. Raises StorageError where anybody at all may write in it."""
    with using(folder):
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder.parent)
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise StorageError(f"anybody may write in {folder}, and so replace what is kept there: chmod o-w {folder}")


def make_file(path: Path) -> None:
    """A new and empty one, for the owner alone. Raises StorageError, also where it is there."""
    if path.exists():
        raise StorageError(
            f"{path} is there already: it is just being made, or that broke off; remove it if nobody makes it now"
        )
    with using(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def take_from_others(path: Path) -> None:
    """If others could read or write it, they can't any more."""
    with using(path):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def put_in_place(new: Path, path: Path) -> None:
    """The file `new` is complete: from now on it is `path`. Raises StorageError where something is left of another
    file of that name: SQLite would take it for this one's, and write it over what is there."""
    for left in (path.with_name(f"{path.name}{end}") for end in ("-wal", "-journal")):
        if left.exists():
            raise StorageError(
                f"{left} is left of a file that is not there any more: put {path.name} back; or, if what it had is not"
                f" needed, move {left.name} away"
            )
    with using(path):
        handle = os.open(new, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        new.rename(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What is in it survives a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def using(path: Path) -> Iterator[None]:
    """Turn the system's errors into a sentence that a person can act on."""
    try:
        yield
    except BlockingIOError as error:
        raise StorageError(_in_use(path)) from error
    except OSError as error:
        raise StorageError(f"cannot use {path}: {error.strerror or error}") from error


@contextmanager
def explained(what: str, path: Path) -> Iterator[None]:
    """The same for SQLite's errors, and for what was read and is not what it should be; `what` was to be done with the
    file."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(_sentence(what, path, error)) from error
    except UnicodeDecodeError as error:  # in a message of SQLite's about damage, for one
        raise damaged(path, "text that is none") from error
    except msgspec.DecodeError as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, how: str) -> StorageError:
    """To be raised."""
    return StorageError(f"{path} is damaged ({how}): use a backup from before that")


def _in_use(path: Path) -> str:
    return f"{path} is in use by another process: is a central already running with this data folder?"


def _sentence(what: str, path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None  # the rest of an extended code says where, not what
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _in_use(path)
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or isinstance(error, sqlite3.DataError):
        return f"{path} is damaged or not a store of Oyez ({error}): use a backup from before that"
    if primary == sqlite3.SQLITE_FULL:
        return f"cannot {what} {path}: the disk is full"
    if primary == sqlite3.SQLITE_READONLY:
        return f"cannot {what} {path}: it may not be written (see its owner, its mode, and how the disk is mounted)"
    if primary == sqlite3.SQLITE_CANTOPEN:
        return f"cannot {what} {path}: {error} (see the modes of it and of its folder, which has to be writable, too)"
    if primary == sqlite3.SQLITE_IOERR:
        return f"cannot {what} {path}: the disk fails, or a limit on the size of files was reached ({error})"
    if "decode to UTF-8" in str(error):  # only Python notices that, and it quotes the text: a hash, perhaps
        return str(damaged(path, "text that is none"))
    return f"cannot {what} {path}: {error}"

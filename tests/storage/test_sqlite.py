"""What a file adds to the contract: who may read it, who may have it, what it says when it can't be used."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from oyez.core.effects import ServerRecord, UserRecord
from oyez.storage.port import StorageError
from oyez.storage.sqlite import SqliteStore

APPENDER = """
import sys
from pathlib import Path
from oyez.core.effects import UserRecord
from oyez.storage.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for number in range(10**9):
    store.append([UserRecord(f"user {number} {part}", "hash") for part in "ab"])
    print(number, flush=True)
"""

HOLDER = """
import sys
from pathlib import Path
from oyez.storage.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def python(code: str, path: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=pipe, stdout=pipe, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "central.db"


def refusal(path: Path) -> str:
    with pytest.raises(StorageError) as refused:
        SqliteStore(path)
    return str(refused.value)


@pytest.mark.parametrize("acknowledged", [1, 10, 200])
def test_what_was_acknowledged_survives_a_kill(path: Path, acknowledged: int) -> None:
    with python(APPENDER, path) as child:
        assert child.stdout is not None
        for _ in range(acknowledged):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        printed = acknowledged + child.stdout.read().count("\n")
    store = SqliteStore(path)
    users = store.load().users
    store.close()
    expected = {f"user {number} {part}" for number in range(printed) for part in "ab"}
    assert expected <= users.keys()
    unacknowledged = users.keys() - expected
    assert unacknowledged in (set(), {f"user {printed} a", f"user {printed} b"}), "an append is stored all or none"


def test_only_the_owner_may_read_it(path: Path) -> None:
    store = SqliteStore(path)
    store.append([UserRecord("bob", "hash")])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes and set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_a_file_that_others_could_read_is_taken_from_them(path: Path) -> None:
    SqliteStore(path).close()
    path.chmod(0o644)
    SqliteStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_process_is_refused_with_a_sentence(path: Path) -> None:
    with python(HOLDER, path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert refusal(path) == (
            f"{path} is in use by another process: is a central already running with this data folder?"
        )
        child.kill()
    SqliteStore(path).close()  # the lock dies with its holder


def test_a_second_store_in_this_process_is_refused_and_the_first_keeps_its_lock(path: Path) -> None:
    store = SqliteStore(path)
    assert "in use by another process" in refusal(path)
    with python(HOLDER, path) as child:
        assert child.stdout is not None
        assert child.stdout.read() == "", "another process got in"
    store.append([UserRecord("bob", "hash")])
    assert store.load().users == {"bob": "hash"}
    store.close()


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    SqliteStore(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    assert "was written by a newer Oyez (its schema is version 99, this one knows 1)" in refusal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_left_alone(path: Path, version: int) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    before = path.read_bytes()
    assert "is not a store of Oyez" in refusal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else " * 100)
    assert "damaged or not a store of Oyez" in refusal(path)
    assert path.read_bytes() == b"something else " * 100


def test_damage_is_told_and_not_served(path: Path) -> None:
    store = SqliteStore(path)
    store.append([UserRecord(f"user {number}", "hash") for number in range(1000)])
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StorageError, match="damaged"):
        SqliteStore(path).load()


def test_a_store_without_its_key_is_not_served(path: Path) -> None:
    store = SqliteStore(path)
    store._database.execute("DELETE FROM meta")
    with pytest.raises(StorageError, match="lost its key"):
        store.load()
    store.close()


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    store = SqliteStore(path)
    assert len(store.load().key) == 32
    store.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "data" / "central.db").startswith("cannot use ")


def test_a_folder_in_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    assert "cannot " in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    assert refusal(path) == f"cannot use {path}: Permission denied"


def test_a_full_disk_is_told_and_nothing_of_that_append_is_kept(path: Path) -> None:
    store = SqliteStore(path)
    store.append([UserRecord("bob", "hash")])
    pages = store._single("PRAGMA page_count")
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="the disk is full"):
        store.append([UserRecord(f"user {number}", "hash" * 1000) for number in range(100)])
    store.close()
    store = SqliteStore(path)
    assert store.load().users == {"bob": "hash"}
    store.close()


def test_an_append_is_rolled_back_when_a_record_is_refused(path: Path) -> None:
    store = SqliteStore(path)
    with pytest.raises(OverflowError):  # more than SQLite's integers hold: our own bug, so not a StorageError
        store.append([UserRecord("bob", "hash"), ServerRecord("one", "h", 1, 2**70)])
    assert store.load().users == {}
    store.append([UserRecord("eve", "hash")])
    store.close()

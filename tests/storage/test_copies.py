"""Backups: whole or not there, taken from under a running central; and new beginnings from them."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from oyez.core.central.office import PROMOTION
from oyez.core.effects import Position, Revocation, ServerRecord, UserRecord
from oyez.core.voter import VoterState
from oyez.protocol.nodes import CentralAddress, Configuration
from oyez.storage.copies import Copied, back_up, restore
from oyez.storage.port import StorageError
from oyez.storage.sqlite import SqliteStore
from tests.storage.test_sqlite import VERSION_1

NOW = 1_700_000_000.0
CONFIGURATION = Configuration(3, 7, "c-1", ("c-1",), (CentralAddress("c-1", "127.0.0.1", 3780),))
USERS = [UserRecord(f"user {number}", f"hash {number}", number) for number in range(1, 51)]

WRITER = """
import sys
from pathlib import Path
from oyez.core.effects import Position, UserRecord
from oyez.storage.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for number in range(1, 10**9):
    store.append([UserRecord(f"user {number} {part}", "hash" * 50, number) for part in "ab"] + [Position(number, 1, 0)])
    print(number, flush=True)
"""


KILLED = """
import os, signal, sys
from pathlib import Path
from oyez.core.effects import UserRecord
from oyez.storage.sqlite import SqliteStore

SqliteStore(Path(sys.argv[1])).append([UserRecord("later", "hash", 51)])
os.kill(os.getpid(), signal.SIGKILL)
"""


BACK_UP = """
from pathlib import Path
from oyez.storage.copies import back_up

back_up(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a central that is main of term 3, with users."""
    folder = tmp_path / "data"
    store = SqliteStore(folder / "central.sqlite")
    store.append([*USERS, ServerRecord("s1", "h", 1, 1), Revocation("old", 50, NOW + 99.0), Position(50, 3, 49)])
    store.append([VoterState(4, "c-2", CONFIGURATION)])
    store.close()
    return folder


def refusal(call, *arguments) -> str:
    with pytest.raises(StorageError) as refused:
        call(*arguments)
    return str(refused.value)


def test_a_restored_store_has_everything_but_the_old_centrals_promises(data: Path, tmp_path: Path) -> None:
    old = SqliteStore(data / "central.sqlite")
    before = old.load()
    old.close()
    assert back_up(data, tmp_path / "backup") == Copied(50, 50, before.id)
    copied = restore(tmp_path / "backup", tmp_path / "new", NOW)
    store = SqliteStore(tmp_path / "new" / "central.sqlite")
    after = store.load()
    store.close()
    assert (copied.users, copied.index, copied.id) == (50, 50, after.id)
    for kept in ("key", "users", "unsettled", "servers", "position", "since", "revoked"):
        assert getattr(after, kept) == getattr(before, kept), kept
    assert after.id != before.id, "another central: this one's votes are nobody's of before"
    assert after.voter == VoterState(int(NOW)), "alone, and in a term beyond all others"


def test_its_term_is_beyond_those_that_the_old_one_knew(data: Path, tmp_path: Path) -> None:
    """Also where it has been restored before, and promoted since."""
    store = SqliteStore(data / "central.sqlite")
    store.append([VoterState(int(NOW) + 5, "c-2", CONFIGURATION)])
    store.close()
    back_up(data, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new", NOW)
    store = SqliteStore(tmp_path / "new" / "central.sqlite")
    assert store.load().voter.promised == int(NOW) + 5 + PROMOTION
    store.close()


def test_the_network_gets_another_key_where_that_is_asked_for(data: Path, tmp_path: Path) -> None:
    keys = []
    back_up(data, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new", NOW, another_key=True)
    for folder in (data, tmp_path / "new"):
        store = SqliteStore(folder / "central.sqlite")
        keys.append(store.load().key)
        store.close()
    assert keys[0] != keys[1]
    assert len(keys[1]) == 32


def test_two_restored_from_one_backup_are_two_centrals_in_different_terms(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    found = []
    for number in range(2):
        restore(tmp_path / "backup", tmp_path / f"{number}", NOW + number)
        store = SqliteStore(tmp_path / f"{number}" / "central.sqlite")
        stored = store.load()
        store.close()
        found.append((stored.id, stored.voter.promised))
    assert found[0][0] != found[1][0]
    assert found[0][1] < found[1][1]


def test_a_backup_is_taken_from_under_a_running_central(tmp_path: Path) -> None:
    """Everything that was acknowledged before it was begun is in it, and nothing by halves; the central goes on."""
    path = tmp_path / "data" / "central.sqlite"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=pipe, text=True) as child:
        assert child.stdout is not None
        for round in range(3):
            acknowledged = [int(child.stdout.readline()) for _ in range(30)][-1]
            copied = back_up(tmp_path / "data", tmp_path / f"backup {round}")
            assert copied.users % 2 == 0, "an append is in it as a whole"
            assert copied.users // 2 >= acknowledged
            assert copied.index == copied.users // 2
            assert child.poll() is None
        child.kill()


def test_a_backup_is_taken_of_a_central_that_was_killed(data: Path, tmp_path: Path) -> None:
    """What it wrote last is in its write-ahead log alone."""
    path = tmp_path / "killed" / "central.sqlite"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(30):
            child.stdout.readline()
        child.kill()
        written = 30 + child.stdout.read().count("\n")
    assert back_up(path.parent, tmp_path / "backup").users // 2 >= written
    SqliteStore(path).close()


def test_no_central_runs_from_a_backup(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    (tmp_path / "backup").rename(tmp_path / "central.sqlite")
    before = (tmp_path / "central.sqlite").read_bytes()
    assert "is a backup, from which no central may run: oyez restore" in refusal(
        SqliteStore, tmp_path / "central.sqlite"
    )
    assert (tmp_path / "central.sqlite").read_bytes() == before


def test_nothing_is_restored_from_a_centrals_own_store(data: Path, tmp_path: Path) -> None:
    """A copy that was made in another way may be one of a moment that there never was."""
    said = refusal(restore, data / "central.sqlite", tmp_path / "new", NOW)
    assert "is a central's own store and no backup" in said
    assert not (tmp_path / "new" / "central.sqlite").exists()


def test_nothing_is_replaced(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    assert "is there already" in refusal(back_up, data, tmp_path / "backup")
    before = (data / "central.sqlite").read_bytes()
    assert "is there already, and is not replaced" in refusal(restore, tmp_path / "backup", data, NOW)
    assert (data / "central.sqlite").read_bytes() == before


def test_a_folder_in_use_is_not_restored_into(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    store = SqliteStore(data / "central.sqlite")
    assert "in use by another process" in refusal(restore, tmp_path / "backup", data, NOW)
    store.close()


def test_nothing_is_restored_beside_what_is_left_of_the_old_store(data: Path, tmp_path: Path) -> None:
    """Else the old central is back: under its own id, in its own term, with the key that was stolen."""
    back_up(data, tmp_path / "backup")
    subprocess.run([sys.executable, "-c", KILLED, str(data / "central.sqlite")], check=False)
    (data / "central.sqlite").unlink()
    assert "central.sqlite-wal is left of a file that is not there" in refusal(restore, tmp_path / "backup", data, NOW)
    assert not [file for file in data.iterdir() if file.name in ("central.sqlite", "central.sqlite.new")]
    (data / "central.sqlite-wal").unlink()
    copied = restore(tmp_path / "backup", data, NOW)
    store = SqliteStore(data / "central.sqlite")
    after = store.load()
    store.close()
    assert (after.id, len(after.users)) == (copied.id, 50)


def test_no_backup_is_put_beside_what_is_left_of_another_file(data: Path, tmp_path: Path) -> None:
    (tmp_path / "backup-wal").write_bytes(b"something")
    assert "backup-wal is left of a file that is not there" in refusal(back_up, data, tmp_path / "backup")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["backup-wal", "data"]


@pytest.mark.parametrize("name", ["voter", "position", "id"])
def test_a_state_that_is_no_state_is_told(data: Path, tmp_path: Path, name: str) -> None:
    back_up(data, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup", isolation_level=None)) as database:
        database.execute("UPDATE meta SET value = X'FF' WHERE name = ?", (name,))
    if name == "id":  # nobody needs the old one
        restore(tmp_path / "backup", tmp_path / "new", NOW)
    else:
        assert "damaged" in refusal(restore, tmp_path / "backup", tmp_path / "new", NOW)
    store = SqliteStore(data / "central.sqlite")
    store._database.execute("UPDATE meta SET value = X'FF' WHERE name = ?", (name,))
    store.close()
    if name != "voter":  # which is not looked at yet
        assert "damaged" in refusal(back_up, data, tmp_path / "another")


def test_one_that_was_broken_off_is_told(data: Path, tmp_path: Path) -> None:
    """It may be another's, that is just being made."""
    (tmp_path / "backup.part").write_bytes(b"the beginning of a")
    assert (
        f"{tmp_path / 'backup.part'} is there already: it is just being made, or that broke off; remove it"
        in refusal(back_up, data, tmp_path / "backup")
    )
    assert (tmp_path / "backup.part").read_bytes() == b"the beginning of a"
    (tmp_path / "backup.part").unlink()
    back_up(data, tmp_path / "backup")


@pytest.mark.parametrize("limit", [20_000, 31_000])
def test_one_that_can_not_be_finished_leaves_nothing(data: Path, tmp_path: Path, limit: int) -> None:
    """A limit on the size of files stands for a disk that is full: while it is copied, or just behind."""
    place = tmp_path / "place"
    place.mkdir()
    store = SqliteStore(data / "central.sqlite")
    store.append([UserRecord("later", "hash", 51)])
    assert 20_000 < store.path.stat().st_size < 31_000
    limited = f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));" + BACK_UP
    done = subprocess.run([sys.executable, "-c", limited, str(data), str(place / "backup")], capture_output=True)
    store.close()
    assert b"StorageError: cannot write to " in done.stderr, done.stderr
    assert list(place.iterdir()) == []


def test_backups_are_for_the_owners_eyes_only(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new", NOW)
    for file in (tmp_path / "backup", tmp_path / "new" / "central.sqlite"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", ["cut", "garbage", "empty", "text"])
def test_a_damaged_backup_is_told_and_leaves_nothing(data: Path, tmp_path: Path, spoil: str) -> None:
    backup = tmp_path / "backup"
    back_up(data, backup)
    whole = backup.read_bytes()
    spoilt = {
        "cut": whole[: len(whole) // 2],
        "garbage": whole[:4096] + b"garbage!" * 512 + whole[8192:],
        "empty": b"",
        "text": b"something else " * 1000,
    }
    backup.write_bytes(spoilt[spoil])
    said = refusal(restore, backup, tmp_path / "new", NOW)
    assert "damaged" in said or "is empty" in said
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["central.sqlite.lock"]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    assert "is that the data folder of a central?" in refusal(back_up, tmp_path, tmp_path / "backup")
    assert "there is no file" in refusal(restore, tmp_path / "backup", tmp_path / "new", NOW)


def test_a_damaged_store_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    path = data / "central.sqlite"
    path.write_bytes(path.read_bytes()[:8192])
    assert "damaged" in refusal(back_up, data, tmp_path / "backup")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data"]


def test_a_backup_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    with sqlite3.connect(old / "central.sqlite") as database:
        database.executescript(VERSION_1.format(key="ab" * 32))
    database.close()
    back_up(old, tmp_path / "backup")
    assert restore(tmp_path / "backup", tmp_path / "new", NOW).users == 2
    store = SqliteStore(tmp_path / "new" / "central.sqlite")
    assert store.load().users == {"bob": "hash of bob", "eve": "hash of eve"}
    store.close()


def test_a_newer_backup_is_left_to_a_newer_oyez(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    with sqlite3.connect(tmp_path / "backup") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "was written by a newer Oyez" in refusal(restore, tmp_path / "backup", tmp_path / "new", NOW)

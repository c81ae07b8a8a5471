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

from oyez.core.effects import Position, ServerRecord, UserRecord
from oyez.core.voter import VoterState
from oyez.storage import schema
from oyez.storage.port import StorageError
from oyez.storage.sqlite import SqliteStore

APPENDER = """
import sys
from pathlib import Path
from oyez.core.effects import Position, UserRecord
from oyez.storage.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for number in range(10**9):
    users = [UserRecord(f"user {number} {part}", "hash", number + 1) for part in "ab"]
    store.append([*users, Position(number + 1, 1, number)])
    print(number, flush=True)
"""

REPLACER = """
import sys
from pathlib import Path
from oyez.core.effects import Position, Replacement, UserRecord
from oyez.storage.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for number in range(1, 10**9):
    users = tuple(UserRecord(f"user {number} {part}", "hash") for part in range(1000))
    store.append([Replacement(users, ()), Position(number, 1, number)])
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
    stored = store.load()
    users = stored.users
    store.close()
    expected = {f"user {number} {part}" for number in range(printed) for part in "ab"}
    assert expected <= users.keys()
    unacknowledged = users.keys() - expected
    assert unacknowledged in (set(), {f"user {printed} a", f"user {printed} b"}), "an append is stored all or none"
    assert stored.position.index == len(users) // 2
    assert set(stored.unsettled) == {f"user {stored.position.index - 1} {part}" for part in "ab"}


@pytest.mark.parametrize("acknowledged", [1, 3, 20])
def test_a_replacement_is_kept_whole_or_not_at_all(path: Path, acknowledged: int) -> None:
    with python(REPLACER, path) as child:
        assert child.stdout is not None
        for _ in range(acknowledged):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        printed = acknowledged + child.stdout.read().count("\n")
    store = SqliteStore(path)
    stored = store.load()
    store.close()
    number = stored.position.index
    assert number in (printed, printed + 1)
    assert stored.users.keys() == {f"user {number} {part}" for part in range(1000)}


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
    assert "was written by a newer Oyez (its schema is version 99, this one knows 3)" in refusal(path)
    assert path.read_bytes() == before


VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE users (username TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE servers (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, port INTEGER NOT NULL,
    incarnation INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 1333355898;
PRAGMA user_version = 1;
INSERT INTO meta VALUES ('key', X'{key}');
INSERT INTO users VALUES ('bob', 'hash of bob'), ('eve', 'hash of eve');
INSERT INTO servers VALUES ('s1', '127.0.0.1', 4001, 17);
"""


def test_a_store_of_version_1_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.executescript(VERSION_1.format(key="ab" * 32))
    database.close()
    for _ in range(2):
        store = SqliteStore(path)
        stored = store.load()
        assert (stored.key, stored.users) == (b"\xab" * 32, {"bob": "hash of bob", "eve": "hash of eve"})
        assert stored.servers == [ServerRecord("s1", "127.0.0.1", 4001, 17)]
        assert (stored.unsettled, stored.voter) == ({}, VoterState())
        assert stored.position == Position(1, 0, 1), "a new backup, at entry 0, has to get it all"
        assert (stored.since, stored.revoked) == ({"bob": 0, "eve": 0}, {})
        assert len(stored.id) == 10
        store.append([UserRecord("late", "hash", 2), Position(2, 1, 1)])
        assert store.load().unsettled == {"late": 2}
        store._database.execute("DELETE FROM users WHERE username = 'late'")
        store.append([Position(1, 0, 1)])
        store.close()


VERSION_2 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE users (username TEXT PRIMARY KEY, hash TEXT NOT NULL, entry INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE servers (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, port INTEGER NOT NULL,
    incarnation INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 1333355898;
PRAGMA user_version = 2;
INSERT INTO meta VALUES ('key', X'{key}'), ('id', CAST('c-00000002' AS BLOB)),
    ('position', CAST('{{"index":9,"term":3,"committed":7}}' AS BLOB)),
    ('voter', CAST('{{"promised":4,"voted_for":"c-00000001"}}' AS BLOB));
INSERT INTO users VALUES ('bob', 'hash of bob', 5), ('eve', 'hash of eve', 8), ('old', 'hash of old', 0);
INSERT INTO servers VALUES ('s1', '127.0.0.1', 4001, 17);
"""


def test_a_store_of_version_2_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.executescript(VERSION_2.format(key="ab" * 32))
    database.close()
    for _ in range(2):
        store = SqliteStore(path)
        stored = store.load()
        assert (stored.key, stored.id) == (b"\xab" * 32, "c-00000002")
        assert stored.users == {"bob": "hash of bob", "eve": "hash of eve", "old": "hash of old"}
        assert stored.unsettled == {"eve": 8}
        assert stored.since == {"bob": 0, "eve": 8, "old": 0}, "settled ones are the same at every central"
        assert (stored.position, stored.voter) == (Position(9, 3, 7), VoterState(4, "c-00000001"))
        assert store._database.execute("PRAGMA user_version").fetchone() == (3,)
        store.close()


def test_a_migration_that_breaks_off_leaves_the_old_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.executescript(VERSION_1.format(key="ab" * 32))
    database.close()

    def breaks(database: sqlite3.Connection) -> None:
        database.execute("ALTER TABLE users ADD COLUMN since INTEGER NOT NULL DEFAULT 0")
        raise sqlite3.OperationalError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_STEPS", (schema._STEPS[0], breaks))
        assert "the power is gone" in refusal(path)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert [row[1] for row in database.execute("PRAGMA table_info(users)")] == ["username", "hash"]
    database.close()
    SqliteStore(path).close()


def test_every_version_leads_to_the_tables_of_a_new_store(tmp_path: Path) -> None:
    tables = []
    for name, script in (("new", ""), ("one", VERSION_1), ("two", VERSION_2)):
        path = tmp_path / f"{name}.db"
        if script:
            database = sqlite3.connect(path)
            database.executescript(script.format(key="ab" * 32))
            database.close()
        store = SqliteStore(path)
        names = [row[0] for row in store._database.execute("SELECT name FROM sqlite_master ORDER BY name")]
        tables.append({name: store._database.execute(f"PRAGMA table_info({name})").fetchall() for name in names})
        store.close()
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.parametrize("version", [0, 1, 2, 3])
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


@pytest.mark.parametrize("name", ["position", "voter"])
def test_a_state_that_is_no_state_is_not_served(path: Path, name: str) -> None:
    store = SqliteStore(path)
    store._database.execute("INSERT INTO meta VALUES (?, ?)", (name, b"{"))
    with pytest.raises(StorageError, match="damaged"):
        store.load()
    store.close()


@pytest.mark.parametrize("name", ["key", "id"])
def test_a_store_without_its_key_or_id_is_not_served(path: Path, name: str) -> None:
    store = SqliteStore(path)
    store._database.execute("DELETE FROM meta WHERE name = ?", (name,))
    with pytest.raises(StorageError, match="lost its key or id"):
        store.load()
    store.close()


def test_an_empty_file_is_no_new_store(path: Path) -> None:
    """What was in it is lost: a new store in its place would give away names that are taken."""
    path.parent.mkdir()
    path.touch()
    assert "is empty, which a store never is" in refusal(path)
    assert path.read_bytes() == b""


def test_a_store_that_was_just_being_made_is_made_again(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(f"{path.name}.new").write_bytes(b"the beginning of a")
    SqliteStore(path).close()
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


@pytest.mark.parametrize("left", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_told(path: Path, left: float) -> None:
    store = SqliteStore(path)
    store.append([UserRecord(f"user {number}", "hash" * 20) for number in range(1000)])
    store.close()
    data = path.read_bytes()[: int(left * path.stat().st_size)]
    path.write_bytes(data)
    assert "damaged" in refusal(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("page", range(1, 30, 4))
def test_garbage_in_the_middle_is_told(path: Path, page: int) -> None:
    store = SqliteStore(path)
    store.append([UserRecord(f"user {number}", "hash" * 20) for number in range(1000)])
    store.close()
    data = bytearray(path.read_bytes())
    assert len(data) > 30 * 4096
    data[page * 4096 : (page + 1) * 4096] = b"\xa5garbage" * 512
    path.write_bytes(data)
    assert "damaged" in refusal(path)


def test_text_that_is_none_is_told_and_not_shown(path: Path) -> None:
    """It may be a hash."""
    store = SqliteStore(path)
    store._database.execute("INSERT INTO users VALUES ('bob', CAST(X'6861736820FFFE' AS TEXT), 0, 0)")
    with pytest.raises(StorageError, match="is damaged \\(text that is none\\)"):
        store.load()
    store.close()


@pytest.mark.parametrize(
    "damage",
    [
        "INSERT INTO users VALUES ('bob', X'6861', 0, 0)",
        "INSERT INTO users VALUES (X'6861', 'hash', 0, 0)",
        "INSERT INTO users VALUES ('bob', 'hash', 0, 'x')",
        "INSERT INTO servers VALUES ('s1', 'host', X'00', 0)",
        "INSERT INTO revoked VALUES ('bob', 0, 'never', 0)",
        "UPDATE meta SET value = 'text' WHERE name = 'key'",
        "UPDATE meta SET value = X'FF' WHERE name = 'id'",
    ],
)
def test_a_value_of_another_kind_is_told(path: Path, damage: str) -> None:
    """One damaged letter makes a value of one kind one of another, and SQLite minds neither."""
    store = SqliteStore(path)
    store._database.execute(damage)
    store.close()
    with pytest.raises(StorageError, match="is damaged"):
        SqliteStore(path).load()


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_no_store_is_made_beside_what_is_left_of_another(path: Path, end: str) -> None:
    """SQLite would write it over the new one; and whoever has lost the store is not to begin another by chance."""
    path.parent.mkdir()
    left = path.with_name(f"{path.name}{end}")
    left.write_bytes(b"something of the one before")
    assert f"{left} is left of a file that is not there any more: put {path.name} back" in refusal(path)
    assert not path.exists()
    left.unlink()
    SqliteStore(path).close()


def test_a_folder_in_which_anybody_may_write_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    assert refusal(path) == (
        f"anybody may write in {path.parent}, and so replace what is kept there: chmod o-w {path.parent}"
    )
    path.parent.chmod(0o1777)  # as in /tmp: nobody can replace what is another's
    SqliteStore(path).close()


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
    [pages] = store._database.execute("PRAGMA page_count").fetchone()
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

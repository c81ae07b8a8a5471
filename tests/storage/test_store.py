"""The contract of a store: whatever implements the port passes these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core.effects import Record, ServerGone, ServerRecord, UserRecord
from oyez.storage.memory import MemoryStore
from oyez.storage.port import StorageError, Store, Stored
from oyez.storage.sqlite import SqliteStore


class Disk(Protocol):
    """Something that outlives the stores that are opened on it."""

    @property
    def store(self) -> Store | None: ...

    def open(self) -> Store: ...


class File:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.store: SqliteStore | None = None

    def open(self) -> Store:
        if self.store is not None:
            self.store.close()
        self.store = SqliteStore(self.path)
        return self.store


class Memory:
    def __init__(self) -> None:
        self.store = MemoryStore()

    def open(self) -> Store:
        self.store = self.store.reopen()
        return self.store


@pytest.fixture(params=["sqlite", "memory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    disk: Disk = File(tmp_path / "data" / "central.db") if request.param == "sqlite" else Memory()
    yield disk
    if disk.store is not None:
        disk.store.close()


bob, eve = UserRecord("bob", "hash of bob"), UserRecord("eve", "hash of eve")
one, two = ServerRecord("one", "127.0.0.1", 4001, 1), ServerRecord("two", "::1", 4002, 2**53)


def test_a_new_store_has_a_key_and_nothing_else(disk: Disk) -> None:
    stored = disk.open().load()
    assert (len(stored.key), stored.users, stored.servers) == (32, {}, [])


def test_what_was_appended_is_there_after_a_restart(disk: Disk) -> None:
    store = disk.open()
    store.append([bob, one])
    store.append([eve])
    store.append([two])
    users = {"bob": "hash of bob", "eve": "hash of eve"}
    assert disk.open().load() == Stored(store_key(disk), users, [one, two])


def test_the_key_stays_the_same(disk: Disk) -> None:
    assert store_key(disk) == store_key(disk)


def test_no_two_stores_have_the_same_key(tmp_path: Path) -> None:
    files = [SqliteStore(tmp_path / name) for name in ("a.db", "b.db")]
    stores: list[Store] = [*files, MemoryStore(), MemoryStore()]
    assert len({store.load().key for store in stores}) == 4
    for store in files:
        store.close()


def test_a_record_of_the_same_key_replaces_the_older(disk: Disk) -> None:
    store = disk.open()
    store.append([bob, one])
    moved = ServerRecord("one", "127.0.0.2", 5001, 2)
    store.append([UserRecord("bob", "another"), moved])
    stored = disk.open().load()
    assert (stored.users, stored.servers) == ({"bob": "another"}, [moved])


def test_a_server_that_is_gone_is_forgotten(disk: Disk) -> None:
    store = disk.open()
    store.append([one, two])
    store.append([ServerGone("one"), ServerGone("never was")])
    assert disk.open().load().servers == [two]


def test_records_of_one_append_count_in_their_order(disk: Disk) -> None:
    disk.open().append([one, ServerGone("one"), two, ServerGone("two"), two])
    assert disk.open().load().servers == [two]


def test_names_of_any_script_are_told_apart(disk: Disk) -> None:
    names = ["bob", "Bob", "bob ", "bób", "bo\u0301b", "b\0b", "b", "👋", "'; DROP TABLE users; --"]
    disk.open().append([UserRecord(name, f"hash of {name}") for name in names])
    assert disk.open().load().users == {name: f"hash of {name}" for name in names}


def test_an_append_of_nothing_is_none(disk: Disk) -> None:
    disk.open().append([])
    assert disk.open().load().users == {}


def test_what_is_loaded_is_the_callers_own(disk: Disk) -> None:
    store = disk.open()
    store.append([bob, one])
    stored = store.load()
    stored.users.clear()
    stored.servers.clear()
    assert store.load().users == {"bob": "hash of bob"}
    assert store.load().servers == [one]


def load(store: Store) -> None:
    store.load()


def append(store: Store) -> None:
    store.append([bob])


@pytest.mark.parametrize("use", [load, append])
def test_a_store_that_was_closed_refuses(disk: Disk, use: Callable[[Store], None]) -> None:
    store = disk.open()
    store.close()
    with pytest.raises(StorageError):
        use(store)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
ids = st.sampled_from(["one", "two", "three"])
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(UserRecord, names, st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(ServerRecord, ids, names, st.integers(1, 65535), st.integers(0, 2**53)),
    st.builds(ServerGone, ids),
)


@given(st.lists(st.lists(records, max_size=5), max_size=5))
def test_both_stores_keep_the_same(tmp_path_factory: pytest.TempPathFactory, appends: list[list[Record]]) -> None:
    memory, file = Memory(), File(tmp_path_factory.mktemp("store") / "central.db")
    left, right = memory.open(), file.open()
    for batch in appends:
        left.append(batch)
        right.append(batch)
    found, again = memory.open().load(), file.open().load()
    assert (found.users, found.servers) == (again.users, again.servers)
    assert file.store is not None
    file.store.close()


def store_key(disk: Disk) -> bytes:
    return disk.open().load().key

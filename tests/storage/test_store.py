"""The contract of a store: whatever implements the port passes these."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from oyez.protocol.nodes import CentralAddress, Configuration
from oyez.storage.memory import MemoryStore
from oyez.storage.port import StorageError, Store
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
centrals = (CentralAddress("c-00000001", "127.0.0.1", 3780), CentralAddress("c-00000002", "::1", 3781))
configuration = Configuration(
    3, 7, "c-00000001", ("c-00000001",), centrals, ("s1.1", "s2.5"), ("c-00000001", "c-00000002")
)
promise = VoterState(4, "c-00000002", configuration)


def test_a_new_store_has_a_key_and_an_id_and_nothing_else(disk: Disk) -> None:
    stored = disk.open().load()
    assert len(stored.key) == 32
    assert re.fullmatch("c-[0-9a-f]{8}", stored.id)
    assert stored == Stored(stored.key, stored.id)
    assert (stored.position, stored.voter) == (Position(0, 0, 0), VoterState())


def test_what_was_appended_is_there_after_a_restart(disk: Disk) -> None:
    store = disk.open()
    store.append([bob, one])
    store.append([eve])
    store.append([two])
    users = {"bob": "hash of bob", "eve": "hash of eve"}
    found, again = disk.open().load(), disk.open().load()
    assert (found.users, found.servers) == (users, [one, two])
    assert found == again


def test_no_two_stores_have_the_same_key_or_id(tmp_path: Path) -> None:
    files = [SqliteStore(tmp_path / name) for name in ("a.db", "b.db")]
    stores: list[Store] = [*files, MemoryStore(), MemoryStore()]
    assert len({store.load().key for store in stores}) == 4
    assert len({store.load().id for store in stores}) == 4
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


def test_the_position_the_key_and_the_voters_state_are_kept_as_they_were_last(disk: Disk) -> None:
    store = disk.open()
    store.append([Position(5, 1, 4), Key(b"1" * 32), VoterState(2, "c-00000001")])
    store.append([Position(6, 2, 5), promise, Position(7, 2, 5), Key(b"2" * 32)])
    stored = disk.open().load()
    assert (stored.position, stored.key, stored.voter) == (Position(7, 2, 5), b"2" * 32, promise)


def test_a_user_whose_entry_is_not_known_to_be_acknowledged_is_unsettled(disk: Disk) -> None:
    store = disk.open()
    store.append([UserRecord("bob", "hash", 2), UserRecord("eve", "hash", 3), Position(3, 1, 2)])
    assert disk.open().load().unsettled == {"eve": 3}
    disk.open().append([Position(3, 1, 3)])
    assert disk.open().load().unsettled == {}


def test_what_set_a_secret_is_kept_settled_or_not(disk: Disk) -> None:
    store = disk.open()
    store.append([UserRecord("bob", "hash", 2), UserRecord("eve", "hash", 0, 1), UserRecord("old", "hash")])
    assert disk.open().load().since == {"bob": 2, "eve": 1, "old": 0}
    disk.open().append([Position(2, 1, 2), UserRecord("bob", "better hash", 0, 2)])
    stored = disk.open().load()
    assert (stored.users["bob"], stored.since["bob"], stored.unsettled) == ("better hash", 2, {})


def test_revocations_are_kept_the_last_of_each_user(disk: Disk) -> None:
    disk.open().append([bob, eve, Revocation("bob", 3, 50.5), Revocation("bob", 5, 70.25), Revocation("x", 6, 80.0)])
    stored = disk.open().load()
    assert stored.revoked == {"bob": Revocation("bob", 5, 70.25), "x": Revocation("x", 6, 80.0)}
    assert set(stored.users) == {"bob", "eve"}


def test_a_user_who_is_removed_is_gone_and_the_revocation_stays(disk: Disk) -> None:
    disk.open().append([bob, eve, Revocation("bob", 3, 50.0, removed=True)])
    stored = disk.open().load()
    assert stored.users == {"eve": "hash of eve"}
    assert stored.since == {"eve": 0}
    assert stored.revoked == {"bob": Revocation("bob", 3, 50.0, True)}
    disk.open().append([UserRecord("bob", "of another bob", 4)])
    stored = disk.open().load()
    assert (stored.users["bob"], stored.since["bob"]) == ("of another bob", 4)
    assert stored.revoked == {"bob": Revocation("bob", 3, 50.0, True)}


def test_revocations_whose_time_is_over_are_forgotten(disk: Disk) -> None:
    disk.open().append([Revocation("bob", 3, 50.0), Revocation("eve", 4, 50.5), RevocationsOver(50.0)])
    assert set(disk.open().load().revoked) == {"eve"}


def test_a_replacement_leaves_nothing_of_what_was_there(disk: Disk) -> None:
    store = disk.open()
    store.append([bob, one, Revocation("bob", 8, 50.0), Position(9, 1, 9), promise, Key(b"1" * 32)])
    late = UserRecord("late", "hash", 4)
    store.append([Replacement((eve, late), (two,), (Revocation("x", 2, 60.0),)), Position(4, 2, 3)])
    stored = disk.open().load()
    assert stored.revoked == {"x": Revocation("x", 2, 60.0)}
    assert (stored.users, stored.servers) == ({"eve": "hash of eve", "late": "hash"}, [two])
    assert (stored.unsettled, stored.position) == ({"late": 4}, Position(4, 2, 3))
    assert (stored.voter, stored.key) == (promise, b"1" * 32)


def test_a_replacement_counts_in_its_place_among_the_others(disk: Disk) -> None:
    disk.open().append([bob, one, Replacement((), ()), eve, ServerGone("two"), two])
    stored = disk.open().load()
    assert (stored.users, stored.servers) == ({"eve": "hash of eve"}, [two])


def test_a_hundred_thousand_users_are_replaced_at_once(disk: Disk) -> None:
    users = tuple(UserRecord(f"user {number}", "hash" * 20, number) for number in range(100_000))
    disk.open().append([bob, Replacement(users, (one,)), Position(100_000, 1, 99_990)])
    stored = disk.open().load()
    assert stored.users == {user.username: user.hash for user in users}
    assert stored.unsettled == {user.username: user.index for user in users[99_991:]}


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
    stored.unsettled["bob"] = 1
    stored.since.clear()
    stored.revoked["bob"] = Revocation("bob", 1, 1.0)
    assert store.load().unsettled == {}
    assert (store.load().since, store.load().revoked) == ({"bob": 0}, {})
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
numbers = st.integers(0, 5)
users = st.builds(UserRecord, names, st.text(st.characters(exclude_categories=["Cs"])), numbers, numbers)
revocations = st.builds(Revocation, names, numbers, st.floats(0, 5), st.booleans())
servers = st.builds(ServerRecord, ids, names, st.integers(1, 65535), st.integers(0, 2**53))
records: st.SearchStrategy[Record] = st.one_of(
    users,
    servers,
    st.builds(ServerGone, ids),
    revocations,
    st.builds(RevocationsOver, st.floats(0, 5)),
    st.builds(
        Replacement,
        st.lists(users, max_size=3, unique_by=lambda user: user.username).map(tuple),
        st.lists(servers, max_size=2, unique_by=lambda server: server.id).map(tuple),
        st.lists(revocations, max_size=2, unique_by=lambda revocation: revocation.username).map(tuple),
    ),
    st.builds(Position, numbers, numbers, numbers),
    st.builds(Key, st.binary(min_size=32, max_size=32)),
    st.builds(VoterState, numbers, ids, st.sampled_from([None, configuration])),
)


@settings(max_examples=40)  # each makes a file, and waits for the disk
@given(st.lists(st.lists(records, max_size=5), max_size=5))
def test_both_stores_keep_the_same(tmp_path_factory: pytest.TempPathFactory, appends: list[list[Record]]) -> None:
    memory, file = Memory(), File(tmp_path_factory.mktemp("store") / "central.db")
    left, right = memory.open(), file.open()
    for batch in appends:
        left.append(batch)
        right.append(batch)
    found, again = memory.open().load(), file.open().load()
    kept = [record for batch in appends for record in batch if isinstance(record, Key)]
    assert (found.key == again.key) == bool(kept), "unless it was given, each has its own"
    assert found == dataclasses.replace(again, id=found.id, key=found.key)
    assert file.store is not None
    file.store.close()

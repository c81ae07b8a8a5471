"""Group commit: few commits, in order, and nobody is told of what is not on disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oyez.core import effects as fx
from oyez.core.effects import Record, UserRecord
from oyez.net.guard import GuardedLoop
from oyez.net.writer import Writer
from oyez.storage.memory import MemoryStore
from oyez.storage.port import StorageError
from oyez.storage.sqlite import SqliteStore
from tests.net.stage import A_STATUS, PATIENCE, Recorder, node


class GatedStore(MemoryStore):
    """Commits when it is let; notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.commits: list[list[str]] = []
        self.threads: set[int] = set()
        self.broken = False

    def append(self, records: list[Record]) -> None:
        self.threads.add(threading.get_ident())
        self.commits.append([record.username for record in records if isinstance(record, UserRecord)])
        self.begun.release()
        assert self.gate.acquire(timeout=PATIENCE)
        if self.broken:
            raise StorageError("the disk is on fire")
        super().append(records)


@pytest.fixture
def store() -> Iterator[GatedStore]:
    store = GatedStore()
    yield store
    store.gate.release(100)  # no thread is left waiting


def user(name: str) -> UserRecord:
    return UserRecord(name, "hash")


async def test_what_comes_while_a_commit_runs_forms_the_next(store: GatedStore) -> None:
    done: list[str] = []
    threads: set[int] = set()

    def note(name: str) -> None:
        done.append(name)
        threads.add(threading.get_ident())

    writer = Writer(GuardedLoop(asyncio.get_running_loop(), print), store)
    writer.write((user("a"),), lambda: note("a"))
    assert store.begun.acquire(timeout=PATIENCE)
    for name in "bcd":
        writer.write((user(name), user(name * 2)), lambda name=name: note(name))  # type: ignore[misc]
    assert done == []
    store.gate.release(2)
    async with asyncio.timeout(PATIENCE):
        await writer.close()
    assert store.commits == [["a"], ["b", "bb", "c", "cc", "d", "dd"]]
    assert done == ["a", "b", "c", "d"]
    assert threads == {threading.get_ident()}
    assert len(store.threads) == 1 and threading.get_ident() not in store.threads


async def test_nobody_is_told_before_it_is_stored(store: GatedStore) -> None:
    async with node(store=store) as stage, await stage.peer() as peer:
        stage.perform(fx.Persist((user("bob"),)), fx.Report("first"), fx.Persist((user("eve"),)), fx.Report("second"))
        assert store.begun.acquire(timeout=PATIENCE)
        assert stage.reports == []
        store.gate.release()
        await stage.role.seen("report", "first")
        assert store.load().users == {"bob": "hash"}
        stage.perform(fx.Send(peer.link, A_STATUS))  # what does not wait for the disk goes on meanwhile
        await peer.read()
        assert [event for event, _ in stage.reports] == ["first"]
        store.gate.release()
        await stage.role.seen("report", "second")


async def test_a_node_that_stops_stores_what_it_was_given(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "central.db")
    role = Recorder(stop=lambda: [fx.Persist((user("last"),))])
    async with node(role, store=store) as stage:
        for number in range(100):
            stage.perform(fx.Persist((user(f"user {number}"),)))
    store = SqliteStore(tmp_path / "central.db")  # the node has closed it
    assert store.load().users.keys() == {"last", *(f"user {number}" for number in range(100))}
    store.close()


async def test_a_store_that_fails_ends_the_node_and_nobody_is_told(store: GatedStore) -> None:
    store.broken = True
    with pytest.raises(StorageError, match=r"^the disk is on fire$"):
        async with node(store=store) as stage, await stage.peer() as peer:
            stage.perform(fx.Persist((user("bob"),)), fx.Report("stored"))
            assert store.begun.acquire(timeout=PATIENCE)
            stage.perform(fx.Persist((user("eve"),)), fx.Report("stored"))
            store.gate.release()
            assert await peer.read_to_end() == b"", "the links end with the node"
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait([stage.task])
    assert store.commits == [["bob"]], "and nothing more is written"
    assert stage.reports == []

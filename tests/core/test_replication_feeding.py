"""How entries reach a backup: in one place, in order, each once, and no more at a time than a window."""

import pytest

from oyez.core import effects as fx
from oyez.core.central import replication
from oyez.core.central.replication import STALLED
from oyez.protocol import nodes as n
from tests.core.reigns import LINKS, SERVERS, TERM, Reign, paired


@pytest.fixture
def pair() -> Reign:
    return paired()


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> int:
    """A small one."""
    monkeypatch.setattr(replication, "WINDOW", 5)
    return 5


def gets(reign: Reign, name: str) -> list[int]:
    """Indices of the entries that were sent to this backup since the last time."""
    return [message.index for message in reign.hears(name) if isinstance(message, n.SynchroniseUserStore)]


def record(name: str, index: int) -> fx.UserRecord:
    return fx.UserRecord(name, "hash", index)


def test_a_backup_gets_an_entry_while_it_is_being_written_here(pair: Reign) -> None:
    pair.stops_disk()
    pair.registers("bob")
    assert pair.hears("b") == [n.SynchroniseUserStore({"bob": "hash"}, TERM, 1, TERM)]
    pair.disk_goes_on()
    assert gets(pair, "b") == []


def test_an_entry_that_was_overtaken_still_goes_first(pair: Reign) -> None:
    """Eve's is made first, but what is to be done about her waits for the disk: the log has an order."""
    pair.stops_disk()
    waiting = [fx.Persist(()), *pair.main.append(pair.now, record("eve", 1))]
    pair.do(waiting)
    assert gets(pair, "b") == []
    pair.registers("bob")
    assert gets(pair, "b") == [1, 2]
    pair.disk_goes_on()
    assert gets(pair, "b") == []


def test_a_backup_that_joins_before_an_entrys_turn_gets_it_once(pair: Reign) -> None:
    pair.stops_disk()
    pair.do([fx.Persist(()), *pair.main.append(pair.now, record("eve", 1))])
    pair.follows("c")  # continues from its cursor, and eve is in the log already
    assert gets(pair, "c") == [1]
    pair.disk_goes_on()
    assert gets(pair, "c") == []


def test_no_more_than_a_window_is_on_its_way(pair: Reign, window: int) -> None:
    for number in range(2 * window + 1):
        pair.registers(f"user {number}")
    assert gets(pair, "b") == [1, 2, 3, 4, 5]
    pair.holds("b", 2)
    assert gets(pair, "b") == [6, 7]
    pair.holds("b", 2)
    assert gets(pair, "b") == []
    pair.holds("b", 7)
    assert gets(pair, "b") == [8, 9, 10, 11]
    pair.holds("b", 11)
    assert gets(pair, "b") == []
    pair.registers("bob")
    assert gets(pair, "b") == [12]


def test_one_that_continues_from_far_behind_gets_a_window_too(window: int) -> None:
    reign = Reign("m")
    for number in range(12):
        reign.registers(f"user {number}")
    reign.follows("b", held=1)
    assert gets(reign, "b") == [2, 3, 4, 5, 6]


def test_one_for_whom_entries_are_held_no_longer_comes_again(pair: Reign, window: int) -> None:
    """It is told nothing that does not follow what it has: with a new link it gets a snapshot."""
    pair.entries.most = 3
    for number in range(8):
        pair.registers(f"user {number}")
    assert gets(pair, "b") == [1, 2, 3, 4, 5]
    assert pair.others == []  # what follows is held still
    pair.registers("bob")
    assert pair.others == [fx.Close(LINKS["b"])]
    pair.holds("b", 5)
    assert gets(pair, "b") == []


def test_during_a_snapshot_nothing_is_sent_and_then_what_is_behind_it(pair: Reign) -> None:
    follower = pair.follows("c", held=None)
    for name in ("bob", "eve", "mia"):
        pair.registers(name)
    assert gets(pair, "c") == []
    pair.do(pair.main.feed(pair.now, follower, 1))
    assert gets(pair, "c") == [2, 3]
    assert follower.held is None  # a snapshot that is on its way is on no disk
    pair.registers("max")
    assert gets(pair, "c") == [4]


def test_behind_a_long_snapshot_entries_wait_until_it_is_on_its_disk(pair: Reign, window: int) -> None:
    follower = pair.follows("c", held=None)
    for number in range(2 * window):
        pair.registers(f"user {number}")
    pair.do(pair.main.feed(pair.now, follower, 2 * window))
    pair.registers("bob")
    assert gets(pair, "c") == []
    pair.holds("c", 2 * window)
    assert gets(pair, "c") == [2 * window + 1]


def test_nothing_goes_to_a_backup_that_has_left_nor_after_the_end(pair: Reign) -> None:
    pair.follows("c")
    pair.settles("b", "c", *SERVERS)
    pair.stops_disk()
    pair.do([fx.Persist(()), *pair.main.append(pair.now, record("eve", 1))])
    follower = pair.main.followers[LINKS["b"]]
    pair.leaves("b")
    pair.hears("b")
    pair.hears("c")
    assert pair.main.feed(pair.now, follower, 0) == []
    pair.do(pair.main.end(pair.now))
    pair.disk_goes_on()
    assert gets(pair, "b") == []
    assert gets(pair, "c") == []


def test_a_backup_stalls_from_the_oldest_that_it_owes(pair: Reign) -> None:
    """Under unbroken load there is always a new entry on its way to it."""
    pair.registers("bob")
    pair.tick(STALLED / 2)
    pair.registers("eve")
    pair.tick(STALLED / 2)
    assert pair.in_sync == {"m"}


def test_one_that_stops_half_way_stalls_from_its_last_progress(pair: Reign) -> None:
    pair.registers("bob")
    pair.registers("eve")
    pair.tick(STALLED / 2)
    pair.holds("b", 1)
    pair.settles("b", *SERVERS)
    pair.tick(STALLED - 0.1)
    assert pair.in_sync == {"m", "b"}
    pair.tick(0.1)
    assert pair.in_sync == {"m"}


def test_one_that_owes_nothing_does_not_stall(pair: Reign) -> None:
    pair.registers("bob")
    pair.holds("b")
    pair.settles("b", *SERVERS)
    pair.tick(2 * STALLED)
    assert pair.in_sync == {"m", "b"}
    pair.registers("eve")
    pair.tick(STALLED - 0.1)
    assert pair.in_sync == {"m", "b"}

"""The directory log's end: what is kept for backups, and that two logs are never taken for one (DESIGN section 1)."""

import pytest

from oyez.core import effects as fx
from oyez.core.central.entries import Entries, Entry, EntryRecord, received
from oyez.core.effects import Position, Replacement
from oyez.protocol import nodes as n


def entry(index: int, term: int = 1) -> Entry:
    return Entry(index, term, fx.UserRecord(f"user {index}", "hash", index))


def log(*terms: int, position: Position | None = None) -> Entries:
    """A log whose entries were made in these terms."""
    entries = Entries(position or Position(0, 0, 0))
    for term in terms:
        entries.append(entry(entries.last + 1, term))
    return entries


def indices(entries: list[Entry] | None) -> list[int] | None:
    return None if entries is None else [one.index for one in entries]


def test_a_log_goes_on_where_it_was_stored() -> None:
    entries = log(4, 5, position=Position(7, 3, 6))
    assert entries.position == Position(9, 5, 6)


@pytest.mark.parametrize("index", [0, 1, 3, 4])
def test_an_entry_has_the_next_index_and_no_other(index: int) -> None:
    entries = log(1)
    with pytest.raises(AssertionError):
        entries.append(entry(index))


def test_what_is_acknowledged_is_stored_and_not_what_is_only_committed() -> None:
    """A registration may be committed, and its client not told: after a restart it can still be repeated."""
    entries = log(1, 1, 1, position=Position(7, 1, 6))
    assert (entries.committed, entries.acknowledged) == (6, 6)
    entries.committed = 10
    assert entries.position == Position(10, 1, 6)
    entries.acknowledged = 9
    assert entries.position == Position(10, 1, 9)
    entries.restart(Position(12, 2, 11), Replacement((), ()))
    assert (entries.committed, entries.acknowledged) == (11, 11)


def test_a_backup_gets_what_is_behind_its_cursor_in_order() -> None:
    entries = log(1, 1, 2, 4)
    for cursor, term, behind in ((0, 0, [1, 2, 3, 4]), (1, 1, [2, 3, 4]), (3, 2, [4]), (4, 4, [])):
        assert entries.knows(cursor, term)
        assert indices(entries.between(cursor, 4)) == behind


def test_it_gets_no_more_than_it_is_ready_for() -> None:
    entries = log(1, 1, 2, 4)
    assert indices(entries.between(1, 3)) == [2, 3]
    assert indices(entries.between(1, 1)) == []
    assert indices(entries.between(3, 2)) == []  # more is on the way than it is ready for
    assert indices(entries.between(2, 9)) == [3, 4]


def test_an_entry_of_another_term_is_another_entry() -> None:
    """What it was told by a main that could not commit: it must not be taken for what this log has there."""
    entries = log(1, 1, 3)
    for index, term in ((1, 2), (3, 1), (3, 2), (3, 4), (0, 1), (2, 3)):
        assert not entries.knows(index, term)


def test_a_backup_that_is_ahead_or_nowhere_is_not_continued() -> None:
    entries = log(1, 1)
    for index in (3, 1000):
        assert not entries.knows(index, 1)


def test_what_was_written_before_the_start_is_no_more_held() -> None:
    entries = log(4, position=Position(7, 3, 6))
    assert entries.knows(7, 3)
    assert indices(entries.between(7, 8)) == [8]
    for index, term in ((6, 3), (7, 2), (0, 0)):
        assert not entries.knows(index, term)
    for index in (6, 0):
        assert entries.between(index, 8) is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    entries = log()
    entries.most = 3
    for index in range(1, 6):
        entries.append(entry(index))
    assert entries.knows(2, 1)
    assert indices(entries.between(2, 5)) == [3, 4, 5]
    assert indices(entries.between(3, 4)) == [4]
    for index, term in ((1, 1), (0, 0)):
        assert not entries.knows(index, term)
        assert entries.between(index, 5) is None
    assert entries.knows(5, 1)
    assert indices(entries.between(5, 5)) == []


def test_after_a_snapshot_only_what_follows_it_is_held() -> None:
    entries = log(1, 1, 1)
    entries.restart(Position(2, 5, 1), Replacement((), ()))  # it may end before what was here
    assert entries.position == Position(2, 5, 1)
    assert entries.knows(2, 5)
    assert indices(entries.between(2, 2)) == []
    for index, term in ((1, 1), (2, 1), (3, 1)):
        assert not entries.knows(index, term)
    assert entries.between(1, 2) is None
    entries.append(entry(3, 5))
    assert indices(entries.between(2, 3)) == [3]


@pytest.mark.parametrize(
    "record",
    [
        fx.UserRecord("bob", "hash", 7),
        fx.ServerRecord("a", "host", 4001, 3),
        fx.ServerGone("a"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_an_entry_arrives_as_it_left_whoever_sends_it(record: EntryRecord) -> None:
    """The main of a later term sends entries of earlier ones: they keep the term in which they were made."""
    sent = Entry(7, 2, record)
    message = sent.message(term=5)
    assert message.term == 5
    assert received(message) == sent


def test_an_increment_brings_the_hash_of_one_user() -> None:
    assert entry(7, 2).message(5) == n.SynchroniseUserStore({"user 7": "hash"}, 5, 7, 2)

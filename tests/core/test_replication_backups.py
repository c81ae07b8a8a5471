"""Which backups a main counts as in sync: in when they hold everything, out when the voters agree (ADR 8, 5)."""

import pytest

from oyez.core.central.replication import GRACE, STALLED
from oyez.protocol import nodes as n
from tests.core.reigns import LINKS, SERVERS, TERM, Reign, central, paired


@pytest.fixture
def pair() -> Reign:
    return paired()


# -- backups leave --------------------------------------------------------------------------------------------------


def test_a_lost_backup_is_dropped_once_the_voters_agree_and_not_before(pair: Reign) -> None:
    pair.registers("bob")
    pair.leaves("b")
    assert pair.in_sync == {"m"}  # proposed
    assert pair.settled == []
    pair.confirms("s.1")
    assert pair.settled == []
    pair.confirms("t.1")  # adopted; the commit needs a round of its own, after that
    assert pair.adopted
    assert pair.settled == []
    pair.confirms("s.1", "t.1")
    assert pair.settled == [("bob", True)]


def test_a_lost_backup_is_not_dropped_by_a_main_that_lost_its_voters_too(pair: Reign) -> None:
    """It is the main that is cut off: the others may have another by now."""
    for name in ("b", *SERVERS):
        pair.leaves(name)
    pair.registers("bob")
    for _ in range(20):
        pair.tick(1.0)
    assert ("bob", True) not in pair.settled
    assert not pair.adopted
    assert pair.entries.committed == 0


def test_a_stalled_backup_is_dropped_in_time(pair: Reign) -> None:
    pair.registers("bob")
    pair.tick(STALLED - 0.1)
    assert pair.in_sync == {"m", "b"}
    pair.tick(0.1)
    assert pair.in_sync == {"m"}
    pair.settles(*SERVERS)
    assert pair.settled == [("bob", True)]


def test_a_backup_that_makes_progress_is_not_stalled(pair: Reign) -> None:
    for number in range(10):
        pair.registers(f"user {number}")
    for index in range(1, 10):
        pair.tick(STALLED - 0.1)
        pair.holds("b", index)
        pair.confirms("s.1", "t.1")
    assert pair.in_sync == {"m", "b"}


def test_a_backup_that_was_dropped_and_catches_up_is_taken_in_again(pair: Reign) -> None:
    pair.registers("bob")
    pair.tick(STALLED)
    pair.settles(*SERVERS)
    pair.holds("b")
    pair.settles("b", *SERVERS)
    assert pair.in_sync == {"m", "b"}
    assert pair.adopted


def test_until_the_drop_is_adopted_the_backup_is_waited_for(pair: Reign) -> None:
    """It may be elected as long as the voters count it in."""
    pair.registers("bob")
    pair.tick(STALLED)
    pair.confirms("s.1")
    assert not pair.adopted
    assert pair.entries.committed == 0
    pair.holds("b")  # it comes to itself
    pair.confirms("t.1")
    pair.settles("b", *SERVERS)
    assert pair.settled == [("bob", True)]
    assert pair.in_sync == {"m", "b"}


def test_a_backup_whose_link_flaps_stays_in_sync_while_nothing_is_to_be_committed(pair: Reign) -> None:
    before = pair.main.configuration
    pair.leaves("b")
    pair.tick(GRACE - 0.1)
    assert pair.main.configuration is before
    pair.follows("b")
    pair.tick(10.0)
    assert pair.main.configuration is before


def test_but_not_for_longer(pair: Reign) -> None:
    pair.leaves("b")
    pair.tick(GRACE)
    assert pair.in_sync == {"m"}


def test_nobody_waits_for_one_that_may_come_back(pair: Reign) -> None:
    pair.leaves("b")
    assert pair.in_sync == {"m", "b"}
    pair.registers("bob")
    assert pair.in_sync == {"m"}
    pair.settles(*SERVERS)
    assert pair.settled == [("bob", True)]


def test_one_that_flaps_and_was_not_in_sync_is_not_taken_in(pair: Reign) -> None:
    pair.follows("c", held=None)
    pair.leaves("c")
    pair.tick()
    pair.settles("b", *SERVERS)
    assert "c" not in pair.in_sync


def test_one_that_comes_back_for_a_snapshot_is_waited_for_like_one_that_stays_away(pair: Reign) -> None:
    """What was committed it has; what comes now it has not."""
    pair.leaves("b")
    pair.follows("b", held=None)
    assert pair.in_sync == {"m", "b"}
    pair.registers("bob")
    assert pair.settled == []
    pair.settles("b", *SERVERS)
    assert pair.in_sync == {"m"}
    assert pair.settled == [("bob", True)]


# -- backups join ---------------------------------------------------------------------------------------------------


def test_a_backup_is_in_sync_only_when_it_holds_everything(pair: Reign) -> None:
    for name in ("bob", "eve"):
        pair.registers(name)
    pair.holds("b")
    pair.settles("b", *SERVERS)
    pair.follows("c", held=None)
    pair.tick()
    assert "c" not in pair.in_sync
    pair.holds("c", 1)
    assert "c" not in pair.in_sync
    pair.holds("c", 2)
    assert "c" in pair.in_sync


def test_a_backup_that_lacks_what_is_being_confirmed_is_not_in_sync(pair: Reign) -> None:
    """The round that commits it began without waiting for that backup."""
    pair.registers("bob")
    pair.settles("b", *SERVERS)
    pair.registers("eve")
    pair.holds("b")
    pair.follows("c", held=0)
    assert pair.asked("s.1") is not None  # the round is on
    pair.holds("c", 1)
    pair.sent[LINKS["s.1"]].append(n.ConfirmTerm(pair.main._round, TERM, pair.main.configuration.version))
    pair.confirms("s.1", "t.1")
    assert ("eve", True) in pair.settled
    assert "c" not in pair.in_sync


def test_commits_wait_for_a_backup_from_the_moment_that_it_is_proposed(pair: Reign) -> None:
    pair.follows("c")
    assert "c" in pair.in_sync
    assert not pair.adopted
    pair.registers("bob")
    pair.holds("b")
    pair.settles("b", *SERVERS)
    assert pair.adopted
    assert pair.settled == []
    pair.holds("c")
    pair.settles("b", "c", *SERVERS)
    assert pair.settled == [("bob", True)]


def test_under_unbroken_load_a_backup_is_taken_in_all_the_same(pair: Reign) -> None:
    """There is always something to commit: a proposal that waited until there is nothing would never be made."""
    pair.follows("c", held=None)
    pair.registers("bob")
    pair.holds("b")
    pair.registers("eve")
    pair.holds("b")
    pair.holds("c")  # in the middle of bob's round
    assert "c" not in pair.in_sync
    pair.confirms("s.1", "t.1")
    assert pair.settled == [("bob", True)]
    assert "c" in pair.in_sync  # before eve's round
    assert not pair.adopted
    pair.settles("b", "c", *SERVERS)
    assert pair.adopted
    assert pair.settled == [("bob", True), ("eve", True)]


def test_and_a_stalled_one_is_left_out(pair: Reign) -> None:
    pair.follows("c")
    pair.settles("b", "c", *SERVERS)
    for number in range(20):
        pair.registers(f"user {number}")
        pair.holds("b", number + 1)
        if number < 4:
            pair.holds("c", number + 1)
        pair.confirms("b", *SERVERS)
        pair.tick(STALLED / 4)
    assert pair.in_sync == {"m", "b"}
    pair.settles("b", *SERVERS)
    assert pair.entries.committed == 20


def test_a_backup_that_came_back_with_a_new_disk_takes_its_own_place() -> None:
    reign = Reign("mb")
    follower = reign.follows("c")
    reign.leaves("c")
    follower.central = n.CentralAddress("c", central("b").hostname, central("b").port)  # b's address
    reign.main.follower_joined(follower)
    reign.do(reign.main.voter_joined("c", LINKS["c"]))
    reign.do(reign.main.review(reign.now))
    reign.settles("c")
    assert [one.id for one in reign.main.configuration.centrals] == ["m", "c"]


# -- a new main -----------------------------------------------------------------------------------------------------


def test_a_new_main_begins_with_those_in_sync_that_it_found() -> None:
    """They hold what was committed, and each of them may be elected: commits wait until the voters know otherwise."""
    reign = Reign("mbc", in_sync="mb", servers=SERVERS)
    assert reign.in_sync == {"m", "b"}
    assert {one.id for one in reign.main.configuration.centrals} == {"m", "b", "c"}
    reign.joins(*SERVERS)
    reign.registers("bob")
    reign.confirms("s.1", "t.1")
    assert reign.main.configuration.version == 2  # the first is adopted; b is absent
    assert reign.in_sync == {"m"}
    assert not reign.adopted
    reign.confirms("s.1", "t.1")
    assert reign.adopted
    assert reign.settled == []
    reign.confirms("s.1", "t.1")
    assert reign.settled == [("bob", True)]


def test_one_that_was_in_sync_and_is_there_in_time_stays_so() -> None:
    reign = Reign("mb", servers=SERVERS)
    first = reign.main.configuration
    reign.joins(*SERVERS)
    reign.follows("b")
    reign.settles("b", *SERVERS)
    assert reign.main.configuration is first
    assert reign.adopted


def inherited() -> Reign:
    """Main m has three entries of another's reign, who may have acknowledged them with m and b; it heard of none. Its
    servers are there, b is not."""
    reign = Reign("mbc", in_sync="mb", servers=SERVERS, log=3)
    reign.joins(*SERVERS)
    assert reign.entries.committed == 0
    return reign


def test_what_another_main_may_have_committed_is_asked_of_a_backup_that_is_taken_in() -> None:
    """C was not in sync: what m and b alone hold would be lost if it were elected."""
    reign = inherited()
    reign.follows("c", held=1)
    reign.confirms("s.1", "t.1", "u.1")
    assert "c" not in reign.in_sync
    reign.holds("c", 2)
    reign.settles(*SERVERS)
    assert reign.in_sync == {"m"}
    assert reign.entries.committed == 3
    reign.holds("c", 3)
    assert reign.in_sync == {"m", "c"}


def test_but_not_of_one_that_was_in_sync() -> None:
    """It holds all that was committed; what it lacks was not."""
    reign = inherited()
    reign.follows("b", held=1)
    reign.settles("b", *SERVERS)
    assert reign.in_sync == {"m", "b"}
    assert reign.entries.committed == 1
    reign.holds("b")
    reign.settles("b", *SERVERS)
    assert reign.entries.committed == 3

"""Which backups a main counts as in sync: in when they hold everything, out when the voters agree (ADR 8, 5)."""

import pytest

from oyez.core.replication import STALLED
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


def test_a_new_main_counts_nobody_in_before_it_is_there() -> None:
    reign = Reign("mbc", in_sync="mbc", servers=SERVERS)
    assert reign.in_sync == {"m"}
    assert {one.id for one in reign.main.configuration.centrals} == {"m", "b", "c"}

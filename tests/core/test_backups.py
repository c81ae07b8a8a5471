"""The main's backups: where each of them goes on, what is sent when, and which of them are still there."""

import base64

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.backups import LOADS, Backups
from oyez.core.central.directory import Directory
from oyez.core.effects import Effects
from oyez.protocol import nodes as n
from tests.core.reigns import LINKS, TERM, Reign
from tests.core.sides import closed, reports, sent

KEY = b"k" * 32


class Staff:
    """Main m, alone so far, its directory, and those who come to be its backups."""

    def __init__(self, users: int = 3) -> None:
        self.reign = Reign("m")
        self.directory = Directory({}, {}, [])
        self.backups = Backups(self.directory, self.reign.entries)
        self.backups.part = 10
        for number in range(users):
            self.registers(f"user {number}")

    def registers(self, name: str) -> None:
        self.directory.apply(fx.UserRecord(name, f"hash of {name}", self.reign.main.next_index))
        self.reign.registers(name)

    def joins(self, name: str = "b", cursor: int = 0, term: int = 0, link: int | None = None) -> Effects:
        message = n.BackupAuthenticate("cluster", name, "central", 3781, cursor, term)
        at = LINKS[name] if link is None else link
        return self.backups.join(self.reign.now, self.reign.main, at, message, KEY)

    def answers(self, message: n.Synchronised, name: str = "b") -> Effects:
        return self.backups.synchronised(self.reign.now, self.reign.main, LINKS[name], message)

    def increments(self, name: str) -> list[int]:
        """Indices of the entries that were sent as they were written."""
        return [heard.index for heard in self.reign.hears(name) if isinstance(heard, n.SynchroniseUserStore)]

    def beats(self, slept: bool = False) -> Effects:
        return self.backups.beat(self.reign.now, self.reign.main, slept)


@pytest.fixture
def staff() -> Staff:
    return Staff()


def indices(effects: Effects) -> list[int]:
    return [message.index for message in sent(effects, n.SynchroniseUserStore)]  # type: ignore[attr-defined]


def test_a_backup_is_welcomed_with_all_it_needs(staff: Staff) -> None:
    effects = staff.joins()
    assert effects[0] == fx.Trust(LINKS["b"])
    (welcome,) = sent(effects, n.BackupAuthenticationSuccess)
    assert isinstance(welcome, n.BackupAuthenticationSuccess)
    assert (welcome.term, base64.b64decode(welcome.key), welcome.snapshot) == (TERM, KEY, False)
    assert welcome.configuration.main == "m"
    assert sent(effects, n.Configure) != []
    assert reports(effects, "backup_joined") == [{"central": "b", "snapshot": False}]


@pytest.mark.parametrize(("cursor", "behind"), [(0, [1, 2, 3]), (2, [3]), (3, [])])
def test_a_backup_continues_from_its_cursor(staff: Staff, cursor: int, behind: list[int]) -> None:
    assert indices(staff.joins(cursor=cursor, term=TERM if cursor else 0)) == behind


@pytest.mark.parametrize(("cursor", "term"), [(2, TERM - 1), (4, TERM), (3, TERM + 1)])
def test_a_backup_with_another_log_gets_everything(staff: Staff, cursor: int, term: int) -> None:
    effects = staff.joins(cursor=cursor, term=term)
    (welcome,) = sent(effects, n.BackupAuthenticationSuccess)
    assert isinstance(welcome, n.BackupAuthenticationSuccess)
    assert welcome.snapshot
    (last,) = sent(effects, n.SynchroniseUserStore)
    assert isinstance(last, n.SynchroniseUserStore)
    assert (len(last.users), last.last, last.index) == (3, True, 3)


def test_one_that_is_too_far_behind_gets_everything(staff: Staff) -> None:
    staff.reign.entries.most = 2
    staff.registers("mia")
    assert indices(staff.joins(cursor=1, term=TERM)) == [2, 3, 4]
    staff.registers("max")
    (welcome,) = sent(staff.joins("c", cursor=1, term=TERM), n.BackupAuthenticationSuccess)
    assert isinstance(welcome, n.BackupAuthenticationSuccess)
    assert welcome.snapshot


def test_parts_follow_as_they_are_acknowledged_and_entries_after_the_last() -> None:
    staff = Staff(users=95)
    effects = staff.joins(cursor=1, term=1)
    sent_so_far = len(sent(effects, n.SynchroniseUserStore))
    assert sent_so_far < 9
    staff.registers("mia")
    assert staff.increments("b") == []  # it comes with the last part
    part = 0
    while staff.reign.main.followers[LINKS["b"]].sent is None:
        part += 1
        sent_so_far += len(sent(staff.answers(n.Synchronised(part=part)), n.SynchroniseUserStore))
    assert sent_so_far == 10
    assert staff.reign.main.followers[LINKS["b"]].sent == 96  # mia was in it
    staff.registers("max")
    assert staff.increments("b") == [97]


def test_the_acknowledgements_of_parts_say_nothing_of_its_disk() -> None:
    """A backup whose snapshot is not on its disk must not be elected, however little was committed before."""
    staff = Staff(users=0)
    staff.directory.users.update({f"user {number}": "hash" for number in range(35)})
    staff.joins(cursor=1, term=1)
    follower = staff.reign.main.followers[LINKS["b"]]
    assert follower.sent == 0  # all of it is on its way
    for part in (1, 2, 3):
        assert staff.answers(n.Synchronised(part=part)) == []
        assert follower.held is None
        assert "b" not in staff.reign.in_sync
    staff.reign.do(staff.answers(n.Synchronised(0)))
    assert follower.held == 0
    assert "b" in staff.reign.in_sync


def test_several_snapshots_go_on_side_by_side() -> None:
    staff = Staff(users=95)
    for name in "bcd":
        staff.joins(name, cursor=1, term=1)
    for part in range(1, 7):
        for name in "bcd":
            staff.answers(n.Synchronised(part=part), name)
    assert [follower.sent for follower in staff.reign.main.followers.values()] == [95] * 3
    staff.registers("mia")
    assert [staff.increments(name) for name in "bcd"] == [[96]] * 3


def test_entries_wait_behind_the_last_part_whatever_became_of_the_log_meanwhile() -> None:
    """The last part brings what was registered by then; what was written since goes on behind it, once."""
    staff = Staff(users=95)
    staff.joins(cursor=1, term=1)
    staff.reign.stops_disk()
    part = 0
    effects: list[fx.Effect] = []
    while staff.reign.main.followers[LINKS["b"]].sent is None:
        part += 1
        staff.registers(f"during {part}")
        effects = staff.answers(n.Synchronised(part=part))
    (last,) = sent(effects, n.SynchroniseUserStore)
    assert isinstance(last, n.SynchroniseUserStore)
    assert last.last
    assert staff.reign.main.followers[LINKS["b"]].sent == last.index == staff.reign.entries.last
    staff.registers("max")
    staff.reign.disk_goes_on()
    assert staff.increments("b") == [last.index + 1]


def test_a_backup_that_returns_takes_the_place_of_its_old_link(staff: Staff) -> None:
    staff.joins()
    effects = staff.joins(cursor=3, term=TERM, link=99)
    assert closed(effects) == [LINKS["b"]]
    assert list(staff.reign.main.followers) == [99]
    assert staff.reign.main.voters == {"b": 99}


def test_a_snapshot_to_a_backup_that_has_gone_goes_nowhere() -> None:
    staff = Staff(users=95)
    staff.joins(cursor=1, term=1)
    effects = staff.backups.left(staff.reign.now, staff.reign.main, LINKS["b"])
    assert reports(effects, "backup_lost") == [{"central": "b"}]
    assert staff.answers(n.Synchronised(part=1)) == []
    assert staff.reign.main.followers == {}
    assert staff.reign.main.voters == {}


# -- signs of life --------------------------------------------------------------------------------------------------


def test_the_main_shows_life_and_leaves_silent_backups(staff: Staff) -> None:
    staff.joins("b")
    staff.joins("c")
    staff.reign.now += timing.SUSPICION - 0.1
    assert len(sent(staff.beats(), n.Heartbeat)) == 2
    staff.reign.main.followers[LINKS["c"]].heard = staff.reign.now
    staff.reign.now += 0.1
    effects = staff.beats()
    assert fx.Close(LINKS["b"], at_once=True) in effects
    assert reports(effects, "backup_silent") == [{"central": "b"}]
    assert sent(effects, n.Heartbeat) == [n.Heartbeat(TERM)]


def test_a_main_that_has_slept_blames_nobody(staff: Staff) -> None:
    staff.joins("b")
    staff.reign.now += 60.0
    assert closed(staff.beats(slept=True)) == []
    staff.reign.now += timing.SUSPICION
    assert closed(staff.beats()) == [LINKS["b"]]


# -- loads ----------------------------------------------------------------------------------------------------------


def test_changes_of_loads_are_told_together(staff: Staff) -> None:
    assert staff.backups.loads_changed() == [fx.SetTimer("loads", LOADS)]
    assert staff.backups.loads_changed() == []
    staff.joins("b")
    staff.reign.entries.acknowledged = 2  # the third is committed, and whoever registered has not been told
    effects = staff.backups.tell_loads(staff.reign.main, {"a": 3})
    assert staff.reign.entries.committed == 3
    assert effects == [fx.Send(LINKS["b"], n.SynchroniseServerLoad({"a": 3}, TERM, 2))]
    assert staff.backups.loads_changed() != []


def test_they_are_not_told_in_the_middle_of_a_snapshot() -> None:
    staff = Staff(users=95)
    staff.joins(cursor=1, term=1)
    assert staff.backups.tell_loads(staff.reign.main, {"a": 3}) == []


def test_a_main_that_was_replaced_begins_anew(staff: Staff) -> None:
    staff.backups.loads_changed()
    staff.backups.forget()
    assert staff.backups.loads_changed() != []

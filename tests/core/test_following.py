"""A backup's copy: in order, from the main of the term alone, acknowledged when it is on disk, replaced as a whole."""

import pytest

from oyez.core import effects as fx
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries
from oyez.core.central.following import Following
from oyez.core.effects import Effects
from oyez.protocol import nodes as n
from oyez.protocol import users as u

LINK, TERM = 7, 5


class Copy:
    """A backup whose log ends at entry 3 of term 4, of which 2 are known to be acknowledged."""

    def __init__(self, snapshot: bool = False) -> None:
        users = {"bob": "hash of bob", "eve": "hash of eve"}
        self.directory = Directory(users, {"eve": 3}, [fx.ServerRecord("a", "host", 4001, 1)])
        self.entries = Entries(fx.Position(3, 4, 2))
        self.following = Following(self.directory, self.entries, TERM, snapshot)


@pytest.fixture
def copy() -> Copy:
    return Copy()


def user(index: int, name: str = "mia", term: int = TERM, entry_term: int = TERM) -> n.SynchroniseUserStore:
    return n.SynchroniseUserStore({name: f"hash of {name}"}, term, index, entry_term)


def part(number: int, *names: str, term: int = TERM) -> n.SynchroniseUserStore:
    return n.SynchroniseUserStore({name: f"hash of {name}" for name in names}, term, part=number)


def last(number: int, *names: str, **more: object) -> n.SynchroniseUserStore:
    users = {name: f"hash of {name}" for name in names}
    return n.SynchroniseUserStore(users, TERM, 9, TERM, number, last=True, committed=8, **more)  # type: ignore[arg-type]


def persisted(effects: "Effects | str") -> tuple[fx.Record, ...]:
    (records,) = [effect.taken() for effect in effects if isinstance(effect, fx.Persist)]
    return records


# -- entries --------------------------------------------------------------------------------------------------------


def test_an_entry_is_acknowledged_once_it_is_on_disk(copy: Copy) -> None:
    effects = copy.following.users(LINK, user(4))
    assert [type(effect) for effect in effects] == [fx.Persist, fx.Send]
    assert persisted(effects) == (fx.UserRecord("mia", "hash of mia", 4), fx.Position(4, TERM, 2))
    assert effects[1] == fx.Send(LINK, n.Synchronised(4))
    assert copy.directory.users["mia"] == "hash of mia"
    assert copy.directory.unsettled == {"eve": 3, "mia": 4}


def test_servers_come_and_go_as_entries(copy: Copy) -> None:
    effects = copy.following.entry(LINK, n.SynchronisedNewServer("b", "host", 4002, 3, TERM, 4, TERM))
    assert persisted(effects) == (fx.ServerRecord("b", "host", 4002, 3), fx.Position(4, TERM, 2))
    assert copy.directory.servers["b"].record == fx.ServerRecord("b", "host", 4002, 3)
    effects = copy.following.entry(LINK, n.RemoveServer("a", TERM, 5, TERM))
    assert persisted(effects) == (fx.ServerGone("a"), fx.Position(5, TERM, 2))
    assert list(copy.directory.servers) == ["b"]


def test_a_revocation_is_an_entry(copy: Copy) -> None:
    effects = copy.following.revoked(LINK, u.Revoke([u.Revoked("bob", 4, 50.0, True)], TERM, 4, TERM))
    assert persisted(effects) == (fx.Revocation("bob", 4, 50.0, True), fx.Position(4, TERM, 2))
    assert "bob" not in copy.directory.users
    two = [u.Revoked(name, 5, 50.0) for name in ("eve", "mia")]
    for refused in (u.Revoke(two, TERM, 5, TERM), u.Revoke([], TERM, 5, TERM), u.Revoke(two[:1], TERM, 7, TERM)):
        assert isinstance(copy.following.revoked(LINK, refused), str)
    assert copy.entries.last == 4


def test_a_hash_that_was_made_anew_is_settled(copy: Copy) -> None:
    message = n.SynchroniseUserStore({"bob": "better hash"}, TERM, 4, TERM, since={"bob": 1})
    effects = copy.following.users(LINK, message)
    assert persisted(effects) == (fx.UserRecord("bob", "better hash", 0, 1), fx.Position(4, TERM, 2))
    assert copy.directory.unsettled == {"eve": 3}


def test_entries_of_earlier_terms_keep_theirs(copy: Copy) -> None:
    effects = copy.following.users(LINK, user(4, entry_term=4))
    assert persisted(effects)[1] == fx.Position(4, 4, 2)
    assert copy.entries.knows(4, 4)


@pytest.mark.parametrize("index", [0, 2, 3, 5])
def test_an_entry_that_does_not_follow_is_refused_and_changes_nothing(copy: Copy, index: int) -> None:
    assert isinstance(copy.following.users(LINK, user(index)), str)
    assert copy.entries.position == fx.Position(3, 4, 2)
    assert "mia" not in copy.directory.users


@pytest.mark.parametrize("term", [TERM - 1, TERM + 1])
def test_nothing_is_taken_from_a_main_of_another_term(copy: Copy, term: int) -> None:
    for refused in (
        copy.following.users(LINK, user(4, term=term)),
        copy.following.entry(LINK, n.RemoveServer("a", term, 4, term)),
        copy.following.entry(LINK, n.SynchronisedNewServer("b", "host", 4002, 1, term, 4, term)),
        copy.following.loads(LINK, n.SynchroniseServerLoad({"a": 7}, term, 3)),
    ):
        assert isinstance(refused, str)
    assert copy.entries.position == fx.Position(3, 4, 2)
    assert copy.directory.servers["a"].load == 0


@pytest.mark.parametrize("users", [{}, {"mia": "1", "max": "2"}])
def test_an_increment_is_one_user(copy: Copy, users: dict[str, str]) -> None:
    assert isinstance(copy.following.users(LINK, n.SynchroniseUserStore(users, TERM, 4, TERM)), str)
    assert copy.entries.last == 3


# -- loads ----------------------------------------------------------------------------------------------------------


def test_loads_are_taken_over_for_the_servers_that_are_known(copy: Copy) -> None:
    assert copy.following.loads(LINK, n.SynchroniseServerLoad({"a": 7, "x": 1}, TERM)) == []
    assert copy.directory.servers["a"].load == 7
    assert list(copy.directory.servers) == ["a"]


def test_what_is_acknowledged_is_known_and_kept(copy: Copy) -> None:
    effects = copy.following.loads(LINK, n.SynchroniseServerLoad({}, TERM, 3))
    assert persisted(effects) == (fx.Position(3, 4, 3),)
    assert copy.directory.unsettled == {}


@pytest.mark.parametrize("index", [0, 2, 4, 1000])
def test_it_never_goes_back_nor_beyond_what_is_here(copy: Copy, index: int) -> None:
    assert copy.following.loads(LINK, n.SynchroniseServerLoad({}, TERM, index)) == []
    assert copy.entries.committed == 2
    assert copy.directory.unsettled == {"eve": 3}


# -- a snapshot -----------------------------------------------------------------------------------------------------


def test_a_snapshot_replaces_everything_at_once() -> None:
    copy = Copy(snapshot=True)
    servers = [n.ServerAddress("b", "host", 4002, 2)]
    assert copy.following.addresses(LINK, n.SynchroniseServerAddresses(servers, TERM)) == []
    assert copy.following.users(LINK, part(1, "bob", "mia")) == [fx.Send(LINK, n.Synchronised(part=1))]
    assert set(copy.directory.users) == {"bob", "eve"}  # until it is complete, what was here counts
    assert list(copy.directory.servers) == ["a"]
    effects = copy.following.users(LINK, last(2, "max", unsettled={"max": 9}))
    bob, mia = (fx.UserRecord(name, f"hash of {name}", 0) for name in ("bob", "mia"))
    replacement = fx.Replacement(
        (bob, mia, fx.UserRecord("max", "hash of max", 9)), (fx.ServerRecord("b", "host", 4002, 2),)
    )
    assert persisted(effects) == (replacement, fx.Position(9, TERM, 8))
    assert set(copy.directory.users) == {"bob", "mia", "max"}
    assert list(copy.directory.servers) == ["b"]
    assert copy.directory.unsettled == {"max": 9}
    assert copy.entries.position == fx.Position(9, TERM, 8)


def test_it_is_acknowledged_behind_the_disk_and_entries_follow_it() -> None:
    copy = Copy(snapshot=True)
    effects = copy.following.users(LINK, last(1, "bob", "eve"))
    assert isinstance(effects, list)
    kinds = [type(effect) for effect in effects]
    assert kinds.index(fx.Persist) < kinds.index(fx.Send)
    assert fx.Send(LINK, n.Synchronised(9)) in effects
    assert isinstance(copy.following.users(LINK, user(4)), str)
    assert isinstance(copy.following.users(LINK, user(10)), list)


def test_what_only_this_central_had_is_reported_not_dropped_silently() -> None:
    copy = Copy(snapshot=True)
    copy.directory.apply(fx.UserRecord("mia", "hash of another mia", 3))
    effects = copy.following.users(LINK, last(1, "bob", "mia"))
    (report,) = [e for e in effects if isinstance(e, fx.Report) and e.event == "unacknowledged_discarded"]
    assert report.fields == {"usernames": "eve, mia"}
    assert copy.directory.users["mia"] == "hash of mia"


def test_who_was_removed_or_has_another_secret_is_not_lost() -> None:
    copy = Copy(snapshot=True)
    copy.directory.apply(fx.UserRecord("ann", "hash of an older ann", 0, 1))
    copy.directory.apply(fx.UserRecord("dan", "older hash of dan", 0, 2))
    revoked = [u.Revoked("eve", 6, 50.0, True), u.Revoked("ann", 7, 50.0)]
    message = last(1, "bob", "ann", "dan", since={"ann": 8, "dan": 2}, revoked=revoked)
    effects = copy.following.users(LINK, message)
    assert [e.event for e in effects if isinstance(e, fx.Report)] == ["synchronised"]
    assert copy.directory.since == {"bob": 0, "ann": 8, "dan": 2}
    assert copy.directory.revoked == {
        "eve": fx.Revocation("eve", 6, 50.0, True),
        "ann": fx.Revocation("ann", 7, 50.0),
    }
    replacement, _ = persisted(effects)
    assert isinstance(replacement, fx.Replacement)
    assert set(replacement.revoked) == set(copy.directory.revoked.values())
    assert fx.UserRecord("ann", "hash of ann", 0, 8) in replacement.users


@pytest.mark.parametrize(
    ("since", "revoked", "lost"),
    [
        (0, [], "max"),
        (2, [u.Revoked("max", 1, 50.0)], "max"),
        (9, [], ""),  # another, who has registered since
        (9, [u.Revoked("max", 8, 50.0)], ""),
    ],
)
def test_a_removal_that_the_main_does_not_have_is_reported(since: int, revoked: list[u.Revoked], lost: str) -> None:
    """Who was removed is back."""
    copy = Copy(snapshot=True)
    copy.directory.apply(fx.UserRecord("max", "hash of max", 3))
    copy.directory.apply(fx.Revocation("max", 4, 50.0, removed=True))
    message = last(1, "bob", "eve", "max", since={"max": since}, revoked=revoked)
    effects = copy.following.users(LINK, message)
    reports = [e for e in effects if isinstance(e, fx.Report) and e.event == "unacknowledged_discarded"]
    assert [report.fields for report in reports] == ([{"usernames": lost}] if lost else [])


def test_where_nothing_is_lost_nothing_is_reported() -> None:
    effects = Copy(snapshot=True).following.users(LINK, last(1, "bob", "eve", "mia"))
    assert [e.event for e in effects if isinstance(e, fx.Report)] == ["synchronised"]


def test_a_snapshot_that_broke_off_leaves_what_was_there() -> None:
    copy = Copy(snapshot=True)
    copy.following.addresses(LINK, n.SynchroniseServerAddresses([], TERM))
    copy.following.users(LINK, part(1, "max"))
    again = Following(copy.directory, copy.entries, TERM + 1, snapshot=False)
    assert set(copy.directory.users) == {"bob", "eve"}
    assert copy.entries.position == fx.Position(3, 4, 2)
    assert isinstance(again.users(LINK, user(4, term=TERM + 1)), list)


def test_nothing_else_is_taken_before_a_snapshot_is_complete() -> None:
    copy = Copy(snapshot=True)
    copy.following.users(LINK, part(1, "max"))
    assert isinstance(copy.following.users(LINK, user(4)), str)
    assert isinstance(copy.following.entry(LINK, n.RemoveServer("a", TERM, 4, TERM)), str)
    assert copy.following.loads(LINK, n.SynchroniseServerLoad({"a": 7}, TERM, 3)) == []
    assert copy.entries.committed == 2  # it is about the main's log, not about what was here


def test_a_snapshot_that_was_not_announced_or_is_of_another_term_is_refused(copy: Copy) -> None:
    for message in (part(1, "max"), last(1, "max")):
        assert isinstance(copy.following.users(LINK, message), str)
    assert isinstance(copy.following.addresses(LINK, n.SynchroniseServerAddresses([], TERM)), str)
    other = Copy(snapshot=True)
    assert isinstance(other.following.users(LINK, part(1, "max", term=TERM - 1)), str)
    assert isinstance(other.following.addresses(LINK, n.SynchroniseServerAddresses([], TERM + 1)), str)
    assert set(copy.directory.users) == {"bob", "eve"}

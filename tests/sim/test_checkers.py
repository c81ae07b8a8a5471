"""Each checker accepts a good history and catches, alone, each way of breaking its promise."""

import pytest
from msgspec.structs import replace as replaced

from oyez.sim.checkers import CHECKERS, violations
from oyez.sim.checkers.losses import Losses, losses_of
from oyez.sim.history import (
    Accepted,
    Acknowledged,
    Away,
    Back,
    Began,
    Confirmed,
    Counted,
    Died,
    Elected,
    Ended,
    Entered,
    Entry,
    Expected,
    Fault,
    Heard,
    Measured,
    Missed,
    Phase,
    Posted,
    Promoted,
    Reported,
    Said,
    Saw,
    Standing,
    Started,
    Stuck,
    Voted,
)


def said(at: float, client: str, link: int, command: str, username: str = "bob", secret: str = "s") -> Said:
    return Said(at, client, link, "central", command, username, secret)


def heard(at: float, client: str, link: int, command: str, info: str = "because", reason: str = "") -> Heard:
    return Heard(at, client, link, "central", command, info, reason)


def entered(at: float, session: str, node: str = "s1", user: str = "bob", lasting: bool = False) -> Entered:
    return Entered(at, session, session.partition(".")[0], user, node, 100, True, lasting)


def saw(at: float, session: str, by: str, number: int, id: str = "s1.1-1", user: str = "bob") -> Saw:
    return Saw(at, session, by, number, user, id)


def everywhere(at: float, by: str, number: int, id: str) -> list[Saw]:
    return [saw(at, session, by, number, id) for session in ("a.1", "b.1", "c.1")]


def ended(at: float, session: str, by: str, link: int = 100, unread: bool = False) -> Ended:
    client, dot, _ = session.partition(".")
    return Ended(at, client, link, "s1", session if dot else "", by, "closed", unread)


def elected(at: float, node: str, term: int, *users: str) -> Elected:
    return Elected(at, node, 1, term, dict.fromkeys(users, "hash"))


def acknowledged(at: float, node: str, term: int, disks: tuple[str, ...] = ("central", "central2")) -> Acknowledged:
    groups = (("central", "central2", "s1.1", "s2.1"),)
    return Acknowledged(at, node, 1, term, "bob", "hash", ("central", "central2"), disks, 0.35, groups, ("x", "y"))


def standing(node: str, role: str, term: int = 2, in_sync: tuple[str, ...] = ("central", "central2")) -> Standing:
    return Standing(11.9, node, role, term, "central2", in_sync, ("s1", "s2") if role == "main" else (), True)


BEGAN = Began(0.0, 1, 2, 2, 2, retention=1000, outbox=1000, patience=2.0, faults=())
SERVERS = ("s1", "s2", "s3")
READY = [*[Started(0.0, id, 1) for id in SERVERS], *[Reported(0.1, id, "ready", {}) for id in SERVERS]]
SESSIONS = [Reported(0.6, "s1", "session_opened", {"username": "bob", "link": 3})]

EXPECTED = Expected(11.0, ("central", "central2"), ("s1", "s2"))
AUDIT = [said(11.5, "auditor", 50, "LOGIN"), heard(11.6, "auditor", 50, "LOGIN_SUCCESS")]
STANDING = [standing("central", "backup"), standing("central2", "main")]

GOOD: list[Entry] = [
    BEGAN,
    Started(0.0, "central", 1),
    Started(0.0, "central2", 1),
    elected(0.1, "central", 1),
    Confirmed(0.39, "s1.1", 1, True),
    *READY,
    Phase(0.2, "calm"),
    said(0.3, "a", 1, "REGISTER"),
    acknowledged(0.4, "central", 1),
    heard(0.4, "a", 1, "REGISTER_SUCCESS"),
    said(0.4, "a", 1, "LOGIN"),
    heard(0.5, "a", 1, "LOGIN_SUCCESS"),
    heard(0.5, "a", 1, "REDIRECT"),
    ended(0.5, "a", "client", link=1),
    entered(0.6, "a.1"),
    Said(0.7, "b", 2, "central", "LOGIN", "anonymous"),
    entered(0.8, "b.1", "s2"),
    entered(0.85, "c.1", "s3", lasting=True),
    Phase(1.0, "rough"),
    Posted(1.0, "a.1", 1),
    saw(1.1, "a.1", "a.1", 1),
    saw(1.2, "b.1", "a.1", 1),
    saw(1.2, "c.1", "a.1", 1),
    Posted(1.3, "a.1", 2),
    saw(1.4, "b.1", "a.1", 2, "s1.1-2"),
    saw(1.5, "a.1", "a.1", 2, "s1.1-2"),
    saw(1.5, "c.1", "a.1", 2, "s1.1-2"),
    Posted(1.6, "c.1", 1),
    *everywhere(1.7, "c.1", 1, "s3.1-1"),
    Measured(2.0, "s1", 3, outbox=100, logs=(900, 500)),
    Died(3.0, "central", 1, "killed"),
    Voted(3.05, "central2", 2, "central2", True),
    Voted(3.05, "s1.1", 2, "central2", True),
    elected(3.1, "central2", 2, "bob"),
    Died(4.0, "central2", 1, "killed"),
    Posted(5.0, "a.1", 3),
    saw(5.1, "a.1", "a.1", 3, "s1.1-3"),
    saw(5.1, "b.1", "a.1", 3, "s1.1-3"),
    saw(5.2, "c.1", "a.1", 3, "s1.1-3"),
    Died(6.2, "s3", 1, "killed"),
    Away(6.2, "c.1", "s3", "the link was lost"),
    Posted(6.3, "c.1", 2),
    Back(6.5, "c.1", "s2"),
    *everywhere(6.6, "c.1", 2, "s2.1-1"),
    Started(9.0, "central", 2),
    Started(9.0, "central2", 2),
    Phase(10.0, "healed"),
    EXPECTED,
    Phase(11.0, "final"),
    Posted(11.0, "a.1", 4),
    saw(11.1, "a.1", "a.1", 4, "s1.1-4"),
    saw(11.2, "b.1", "a.1", 4, "s1.1-4"),
    saw(11.2, "c.1", "a.1", 4, "s1.1-4"),
    *AUDIT,
    *STANDING,
    Phase(12.0, "over"),
]


def without(history: list[Entry], *gone: Entry) -> list[Entry]:
    return [entry for entry in history if entry not in gone]


def with_(*more: Entry) -> list[Entry]:
    return sorted([*GOOD, *more], key=lambda entry: entry.at)


def in_place_of(one: Entry, other: Entry) -> list[Entry]:
    return [other if entry == one else entry for entry in GOOD]


SMALL: list[Entry] = [
    Missed(5.15, "c.1", "s1.1", 3, 3) if entry == saw(5.2, "c.1", "a.1", 3, "s1.1-3") else entry for entry in GOOD
]
"""Retention is small, and a session is told what it can't get."""


def late_comer(at: float, *more: Entry) -> list[Entry]:
    """The same, and d.1 comes then to s2, which has not lost what c.1 could not be given."""
    return sorted([*SMALL, entered(at, "d.1", "s2", lasting=True), *more], key=lambda entry: entry.at)


def moved(*more: Entry, levelled: float = 12.2) -> list[Entry]:
    """Two are on one of two servers and nobody on the other, after all that happens besides."""
    opened = [Reported(0.5 + n / 10, "s1", "session_opened", {"username": "bob", "link": n}) for n in range(2)]
    level = [Phase(12.1, "level"), Phase(levelled, "levelled")]
    return sorted([*GOOD, *opened, *more, *level], key=lambda entry: entry.at)


EVE = {"username": "eve", "link": 9}
SENT = [Reported(0.7, "s1", "session_opened", EVE), Reported(12.15, "s1", "session_closed", EVE)]

BROKEN: dict[str, tuple[str, list[Entry]]] = {
    "a name is given to two": (
        "unique",
        with_(said(3, "c", 5, "REGISTER", secret="x"), heard(4, "c", 5, "REGISTER_SUCCESS")),
    ),
    "a registration is forgotten": (
        "kept",
        with_(said(3, "a", 5, "LOGIN"), heard(4, "a", 5, "LOGIN_FAILED", "wrong", "wrong_credentials")),
    ),
    "an activity comes twice": ("delivered", with_(saw(1.6, "b.1", "a.1", 2, "s1.1-2"))),
    "an activity is skipped": ("delivered", without(GOOD, saw(1.4, "b.1", "a.1", 2, "s1.1-2"))),
    "activities are swapped": (
        "delivered",
        sorted([*without(GOOD, saw(1.2, "b.1", "a.1", 1)), saw(1.45, "b.1", "a.1", 1)], key=lambda entry: entry.at),
    ),
    "the last activity never comes": ("delivered", without(GOOD, saw(11.2, "b.1", "a.1", 4, "s1.1-4"))),
    "what a client has seen is lost with one server": ("delivered", without(GOOD, saw(1.7, "b.1", "c.1", 1, "s3.1-1"))),
    "a session misses what was posted while it moved": (
        "delivered",
        with_(Posted(6.4, "b.1", 1), saw(6.45, "b.1", "b.1", 1, "s2.1-2"), saw(6.45, "a.1", "b.1", 1, "s2.1-2")),
    ),
    "an origin's activities are swapped": (
        "delivered",
        [
            *without(GOOD, saw(11.2, "c.1", "a.1", 4, "s1.1-4")),
            saw(11.9, "c.1", "a.1", 4, "s1.1-3"),
        ],
    ),
    "a post that was sent again is shown again": ("once", with_(saw(6.7, "b.1", "c.1", 2, "s2.1-2"))),
    "a post that was sent again is accepted again": (
        "once",
        in_place_of(saw(6.6, "b.1", "c.1", 2, "s2.1-1"), saw(6.6, "b.1", "c.1", 2, "s1.1-9")),
    ),
    "an id is given twice": (
        "once",
        in_place_of(saw(6.6, "b.1", "c.1", 2, "s2.1-1"), saw(6.6, "b.1", "c.1", 2, "s1.1-3")),
    ),
    "a gap is not told": ("silent", without(SMALL, Missed(5.15, "c.1", "s1.1", 3, 3))),
    "a gap is told too late": (
        "silent",
        [Missed(5.15, "c.1", "s1.1", 4, 4) if isinstance(entry, Missed) else entry for entry in SMALL],
    ),
    "a gap is told that is none": ("silent", sorted([*SMALL, Missed(5.5, "c.1", "s3.1", 1, 1)], key=lambda e: e.at)),
    "a gap is told of what was long before": ("silent", late_comer(7.0, Missed(7.2, "d.1", "s1.1", 2, 2))),
    "a gap is told of what its server had shown": (
        "silent",
        late_comer(1.3, entered(0.9, "e.1", "s2"), saw(1.25, "e.1", "a.1", 1), Missed(7.2, "d.1", "s1.1", 1, 1)),
    ),
    "a gap is told though all is retained": (
        "silent",
        [replaced(entry, retention=1 << 26) if isinstance(entry, Began) else entry for entry in SMALL],
    ),
    "servers stay uneven": ("even", moved()),
    "servers stay uneven, and nobody is on the way any more": ("even", moved(*SENT, levelled=25.0)),
    "servers stay uneven, and who was on the way has come": (
        "even",
        moved(*SENT, Reported(12.16, "s1", "session_opened", EVE)),
    ),
    "without centrals nobody can move": (
        "alone",
        [
            BEGAN,
            Started(0.0, "central", 1),
            *READY,
            entered(0.6, "c.1", "s3", lasting=True),
            Died(1.0, "central", 1, "killed"),
            Died(2.0, "s3", 1, "killed"),
            Away(2.0, "c.1", "s3", "the link was lost"),
            Phase(20.0, "over"),
        ],
    ),
    "an activity comes that nobody posted": ("genuine", with_(saw(11.5, "a.1", "a.1", 5, "s1.1-5"))),
    "an activity comes under a wrong name": (
        "genuine",
        in_place_of(saw(1.2, "b.1", "a.1", 1), saw(1.2, "b.1", "a.1", 1, user="root")),
    ),
    "an activity is altered": (
        "genuine",
        in_place_of(saw(1.2, "b.1", "a.1", 1), Saw(1.2, "b.1", "a.1", 1, "bob", "s1.1-1", intact=False)),
    ),
    "both are sent to the same server": ("even", in_place_of(entered(0.8, "b.1", "s2"), entered(0.8, "b.1", "s1"))),
    "a refusal has no info": ("told", with_(heard(3, "c", 5, "LOGIN_FAILED", ""), ended(3, "c", "node", link=5))),
    "a link is closed without a word": ("told", with_(ended(11.5, "b.1", "node"))),
    "a load is wrong": ("counted", with_(*SESSIONS, Counted(11.9, "central", {"s1": 2}, {"bob@s1": 1}))),
    "a presence is wrong": ("counted", with_(*SESSIONS, Counted(11.9, "central", {"s1": 1}, {"eve@s1": 1}))),
    "an outbox grows": ("bounded", with_(Measured(3, "s1", 3, outbox=10_000_000, logs=()))),
    "a log grows": ("bounded", with_(Measured(3, "s1", 3, outbox=0, logs=(10_000_000,)))),
    "the own log grows": ("bounded", with_(Measured(2.5, "s1", 3, outbox=0, logs=(900, 10_000_000)))),
    "a link that takes nothing is kept": ("bounded", with_(Stuck(60.0, "s1", 7, 45.0), Stuck(61.0, "s1", 100, 12.0))),
    "everybody waits for somebody": (
        "bounded",
        in_place_of(saw(1.4, "b.1", "a.1", 2, "s1.1-2"), saw(2.5, "b.1", "a.1", 2, "s1.1-2")),
    ),
    "a node gives up": ("progress", with_(Died(3.0, "s2", 1, "gave up: the central refuses this server"))),
    "a term has two mains": ("one main", with_(elected(5, "central", 2, "bob"))),
    "a main acknowledges in the term of another": ("one main", with_(acknowledged(5, "central", 2))),
    "a main does not know what was acknowledged": (
        "one main",
        in_place_of(elected(3.1, "central2", 2, "bob"), elected(3.1, "central2", 2)),
    ),
    "a main acknowledges late what the next one does not know": (
        "one main",
        with_(Acknowledged(6.0, "central", 1, 1, "eve", "hash", (), ("central",))),
    ),
    "an acknowledgement before the backup's disk": (
        "durable",
        in_place_of(acknowledged(0.4, "central", 1), acknowledged(0.4, "central", 1, ("central",))),
    ),
    "too few confirm the term": ("consent", without(GOOD, Confirmed(0.39, "s1.1", 1, True))),
    "a voter confirms before the entry is on disk": (
        "consent",
        in_place_of(Confirmed(0.39, "s1.1", 1, True), Confirmed(0.3, "s1.1", 1, True)),
    ),
    "a voter votes for two": ("ballots", with_(Voted(3.06, "s1.1", 2, "central", True))),
    "a voter confirms what it has left": ("ballots", with_(Confirmed(3.06, "s1.1", 1, True))),
    "a vote is not on disk": ("ballots", with_(Voted(5.0, "central", 3, "central2", False))),
    "an unsettled registration is called taken": (
        "settled",
        with_(
            Said(2, "c", 6, "central", "REGISTER", "eve", "e"),
            heard(2.5, "c", 6, "REGISTER_FAILED", "try again", "unsettled"),
            Said(2.6, "c", 7, "central2", "REGISTER", "eve", "e"),
            heard(2.7, "c", 7, "REGISTER_FAILED", "eve is taken", "already_registered"),
        ),
    ),
    "a registered user can't log in at the end": ("settled", without(GOOD, *AUDIT)),
    "without centrals nothing goes on": ("alone", without(GOOD, saw(5.1, "b.1", "a.1", 3, "s1.1-3"))),
    "two are main in the end": ("reunited", in_place_of(STANDING[0], standing("central", "main", 1))),
    "a backup is not in sync in the end": (
        "reunited",
        in_place_of(STANDING[1], standing("central2", "main", in_sync=("central2",))),
    ),
    "nobody gets in after a promotion": (
        "reunited",
        with_(said(10.5, "probe0", 9, "REGISTER", "newcomer"), Promoted(11.85, "central2", True)),
    ),
    "a main claims that it can acknowledge, and can't": (
        "reunited",
        in_place_of(EXPECTED, Expected(11.0, ("central", "central2"), ("s1", "s2"), "too few voters are left")),
    ),
    "nobody gets in after all is healed": ("progress", without(GOOD, Phase(11.0, "final"))),
}


def test_the_good_histories_are_good() -> None:
    assert violations(GOOD) == []
    assert violations(SMALL) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_caught(name: str) -> None:
    promise, history = BROKEN[name]
    assert CHECKERS[promise](history) != []


def test_each_checker_has_been_seen_to_catch_something() -> None:
    assert {promise for promise, _ in BROKEN.values()} == set(CHECKERS)


# -- what is no violation --------------------------------------------------------------------------------------------


def test_a_registration_whose_answer_was_lost_may_be_repeated() -> None:
    again = with_(said(3, "a", 5, "REGISTER"), heard(4, "a", 5, "REGISTER_SUCCESS"))
    assert violations(again) == []


def test_what_too_many_servers_have_died_with_need_not_arrive() -> None:
    lost = without(GOOD, saw(11.2, "b.1", "a.1", 4, "s1.1-4"))
    both = [Died(11.6, "s1", 1, "killed"), ended(11.6, "a.1", "network")]
    one = sorted([*lost, *both], key=lambda entry: entry.at)
    assert CHECKERS["delivered"](one) != []
    two = sorted([*lost, *both, Died(11.7, "s2", 1, "killed")], key=lambda entry: entry.at)
    assert CHECKERS["delivered"](two) == []


def test_what_a_server_accepted_while_the_others_could_not_reach_it_may_die_with_it() -> None:
    lost = without(GOOD, saw(11.2, "b.1", "a.1", 4, "s1.1-4"))
    cut_off = Fault(10.1, "partition", "s1 | s2", 11.5, ("s1",), ("s2",))
    died = [Died(11.6, "s1", 1, "killed"), ended(11.6, "a.1", "network")]
    assert CHECKERS["delivered"](sorted([*lost, *died, cut_off], key=lambda entry: entry.at)) == []


def test_parted_servers_may_both_accept_a_post() -> None:
    both = in_place_of(saw(6.6, "b.1", "c.1", 2, "s2.1-1"), saw(6.6, "b.1", "c.1", 2, "s1.1-9"))
    cut_off = Fault(4.1, "partition", "s1 | s2", 6.5, ("s1",), ("s2",))
    assert CHECKERS["once"](sorted([*both, cut_off], key=lambda entry: entry.at)) == []


def test_no_word_is_due_after_a_logout() -> None:
    history = with_(Said(11.4, "b", 100, "s2", "LOGOUT"), ended(11.5, "b.1", "node"))
    assert violations(history) == []


def test_a_word_that_a_slow_reader_never_read_was_given_to_the_operator() -> None:
    refused = Reported(11.4, "s1", "refused", {"link": 3, "reason": "slow_consumer"})
    history = with_(Accepted(0.5, "s1", 3, 100), refused, ended(11.5, "b.1", "node", unread=True))
    assert violations(history) == []


def test_what_changed_a_moment_ago_need_not_be_counted_yet() -> None:
    opened = [Reported(at, "s1", "session_opened", {"username": "bob", "link": 3}) for at in (0.6, 11.5)]
    counted = Counted(11.9, "central", {"s1": 1, "s2": 0}, {"bob@s1": 1})
    assert violations(with_(*opened, counted)) == []


def test_somebody_on_the_way_is_counted_when_he_has_come() -> None:
    later = without(GOOD, entered(0.8, "b.1", "s2"))
    assert violations([entry for entry in later if entry.at < 1.0]) == []


def test_what_comes_late_because_of_a_fault_is_not_held_against_the_others() -> None:
    late = in_place_of(saw(1.4, "b.1", "a.1", 2, "s1.1-2"), saw(2.5, "b.1", "a.1", 2, "s1.1-2"))
    stalled = sorted([*late, Fault(1.35, "stall", "link 3 of b with s2", 2.4)], key=lambda entry: entry.at)
    assert violations(stalled) == []


def test_who_was_sent_to_a_server_and_has_not_come_is_waited_for() -> None:
    assert CHECKERS["even"](moved(*SENT)) == []


def test_who_comes_back_by_way_of_the_central_is_waited_for_where_it_was_sent_to() -> None:
    placed = Reported(12.16, "central", "placed", {"username": "eve", "server": "s2", "link": 1})
    back = Reported(12.17, "s2", "session_opened", EVE)
    more = Reported(12.18, "s1", "session_opened", {"username": "bob", "link": 10})
    assert CHECKERS["even"](moved(*SENT, placed, back, more)) == []
    assert CHECKERS["even"](moved(*SENT, back, more)) != []


def test_what_was_not_here_yet_when_a_session_came_may_be_missed() -> None:
    """One session has seen it, at another server."""
    assert CHECKERS["silent"](late_comer(1.15, Missed(7.2, "d.1", "s1.1", 1, 1))) == []


def test_what_only_one_server_had_that_left_need_not_arrive() -> None:
    lost = without(GOOD, saw(11.2, "b.1", "a.1", 4, "s1.1-4"))
    left = [Died(11.6, "s1", 1, "stopped"), ended(11.6, "a.1", "network")]
    one = sorted([*lost, *left], key=lambda entry: entry.at)
    assert CHECKERS["delivered"](one) != []
    alone = sorted([*one, Died(11.5, "s2", 1, "killed")], key=lambda entry: entry.at)
    assert CHECKERS["delivered"](alone) == []


def test_one_that_came_while_another_had_lost_the_central_may_not_have_heard_of_it() -> None:
    came = [Started(7.5, "s4", 1), Reported(7.6, "s4", "ready", {})]
    stalled = Fault(4.1, "stall", "link 7 of s1 with central", 8.0, ("s1",), ("central",))
    removed = Reported(7.1, "central", "server_removed", {"server": "s1"})
    losses = losses_of(sorted([*GOOD, *came, stalled, removed], key=lambda entry: entry.at))
    assert losses.parted(7.0, 8.0)
    assert [(parting.one, parting.other) for parting in losses.partings] == [(("s1",), ("s4",))]
    assert not losses_of(sorted([*GOOD, *came, stalled], key=lambda entry: entry.at)).partings
    assert not losses_of(sorted([*GOOD, *came, removed], key=lambda entry: entry.at)).partings


def test_what_waits_for_its_copy_is_held_until_the_others_are_given_up() -> None:
    """Seed 10005498: large posts, and a parting that nobody had noticed yet."""
    parted = Fault(1.5, "partition", "s1 | s2", 4.0, ("s1",), ("s2",))
    own, shown = ((900, 10_000_000), (10_000_000, 900))
    assert CHECKERS["bounded"](with_(parted, Measured(2.5, "s1", 3, outbox=0, logs=own))) == []
    assert CHECKERS["bounded"](with_(parted, Measured(2.5, "s1", 3, outbox=0, logs=shown))) != []


def test_what_a_session_was_told_of_may_be_what_others_saw_under_another_id() -> None:
    """Seed 11022365: a server had accepted it, too, when it awoke, and had forgotten that already."""
    missed = without(GOOD, saw(11.2, "c.1", "a.1", 4, "s1.1-4"))
    told = Missed(11.2, "c.1", "s2.1", 2, 2)
    parted = Fault(10.5, "partition", "s1 | s2", 11.4, ("s1",), ("s2",))
    both = sorted([*missed, told, parted], key=lambda entry: entry.at)
    assert CHECKERS["delivered"](both) == []
    assert CHECKERS["delivered"](without(both, told)) != []
    assert CHECKERS["delivered"](without(both, parted)) != []
    assert CHECKERS["delivered"]([Missed(11.2, "c.1", "s2.1", 1, 1) if one == told else one for one in both]) != []


def test_who_leaves_as_the_last_one_is_gone_when_the_central_has_lost_it() -> None:
    """Seed 14014628: it lived on for a slow reader, while another began without what it had accepted."""
    leaves = [Reported(7.0, "s1", "leaving", {}), Reported(7.1, "central2", "server_lost", {"server": "s1"})]
    ends = Died(11.6, "s1", 1, "stopped")
    losses = losses_of(sorted([*GOOD, *leaves, ends], key=lambda entry: entry.at))
    assert losses.lives["s1.1"].gone == 7.1
    assert losses_of(sorted([*GOOD, leaves[1], ends], key=lambda entry: entry.at)).lives["s1.1"].gone == 11.6


def test_what_one_had_whose_death_nobody_had_noticed_yet_may_be_missed() -> None:
    """Seed 14016556: a server came meanwhile, and a session to it."""
    came = [entered(7.0, "d.1", "s4", lasting=True), Missed(7.2, "d.1", "s1.1", 2, 2)]
    told = sorted([*SMALL, *came], key=lambda entry: entry.at)
    assert CHECKERS["silent"](told) != []
    died = Died(4.0, "s1", 1, "without power")
    assert CHECKERS["silent"](sorted([*told, died], key=lambda entry: entry.at)) == []
    long_before = Died(1.9, "s1", 1, "without power")
    assert CHECKERS["silent"](sorted([*told, long_before], key=lambda entry: entry.at)) != []


def test_what_would_have_come_late_need_not_reach_who_has_left_meanwhile() -> None:
    """Seed 14016907: a session moved away from a server that was cut off, and its later post came first."""
    late = without(GOOD, saw(1.4, "b.1", "a.1", 2, "s1.1-2"), saw(11.2, "b.1", "a.1", 4, "s1.1-4"))
    parted = Fault(1.0, "partition", "s1 | s2", 5.5, ("s1",), ("s2",))
    left = ended(5.5, "b.1", "client")
    assert CHECKERS["delivered"](sorted([*late, left, parted], key=lambda entry: entry.at)) == []
    assert CHECKERS["delivered"](sorted([*late, left], key=lambda entry: entry.at)) != []
    assert CHECKERS["delivered"](sorted([*late, parted], key=lambda entry: entry.at)) != []


def after_a_sleep(who: str) -> Losses:
    """Where this node slept, the main removed s1 meanwhile, and s4 came then."""
    came = [Started(7.5, "s4", 1), Reported(7.6, "s4", "ready", {})]
    slept = Fault(4.1, "pause", who, 8.0, (who,))
    removed = Reported(7.1, "central", "server_removed", {"server": "s1"})
    return losses_of(sorted([*GOOD, *came, slept, removed], key=lambda entry: entry.at))


@pytest.mark.parametrize("who", ["central", "s1"])
def test_who_came_while_a_main_or_a_server_slept_does_not_know_who_was_removed(who: str) -> None:
    """Seeds 7002508 and 8030004: a main that sleeps loses all servers, and one that slept comes back with the log of a
    lifetime that the others had never held."""
    losses = after_a_sleep(who)
    assert losses.cut_off("s4", 7.7, 8.0)
    assert not losses.cut_off("s2", 7.7, 8.0)


def test_a_central_that_slept_removed_nobody_as_another() -> None:
    assert not after_a_sleep("central2").cut_off("s4", 7.7, 8.0)


def test_a_server_may_have_lost_what_it_had_shown_before_it_was_started_again() -> None:
    told = Missed(7.2, "d.1", "s1.1", 2, 2)
    comes_to_s1 = [entered(1.6, "d.1", "s1", lasting=True), Missed(1.65, "d.1", "s1.1", 2, 2)]
    same = sorted([*SMALL, *comes_to_s1], key=lambda entry: entry.at)
    assert CHECKERS["silent"](same) != []
    restarted = sorted([*same, Started(1.55, "s1", 2)], key=lambda entry: entry.at)
    assert CHECKERS["silent"](restarted) == []
    assert CHECKERS["silent"](late_comer(7.0, told)) != []


def test_who_has_not_noticed_that_a_server_closed_it_is_not_counted_there() -> None:
    calm = [
        Reported(0.2, "s1", "ready", {}),
        Reported(0.2, "s2", "ready", {}),
        Phase(0.25, "calm"),
        entered(0.3, "a.1", "s1"),
        entered(0.4, "b.1", "s1"),
    ]
    closed = Reported(0.35, "s1", "session_closed", {"username": "a", "link": 3})
    assert CHECKERS["even"](calm) != []
    assert CHECKERS["even"](sorted([*calm, closed], key=lambda entry: entry.at)) == []

"""What a main calls committed: on every disk that counts, and then confirmed by half of the voters (ADR 8, 3 to 5)."""

import pytest

from oyez.core import effects as fx
from oyez.core.central.replication import UNSETTLED
from oyez.protocol import nodes as n
from tests.core.reigns import LINKS, SERVERS, TERM, Reign, paired


@pytest.fixture
def pair() -> Reign:
    return paired()


# -- alone ----------------------------------------------------------------------------------------------------------


def test_a_main_that_is_alone_commits_what_is_on_its_disk() -> None:
    reign = Reign("m", servers=SERVERS)
    reign.stops_disk()
    reign.registers("bob")
    assert reign.settled == []
    reign.disk_goes_on()
    assert reign.settled == [("bob", True)]
    assert reign.entries.committed == 1


def test_a_main_acknowledges_nothing_before_its_configuration_is_on_disk() -> None:
    reign = Reign("m")
    assert reign.adopted
    reign = Reign("mb", servers=("s.1",))
    assert not reign.adopted


def test_an_entry_goes_to_disk_with_the_place_where_the_log_ends() -> None:
    reign = Reign("m")
    reign.stops_disk()
    reign.registers("bob")
    reign.registers("eve")
    assert [records for records, _ in reign.disk] == [
        (fx.UserRecord("bob", "hash", 1), fx.Position(1, TERM, 0)),
        (fx.UserRecord("eve", "hash", 2), fx.Position(2, TERM, 0)),
    ]


def test_who_asks_about_what_is_committed_hears_so_at_once() -> None:
    reign = Reign("m")
    index = reign.registers("bob")
    told = reign.main.when_committed(reign.now, index, lambda now, committed: [fx.Report(f"committed: {committed}")])
    assert told == [fx.Report("committed: True")]


# -- commits --------------------------------------------------------------------------------------------------------


def test_a_commit_needs_the_disks_first_and_then_the_voters(pair: Reign) -> None:
    pair.stops_disk()
    pair.registers("bob")
    assert pair.hears("b") == [n.SynchroniseUserStore({"bob": "hash"}, TERM, 1, TERM)]  # while it is being written here
    pair.holds("b")
    assert pair.asked("s.1") is None
    pair.disk_goes_on()
    assert pair.settled == []
    pair.confirms("s.1")
    assert pair.settled == []  # m and s are two of five
    pair.confirms("t.1")
    assert pair.settled == [("bob", True)]


def test_voters_are_not_asked_before_every_in_sync_backup_has_the_entry(pair: Reign) -> None:
    """A confirmation that was given earlier would say nothing about who was main when it was on disk."""
    pair.registers("bob")
    for voter in ("b", *SERVERS):
        assert pair.asked(voter) is None
    pair.holds("b")
    for voter in ("b", *SERVERS):
        assert pair.asked(voter) is not None


def test_a_backup_that_is_not_in_sync_holds_nobody_up(pair: Reign) -> None:
    pair.follows("c", held=None)
    pair.registers("bob")
    pair.holds("b")
    pair.confirms("s.1", "t.1")
    assert pair.settled == [("bob", True)]


def test_many_registrations_share_a_round(pair: Reign) -> None:
    for number in range(50):
        pair.registers(f"user {number}")
    pair.holds("b")
    questions = [message for message in pair.hears("s.1") if isinstance(message, n.ConfirmTerm)]
    assert len(questions) == 1
    pair.sent[LINKS["s.1"]] += questions
    pair.confirms("s.1", "t.1")
    assert [committed for _, committed in pair.settled] == [True] * 50


def test_what_is_replicated_during_a_round_waits_for_the_next(pair: Reign) -> None:
    pair.registers("bob")
    pair.holds("b")
    pair.registers("eve")
    pair.holds("b")
    pair.confirms("s.1", "t.1")
    assert pair.settled == [("bob", True)]
    pair.confirms("s.1", "u.1")
    assert pair.settled == [("bob", True), ("eve", True)]


def test_a_confirmation_counts_in_its_own_round_and_term_alone(pair: Reign) -> None:
    pair.registers("bob")
    pair.holds("b")
    question = pair.asked("s.1")
    assert question is not None
    for round, term in ((question.round - 1, TERM), (question.round + 1, TERM), (question.round, TERM - 1)):
        for voter in SERVERS:
            pair.do(pair.main.confirmed(pair.now, voter, n.TermConfirmed(round, term, question.version)))
    assert pair.settled == []


def test_one_voter_is_counted_once_and_strangers_not_at_all(pair: Reign) -> None:
    pair.registers("bob")
    pair.holds("b")
    question = pair.asked("s.1")
    assert question is not None
    answer = n.TermConfirmed(question.round, TERM, question.version)
    for voter in ("s.1", "s.1", "m", "x.1", "s.2", "c"):
        pair.do(pair.main.confirmed(pair.now, voter, answer))
    assert pair.settled == []
    pair.do(pair.main.confirmed(pair.now, "t.1", answer))
    assert pair.settled == [("bob", True)]


def test_late_confirmations_change_nothing(pair: Reign) -> None:
    pair.registers("bob")
    pair.holds("b")
    pair.confirms("s.1", "t.1")
    pair.registers("eve")
    pair.confirms("u.1", "b")  # of the round that is over
    assert pair.settled == [("bob", True)]


def test_nobody_holds_what_has_not_been_written(pair: Reign) -> None:
    pair.holds("b", index=7)
    pair.registers("bob")
    assert pair.asked("s.1") is None


def test_a_disk_never_forgets(pair: Reign) -> None:
    pair.registers("bob")
    pair.registers("eve")
    pair.holds("b", 2)
    pair.holds("b", 1)
    pair.confirms("s.1", "t.1")
    pair.confirms("s.1", "t.1")
    assert pair.settled == [("bob", True), ("eve", True)]


# -- voters ---------------------------------------------------------------------------------------------------------


def test_a_voter_that_joins_in_the_middle_of_a_round_is_asked_too(pair: Reign) -> None:
    for server in SERVERS:
        pair.leaves(server)
    pair.registers("bob")
    pair.holds("b")
    assert pair.settled == []  # m is alone: b has not answered
    pair.joins("t.1")
    told = pair.hears("t.1")
    assert [type(message) for message in told] == [n.Configure, n.ConfirmTerm]
    pair.sent[LINKS["t.1"]] += told
    pair.confirms("t.1")
    assert pair.settled == []
    pair.joins("u.1")
    pair.confirms("u.1")
    assert pair.settled == [("bob", True)]


def test_all_centrals_may_confirm_where_no_server_is_left(pair: Reign) -> None:
    """After a power cut, or when all servers were restarted at once: those that vote don't come back."""
    for server in SERVERS:
        pair.leaves(server)
    pair.servers = ("s.2", "t.2", "u.2")
    pair.registers("bob")
    pair.holds("b")
    pair.settles("b")
    assert pair.settled == [("bob", True)]
    pair.tick()
    pair.settles("b")
    assert pair.main.configuration.servers == ("s.2", "t.2", "u.2")
    assert pair.adopted


def test_a_voter_that_joins_while_a_configuration_is_written_is_told_once_it_is(pair: Reign) -> None:
    pair.stops_disk()
    pair.servers = (*SERVERS, "v.1")
    pair.do(pair.main.review(pair.now))
    pair.leaves("u.1")
    pair.joins("u.1")
    assert pair.hears("u.1") == []
    pair.disk_goes_on()
    told = pair.hears("u.1")
    assert [type(message) for message in told] == [n.Configure, n.ConfirmTerm]
    assert told[0] == n.Configure(pair.main.configuration)


def test_a_new_server_votes_once_the_old_voters_and_the_new_agree(pair: Reign) -> None:
    pair.servers = (*SERVERS, "v.1", "w.1", "x.1", "y.1")
    pair.do(pair.main.review(pair.now))
    assert set(pair.main.configuration.before) == {"m", "b", *SERVERS}
    pair.confirms("s.1")
    assert not pair.adopted
    pair.confirms("t.1")  # three of the old five, three of the new nine
    assert not pair.adopted
    pair.confirms("u.1")  # four
    assert not pair.adopted
    version = pair.main.configuration.version
    pair.confirms("b")  # five
    assert pair.main.configuration.version == version + 1  # the old ones are dropped in a version of its own
    assert pair.main.configuration.before == ()
    pair.settles("b", *SERVERS)
    assert pair.adopted


def test_one_change_at_a_time(pair: Reign) -> None:
    pair.servers = (*SERVERS, "v.1")
    pair.do(pair.main.review(pair.now))
    first = pair.main.configuration
    pair.servers = (*SERVERS, "v.1", "w.1")
    pair.do(pair.main.review(pair.now))
    pair.tick(1.0)
    assert pair.main.configuration is first
    pair.confirms("s.1", "t.1")
    assert pair.main.configuration.version == first.version + 1


def test_while_voters_change_a_commit_needs_both_groups(pair: Reign) -> None:
    """All the old servers have restarted: the new ones alone don't decide, nor do the old ones."""
    for server in SERVERS:
        pair.leaves(server)
    pair.leaves("b")
    pair.servers = ("s.2", "t.2", "u.2")
    for link, server in enumerate(pair.servers, 31):
        pair.do(pair.main.voter_joined(server, link))
    pair.do(pair.main.review(pair.now))
    for round in range(1, 9):
        for server in pair.servers:
            answer = n.TermConfirmed(round, TERM, pair.main.configuration.version)
            pair.do(pair.main.confirmed(pair.now, server, answer))
    pair.registers("bob")
    assert pair.settled == []
    assert not pair.adopted
    assert not pair.main.can_acknowledge


def test_whether_enough_voters_are_there_is_known(pair: Reign) -> None:
    assert pair.main.can_acknowledge
    for gone, able in (("s.1", True), ("b", True), ("t.1", False)):
        pair.leaves(gone)
        assert pair.main.can_acknowledge is able


def test_an_old_link_of_a_voter_does_not_take_the_new_one_along(pair: Reign) -> None:
    pair.do(pair.main.voter_joined("s.1", 99))
    pair.main.link_closed(LINKS["s.1"])
    assert pair.main.voters["s.1"] == 99
    pair.main.link_closed(99)
    assert "s.1" not in pair.main.voters


# -- time, and the end ----------------------------------------------------------------------------------------------


def test_who_waits_too_long_is_told_that_it_is_not_settled(pair: Reign) -> None:
    for server in SERVERS:
        pair.leaves(server)
    pair.registers("bob")
    pair.tick(UNSETTLED - 0.1)
    assert pair.settled == []
    pair.registers("eve")
    pair.tick(0.1)
    assert pair.settled == [("bob", False)]
    pair.tick(UNSETTLED - 0.1)
    assert pair.settled == [("bob", False), ("eve", False)]


def test_what_was_not_settled_in_time_may_be_later_and_nobody_is_told_twice(pair: Reign) -> None:
    for server in SERVERS:
        pair.leaves(server)
    pair.registers("bob")
    pair.tick(UNSETTLED)
    pair.joins(*SERVERS)
    pair.holds("b")
    pair.settles("b", *SERVERS)
    assert pair.settled == [("bob", False)]
    assert pair.entries.committed == 1


def test_at_the_end_of_a_reign_nobody_is_left_waiting_and_nothing_is_committed(pair: Reign) -> None:
    pair.registers("bob")
    pair.holds("b")
    pair.do(pair.main.end(pair.now))
    assert pair.settled == [("bob", False)]
    pair.confirms("b", *SERVERS)
    pair.tick(1.0)
    assert pair.settled == [("bob", False)]
    assert pair.entries.committed == 0


def test_what_was_on_its_way_to_disk_at_the_end_goes_nowhere(pair: Reign) -> None:
    pair.stops_disk()
    pair.registers("bob")
    pair.do(pair.main.end(pair.now))
    pair.holds("b")
    pair.hears("s.1")
    pair.disk_goes_on()
    assert pair.hears("s.1") == []


def test_a_configuration_that_reaches_the_disk_after_the_end_is_told_to_nobody() -> None:
    reign = Reign("mb", servers=SERVERS)
    reign.joins(*SERVERS)
    reign.settles(*SERVERS)
    reign.stops_disk()
    reign.servers = ("s.1",)
    reign.do(reign.main.review(reign.now))
    reign.do(reign.main.end(reign.now))
    reign.hears("s.1")
    reign.disk_goes_on()
    assert reign.hears("s.1") == []

"""Who is main: standing, waiting, stepping down, promoted by hand, back from the dead; with real nodes on all sides."""

import pytest

from oyez.core.central.office import PROMOTION, STANDING
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import CLUSTER
from tests.core.council import STEP, Council, Member, address, founded


@pytest.fixture
def council() -> Council:
    """Main m, backup b in sync, three servers."""
    return founded("b", "stu")


def writes_slowly(council: Council, member: Member, seconds: float) -> None:
    """The disk of this central takes so long for each write, while time passes until it is main."""
    member.stops("disk")
    due: list[float] = []
    for _ in range(round(10.0 / STEP)):
        council.run(STEP)
        due += [council.time + seconds] * (len(member.world.disk) - len(due))
        while due and due[0] <= council.time:
            due.pop(0)
            member.world.disk.pop(0)[1]()
            council.settle()
        if member.term:
            return


# -- losing the main ------------------------------------------------------------------------------------------------


def test_a_backup_becomes_main_when_the_main_dies_and_all_is_kept(council: Council) -> None:
    assert council.registers("m", "mia")
    council.kill("m")
    council.until(lambda: council.mains() == ["b"], within=1.0)
    council.until(lambda: council.serving("b", "stu"), within=1.0)
    assert council.members["b"].term == 2
    assert council.registers("b", "max")
    assert council.has_given("b", "mia")
    assert [type(one) for one in council.asks("b", m.Login("mia", "secret of mia")).hears()] == [
        m.LoginSuccess,
        m.Redirect,
    ]


def test_a_new_main_parts_with_no_voter_whose_vote_came_last(council: Council) -> None:
    council.kill("m")
    council.until(lambda: council.serving("b", "stu"))
    b = council.members["b"]
    assert b.reported("refused") == []
    assert b.reported("server_lost") == []


def test_a_term_is_on_disk_before_anybody_is_asked_for_it(council: Council) -> None:
    b = council.members["b"]
    b.stops("disk")
    council.kill("m")
    council.run(0.5)
    assert council.mains() == []
    assert all(council.members[name].host.role.voter.promised == 1 for name in "stu")  # type: ignore[attr-defined]
    b.goes_on("disk")
    council.until(lambda: council.mains() == ["b"])


@pytest.mark.parametrize("seconds", [0.15, 0.5])
def test_a_candidate_waits_for_a_slow_disk(council: Council, seconds: float) -> None:
    council.kill("m")
    began = council.time
    writes_slowly(council, council.members["b"], seconds)
    assert council.mains() == ["b"]
    assert council.members["b"].term == 2
    assert council.time - began < seconds + STANDING


def test_a_candidate_whose_voters_say_nothing_begins_anew(council: Council) -> None:
    b = council.members["b"]
    council.kill("m")
    b.stops("disk")
    council.run(0.3)
    b.goes_on("disk")  # it has stood, and nobody has heard it
    council.cut("b", "stu")
    council.run(2 * STANDING)
    assert council.mains() == []
    council.heal()
    council.until(lambda: council.mains() == ["b"])


def test_one_flapping_link_changes_nothing(council: Council) -> None:
    council.cut("m", "b")
    council.run(8.0)
    assert council.mains() == ["m"]
    assert council.registers("m", "mia")
    assert council.in_sync("m") == {"m"}
    assert all(council.members[name].host.role.voter.promised == 1 for name in "stu")  # type: ignore[attr-defined]
    council.heal()
    council.until(lambda: council.in_sync("m") == {"m", "b"})
    assert council.members["m"].term == 1


def test_a_backup_that_is_not_in_sync_never_stands(council: Council) -> None:
    council.cut("m", "b")
    council.run(8.0)
    council.kill("m")
    council.heal()
    council.run(8.0)
    assert council.mains() == []
    council.central("m")
    council.until(lambda: council.mains() == ["m"])


def test_a_main_that_is_cut_off_acknowledges_nothing_and_steps_down_when_it_learns(council: Council) -> None:
    council.cut("m", "bstu")
    lost = council.asks("m", m.Register("mia", "secret of mia"))
    council.until(lambda: council.mains() == ["m", "b"])
    council.until(lambda: council.serving("b", "stu"))
    council.run(4.0)
    (answer,) = lost.hears()
    assert isinstance(answer, m.RegisterFailed)
    assert answer.reason == "unsettled"
    assert not council.status("m").acknowledging
    assert council.registers("b", "mia")
    council.heal()
    council.until(lambda: council.mains() == ["b"])
    council.until(lambda: council.in_sync("b") == {"m", "b"})
    assert council.members["m"].reported("unacknowledged_discarded") == []  # it was the same name and secret
    assert council.status("m").role == "backup"


def test_a_main_that_slept_and_was_replaced_steps_down_when_it_wakes(council: Council) -> None:
    council.freeze("m")
    took = council.until(lambda: council.mains() == ["m", "b"])
    assert took < 5.0
    council.until(lambda: council.serving("b", "stu"))
    assert council.registers("b", "mia")
    council.thaw("m")
    council.until(lambda: council.mains() == ["b"])
    council.until(lambda: council.in_sync("b") == {"m", "b"})
    assert "mia" in council.members["m"].central.directory.users


def test_what_only_the_old_main_had_is_reported(council: Council) -> None:
    council.cut("m", "bstu")
    council.asks("m", m.Register("mia", "secret of mia"))
    council.until(lambda: "b" in council.mains())
    council.heal()
    council.until(lambda: council.in_sync("b") == {"m", "b"})
    assert council.members["m"].reported("unacknowledged_discarded") == [{"usernames": "mia"}]
    assert "mia" not in council.members["m"].central.directory.users
    assert council.registers("b", "mia")


def test_two_backups_make_one_main() -> None:
    council = founded("bc", "stu")
    council.kill("m")
    council.until(lambda: council.mains())
    council.run(2.0)
    (main,) = council.mains()
    (other,) = {"b", "c"} - {main}
    assert council.in_sync(main) == {"b", "c"}
    assert council.status(other).role == "backup"
    council.kill(main)
    council.until(lambda: council.mains() == [other])


# -- waiting --------------------------------------------------------------------------------------------------------


def test_nodes_that_come_to_a_backup_are_sent_to_the_main(council: Council) -> None:
    for message in (
        n.Authenticate(CLUSTER, "v", "host", 4009, 1),
        n.BackupAuthenticate(CLUSTER, "c-v", "central", 3790),
    ):
        talk = council.asks("b", message)
        (answer,) = talk.hears()
        assert isinstance(answer, n.NotMain)
        assert answer.main == address("m")
        assert answer.centrals == [address("m"), address("b")]
        assert talk.ended


def test_who_waits_is_shown_life_and_asked(council: Council) -> None:
    council.kill(*"mstu")
    talk = council.asks("b", n.Authenticate(CLUSTER, "v", "host", 4009, 1))
    council.run(1.0)
    heard = talk.hears()
    assert n.Heartbeat(1) in heard
    assert any(isinstance(message, n.RequestVote) and message.trial for message in heard)
    assert not talk.ended


def test_who_waits_is_sent_to_the_main_that_was_found(council: Council) -> None:
    council.kill(*"mstu")
    talk = council.asks("b", n.Authenticate(CLUSTER, "v", "host", 4009, 1))
    council.central("m")
    council.until(lambda: council.mains())
    council.run(1.0)
    answers = [message for message in talk.hears() if not isinstance(message, n.Heartbeat | n.RequestVote)]
    kinds = [type(answer) for answer in answers]
    assert kinds in ([n.NotMain], [n.AuthenticateSuccess, n.Configure, n.ConfirmTerm], [n.AuthenticateSuccess])


def test_a_stranger_does_not_wait() -> None:
    council = founded("b", "s")
    council.kill(*"ms")
    talk = council.asks("b", n.Authenticate("wrong", "v", "host", 4009, 1))
    (answer,) = talk.hears()
    assert isinstance(answer, m.AuthenticationFail)
    assert talk.ended


# -- two centrals and no servers ------------------------------------------------------------------------------------


def test_a_backup_alone_decides_nothing_until_the_main_is_back() -> None:
    council = founded("b")
    council.registers("m", "mia")
    council.kill("m")
    council.run(10.0)
    assert council.mains() == []
    report = council.status("b")
    assert (report.role, report.acknowledging) == ("candidate", False)
    assert [(one.port, one.role) for one in report.centrals] == [(3780, "away"), (3781, "backup")]
    council.central("m")
    council.until(lambda: council.mains())
    council.run(3.0)
    (main,) = council.mains()
    assert council.in_sync(main) == {"m", "b"}


def test_the_operator_may_promote_it() -> None:
    council = founded("b")
    council.registers("m", "mia")
    council.kill("m")
    council.run(1.0)
    (answer,) = council.asks("b", n.Promote(CLUSTER)).hears()
    assert isinstance(answer, n.PromoteSuccess)
    assert council.mains() == ["b"]
    assert answer.term == council.members["b"].term == 1 + PROMOTION
    assert council.registers("b", "max")
    assert "mia" in council.members["b"].central.directory.users
    council.central("m")  # it comes back, and has to hear that it is main no more
    council.until(lambda: council.in_sync("b") == {"m", "b"})
    assert council.mains() == ["b"]
    assert "max" in council.members["m"].central.directory.users


def test_a_promotion_is_on_disk_before_it_is_told() -> None:
    council = founded("b")
    council.kill("m")
    council.run(1.0)
    council.members["b"].stops("disk")
    talk = council.asks("b", n.Promote(CLUSTER))
    assert talk.hears() == []
    assert council.mains() == []
    council.members["b"].goes_on("disk")
    assert [type(message) for message in talk.hears()] == [n.PromoteSuccess]


def test_a_main_by_hand_reigns_in_the_highest_term_that_it_has_promised() -> None:
    """It was asked for its vote while the promotion was being written."""
    council = founded("bc")
    council.kill(*"mc")
    b = council.members["b"]
    configuration = b.central.office.voter.configuration
    assert configuration is not None
    other = council.asks("b", n.BackupAuthenticate(CLUSTER, "c-c", "central", 3782))
    b.stops("disk")
    council.asks("b", n.Promote(CLUSTER))
    other.says(n.RequestVote(9 + PROMOTION, "c-c", configuration))
    b.goes_on("disk")
    council.settle()
    assert b.term == b.central.office.voter.promised == 9 + 2 * PROMOTION
    other.hangs_up()
    assert council.registers("b", "mia")


def test_who_is_promoted_twice_at_once_reigns_once() -> None:
    council = founded("b")
    council.kill("m")
    b = council.members["b"]
    b.stops("disk")
    for _ in range(3):
        council.asks("b", n.Promote(CLUSTER))
    b.goes_on("disk")
    council.settle()
    assert b.reported("elected") == [{"term": 1 + 3 * PROMOTION, "central": "c-b"}]
    assert council.registers("b", "mia")


def test_not_everybody_may_promote_and_no_main_is_promoted(council: Council) -> None:
    for name, secret, reason in (("b", "wrong", "wrong_secret"), ("m", CLUSTER, "is_main")):
        talk = council.asks(name, n.Promote(secret))
        (answer,) = talk.hears()
        assert isinstance(answer, n.PromoteFailed)
        assert answer.reason == reason
        assert talk.ended
    assert council.mains() == ["m"]


def test_a_backup_that_is_promoted_while_the_main_lives_wins(council: Council) -> None:
    council.asks("b", n.Promote(CLUSTER))
    council.until(lambda: council.mains() == ["b"])
    council.until(lambda: council.in_sync("b") == {"m", "b"} and council.serving("b", "stu"))
    assert council.registers("b", "mia")


# -- after the end --------------------------------------------------------------------------------------------------


def test_a_main_that_dialed_before_its_election_can_still_step_down(council: Council) -> None:
    """Its dial came through when it needed no main any more."""
    b = council.members["b"]
    council.kill("m")
    council.until(lambda: council.mains() == ["b"])
    council.run(0.5)
    b.host.perform(b.central.uplink.dial())
    council.central("m")
    council.until(lambda: council.in_sync("b") == {"m", "b"})
    council.asks("m", n.Promote(CLUSTER))
    council.until(lambda: council.mains() == ["m"])
    council.until(lambda: council.in_sync("m") == {"m", "b"})


def test_a_main_looks_after_the_centrals_that_it_misses(council: Council) -> None:
    """Two mains that no server tells of each other: the one of the lower term finds the other."""
    council.kill(*"stu")
    council.cut("m", "b")
    council.asks("b", n.Promote(CLUSTER))
    council.run(1.0)
    assert sorted(council.mains()) == ["b", "m"]
    council.heal()
    council.until(lambda: council.mains() == ["b"], within=3.0)
    assert council.members["m"].reported("stepped_down") == [{"term": 1, "for": 1 + PROMOTION}]


def test_the_links_of_a_main_that_was_replaced_are_sent_away(council: Council) -> None:
    server = council.asks("m", n.Authenticate(CLUSTER, "v", "host", 4009, 1))
    backup = council.asks("m", n.BackupAuthenticate(CLUSTER, "c-v", "central", 3790))
    for talk in (server, backup):
        talk.hears()
    server.says(n.TermRefused(9))
    council.settle()
    for talk in (server, backup):
        assert isinstance(talk.hears()[-1], n.NotMain)
        assert talk.ended
    assert council.mains() == []
    council.until(lambda: council.mains())
    (main,) = council.mains()
    assert council.members[main].term > (9 if main == "m" else 1)


def test_a_voter_that_refuses_without_knowing_more_changes_nothing(council: Council) -> None:
    server = council.asks("m", n.Authenticate(CLUSTER, "v", "host", 4009, 1))
    server.says(n.TermRefused(1))
    council.settle()
    assert council.mains() == ["m"]
    assert not server.ended


# -- what outlives a main -------------------------------------------------------------------------------------------


def test_a_failover_voids_no_tickets_and_a_promotion_does(council: Council) -> None:
    assert council.registers("m", "mia")
    success, _ = council.asks("m", m.Login("mia", "secret of mia")).hears()
    assert isinstance(success, m.LoginSuccess)
    council.kill("m")
    council.until(lambda: council.serving("b", "stu"), within=2.0)
    again = council.asks("b", m.Login("mia", ticket=success.ticket)).hears()
    assert [type(one) for one in again] == [m.LoginSuccess, m.Redirect]
    council.kill("s")
    council.kill("t")
    council.kill("u")
    council.run(4.0)
    council.asks("b", n.Promote(CLUSTER))
    council.run(1.0)
    refusal = council.asks("b", m.Who("mia", ticket=success.ticket)).hears_one()
    assert isinstance(refusal, m.LoginFailed)
    assert refusal.reason == "ticket_expired"


def test_a_backup_sends_the_operator_to_the_main(council: Council) -> None:
    assert council.asks("b", n.DrainServer("wrong", "s")).hears_one() == n.DrainServerFailed(
        "the cluster secret is wrong", "wrong_secret"
    )
    main = address("m")
    assert council.asks("b", n.DrainServer(CLUSTER, "s")).hears() == [m.Redirect(main.hostname, main.port)]
    council.kill("m")
    refusal = council.asks("b", n.DrainServer(CLUSTER, "s")).hears_one()
    assert isinstance(refusal, n.DrainServerFailed)
    assert refusal.reason == "no_main"


def test_while_the_voters_change_the_main_says_so(council: Council) -> None:
    """Until the others have confirmed it, nobody could be elected without those of before."""
    assert not council.status("m").changing
    for name in "bstu":
        council.freeze(name)
    council.until(lambda: council.status("m").changing)
    for name in "bstu":
        council.thaw(name)
    council.until(lambda: council.serving("m", "stu") and council.in_sync("m") == {"m", "b"})
    council.until(lambda: not council.status("m").changing)

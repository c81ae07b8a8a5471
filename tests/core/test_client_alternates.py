"""The client without the centre: when no central answers, it goes to a server for which it holds a ticket."""

import pytest

from oyez.core.client.patience import STEP_AT_SERVER, STEP_OF_MANY
from oyez.core.client.route import ALTERNATES
from oyez.protocol import messages as m
from tests.core.callers import HOME, OTHER, THERE, THIRD, TWO, WELCOME, Caller, failed, says

FOR_OTHER = m.Alternate(OTHER.hostname, OTHER.port, "for s2")
FOR_THIRD = m.Alternate(THIRD.hostname, THIRD.port, "for s3")


def refused(bob: Caller) -> m.Address:
    """Its dial is; returns where that went."""
    address = bob.dialed()
    bob.refuse()
    return address


def one_round(bob: Caller) -> list[m.Address]:
    """Whom it dials until it pauses; nobody is there."""
    dialed = []
    while bob.world.dials:
        dialed.append(refused(bob))
    return dialed


def test_with_all_centrals_dead_it_moves_at_once() -> None:
    bob = Caller("bob", centrals=[HOME, TWO])
    server = bob.settled_in({"s1.7": 3}, (FOR_OTHER,))
    server.says(says("s1.7-4"))
    before = bob.world.time
    server.hangs_up()
    assert [refused(bob), refused(bob), refused(bob)] == [HOME, TWO, THERE]
    assert bob.dialed() == OTHER
    other = bob.answer()
    (login,) = other.hears()
    assert login == m.Login("bob", None, "for s2", bob.role._session, m.Resume("net", {"s1.7": 4}, ["s1.7"]))
    other.says(WELCOME)
    assert bob.role.live
    assert bob.world.time == before


def test_its_own_server_first_if_just_the_link_was_lost() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    refused(bob)
    assert bob.dialed() == THERE
    assert bob.answer().hears_one().ticket == "for s1"  # type: ignore[attr-defined]


def test_the_centrals_come_first_even_if_one_is_slow() -> None:
    bob = Caller("bob", centrals=[HOME, TWO])
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    home = bob.answer()
    bob.pass_time(STEP_OF_MANY - 0.1)
    assert not home.ended
    bob.pass_time(0.1)
    assert home.ended
    two = bob.answer()
    two.says(m.LoginSuccess("in"), m.Redirect(THIRD.hostname, THIRD.port, "permit"))
    assert bob.dialed() == THIRD


@pytest.mark.parametrize("reason", ["no_server", "no_main", "unsettled"])
def test_a_central_that_can_not_help_now_counts_as_none(reason: str) -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    bob.answer().says(failed(reason))
    assert bob.dialed() == THERE


def test_a_central_that_lets_it_in_is_asked_again_before_any_alternate() -> None:
    bob = Caller("bob", centrals=[HOME, TWO])
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    bob.answer().says(m.LoginSuccess("in"), m.Redirect(THIRD.hostname, THIRD.port, "permit"))
    refused(bob)
    bob.waits()
    assert bob.dialed() == HOME


def test_a_round_has_each_once_and_is_followed_by_a_pause() -> None:
    bob = Caller("bob", centrals=[HOME, TWO])
    bob.settled_in({}, (FOR_OTHER, FOR_THIRD)).hangs_up()
    assert one_round(bob) == [HOME, TWO, THERE, THIRD, OTHER]
    pauses = []
    for _ in range(3):
        (at,) = bob.world.timers.values()
        pauses.append(at - bob.world.time)
        bob.waits()
        # Whoever has failed last comes last among the alternates.
        assert sorted(one_round(bob)) == sorted([HOME, TWO, THERE, THIRD, OTHER])
    assert 0 < pauses[0] < pauses[1] < pauses[2]
    assert bob.world.gave_up == ""


def test_who_has_not_accepted_a_dial_is_tried_last() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    assert [refused(bob), refused(bob)] == [HOME, THERE]
    bob.answer().hangs_up()  # OTHER was there, and is no more
    bob.waits()
    assert one_round(bob) == [HOME, OTHER, THERE]


@pytest.mark.parametrize("reason", ["ticket_expired", "ticket_used", "ticket_forged"])
def test_an_alternate_that_refuses_the_ticket_is_dropped(reason: str) -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    refused(bob)
    bob.answer().says(failed(reason))
    assert one_round(bob) == [OTHER]
    bob.waits()
    assert one_round(bob) == [HOME, OTHER]


@pytest.mark.parametrize("reason", ["joining", "central_away"])
def test_an_alternate_that_can_not_help_now_is_kept(reason: str) -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    refused(bob)
    bob.answer().says(failed(reason))
    assert one_round(bob) == [OTHER]
    bob.waits()
    assert one_round(bob) == [HOME, THERE, OTHER]


def test_an_alternate_that_says_nothing_is_left() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    refused(bob)
    bob.answer()
    bob.pass_time(STEP_AT_SERVER)
    assert bob.dialed() == OTHER


def test_the_ticket_of_the_server_where_it_is_now_replaces_the_one_it_came_with() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    refused(bob)
    refused(bob)
    other = bob.answer()
    bob.resumes(other, m.LoginSuccess("in", ticket="another for s2", network="net", origin="s2.4"))
    bob.pass_time(1.0)
    other.hangs_up()
    refused(bob)
    assert bob.dialed() == OTHER
    assert bob.answer().hears_one().ticket == "another for s2"  # type: ignore[attr-defined]


def test_a_server_that_sends_it_away_is_the_last_to_go_back_to() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).says(m.Redirect(THIRD.hostname, THIRD.port, "permit"))
    assert one_round(bob) == [THIRD, HOME, OTHER, THERE]


def test_a_server_that_stops_while_its_central_is_away() -> None:
    bob = Caller("bob", centrals=[HOME, TWO])
    bob.settled_in({}, (FOR_OTHER,)).says(m.Redirect(TWO.hostname, TWO.port))
    assert one_round(bob) == [TWO, HOME, OTHER, THERE]


def test_whoever_was_thrown_out_at_once_takes_its_time() -> None:
    bob = Caller("bob")
    server = bob.settled_in({}, (FOR_OTHER,))
    server.hangs_up()
    for _ in range(3):
        server = bob.at_server()
        bob.resumes(server)
        server.hangs_up()
        assert bob.world.dials == []
        bob.waits()
    server = bob.at_server()
    bob.resumes(server)
    bob.pass_time(1.0)
    server.hangs_up()
    assert bob.dialed() == HOME


def test_the_alternates_are_bounded() -> None:
    bob = Caller("bob")
    many = tuple(m.Alternate("server", 5000 + number, "for it") for number in range(ALTERNATES * 2))
    bob.settled_in({}, many).hangs_up()
    assert len(one_round(bob)) == 1 + ALTERNATES


def test_the_newest_ticket_for_a_server_counts() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    bob.answer().says(
        m.LoginSuccess("in", alternates=[m.Alternate(OTHER.hostname, OTHER.port, "newer")]),
        m.Redirect(THERE.hostname, THERE.port, "permit"),
    )
    server = bob.answer()
    bob.resumes(server)
    bob.pass_time(1.0)
    server.hangs_up()
    assert [refused(bob), refused(bob)] == [HOME, THERE]
    assert bob.answer().hears_one().ticket == "newer"  # type: ignore[attr-defined]


def test_one_that_was_shunned_and_then_dropped_is_gone() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    assert one_round(bob) == [HOME, THERE, OTHER]
    bob.waits()
    assert refused(bob) == HOME
    bob.answer().says(failed("ticket_expired"))
    bob.answer().says(failed("joining"))
    bob.waits()
    assert one_round(bob) == [HOME, OTHER]


def test_a_server_that_takes_it_in_again_is_shunned_no_more() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (FOR_OTHER,)).hangs_up()
    assert one_round(bob) == [HOME, THERE, OTHER]
    bob.waits()
    there = bob.at_server()
    bob.resumes(there)
    bob.pass_time(1.0)
    there.hangs_up()
    assert one_round(bob) == [HOME, THERE, OTHER]


def test_the_newest_alternates_come_first() -> None:
    bob = Caller("bob")
    server = bob.settled_in({}, (FOR_OTHER, FOR_THIRD))
    server.says(m.Redirect(HOME.hostname, HOME.port))
    bob.answer().says(m.LoginSuccess("in", alternates=[FOR_OTHER]), m.Redirect(THERE.hostname, THERE.port, "permit"))
    there = bob.answer()
    bob.resumes(there)
    bob.pass_time(1.0)
    there.hangs_up()
    assert one_round(bob) == [HOME, THERE, OTHER, THIRD]


def test_after_a_session_that_lasted_the_pauses_are_short_again() -> None:
    bob = Caller("bob")
    bob.settled_in().hangs_up()
    for _ in range(8):
        one_round(bob)
        bob.waits()
    server = bob.at_server()
    bob.resumes(server)
    bob.pass_time(1.0)
    server.hangs_up()
    one_round(bob)
    (at,) = bob.world.timers.values()
    assert at - bob.world.time <= 0.1

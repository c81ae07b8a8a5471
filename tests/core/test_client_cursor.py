"""The client's cursor: what it has seen comes once, what it lacks is asked for, what is lost is told."""

from random import Random

import msgspec
import pytest

from oyez.core.client.client import Client
from oyez.protocol import messages as m
from tests.core.callers import HOME, OTHER, THERE, Caller, failed, first, says


def lost(bob: Caller, server) -> None:
    """The link breaks, and it goes by the central to a server."""
    server.hangs_up()
    bob.answer().says(m.LoginSuccess("in", ticket="for centrals"), m.Redirect(THERE.hostname, THERE.port, "permit"))


def moved(bob: Caller, server) -> None:
    """Its server sends it away."""
    server.says(m.Redirect(OTHER.hostname, OTHER.port, "permit"))


@pytest.mark.parametrize("goes", [lost, moved])
def test_it_goes_on_behind_what_it_has_seen(goes) -> None:
    bob = Caller("bob")
    server = bob.settled_in({"s1.7": 10, "s2.4": 5})
    server.says(says("s1.7-11"), says("s2.4-6"), says("s1.7-12"), says("s3.1-1"))
    assert bob.shown() == ["s1.7-11", "s2.4-6", "s1.7-12", "s3.1-1"]
    session = bob.role._session
    goes(bob, server)
    other = bob.answer()
    (login,) = other.hears()
    resume = m.Resume("net", {"s1.7": 12, "s2.4": 6, "s3.1": 1}, ["s1.7"])
    assert login == m.Login("bob", None, "permit", session, resume)


def test_what_it_has_seen_is_not_shown_again() -> None:
    bob = Caller("bob")
    server = bob.settled_in({"s1.7": 10})
    server.says(says("s1.7-10"), says("s1.7-11"), says("s1.7-11"), says("s2.4-1"), says("s1.7-9"), says("s1.7-12"))
    assert bob.shown() == ["s1.7-11", "s2.4-1", "s1.7-12"]
    assert bob.role.seen.origins == {"s1.7": 12, "s2.4": 1}


def test_a_post_that_two_sides_of_a_partition_have_accepted_is_shown_once() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    server.says(says("s1.7-1", "beef-1"), says("s2.4-1", "beef-1"), says("s2.4-2", "beef-2"), says("s1.7-2", "fade-1"))
    assert bob.shown() == ["s1.7-1", "s2.4-2", "s1.7-2"]
    assert bob.role.seen.origins == {"s1.7": 2, "s2.4": 2}


def test_a_gap_moves_the_cursor_and_what_was_missed_is_told() -> None:
    bob = Caller("bob")
    server = bob.settled_in({"s1.7": 10, "s2.4": 7})
    ranges = [m.Range("s1.7", 8, 20), m.Range("s2.4", 3, 6), m.Range("s3.1", 1, 2)]
    server.says(m.Gap(ranges), says("s1.7-20"), says("s1.7-21"))
    assert bob.reported("gap") == [{"gaps": (m.Range("s1.7", 11, 20), m.Range("s3.1", 1, 2))}]
    assert bob.shown() == ["s1.7-21"]
    assert bob.role.seen.origins == {"s1.7": 21, "s2.4": 7, "s3.1": 2}


def test_only_the_first_cursor_is_taken_from_the_server() -> None:
    bob = Caller("bob")
    server = bob.settled_in({"s1.7": 10})
    moved(bob, server)
    bob.resumes(bob.answer(), first({"s1.7": 500}))
    assert bob.role.seen.origins == {"s1.7": 10}


def test_it_begins_where_an_earlier_session_left_off() -> None:
    bob = Caller("bob")
    bob.role = Client([HOME], "bob", "secret of bob", Random(1), cursor=m.Resume("net", {"s1.7": 4}))
    bob.host.role = bob.role
    bob.world.dials.clear()
    bob.start()
    server = bob.at_server()
    assert bob.resumes(server) == m.Resume("net", {"s1.7": 4})
    server.says(says("s1.7-4"), says("s1.7-5"))
    assert bob.shown() == ["s1.7-5"]


def test_where_nothing_has_an_id_everything_is_new() -> None:
    """As in a network of other programs."""
    bob = Caller("bob")
    server = bob.connected()
    server.says(*[says("")] * 2, *[says("odd")] * 2, *[says("a.1-x", "b-y")] * 2)
    assert len(bob.world.delivered) == 6
    server.hangs_up()
    bob.waits()
    assert bob.resumes(bob.at_server()) == m.Resume()


@pytest.mark.parametrize(
    "refusal",
    [failed("other_network"), m.InvalidMessage("ahead of everything", "cursor_ahead")],
    ids=lambda one: one.reason,
)
def test_a_cursor_that_is_refused_is_the_end(refusal: m.Refusal) -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    server.hangs_up()
    bob.at_server().says(refusal)
    assert bob.reported("gave_up") == [{"reason": refusal.reason, "info": refusal.info}]


def test_what_else_a_server_calls_invalid_is_not() -> None:
    bob = Caller("bob")
    bob.settled_in().says(m.InvalidMessage("closed as a slow consumer", "slow_consumer"))
    assert bob.reported("gave_up") == []
    assert msgspec.structs.asdict(bob.answer().hears_one())["ticket"] == "for centrals"

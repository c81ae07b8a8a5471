"""A server gives sessions away when the main asks, and leaves when it is told to."""

import pytest

from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import HOME, Serving, holds, listing, permit, post, ready, welcome

TO_CENTRAL = m.Redirect(HOME.hostname, HOME.port)


@pytest.fixture
def served() -> tuple[Serving, Talk]:
    """A server that serves, and its central."""
    return ready()


def enters(server: Serving, username: str, cursor: bool = True) -> Talk:
    if not cursor:
        return server.logs_in(username)
    talk = server.connect()
    talk.says(m.Login(username, None, permit(username), f"the session of {username}", m.Resume()))
    assert isinstance(talk.hears_one(), m.LoginSuccess)
    return talk


def asked(central: Talk, kind: type[m.Message]) -> list[m.Message]:
    return [message for message in central.hears() if isinstance(message, kind)]


def there(username: str) -> n.Destination:
    return n.Destination(username, "elsewhere", 4002, f"ticket of {username}")


def test_who_has_a_cursor_is_offered_first(served: tuple[Serving, Talk]) -> None:
    server, central = served
    for username, cursor in (("old", False), ("new", True), ("older", False), ("newer", True)):
        enters(server, username, cursor)
    central.says(n.Rebalance(3))
    (offer,) = asked(central, n.Movable)
    assert isinstance(offer, n.Movable)
    assert sorted(offer.usernames[:2]) == ["new", "newer"]
    assert offer.usernames[2] == "old"


def test_who_has_no_cursor_and_much_to_read_is_not_offered(served: tuple[Serving, Talk]) -> None:
    server, central = served
    enters(server, "old", cursor=False).stops_reading()
    enters(server, "new").stops_reading()
    enters(server, "poster").says(post("poster"))
    central.says(n.Rebalance(5))
    (offer,) = asked(central, n.Movable)
    assert isinstance(offer, n.Movable)
    assert sorted(offer.usernames) == ["new", "poster"]


def test_who_is_named_is_sent_there_and_counts_here_no_more(served: tuple[Serving, Talk]) -> None:
    server, central = served
    stays, goes = enters(server, "stays"), enters(server, "goes")
    central.hears()
    central.says(n.Move([there("goes"), there("nobody")]))
    assert goes.hears() == [m.Redirect("elsewhere", 4002, "ticket of goes")]
    assert goes.ended
    assert not stays.ended
    assert asked(central, n.DeLoad) == [n.DeLoad("m", "goes")]


def test_of_one_users_sessions_that_one_goes_that_loses_least(served: tuple[Serving, Talk]) -> None:
    server, central = served
    old, new = enters(server, "bob", cursor=False), enters(server, "bob")
    central.says(n.Move([there("bob")]))
    assert (old.ended, new.ended) == (False, True)


def test_a_server_that_is_told_to_leave_says_so_and_offers_everybody() -> None:
    server = Serving()
    central = server.joins(listing("a"))
    server.linked_from("a").says(p.Positions({}, ["m.1"]))
    bob = enters(server, "bob")
    central.hears()
    central.says(n.Drain())
    heard = central.hears()
    assert [message.leaving for message in heard if isinstance(message, n.ServerAnnounce)] == [True]
    assert n.Movable(["bob"]) in heard
    assert not server.world.has_stopped
    central.says(n.Move([there("bob")]))
    assert bob.ended
    assert server.world.has_stopped


def test_it_ends_once_the_others_hold_its_log() -> None:
    server = Serving()
    server.joins(listing("a"))
    a = server.linked_from("a")
    a.says(p.Positions({}, ["m.1"]))
    bob = enters(server, "bob")
    bob.says(post("bob"))
    bob.hangs_up()
    server.host.leave()
    assert not server.world.has_stopped
    holds(a, 1)
    server.pass_time(1.0)
    assert server.world.has_stopped


def test_it_does_not_end_before_the_others_have_shown_that_they_live() -> None:
    """Seed 11010249: the only other one had lost its power a moment before."""
    server = Serving()
    server.joins(listing("a"))
    a = server.linked_from("a")
    a.says(p.Positions({}, ["m.1"]))
    server.pass_time(1.0)
    server.host.leave()
    server.pass_time(1.0)
    assert not server.world.has_stopped
    a.says(n.Heartbeat())
    server.pass_time(0.5)
    assert server.world.has_stopped


def test_alone_it_ends_at_once_and_sends_everybody_to_the_central(served: tuple[Serving, Talk]) -> None:
    server, _ = served
    bob = enters(server, "bob")
    server.host.leave()
    assert server.world.has_stopped
    server.host.stop()
    assert bob.hears() == [TO_CENTRAL]


def test_who_comes_while_it_leaves_is_sent_to_the_central() -> None:
    server = Serving()
    server.joins(listing("a"))
    server.linked_from("a").says(p.Positions({}, ["m.1"]))
    enters(server, "bob")
    server.host.leave()
    late = server.connect().says(m.Login(m.ANONYMOUS))
    assert late.hears() == [TO_CENTRAL]
    assert late.ended


def test_a_new_main_is_told_that_it_is_leaving() -> None:
    server = Serving()
    central = server.joins(listing("a"))
    server.linked_from("a").says(p.Positions({}, ["m.1"]))
    enters(server, "bob")
    server.host.leave()
    central.hangs_up()
    server.pass_time(0.1)
    other = server.answer()
    other.says(welcome(listing("a")))
    assert any(message.leaving for message in other.hears() if isinstance(message, n.ServerAnnounce))

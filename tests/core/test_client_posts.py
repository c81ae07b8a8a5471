"""What the client has posted and not seen come back goes out again, in order, before anything newer."""

import msgspec

from oyez.core.client.seen import SERVERS
from oyez.protocol import messages as m
from tests.core.callers import OTHER, Caller, failed, says
from tests.core.nodes import Talk


def post(bob: Caller, text: str) -> int:
    number, effects = bob.role.post(msgspec.json.encode(text))
    bob.host.perform(effects)
    return number


def posted(talk: Talk) -> list[tuple[int | None, bytes]]:
    return [(said.id, bytes(said.activity)) for said in talk.hears() if isinstance(said, m.ActivityMessage)]


def let_in_again(bob: Caller) -> Talk:
    """By the central, at the server; what it says there next has not been read."""
    server = bob.at_server()
    bob.resumes(server)
    return server


def test_what_has_not_come_back_is_sent_again_in_order() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    for text in "abcd":
        post(bob, text)
    server.says(says("s1.7-1", "cafe-1"), says("s1.7-2", "cafe-3"))
    assert bob.reported("settled") == [{"number": 1, "id": "s1.7-1"}, {"number": 3, "id": "s1.7-2"}]
    server.hangs_up()
    server = let_in_again(bob)
    assert post(bob, "e") == 5
    assert posted(server) == [(2, b'"b"'), (4, b'"d"'), (5, b'"e"')]
    server.hangs_up()
    bob.waits()
    assert posted(let_in_again(bob)) == [(2, b'"b"'), (4, b'"d"'), (5, b'"e"')]


def test_it_is_sent_again_after_a_redirect_too() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    post(bob, "a")
    server.says(m.Redirect(OTHER.hostname, OTHER.port, "permit"))
    other = bob.answer()
    bob.resumes(other)
    assert posted(other) == [(1, b'"a"')]


def test_and_after_a_server_that_does_not_let_it_in() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    post(bob, "a")
    server.hangs_up()
    refusing = bob.at_server()
    refusing.says(failed("ticket_used"))
    assert posted(refusing) == []
    bob.waits()
    assert posted(let_in_again(bob)) == [(1, b'"a"')]


def test_what_is_withdrawn_is_sent_no_more() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    for text in "abc":
        post(bob, text)
    bob.role.withdraw(2)
    bob.role.withdraw(99)
    server.says(says("s1.7-1", "cafe-2"))
    assert bob.reported("settled") == []
    server.hangs_up()
    assert posted(let_in_again(bob)) == [(1, b'"a"'), (3, b'"c"')]


def test_a_repetition_settles_a_post_too() -> None:
    """The highest of a session stands for all below it, so what is left out may be what settles."""
    bob = Caller("bob")
    server = bob.settled_in({"s1.7": 5})
    post(bob, "a")
    post(bob, "b")
    server.says(says("s1.7-5", "cafe-1"), says("s1.7-6", "cafe-2"), says("s1.7-6", "cafe-2"))
    assert bob.shown() == ["s1.7-6"]
    assert [settled["number"] for settled in bob.reported("settled")] == [1, 2]


def test_the_posts_of_others_settle_nothing() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    post(bob, "a")
    server.says(says("s1.7-1", "beef-1"), says("s1.7-2"), says("s1.7-3", "cafe-x"), says("s1.7-4", "cafe-2"))
    assert bob.reported("settled") == []


def test_a_post_goes_again_with_the_secret_where_there_is_no_ticket() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    post(bob, "a")
    server.hangs_up()
    server = bob.at_server(ticket=None)
    bob.resumes(server)
    assert server.hears() == [m.ActivityMessage("bob", msgspec.Raw(b'"a"'), "secret of bob", 1)]


# Where posts may be


def at(bob: Caller, origin: str) -> list[str]:
    """It goes on at this server; returns where it says that it was before."""
    success = m.LoginSuccess("in", server=origin, session="cafe", network="net", origin=origin)
    return bob.resumes(bob.answer(), success).last


def hears(bob: Caller, message: m.Message) -> None:
    assert bob.role.link is not None
    bob.host.perform(bob.role.on_message(bob.world.time, bob.role.link, message))
    bob.settle()


def move(bob: Caller) -> None:
    hears(bob, m.Redirect(OTHER.hostname, OTHER.port, "permit"))


def test_it_names_every_server_that_may_still_hold_a_post_of_its_own_back() -> None:
    bob = Caller("bob")
    bob.settled_in()
    post(bob, "a")
    move(bob)
    assert at(bob, "s2.4") == ["s1.7"]
    move(bob)
    assert at(bob, "s3.1") == ["s1.7", "s2.4"]
    move(bob)
    assert at(bob, "s1.7") == ["s1.7", "s2.4", "s3.1"]
    move(bob)
    assert at(bob, "s4.1") == ["s2.4", "s3.1", "s1.7"]


def test_who_has_never_posted_names_only_the_last() -> None:
    bob = Caller("bob")
    bob.settled_in()
    move(bob)
    at(bob, "s2.4")
    move(bob)
    assert at(bob, "s3.1") == ["s2.4"]


def test_none_does_once_a_post_has_come_back_that_was_posted_at_the_last_one() -> None:
    bob = Caller("bob")
    bob.settled_in()
    post(bob, "a")
    move(bob)
    assert at(bob, "s2.4") == ["s1.7"]
    post(bob, "b")
    hears(bob, says("s2.4-1", "cafe-1"))  # which may have been posted before
    move(bob)
    assert at(bob, "s3.1") == ["s1.7", "s2.4"]
    post(bob, "c")
    hears(bob, says("s3.1-1", "cafe-3"))
    move(bob)
    assert at(bob, "s4.1") == ["s3.1"]


def test_what_comes_back_by_way_of_another_server_says_nothing_of_this_one() -> None:
    bob = Caller("bob")
    bob.settled_in()
    post(bob, "a")
    move(bob)
    at(bob, "s2.4")
    post(bob, "b")
    hears(bob, says("s1.7-1", "cafe-2"))
    move(bob)
    assert at(bob, "s3.1") == ["s1.7", "s2.4"]


def test_no_more_servers_are_named_than_a_login_takes() -> None:
    bob = Caller("bob")
    bob.settled_in()
    post(bob, "a")
    last: list[str] = []
    for number in range(20):
        move(bob)
        last = at(bob, f"o.{number}")
    assert last == [f"o.{number}" for number in range(19 - SERVERS, 19)]

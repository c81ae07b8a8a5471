"""The client while it is where it wants to be: posts, activities, and leaving."""

import msgspec
import pytest

from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.callers import HOME, Caller, failed


def post(bob: Caller, text: str) -> int:
    number, effects = bob.role.post(msgspec.json.encode({"content": text}))
    bob.host.perform(effects)
    return number


def test_posts_are_numbered_for_the_whole_session_across_links() -> None:
    bob = Caller("bob")
    server = bob.connected()
    assert [post(bob, "a"), post(bob, "b")] == [1, 2]
    assert [message.id for message in server.hears()] == [1, 2]  # type: ignore[attr-defined]
    server.hangs_up()
    bob.waits()
    server = bob.connected()
    assert post(bob, "c") == 3


def test_who_came_with_a_ticket_posts_without_the_secret() -> None:
    bob = Caller("bob")
    server = bob.connected()
    post(bob, "a")
    assert server.hears() == [m.ActivityMessage("bob", msgspec.Raw(b'{"content":"a"}'), None, 1)]


def test_who_came_with_the_secret_posts_with_it() -> None:
    bob = Caller("bob")
    server = bob.connected(ticket=None)
    post(bob, "a")
    assert server.hears_one().secret == "secret of bob"  # type: ignore[attr-defined]


def test_there_is_no_posting_while_it_is_not_connected() -> None:
    bob = Caller("bob")
    with pytest.raises(AssertionError, match="only while live"):
        bob.role.post(b"{}")
    bob.at_server()
    with pytest.raises(AssertionError, match="only while live"):
        bob.role.post(b"{}")


def test_activities_are_delivered_in_order() -> None:
    bob = Caller("bob")
    server = bob.connected()
    server.says(*[m.ActivityBroadcast(msgspec.Raw(b"{}"), f"a.1-{number}") for number in range(1, 6)])
    assert [broadcast.id for broadcast in bob.world.delivered] == [f"a.1-{number}" for number in range(1, 6)]


def test_what_it_does_not_understand_is_reported_and_harmless() -> None:
    bob = Caller("bob")
    server = bob.connected()
    server.says(n.DeLoad("s1"))
    assert bob.reported("not_understood") == [{"command": "DE_LOAD"}]
    assert bob.role.live


def test_rubbish_ends_the_link_not_the_client() -> None:
    bob = Caller("bob")
    server = bob.connected()
    server.says(b"?\n")
    assert server.ended
    bob.waits()
    assert bob.dialed() == HOME


def test_leaving_is_said() -> None:
    bob = Caller("bob")
    server = bob.connected()
    bob.host.stop()
    assert server.hears() == [m.Logout()]
    assert server.ended


def test_leaving_before_it_was_in_is_just_leaving() -> None:
    bob = Caller("bob")
    central = bob.answer()
    central.hears()
    bob.host.stop()
    assert central.hears() == []
    assert central.ended


def test_no_secret_is_reported() -> None:
    bob = Caller("bob", register=True)
    bob.answer().says(failed("wrong_credentials"))
    assert "secret of bob" not in repr(bob.world.reports)

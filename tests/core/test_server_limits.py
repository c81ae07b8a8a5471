"""What clients may cost a server."""

from dataclasses import replace

import pytest

from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.settings import DoorLimits, ServerLimits
from oyez.protocol import codec
from oyez.protocol import messages as m
from tests.core.limited import ELSEWHERE, FAR, LimitedServer, refused
from tests.core.servers import feed, hello, login, post

DOOR = DoorLimits(connects=UNLIMITED)
LIMITS = ServerLimits(DOOR)


def test_who_does_not_log_in_is_closed_and_a_session_is_not() -> None:
    server = LimitedServer(LIMITS)
    session, silent = server.logs_in(), server.connect(FAR)
    server.pass_time(9.0)
    assert not silent.ended
    server.pass_time(2.0)
    assert refused(silent) == "too_late"
    server.pass_time(100.0)
    assert not session.ended


def test_whoever_waits_for_the_central_is_not_late() -> None:
    server = LimitedServer(replace(LIMITS, door=replace(DOOR, patience=1.0)))
    bob = server.connect(FAR).says(m.Login("bob", "right"))
    server.pass_time(2.5)
    assert not bob.ended


def test_many_silent_links_do_not_keep_others_out() -> None:
    server = LimitedServer(replace(LIMITS, door=replace(DOOR, strangers=5, strangers_each=0)))
    silent = [server.connect(FAR) for _ in range(20)]
    server.logs_in("zoe")
    server.settle()
    assert [refused(talk) for talk in silent[:15]] == ["crowded"] * 15
    assert sum(not talk.ended for talk in silent) in (4, 5)


def test_connects_of_one_address() -> None:
    server = LimitedServer(replace(LIMITS, door=replace(DOOR, connects=Rate(1.0, 3.0))))
    talks = [server.connect(FAR) for _ in range(5)]
    assert [talk.ended for talk in talks] == [False, False, False, True, True]
    assert refused(talks[-1]) == "too_many_connects"
    assert server.reported("refused")[-1]["address"] == FAR.address
    assert not server.connect(ELSEWHERE).ended


def test_when_it_is_full_clients_are_refused_and_servers_come_in() -> None:
    server = LimitedServer(replace(LIMITS, door=replace(DOOR, links=3, reserve=4)))
    inside = [server.logs_in() for _ in range(3)]
    late = server.connect(FAR).says(login("anonymous"))
    assert refused(late) == "full"
    silent = server.connect(FAR)
    peer = server.linked_from("b")
    server.pass_time(2.5)
    assert refused(silent) == "full"
    assert not peer.ended
    assert not any(talk.ended for talk in inside)
    inside[0].says(m.Logout())
    server.logs_in()


def test_a_server_that_does_not_know_the_secret_takes_no_place_of_a_node() -> None:
    server = LimitedServer(replace(LIMITS, door=replace(DOOR, links=1, reserve=2)))
    server.logs_in()
    wrong = hello("b")
    wrong.secret = "guess"
    assert refused(server.connect(FAR).says(wrong)) == "wrong_secret"


def test_sessions_of_one_user() -> None:
    server = LimitedServer(replace(LIMITS, sessions_each=2))
    first, _ = server.logs_in("bob"), server.logs_in("bob")
    third = server.connect(FAR).says(login("bob"))
    assert refused(third) == "too_many_sessions"
    server.logs_in("zoe")
    first.says(m.Logout())
    server.logs_in("bob")
    for _ in range(5):
        server.logs_in("anonymous")


def test_a_session_that_comes_again_takes_no_second_place() -> None:
    server = LimitedServer(replace(LIMITS, sessions_each=1))
    name = "s" * 16
    server.logs_in("bob", session=name)
    server.logs_in("bob", session=name)


def posts(count: int, begin: int = 0) -> bytes:
    """Lines that come in one piece."""
    return b"".join(codec.encode(post("anonymous", str(number))) for number in range(begin, begin + count))


@pytest.mark.parametrize("at_once", [True, False])
def test_a_session_that_posts_too_fast_is_slowed_and_loses_nothing(at_once: bool) -> None:
    server = LimitedServer(replace(LIMITS, activities=Rate(10.0, 10.0)))
    fast, other = server.logs_in(), server.logs_in()
    if at_once:
        fast.says(posts(30))
    else:
        for number in range(30):
            fast.says(posts(1, number))
    first = len(feed(other))
    assert first >= 11
    assert fast._transport.paused
    other.says(post("anonymous", "hello"))
    assert "anonymous: hello" in feed(other)
    for _ in range(40):
        server.pass_time(0.1)
    assert [line for line in feed(fast) if "hello" not in line] == [f"anonymous: {number}" for number in range(30)]
    assert not fast._transport.paused
    assert [report["username"] for report in server.reported("slowed")] == ["anonymous"]


def test_bytes_of_a_session() -> None:
    server = LimitedServer(replace(LIMITS, bytes=Rate(1000.0, 1000.0)))
    fast = server.logs_in()
    fast.says(posts(50))
    assert fast._transport.paused
    server.pass_time(60.0)
    assert not fast._transport.paused
    assert not fast.ended


def test_a_session_that_rests_still_hears_and_may_leave() -> None:
    server = LimitedServer(replace(LIMITS, activities=Rate(1.0, 1.0)))
    fast, other = server.logs_in(), server.logs_in()
    fast.says(posts(5))
    fast.hears()
    other.says(post("anonymous", "still there?"))
    assert feed(fast) == ["anonymous: still there?"]
    fast.hangs_up()
    server.pass_time(10.0)
    assert server.reported("session_closed")


def test_without_limits_nobody_is_slowed() -> None:
    server = LimitedServer(ServerLimits())
    fast = server.logs_in()
    fast.says(posts(1000))
    assert not fast._transport.paused
    assert server.reported("slowed") == []


def test_the_central_is_told_from_where_a_secret_came() -> None:
    server = LimitedServer(LIMITS)
    server.connect(FAR).says(m.Login("bob", "right"))
    (asked,) = [message for message in server.central.hears() if "VERIFY_LOGIN" in str(message.__struct_config__.tag)]
    assert asked.address == FAR.address  # type: ignore[attr-defined]

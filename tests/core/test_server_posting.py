"""Posting and reading: who may post, what everyone gets, in which order, and what becomes of those who don't read."""

import json

import msgspec
import pytest

from oyez.protocol import limits
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import Serving, brought, feed, from_peer, holds, post, ready


@pytest.fixture
def server() -> Serving:
    return ready()[0]


def with_secret(server: Serving, central: Talk, username: str, secret: str) -> Talk:
    talk = server.connect().says(m.Login(username, secret))
    (question,) = [message for message in central.hears() if isinstance(message, n.VerifyLogin)]
    central.says(n.VerifyLoginSuccess(question.request))
    talk.hears()
    return talk


def fails(talk: Talk, reason: str) -> None:
    (answer,) = talk.hears()
    assert type(answer) is m.AuthenticationFail
    assert answer.reason == reason
    assert answer.info
    assert talk.ended


# -- who may post ---------------------------------------------------------------------------------------------------


def test_an_activity_comes_back_to_its_sender_like_to_everyone(server: Serving) -> None:
    bob, eve, nobody = server.logs_in("bob"), server.logs_in("eve"), server.connect()
    bob.says(post("bob", "hello"))
    assert feed(bob) == feed(eve) == ["bob: hello"]
    assert nobody.hears() == []


def test_who_comes_later_reads_from_then_on(server: Serving) -> None:
    bob = server.logs_in("bob")
    bob.says(post("bob", "one"))
    eve = server.logs_in("eve")
    bob.says(post("bob", "two"))
    assert (feed(bob), feed(eve)) == (["bob: one", "bob: two"], ["bob: two"])


def test_posting_before_login_fails(server: Serving) -> None:
    fails(server.connect().says(post("bob", secret="secret")), "not_logged_in")
    fails(server.connect().says(post("anonymous")), "not_logged_in")


@pytest.mark.parametrize("username", ["eve", "anonymous", "Bob"])
def test_posting_as_somebody_else_fails(server: Serving, username: str) -> None:
    reader, bob = server.logs_in(), server.logs_in("bob")
    fails(bob.says(post("bob", "one"), post(username, "two"), post("bob", "three")), "not_your_session")
    assert feed(reader) == ["bob: one"]


def test_anonymous_may_not_post_as_somebody(server: Serving) -> None:
    fails(server.logs_in().says(post("bob", secret="secret of bob")), "not_your_session")


def test_who_came_with_a_secret_posts_with_it() -> None:
    server, central = ready()
    bob = with_secret(server, central, "bob", "right")
    assert feed(bob.says(post("bob", "hello", secret="right"))) == ["bob: hello"]
    fails(bob.says(post("bob", "hello", secret="wrong")), "not_your_session")
    fails(with_secret(server, central, "bob", "right").says(post("bob", "hello")), "not_your_session")


def test_who_came_with_a_ticket_need_not(server: Serving) -> None:
    bob = server.logs_in("bob")
    assert feed(bob.says(post("bob", "one"), post("bob", "two", secret="any"))) == ["bob: one", "bob: two"]


@pytest.mark.parametrize(
    ("activity", "reason"), [(b"[]", "activity_not_object"), (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "too_deep")]
)
def test_what_is_no_activity_is_refused(server: Serving, activity: bytes, reason: str) -> None:
    talk = server.logs_in("bob").says(m.ActivityMessage("bob", msgspec.Raw(activity)))
    answer = talk.hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == reason
    assert talk.ended
    assert server.role.origin.sequence == 0


def test_a_line_as_long_as_allowed_is_delivered_though_it_grows(server: Serving) -> None:
    bob, eve = server.logs_in("bob"), server.logs_in("eve")
    frame = len(b'{"command":"ACTIVITY_MESSAGE","username":"bob","activity":{"content":""}}')
    bob.says(post("bob", "x" * (limits.LINE - frame)))
    assert feed(eve) == ["bob: " + "x" * (limits.LINE - frame)]


# -- what is delivered ----------------------------------------------------------------------------------------------


def test_each_activity_has_an_id_of_this_origin(server: Serving) -> None:
    bob = server.logs_in("bob").says(post("bob"), post("bob"))
    assert [message.id for message in bob.hears()] == ["m.1-1", "m.1-2"]  # type: ignore[attr-defined]


def test_numbered_posts_come_back_with_their_sessions_tag(server: Serving) -> None:
    talk = server.connect().says(m.Login("anonymous", session="0123456789abcdef"))
    success = talk.hears_one()
    assert isinstance(success, m.LoginSuccess)
    talk.says(post("anonymous", id=7), post("anonymous"))
    assert [message.post for message in talk.hears()] == [f"{success.session}-7", None]  # type: ignore[attr-defined]


def test_the_line_is_made_as_the_protocol_says(server: Serving) -> None:
    talk = server.connect().says(m.Login("anonymous", session="0123456789abcdef"))
    tag = talk.hears_one().session  # type: ignore[attr-defined]
    talk.says(b'{"command":"ACTIVITY_MESSAGE","id":3,"username":"anonymous","activity":{ "a" : 1.0 }}\n')
    assert talk.lines() == [
        b'{"command":"ACTIVITY_BROADCAST","id":"m.1-1","post":"%b-3",' % tag.encode()
        + b'"activity":{"authenticated_user":"anonymous","a" : 1.0 }}'
    ]


def test_nobody_else_can_be_named_as_author(server: Serving) -> None:
    eve = server.logs_in("eve")
    for activity in (b'{"authenticated_user":"bob"}', b'{"\\u0061uthenticated_user":"bob","authenticated_user":"bob"}'):
        eve.says(m.ActivityMessage("eve", msgspec.Raw(activity)))
    seen = [json.loads(line, object_pairs_hook=list)[-1][1] for line in eve.lines()]
    assert seen == [[["authenticated_user", "eve"]]] * 2 or seen == [[("authenticated_user", "eve")]] * 2


def test_what_one_turn_brings_is_one_piece_to_each_reader(server: Serving) -> None:
    bob, eve = server.logs_in("bob"), server.logs_in("eve")
    for talk, author in ((bob, "bob"), (eve, "eve")):
        server.host.received(talk.link, m_line(author, "one") + m_line(author, "two"))
    assert len(server.world.turn) == 1
    server.settle()
    assert feed(bob) == feed(eve) == ["bob: one", "bob: two", "eve: one", "eve: two"]
    assert server.role.merged.delivered == 8


def m_line(author: str, text: str) -> bytes:
    from oyez.protocol import codec

    return codec.encode(post(author, text))


def test_other_servers_activities_reach_everyone_too(server: Serving) -> None:
    peer = server.linked_from("a")
    bob = server.logs_in("bob")
    peer.says(from_peer("a", 1, "one") + from_peer("a", 2, "two"))
    bob.says(post("bob", "three"))
    holds(peer, 1)
    assert feed(bob) == ["zoe: one", "zoe: two", "bob: three"]


def test_an_activity_is_shown_once_another_server_holds_it(server: Serving) -> None:
    """To its sender, too: what one client has seen, no single crash takes from the others."""
    one, two = server.linked_from("a"), server.linked_from("b")
    bob, eve = server.logs_in("bob"), server.logs_in("eve")
    bob.says(post("bob", "hear"), post("bob", "ye"))
    assert brought(one) == brought(two) == ["bob: hear", "bob: ye"]
    assert feed(bob) == feed(eve) == []
    holds(two, 2)
    assert feed(bob) == feed(eve) == ["bob: hear", "bob: ye"]


def test_what_waits_for_a_server_that_dies_is_shown_once_nobody_listens_there(server: Serving) -> None:
    peer, bob = server.linked_from("a"), server.logs_in("bob")
    bob.says(post("bob", "one"))
    peer.hangs_up()
    assert feed(bob) == []
    assert server.dialing() == ["probe:a"]
    server.refuse()
    assert feed(bob) == ["bob: one"]


def test_what_waits_for_a_server_that_was_cut_off_is_shown_after_suspicion() -> None:
    server, central = ready()
    peer, bob = server.linked_from("a"), server.logs_in("bob")
    bob.says(post("bob", "one"))
    peer.hangs_up()
    for _ in range(5):
        central.says(n.Heartbeat())
        server.pass_time(0.5)
    assert feed(bob) == []
    server.pass_time(1.0)
    assert feed(bob) == ["bob: one"]


def test_each_turn_is_acknowledged_once(server: Serving) -> None:
    peer = server.linked_from("a")
    peer.hears()
    peer.says(b"".join(from_peer("a", number, str(number)) for number in (1, 2, 3)))
    assert peer.hears() == [p.Acknowledge(3)]


def test_own_activities_reach_other_servers_and_theirs_are_not_passed_on(server: Serving) -> None:
    one, two = server.linked_from("a"), server.linked_from("b")
    for peer in (one, two):
        peer.hears()
    one.says(from_peer("a", 1, "from a"))
    server.logs_in("bob").says(post("bob", "from m"))
    assert brought(one) == brought(two) == ["bob: from m"]


def test_each_senders_order_is_kept(server: Serving) -> None:
    peer, bob, eve = server.linked_from("a"), server.logs_in("bob"), server.logs_in("eve")
    for number in range(10):
        peer.says(from_peer("a", number + 1, str(number)))
        bob.says(post("bob", str(number)))
        eve.says(post("eve", str(number)))
        holds(peer, 2 * number + 1 + number % 2)  # at times not all of it
    holds(peer, 20)
    seen = feed(bob)
    for author in ("zoe", "bob", "eve"):
        assert [line for line in seen if line.startswith(author)] == [f"{author}: {number}" for number in range(10)]
    assert feed(eve) == seen


# -- who does not read ----------------------------------------------------------------------------------------------


def test_a_slow_reader_reads_on_where_it_was(server: Serving) -> None:
    slow, bob = server.logs_in("eve"), server.logs_in("bob")
    slow.stops_reading(after=50)
    for number in range(20):
        bob.says(post("bob", str(number)))
    assert len(feed(bob)) == 20
    slow.reads_on()
    assert feed(slow) == [f"bob: {number}" for number in range(20)]


def test_who_takes_nothing_for_as_long_as_patience_lasts_is_closed_and_told() -> None:
    server, central = ready(patience=5.0)
    slow, bob = server.logs_in("eve"), server.logs_in("bob")
    slow.stops_reading(after=10)
    bob.says(post("bob", "one"))
    for _ in range(7):
        central.says(n.Heartbeat())
        server.pass_time(1.0)
    assert slow.ended
    messages = slow.hears()
    assert [type(message) for message in messages] == [m.ActivityBroadcast, m.InvalidMessage]
    assert messages[-1] == m.InvalidMessage("closed as a slow consumer: it took nothing for 5 seconds", "slow_consumer")
    assert not bob.ended
    assert len(server.role.sessions) == 1


def test_who_reads_a_little_now_and_then_is_not_closed() -> None:
    server, central = ready(patience=5.0)
    slow, bob = server.logs_in("eve"), server.logs_in("bob")
    slow.stops_reading()
    bob.says(post("bob", "x" * 1000))
    for _ in range(20):
        central.says(n.Heartbeat())
        server.pass_time(1.0)
        slow.reads_on(room=1)
    assert not slow.ended


def test_who_falls_out_of_what_is_retained_is_closed_and_told_at_once() -> None:
    server, _ = ready(retention=2000)
    slow, bob = server.logs_in("eve"), server.logs_in("bob")
    slow.stops_reading(after=10)
    while not slow.ended:
        bob.says(post("bob", "x" * 300))
        assert server.role.merged.size <= 2000
    messages = slow.hears()
    assert [type(message) for message in messages] == [m.ActivityBroadcast, m.InvalidMessage]
    assert messages[-1] == m.InvalidMessage(
        "closed as a slow consumer: it fell out of what is retained", "slow_consumer"
    )
    assert not bob.ended
    assert feed(server.logs_in("mia").says(post("mia"))) == ["mia: hello"]


def test_a_peer_that_takes_nothing_is_closed_and_comes_back_to_its_cursor() -> None:
    server, central = ready()
    peer, bob = server.linked_from("a"), server.logs_in("bob")
    peer.stops_reading(after=200)
    bob.says(post("bob", "one"))
    for _ in range(40):
        central.says(n.Heartbeat())
        peer.says(n.Heartbeat())
        server.pass_time(1.0)
    assert peer.ended
    assert server.reported("peer_stalled")
    again = server.linked_from("a", of=1, cursor=0)
    assert brought(again) == ["bob: one"]


def test_a_peer_that_falls_out_is_closed() -> None:
    server, central = ready(retention=2000)
    slow, quick, bob = server.linked_from("a"), server.linked_from("b"), server.logs_in("bob")
    slow.stops_reading(after=200)
    for number in range(10):
        bob.says(post("bob", "x" * 300))
        holds(quick, number + 1)
    central.says(n.Heartbeat())
    server.pass_time(1.0)
    assert slow.ended
    assert not quick.ended


def test_a_peer_that_makes_too_much_wait_is_closed() -> None:
    """What waits for its copy is not forgotten: it must not become ever more."""
    server, central = ready(retention=2000)
    peer, bob = server.linked_from("a"), server.logs_in("bob")
    peer.stops_reading(after=200)
    for _ in range(15):
        bob.says(post("bob", "x" * 300))
    central.says(n.Heartbeat())
    server.pass_time(1.0)
    assert peer.ended
    assert server.reported("peer_stalled")
    server.refuse()
    assert len(feed(bob)) == 15

"""Clients that resume: from a cursor, on another link, from another server, and what they are told meanwhile."""

import base64

import pytest

from oyez.core import tickets
from oyez.core.server.arrivals import AHEAD, PATIENCE
from oyez.core.server.clients import LIFE
from oyez.core.server.sessions import tag_of
from oyez.core.timing import HEARTBEAT
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import (
    HOME,
    ID,
    KEY,
    NETWORK,
    Serving,
    brought,
    feed,
    from_peer,
    hello,
    holds,
    login,
    post,
    ready,
)

SESSION = "a session string"
OWN = f"{ID}.1"


@pytest.fixture
def server() -> Serving:
    return ready()[0]


def seen(*last: str, network: str = NETWORK, **origins: int) -> m.Resume:
    """A session has seen so much of these servers' logs, and was at `last`."""
    return m.Resume(network, {f"{id}.1": sequence for id, sequence in origins.items()}, [f"{id}.1" for id in last])


def resumes(server: Serving, resume: m.Resume, username: str = "bob", session: str | None = SESSION) -> Talk:
    return server.connect().says(login(username, session=session, resume=resume))


def posts(server: Serving, *texts: str, number: int | None = None) -> None:
    """Somebody posts these, and leaves."""
    eve = server.logs_in("eve", session="another string.." if number else None)
    for index, text in enumerate(texts):
        eve.says(post("eve", text, id=None if number is None else number + index))
    eve.hangs_up()


def time_passes(server: Serving, central: Talk, seconds: float, *peers: Talk) -> None:
    """And everybody else shows life."""
    for _ in range(round(seconds / HEARTBEAT)):
        for talk in (central, *peers):
            talk.says(n.Heartbeat())
        server.pass_time(HEARTBEAT)


def success(talk: Talk) -> m.LoginSuccess:
    message = talk.hears_one()
    assert isinstance(message, m.LoginSuccess), message
    return message


def is_refused(talk: Talk, kind: type[m.Refusal], reason: str) -> None:
    message = talk.hears_one()
    assert type(message) is kind
    assert isinstance(message, m.Refusal)
    assert (message.reason, talk.ended) == (reason, True)


# -- the first cursor -----------------------------------------------------------------------------------------------


def test_who_asks_for_a_cursor_is_given_the_present(server: Serving) -> None:
    server.linked_from("a").says(from_peer("a", 1, "of a"), from_peer("a", 2, "of a"))
    bob = resumes(server, m.Resume())
    given = success(bob)
    assert (given.network, given.origin, given.origins) == (NETWORK, OWN, {"a.1": 2})


def test_what_waits_for_its_second_copy_is_not_in_it(server: Serving) -> None:
    peer = server.linked_from("a")
    posts(server, "one")
    bob = resumes(server, m.Resume())
    assert OWN not in (success(bob).origins or {})
    holds(peer, 1)
    assert feed(bob) == ["eve: one"]


def test_who_does_not_ask_is_told_nothing_of_it(server: Serving) -> None:
    given = success(server.connect().says(login("bob", session=SESSION)))
    assert given == m.LoginSuccess("logged in as user bob", server=ID, session=tag_of("bob", SESSION))


def test_who_resumes_is_given_a_ticket_for_this_server(server: Serving) -> None:
    given = success(resumes(server, m.Resume()))
    assert given.ticket is not None
    ticket = tickets.check({1: KEY}, given.ticket, f"server:{ID}", 1000.0)
    assert isinstance(ticket, tickets.Ticket)
    assert (ticket.username, ticket.lasting) == ("bob", True)
    again = server.connect().says(m.Login("bob", ticket=given.ticket))
    assert isinstance(again.hears_one(), m.LoginSuccess)
    is_refused(server.connect().says(m.Login("bob", ticket=given.ticket)), m.LoginFailed, "ticket_used")
    assert base64.b64encode(KEY).decode() not in repr(given)


def test_who_comes_without_having_been_sent_is_told_where_the_centrals_are(server: Serving) -> None:
    given = success(server.connect().says(m.Login(m.ANONYMOUS, resume=m.Resume())))
    assert given.centrals == [HOME]
    assert success(resumes(server, m.Resume())).centrals is None, "a central has given the ticket"
    assert success(server.connect().says(m.Login(m.ANONYMOUS))).centrals is None


# -- going on from a cursor -----------------------------------------------------------------------------------------


def test_what_was_missed_comes_first_and_once(server: Serving) -> None:
    posts(server, "one", "two", "three")
    bob = resumes(server, seen(m=1))
    posts(server, "four")
    assert feed(bob) == ["LoginSuccess", "eve: two", "eve: three", "eve: four"]


def test_each_origin_is_gone_on_with_where_it_was(server: Serving) -> None:
    one, two = server.linked_from("a"), server.linked_from("b")
    one.says(from_peer("a", 1, "a1"))
    two.says(from_peer("b", 1, "b1"))
    one.says(from_peer("a", 2, "a2"))
    two.says(from_peer("b", 2, "b2"))
    assert feed(resumes(server, seen(a=2))) == ["LoginSuccess", "zoe: b1", "zoe: b2"]
    assert feed(resumes(server, seen(a=1, b=1))) == ["LoginSuccess", "zoe: a2", "zoe: b2"]
    assert feed(resumes(server, seen())) == ["LoginSuccess", "zoe: a1", "zoe: b1", "zoe: a2", "zoe: b2"]
    assert feed(resumes(server, seen(a=2, b=2))) == ["LoginSuccess"]


def test_the_present_is_not_given_to_who_comes_without_a_cursor(server: Serving) -> None:
    posts(server, "one")
    assert feed(server.connect().says(login("bob"))) == ["LoginSuccess"]


def test_what_is_not_held_any_more_is_told() -> None:
    server, _ = ready(retention=1000)
    posts(server, *["x" * 80] * 20)
    first = server.role.merged.first
    assert first > 3
    bob = resumes(server, seen(m=2))
    gap, welcome, *rest = bob.hears()
    assert isinstance(welcome, m.LoginSuccess)
    assert gap == m.Gap([m.Range(OWN, 3, first - 1)])
    assert [type(message) for message in rest] == [m.ActivityBroadcast] * (20 - first + 1)
    assert server.reported("gap") == [{"links": 1, "ranges": 1}]


def test_a_cursor_of_another_network_is_refused(server: Serving) -> None:
    is_refused(resumes(server, seen(network="elsewhere")), m.LoginFailed, "other_network")
    assert len(server.role.sessions) == 0


def test_a_cursor_from_the_future_is_refused_after_a_while() -> None:
    server, central = ready()
    bob = resumes(server, seen(m=1))
    time_passes(server, central, AHEAD - 1)
    assert (bob.hears(), bob.ended) == ([], False)
    time_passes(server, central, 1)
    is_refused(bob, m.InvalidMessage, "cursor_ahead")


def test_a_cursor_that_is_ahead_of_this_server_alone_waits() -> None:
    """It was shown elsewhere a moment ago, and is under way."""
    server, _ = ready()
    peer = server.linked_from("a")
    bob = resumes(server, seen(a=1))
    assert bob.hears() == []
    peer.says(from_peer("a", 1, "one"))
    peer.says(from_peer("a", 2, "two"))
    assert feed(bob) == ["LoginSuccess", "zoe: two"]


def test_a_slow_reader_gets_all_that_it_missed(server: Serving) -> None:
    posts(server, *[str(number) for number in range(50)])
    talk = server.connect()
    talk.stops_reading(after=700)
    talk.says(login("bob", resume=seen(m=10)))
    posts(server, "live")
    while not talk.sent.endswith(b'"live"}}\n'):
        talk.reads_on(room=333)
    assert feed(talk) == ["LoginSuccess", *[f"eve: {number}" for number in range(10, 50)], "eve: live"]


# -- the same session on another link -------------------------------------------------------------------------------


def test_a_session_that_comes_again_takes_the_place_of_the_first() -> None:
    server, central = ready()
    first = resumes(server, m.Resume())
    server.pass_time(0.2)
    central.hears()
    second = resumes(server, seen(m=0))
    assert first.ended
    assert len(server.role.sessions) == 1
    posts(server, "one")
    assert feed(second) == ["LoginSuccess", "eve: one"]
    assert feed(first) == ["LoginSuccess"]


def test_so_does_one_without_a_cursor(server: Serving) -> None:
    first = server.logs_in("bob", session=SESSION)
    server.logs_in("bob", session=SESSION)
    assert first.ended
    assert len(server.role.sessions) == 1


def test_one_that_waits_gives_way_to_one_that_comes_later(server: Serving) -> None:
    """Whichever may read first: the client is at the end of the later link."""
    peer = server.linked_from("a")
    first, second = resumes(server, seen(a=1)), resumes(server, seen(a=1))
    assert (first.ended, second.ended) == (True, False)
    peer.says(from_peer("a", 1, "one"), from_peer("a", 2, "two"))
    assert feed(second) == ["LoginSuccess", "zoe: two"]
    assert first.hears() == []
    assert len(server.role.sessions) == 1


def test_other_sessions_of_the_user_stay(server: Serving) -> None:
    talks = [
        server.logs_in("bob"),
        server.logs_in("bob", session=SESSION),
        server.logs_in("bob", session=SESSION[::-1]),
    ]
    assert not any(talk.ended for talk in talks)


def test_what_it_sends_again_is_posted_once(server: Serving) -> None:
    first = resumes(server, m.Resume())
    first.says(post("bob", "one", id=1), post("bob", "two", id=2))
    first.hangs_up()
    second = resumes(server, seen("m", m=1))
    second.says(post("bob", "two", id=2), post("bob", "three", id=3))
    assert feed(second) == ["LoginSuccess", "bob: two", "bob: three"]


# -- from another server --------------------------------------------------------------------------------------------


def test_its_last_server_ends_it_and_answers_before_it_may_post() -> None:
    server, _ = ready()
    peer = server.linked_from("a")
    peer.hears()
    bob = resumes(server, seen("a", a=0)).says(post("bob", "new", id=2))
    (question,) = peer.hears()
    assert question == p.Settle(bob.link.id, tag_of("bob", SESSION))
    assert feed(bob) == ["LoginSuccess"]
    peer.says(from_peer("a", 1, "old"), p.Settled(bob.link.id, 1))
    assert brought(peer) == ["bob: new"]
    holds(peer, 1)
    assert feed(bob) == ["zoe: old", "bob: new"]


def test_who_logs_in_by_secret_has_to_wait_as_well() -> None:
    server, central = ready()
    peer = server.linked_from("a")
    peer.hears()
    talk = server.connect().says(m.Login("bob", "right", None, SESSION, seen("a", a=0)), post("bob", "new", "right", 2))
    central.says(n.VerifyLoginSuccess(1))
    assert feed(talk) == ["LoginSuccess"]
    assert brought(peer) == []
    peer.says(p.Settled(talk.link.id, 0))
    assert brought(peer) == ["bob: new"]


def test_it_may_post_after_a_while_in_any_case() -> None:
    server, central = ready()
    peer = server.linked_from("a")
    resumes(server, seen("a", a=0)).says(post("bob", "new", id=2))
    time_passes(server, central, PATIENCE - 1, peer)
    assert brought(peer) == []
    time_passes(server, central, 1, peer)
    assert brought(peer) == ["bob: new"]


def test_what_its_dead_server_had_passed_on_is_not_posted_again() -> None:
    """Another survivor has it, and this one not yet."""
    server, _ = ready()
    other, dead = server.linked_from("b"), server.linked_from("a")
    other.says(p.Positions({}, ["a.1", "m.1"]))
    dead.hangs_up()
    server.refuse()
    other.hears()
    bob = resumes(server, seen("a", a=0)).says(post("bob", "one", id=1), post("bob", "two", id=2))
    assert feed(bob) == ["LoginSuccess"]
    other.says(p.Positions({"a.1": p.Held(1, 1)}, ["m.1"]))
    assert other.hears()[-1] == p.RequestActivities("a.1", 0)
    tag = tag_of("bob", SESSION).encode()
    line = from_peer("a", 1, "one", "bob").replace(b'"a.1-1",', b'"a.1-1","post":"%b-1",' % tag)
    other.says(line, p.ActivitiesSupplied("a.1", 1, 1))
    assert brought(other) == ["bob: two"]
    holds(other, 1)
    assert feed(bob) == ["bob: one", "bob: two"]


def test_a_session_that_has_moved_on_is_ended_here_and_answered_for() -> None:
    server, central = ready()
    peer, other = server.linked_from("a"), server.linked_from("b")
    bob = resumes(server, m.Resume())
    bob.says(post("bob", "one", id=1))
    server.pass_time(0.2)
    central.hears()
    for talk in (peer, other):
        talk.hears()
    peer.says(p.Settle(31, tag_of("bob", SESSION)))
    assert bob.ended
    assert central.hears() == [n.DeLoad(ID, "bob")]
    assert peer.hears() == []
    holds(peer, 1)
    assert peer.hears() == []
    holds(other, 1)
    assert peer.hears() == [p.Settled(31, 1)]


def test_a_session_that_has_moved_on_does_not_come_in_from_a_link_that_waits(server: Serving) -> None:
    """It would be taken from where it is."""
    peer, other = server.linked_from("a"), server.linked_from("b")
    bob = resumes(server, seen("b", a=1))
    other.hears()
    peer.says(p.Settle(31, tag_of("bob", SESSION)))
    assert bob.ended
    peer.says(from_peer("a", 1, "one"))
    assert bob.hears() == []
    assert not any(isinstance(message, p.Settle) for message in other.hears())
    assert len(server.role.sessions) == 0


def test_a_session_that_is_not_here_is_answered_for_at_once(server: Serving) -> None:
    peer = server.linked_from("a")
    peer.hears()
    peer.says(p.Settle(31, "unknown"))
    assert peer.hears() == [p.Settled(31, 0)]


# -- what they are told ---------------------------------------------------------------------------------------------


def test_what_the_server_itself_misses_is_told_to_those_who_understand() -> None:
    server, _ = ready()
    peer = server.linked_from("a")
    peer.says(from_peer("a", 1, "one"))
    bob, old = resumes(server, m.Resume()), server.logs_in("eve")
    bob.hears()
    again = server.connect().says(hello("a", of=1, cursor=0), p.ServerPosition("a.1", 5), p.Positions({}, [OWN]))
    assert bob.hears() == [m.Gap([m.Range("a.1", 2, 5)])]
    assert old.hears() == []
    assert server.reported("mesh_gap") == [{"origin": "a.1", "from": 2, "to": 5}]
    again.says(from_peer("a", 6, "six"))
    assert feed(bob) == feed(old) == ["zoe: six"]


def test_who_is_behind_is_not_told_what_was_missed_but_comes_back_for_it() -> None:
    """It would hear of it before what it has still to read."""
    server, _ = ready()
    peer = server.linked_from("a")
    bob, eve = resumes(server, m.Resume()), resumes(server, m.Resume(), "eve", "another string..")
    old = server.logs_in()
    for talk in (bob, eve):
        talk.hears()
    bob.stops_reading()
    old.stops_reading()
    peer.says(from_peer("a", 1, "one"))
    server.connect().says(hello("a", of=1, cursor=1), p.ServerPosition("a.1", 5), p.Positions({}, [OWN]))
    assert bob.ended
    assert not old.ended  # whom nobody tells anything
    assert [message for message in eve.hears() if isinstance(message, m.Gap)] == [m.Gap([m.Range("a.1", 2, 5)])]
    again = resumes(server, seen(a=0))
    assert [message.gaps for message in again.hears() if isinstance(message, m.Gap)] != []


def test_in_quiet_those_who_understand_are_shown_life() -> None:
    server, central = ready()
    bob, old = resumes(server, m.Resume()), server.logs_in("eve")
    bob.hears()
    time_passes(server, central, 3 * LIFE)
    assert bob.hears() == [n.Heartbeat()] * 3
    assert old.hears() == []


def test_who_posts_shows_life_enough() -> None:
    server, central = ready()
    bob, eve = resumes(server, m.Resume()), server.logs_in("eve")
    bob.hears()
    for _ in range(10):
        eve.says(post("eve", "x"))
        time_passes(server, central, HEARTBEAT)
    assert feed(bob) == ["eve: x"] * 10

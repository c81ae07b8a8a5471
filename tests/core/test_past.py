"""What was there before a server had clients: kept from who is here, given to who resumes (ADR 9).

Server "m" began to serve when it knew of no other. Server "a" has been there for longer.
"""

from oyez.core.server.past import Marks, Past
from oyez.log import Chunk, Log
from oyez.protocol import messages as m
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import NETWORK, Serving, feed, from_peer, hello, login, ready


def chunk(first: int, count: int) -> Chunk:
    lines = [b'{"n":%d}\n' % number for number in range(first, first + count)]
    return Chunk("a.1", first, count, b"".join(lines))


# -- how far the own log was -----------------------------------------------------------------------------------------


def test_how_far_the_log_was_is_known_of_every_mark() -> None:
    marks, log = Marks(), Log(1_000_000)
    for now in (1.0, 2.0, 3.0):
        marks.mark(now, log)
        log.publish([chunk(log.last + 1, 2)])
    marks.mark(4.0, log)
    assert [marks.at(moment) for moment in (0.5, 1.0, 2.9, 3.5, 9.0)] == [0, 0, 2, 4, 6]


def test_what_the_log_has_forgotten_needs_no_mark() -> None:
    marks, log = Marks(), Log(1)
    for now in range(100):
        log.publish([chunk(log.last + 1, 1)])
        marks.mark(now, log)
    assert marks.at(99) == 100
    assert marks.at(97) == 0


# -- how much of another log is past ---------------------------------------------------------------------------------


def test_a_chunk_is_past_up_to_there() -> None:
    past = Past()
    past.begin("a.1", 2, 5)
    assert not past.complete
    assert past.of(chunk(3, 2)) == chunk(3, 2)
    past.kept(chunk(3, 2))
    assert past.kept_back
    assert not past.complete
    assert past.of(chunk(5, 3)) == chunk(5, 1)
    past.kept(chunk(5, 1))
    assert past.complete
    assert past.of(chunk(6, 2)).count == 0


def test_where_nothing_of_the_past_is_left_it_is_complete_at_once() -> None:
    past = Past()
    past.begin("a.1", 5, 5)
    assert past.complete
    past.recalled()
    assert not past.complete
    past.begin("a.1", 0, 0)
    assert not past.complete


def test_what_can_never_come_is_forgotten() -> None:
    past = Past()
    past.begin("a.1", 0, 5)
    past.forget("a.1")
    assert past.of(chunk(1, 2)).count == 0


# -- at a server -----------------------------------------------------------------------------------------------------


def resumed(server: Serving, cursor: int) -> Talk:
    """Somebody who has seen so much of the other server's log, and has come here before that server has."""
    resume = m.Resume(NETWORK, {"a.1": cursor})
    talk = server.connect().says(login("bob", session="0123456789abcdef", resume=resume))
    assert isinstance(talk.hears_one(), m.LoginSuccess)
    return talk


def met(server: Serving, after: int, past: int, last: int) -> Talk:
    """The other server's log goes on behind that, and was so far when this one began."""
    a = server.connect().says(hello("a"), p.ServerPosition("a.1", after, last, past))
    return a.says(p.Positions({}, ["m.1"]))


def lines(first: int, last: int) -> list[bytes]:
    return [from_peer("a", sequence, str(sequence)) for sequence in range(first, last + 1)]


def come_again(server: Serving, talk: Talk, cursor: int) -> list[object]:
    """It is told to, and does; what it gets: gaps, and activities."""
    redirect = talk.hears_one()
    assert isinstance(redirect, m.Redirect)
    assert (redirect.hostname, redirect.port) == (server.role.address.hostname, server.role.address.port)
    assert talk.ended
    resume = m.Resume(NETWORK, {"a.1": cursor})
    again = server.connect().says(m.Login("bob", None, redirect.ticket, "0123456789abcdef", resume))
    heard = again.hears()
    return [
        one.gaps if isinstance(one, m.Gap) else one.id for one in heard if isinstance(one, m.Gap | m.ActivityBroadcast)
    ]


def test_the_past_is_shown_to_nobody_who_came_since() -> None:
    server, _ = ready()
    reader = server.logs_in("eve")
    met(server, 0, 2, 3).says(*lines(1, 3))
    assert feed(reader) == ["zoe: 3"]


def test_who_resumed_comes_in_again_for_the_past_and_before_it_is_shown_more() -> None:
    """Seed 9002195: it was shown what came after that, and so took the past for seen."""
    server, _ = ready()
    bob = resumed(server, 1)
    met(server, 0, 2, 3).says(*lines(1, 3))
    assert come_again(server, bob, 1) == ["a.1-2", "a.1-3"]


def test_it_comes_in_again_once_all_of_the_past_is_here() -> None:
    server, _ = ready()
    bob = resumed(server, 0)
    a = met(server, 0, 3, 4).says(*lines(1, 2))
    assert bob.hears() == []
    a.says(*lines(3, 3))
    assert come_again(server, bob, 0) == ["a.1-1", "a.1-2", "a.1-3"]


def test_it_does_not_wait_long_for_what_may_never_come() -> None:
    server, _ = ready()
    bob = resumed(server, 0)
    met(server, 0, 3, 4).says(*lines(1, 2))
    server.pass_time(1.0)
    assert come_again(server, bob, 0) == ["a.1-1", "a.1-2"]


def test_what_of_the_past_is_not_there_any_more_is_a_gap_to_who_resumed_alone() -> None:
    server, _ = ready()
    bob = resumed(server, 1)
    eve = server.connect().says(login("eve", session="fedcba9876543210", resume=m.Resume()))
    eve.hears()
    met(server, 5, 5, 6).says(*lines(6, 6))
    assert come_again(server, bob, 1) == [[m.Range("a.1", 2, 5)], "a.1-6"]
    assert feed(eve) == ["zoe: 6"]


def test_what_comes_of_a_log_that_was_known_is_not_past() -> None:
    """Others had told of it: who is here has been told where it begins, and lacks what follows."""
    server, _ = ready()
    eve = server.logs_in("eve")
    server.connect().says(hello("b"), p.ServerPosition("b.1", 0, 0), p.Positions({"a.1": p.Held(10, 9)}, ["m.1"]))
    met(server, 9, 11, 11).says(*lines(10, 11))
    assert feed(eve) == ["zoe: 10", "zoe: 11"]

"""A server that was cut off: what it missed is gathered first, and then shown in the order of the sessions (ADR 9).

Server "m" serves, and has clients; "a" and "b" were out of its reach for a while.
"""

from oyez.core.server.sessions import tag_of
from oyez.core.timing import HEARTBEAT, SUSPICION
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import Serving, feed, from_peer, hello, holds, post, ready

BOTH = ["a.1", "b.1"]
TAG = tag_of("zoe", "0123456789abcdef")


def posted(id: str, sequence: int, number: int) -> bytes:
    """A session's post of this number, as it is in that server's log."""
    line = from_peer(id, sequence, f"post {number}")
    return line.replace(b'"activity"', b'"post":"%b-%d","activity"' % (TAG.encode(), number), 1)


def cut_off(copies: int = 2) -> tuple[Serving, Talk, Talk]:
    """And its central, and somebody who reads."""
    server, central = ready(copies=copies)
    peers = [greets(server, id, withheld=copies > 2).says(p.Positions({}, ["m.1"])) for id in "ab"]
    reader = server.logs_in("eve")
    for peer in peers:
        peer.hangs_up()
    server.pass_time(SUSPICION)
    central.says(n.Heartbeat())
    return server, central, reader


def greets(server: Serving, id: str, last: int = 0, withheld: bool = False) -> Talk:
    """It has not said yet what it has lost."""
    return server.connect().says(hello(id), p.ServerPosition(f"{id}.1", 0, last, withheld=withheld))


def back(server: Serving, id: str, through: int, cursor: int = 0) -> Talk:
    """This server is linked anew; its log goes so far."""
    talk = server.connect().says(hello(id, of=1, cursor=cursor), p.ServerPosition(f"{id}.1", 0, through))
    return talk.says(p.Positions({}, ["m.1", *(origin for origin in BOTH if origin != f"{id}.1")]))


def test_posts_of_a_session_that_moved_meanwhile_are_shown_in_order() -> None:
    server, _, reader = cut_off()
    b, a = back(server, "b", 1), back(server, "a", 1)
    b.says(posted("b", 1, 2))
    assert feed(reader) == []
    a.says(posted("a", 1, 1))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]
    assert not server.role.broadcast.gathering
    a.says(posted("a", 2, 3))
    assert feed(reader) == ["zoe: post 3"]


def test_what_is_supplied_of_a_lost_server_comes_before_what_follows_it() -> None:
    server, _, reader = cut_off()
    a = server.connect().says(hello("a", of=1, cursor=0), p.ServerPosition("a.1", 0, 1))
    a.says(posted("a", 1, 2))
    assert feed(reader) == []  # it has not said yet what it has lost
    a.hears()
    a.says(p.Positions({"b.1": p.Held(1, 1)}, ["m.1"]))
    assert [message for message in a.hears() if isinstance(message, p.RequestActivities)] == [
        p.RequestActivities("b.1", 0)
    ]
    assert feed(reader) == []
    a.says(posted("b", 1, 1), p.ActivitiesSupplied("b.1", 1, 1))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]


def test_own_activities_are_shown_meanwhile() -> None:
    server, _, reader = cut_off()
    back(server, "b", 1)
    a = back(server, "a", 0)
    reader.says(post("eve", "own"))
    holds(a, 1)
    assert feed(reader) == ["eve: own"]


def test_a_server_that_brings_nothing_is_not_waited_for_for_long() -> None:
    """Though it shows life: it may be slow, or what others say that they hold may never come."""
    server, central, reader = cut_off()
    b = back(server, "b", 2).says(posted("b", 1, 2))
    for _ in range(round(SUSPICION / HEARTBEAT) - 1):
        server.pass_time(HEARTBEAT)
        central.says(n.Heartbeat())
        b.says(n.Heartbeat())
    assert feed(reader) == []
    server.pass_time(HEARTBEAT)
    assert feed(reader) == ["zoe: post 2"]
    assert server.role.mesh.behind
    assert not b.ended


def test_who_is_lost_again_is_not_waited_for_once_the_others_have_lost_it_too() -> None:
    server, _, reader = cut_off()
    a, b = back(server, "a", 2), back(server, "b", 1)
    b.says(posted("b", 1, 2))
    a.says(posted("a", 1, 1))
    a.hangs_up()
    assert feed(reader) == []  # the other may have more of it
    b.says(p.Positions({"a.1": p.Held(1, 1)}, ["m.1"]))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]


def test_what_another_has_of_a_server_comes_before_what_follows_it() -> None:
    """A server woke up, and was linked with one that had gone on, before it was with the one whose sessions had gone
    there: what they posted next came first."""
    server, _, reader = cut_off()
    b = back(server, "b", 1)
    b.says(posted("b", 1, 2))
    assert [asked for asked in b.hears() if isinstance(asked, p.RequestActivities)] == [p.RequestActivities("a.1", 0)]
    assert feed(reader) == []
    b.says(posted("a", 1, 1), p.ActivitiesSupplied("a.1", 1, 1))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]


def test_what_was_answered_before_a_server_was_linked_does_not_count() -> None:
    """What that one brings may follow what was not there yet."""
    server, _, reader = cut_off()
    b = server.connect().says(hello("b", of=1, cursor=0), p.ServerPosition("b.1", 0, 0))
    b.says(p.Positions({}, ["m.1", "a.1"]), p.ActivitiesSupplied("a.1", 0, 0))
    assert not server.role.broadcast.gathering
    greets(server, "c", 1).says(posted("c", 1, 2), p.Positions({}, ["m.1", "a.1", "b.1"]))
    assert feed(reader) == []
    b.says(posted("a", 1, 1), p.ActivitiesSupplied("a.1", 1, 1))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]


def test_what_is_not_released_yet_is_waited_for() -> None:
    """With three copies: one server's log may be released while another's, which it follows, is not yet."""
    server, _, reader = cut_off(copies=3)
    a, b = [greets(server, id, 1, withheld=True) for id in "ab"]
    a.says(p.Positions({}, ["m.1", "b.1"]), posted("a", 1, 1))
    b.says(p.Positions({}, ["m.1", "a.1"]), posted("b", 1, 2), p.Released(1))
    assert feed(reader) == []
    a.says(p.Released(1))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]


def test_what_too_few_survivors_hold_yet_is_waited_for() -> None:
    """With three copies: the end of a lost server's log, and what follows it in another's."""
    server, _, reader = cut_off(copies=3)
    a, c = greets(server, "a", 1, withheld=True), greets(server, "c", withheld=True)
    c.says(p.Positions({"b.1": p.Held(1, 0)}, ["m.1", "a.1"]))
    a.says(p.Positions({"b.1": p.Held(1, 1)}, ["m.1", "c.1"]), posted("a", 1, 2), p.Released(1))
    a.says(posted("b", 1, 1), p.ActivitiesSupplied("b.1", 1, 1))
    assert feed(reader) == []
    c.says(p.Positions({"b.1": p.Held(1, 1)}, ["m.1", "a.1"]))
    assert feed(reader) == ["zoe: post 1", "zoe: post 2"]


def test_a_server_that_is_met_for_the_first_time_brings_nothing_out_before_its_time() -> None:
    """Seed 13014440: what was gathered was shown as if there were a gap."""
    server, _, reader = cut_off()
    b, _ = back(server, "b", 1), back(server, "a", 1)
    b.says(posted("b", 1, 2))
    greets(server, "c")
    assert feed(reader) == []
    assert server.role.broadcast.gathering


def test_a_gap_does_not_overtake_what_is_gathered() -> None:
    """Else who is told of it takes what comes then for known."""
    server, _, _ = cut_off()
    bob = server.connect().says(m.Login(m.ANONYMOUS, session="0123456789abcdef", resume=m.Resume()))
    bob.hears()
    back(server, "b", 1)
    a = back(server, "a", 9)
    a.says(from_peer("a", 1, "one"), from_peer("a", 2, "two"))
    again = server.connect().says(hello("a", of=1, cursor=0), p.ServerPosition("a.1", 7, 9))
    again.says(p.Positions({}, ["m.1", "b.1"]), from_peer("a", 8, "eight"), from_peer("a", 9, "nine"))
    server.pass_time(SUSPICION)
    heard = [
        message.gaps if isinstance(message, m.Gap) else message.id
        for message in bob.hears()
        if isinstance(message, m.Gap | m.ActivityBroadcast)
    ]
    assert heard == ["a.1-1", "a.1-2", [m.Range("a.1", 3, 7)], "a.1-8", "a.1-9"]


def test_what_is_gathered_may_repeat_what_is_released_in_the_same_turn() -> None:
    """Seed 8035933: a session moved away while its server slept, and posted on; what it had posted here before was
    taken for shown, and its later post came first."""
    server, _ = ready()
    server.linked_from("b").hangs_up()
    reader = server.logs_in("eve")
    zoe = server.logs_in("zoe", session="0123456789abcdef")
    zoe.says(post("zoe", "post 1", id=1), post("zoe", "post 2", id=2))
    assert feed(reader) == []  # "b" may be back any moment
    b = server.connect().says(hello("b", of=1, cursor=0), p.ServerPosition("b.1", 0, 3), p.Positions({}, ["m.1"]))
    assert server.role.broadcast.gathering
    b.says(p.Acknowledge(2), *[posted("b", number, number) for number in (1, 2, 3)])
    assert feed(reader) == [f"zoe: post {number}" for number in (1, 2, 3)]
    assert server.role.broadcast.lag == 0

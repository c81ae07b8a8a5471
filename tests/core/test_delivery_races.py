"""Deliveries that race with links, crashes and retention: each test says what was broken (ADR 9)."""

import sys

import pytest

from oyez.core.client.seen import Seen
from oyez.core.server.server import Server
from oyez.core.server.sessions import tag_of
from oyez.log import Chunk, Cursor, Log
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.council import Council, founded
from tests.core.nodes import Talk
from tests.core.servers import Serving, feed, from_peer, holds, listing, post, welcome

SESSION = "0123456789abcdef"
NET = "net"


# -- several real servers -------------------------------------------------------------------------------------------


def enters(council: Council, server: str, session: str | None = None, resume: m.Resume | None = None) -> Talk:
    return council.asks(server, m.Login(m.ANONYMOUS, session=session, resume=resume or m.Resume()))


def says(council: Council, talk: Talk, text: str, id: int) -> None:
    talk.says(post(m.ANONYMOUS, text, id=id))
    council.settle()


def shown(talk: Talk) -> list[str]:
    return [line.partition(": ")[2] for line in feed(talk) if ": " in line]


def cursor(talk: Talk) -> m.Resume:
    """With which it goes on after its first post."""
    (first,) = [message for message in talk.hears() if isinstance(message, m.LoginSuccess)]
    assert first.network is not None
    assert first.origin is not None
    return m.Resume(first.network, {**(first.origins or {}), first.origin: 1}, [first.origin])


def linked(council: Council, one: str, other: str) -> bool:
    role = council.members[one].role
    assert isinstance(role, Server)
    peer = role.mesh.peers.get(other)
    return peer is not None and peer.positioned


def test_a_third_server_that_is_cut_off_from_the_first_gets_the_session_in_order() -> None:
    # Was broken (order): s answers SETTLE though u, which it has just lost, does not hold post 1; t accepts post 2
    # and u shows it first.
    council = founded(servers="stu")
    reader, sender = enters(council, "u"), enters(council, "s", SESSION)
    resume = cursor(sender)
    council.cut("s", "u")
    says(council, sender, "one", 1)
    assert shown(sender) == ["one"]  # t holds it
    sender = enters(council, "t", SESSION, resume)
    for _ in range(40):
        council.run(0.1)
    says(council, sender, "two", 2)
    council.run(1.0)
    council.heal()
    council.until(lambda: linked(council, "s", "u"))
    council.run(1.0)
    assert shown(reader) == ["one", "two"]


def test_a_server_that_was_cut_off_while_an_origin_died_gets_its_sessions_in_order() -> None:
    # Was broken (order): back again, u reads t's log at once, and what it lacks of s's later.
    council = founded(servers="stu")
    reader, sender = enters(council, "u"), enters(council, "s", SESSION)
    resume = cursor(sender)
    council.cut("st", "u")
    council.run(4.0)
    says(council, sender, "one", 1)
    assert shown(sender) == ["one"]
    council.kill("s")
    sender = enters(council, "t", SESSION, resume)
    council.run(1.0)
    says(council, sender, "two", 2)
    council.run(4.0)
    assert shown(sender) == ["two"]
    council.heal()
    council.until(lambda: linked(council, "t", "u"))
    council.run(2.0)
    assert shown(reader) == ["one", "two"]


def test_with_one_other_server_that_stands_still_posts_come_back_within_5_seconds() -> None:
    # Was broken (promise 8): 3 s until its silence is noticed, and 3 s more for which it counts as awaited, because a
    # process that stands still accepts the probe.
    council = founded(servers="st")
    sender = enters(council, "s", SESSION)
    council.freeze("t")
    sender.hears()
    says(council, sender, "one", 1)
    seconds = council.until(lambda: "one" in shown(sender))
    assert seconds <= 5.0


# -- one real server ------------------------------------------------------------------------------------------------


def serving(*servers: n.ServerAddress, **more: object) -> Serving:
    server = Serving(**more)  # type: ignore[arg-type]
    hello = welcome(*servers)
    hello.network = NET
    server.meets_central().says(hello)
    return server


def with_peers(*ids: str, **more: object) -> tuple[Serving, list[Talk]]:
    server = serving(*(listing(id) for id in ids), **more)
    peers = [server.linked_from(id) for id in ids]
    for peer in peers:
        peer.says(p.Positions({}, ["m.1", *(f"{id}.1" for id in ids)]))
    return server, peers


def back(server: Serving, origins: dict[str, int], *last: str, session: str = SESSION) -> Talk:
    return server.connect().says(m.Login(m.ANONYMOUS, session=session, resume=m.Resume(NET, origins, list(last))))


def aware(server: Serving, session: str = SESSION) -> Talk:
    talk = server.connect().says(m.Login(m.ANONYMOUS, session=session, resume=m.Resume()))
    talk.hears()
    return talk


def numbered(id: str, sequence: int, tag: str, number: int, text: str) -> bytes:
    line = from_peer(id, sequence, text)
    return line.replace(b'"activity"', b'"post":"%b-%d","activity"' % (tag.encode(), number), 1)


def test_a_link_that_replaces_another_is_waited_for() -> None:
    # Was broken (two copies): `Mesh.greeted` takes the old link away without `lost_at`, so that nobody is awaited,
    # and all that waits for its copy is shown at once, though only this server holds it.
    server, (_,) = with_peers("a")
    bob = aware(server)
    bob.says(post(m.ANONYMOUS, "one", id=1))
    assert shown(bob) == []  # a holds nothing of it
    again = server.connect()  # a has noticed that the link is broken; m has not
    again.says(p.ServerHello("cluster secret", "a", 1, 1, 0), p.ServerPosition("a.1", 0))
    assert shown(bob) == []


def test_a_probe_that_fails_late_does_not_make_the_next_loss_a_departure() -> None:
    # Was broken (two copies): `away` stays set by a probe that failed after the server was back.
    server, (a,) = with_peers("a")
    bob = aware(server)
    a.hangs_up()
    assert server.dialing() == ["probe:a"]
    a = server.linked_from("a")
    server.refuse()  # the probe
    bob.says(post(m.ANONYMOUS, "one", id=1))
    a.hangs_up()
    assert shown(bob) == []


def test_a_gap_does_not_overtake_what_a_slow_reader_has_still_to_read() -> None:
    # Was broken (delivered, never silent): GAP is sent ahead of the reader's backlog, moves its cursor beyond the
    # backlog, and the library then drops what comes of it as known.
    server, (a,) = with_peers("a")
    bob = aware(server)
    bob.stops_reading()
    a.says(from_peer("a", 1, "one"), from_peer("a", 2, "two"))
    a.hangs_up()
    again = server.connect()
    again.says(p.ServerHello("cluster secret", "a", 1, 1, 2), p.ServerPosition("a.1", 10), p.Positions({}, ["m.1"]))
    again.says(from_peer("a", 11, "eleven"))
    bob.reads_on()
    seen, got = Seen(m.Resume(NET, {"a.1": 0})), []
    for talk in (bob, back(server, {"a.1": 0})):  # it is closed, and comes back
        for message in talk.hears():
            if isinstance(message, m.Gap):
                seen.skip(message.gaps)
            elif isinstance(message, m.ActivityBroadcast) and seen.is_new(message.id, message.post):
                got.append(message.id)
    assert bob.ended
    assert got == ["a.1-11"]
    assert seen.origins["a.1"] == 11


def test_what_is_told_as_a_gap_is_not_given_all_the_same() -> None:
    # A skip makes everything before it a gap, also what is retained: then it is not given either.
    server, (a,) = with_peers("a")
    a.says(from_peer("a", 1, "one"), from_peer("a", 2, "two"))
    a.hangs_up()
    again = server.connect()
    again.says(p.ServerHello("cluster secret", "a", 1, 1, 2), p.ServerPosition("a.1", 10), p.Positions({}, ["m.1"]))
    again.says(from_peer("a", 11, "eleven"))
    bob = back(server, {"a.1": 0})
    heard = bob.hears()
    gaps = [message.gaps for message in heard if isinstance(message, m.Gap)]
    ids = [message.id for message in heard if isinstance(message, m.ActivityBroadcast)]
    assert (gaps, ids) == ([[m.Range("a.1", 1, 10)]], ["a.1-11"])


def test_a_cursor_that_a_linked_server_has_reached_is_not_called_ahead() -> None:
    # Was broken (delivered): a, linked, has said that its log goes to 100; this server is still reading it after 8 s.
    # The client is refused with `cursor_ahead`, which the library takes as final.
    server, (a,) = with_peers("a")
    a.hangs_up()
    a = server.connect()
    a.says(p.ServerHello("cluster secret", "a", 1, 1, 0), p.ServerPosition("a.1", 0, 100), p.Positions({}, ["m.1"]))
    bob = back(server, {"a.1": 50})
    for sequence in range(1, 21):
        server.pass_time(0.5)
        a.says(from_peer("a", sequence, "slowly"))
    assert [message for message in bob.hears() if isinstance(message, m.InvalidMessage)] == []


def test_a_server_without_links_for_a_moment_shows_the_session_in_order() -> None:
    # Holds: `Repair.settled` is true at once where there is no link at all, but what is posted then waits for its copy.
    server, (a, b) = with_peers("a", "b")
    reader = aware(server, "reader of session")
    a.hangs_up()
    b.hangs_up()
    back(server, {"a.1": 1}, "a.1").says(post(m.ANONYMOUS, "two", id=2))
    server.pass_time(0.1)
    a = server.connect()
    a.says(p.ServerHello("cluster secret", "a", 1, 1, 0), p.ServerPosition("a.1", 0, 1), p.Positions({}, ["m.1"]))
    a.says(numbered("a", 1, tag_of(m.ANONYMOUS, SESSION), 1, "one"), p.Acknowledge(1))
    server.pass_time(4.0)
    assert shown(reader) == ["one", "two"]


def test_a_newcomer_that_still_reads_keeps_no_session_from_posting() -> None:
    # Was broken (promise 8): `held_by_all` counts a newcomer that serves nobody and has our whole log still to read;
    # each session that moves meanwhile may not post for 5 s.
    server, (a,) = with_peers("a")
    bob = aware(server)
    bob.says(post(m.ANONYMOUS, "one", id=1))
    holds(a, 1)
    server.linked_from("b")  # holds nothing yet
    a.hears()
    a.says(p.Settle(7, "tag"))
    assert [message.sequence for message in a.hears() if isinstance(message, p.Settled)] == [1]


def test_a_server_that_was_restarted_keeps_no_session_of_its_last_life_from_posting() -> None:
    # Was broken (promise 8): the same in `Repair.settled`: killed and started again at once, as by a supervisor, the
    # newcomer has to read its former log before the sessions that moved away may post: up to 5 s.
    server, (a, b) = with_peers("a", "b")
    a.says(from_peer("a", 1, "one"))
    a.hangs_up()
    b.says(p.Positions({"a.1": p.Held(1, 1)}, ["m.1"]))
    again = server.connect()
    again.says(p.ServerHello("cluster secret", "a", 2), p.ServerPosition("a.2", 0))
    again.says(p.Positions({"a.1": p.Held(1, 0)}, ["m.1", "b.1"], serves=False))
    bob = back(server, {"a.1": 1}, "a.1")
    bob.says(post(m.ANONYMOUS, "two", id=2))
    assert server.role.origin.sequence == 1


def test_what_another_server_still_holds_is_not_told_as_a_gap() -> None:
    # Was broken (delivered within retention): the first that tells decides; who tells later could have supplied it.
    server, (a, b, c) = with_peers("a", "b", "c")
    reader = aware(server)
    a.says(*[from_peer("a", sequence, "x") for sequence in range(1, 6)])
    a.hangs_up()
    reader.hears()
    b.says(p.Positions({"a.1": p.Held(10, 20)}, ["m.1", "c.1"]))
    c.says(p.Positions({"a.1": p.Held(1, 20)}, ["m.1", "b.1"]))
    assert [message for message in reader.hears() if isinstance(message, m.Gap)] == []


def test_a_late_question_does_not_end_a_session_that_has_come_back() -> None:
    # Was broken (a live session is cut, nothing lost): SETTLE ends whatever has the tag now.
    server, (a,) = with_peers("a")
    bob = back(server, {"a.1": 0}, "a.1")  # asked a, and a has asked in its turn for an arrival that is over
    a.says(p.Settle(7, tag_of(m.ANONYMOUS, SESSION)))
    assert not bob.ended


def test_a_long_tail_that_comes_late_is_shown_whole() -> None:
    # Was broken (silent loss): of what comes behind a later post of its session, only the last 1,000 count as new.
    server, (a, b) = with_peers("a", "b")
    reader, tag = aware(server), tag_of("zoe", SESSION)
    b.says(numbered("b", 1, tag, 1501, "last"))
    a.says(*[numbered("a", number, tag, number, str(number)) for number in range(1, 1501)])
    assert len(shown(reader)) == 1501


def test_a_settlement_waits_for_a_server_that_was_here_a_moment_ago() -> None:
    # Was broken (order): `held_by_all` leaves out whoever has no link at this moment, and is back in the next.
    server, (a, b) = with_peers("a", "b")
    bob = aware(server)
    bob.says(post(m.ANONYMOUS, "one", id=1))
    holds(a, 1)
    b.hangs_up()
    a.hears()
    a.says(p.Settle(7, "tag"))
    assert [message for message in a.hears() if isinstance(message, p.Settled)] == []


def test_a_server_that_leaves_waits_for_a_server_that_was_here_a_moment_ago() -> None:
    # Was broken (drain, with --copies 1): the same; it ends, and what nobody else holds ends with it.
    server, (a,) = with_peers("a")
    server.role.broadcast.copies.wanted = 1
    bob = aware(server)
    bob.says(post(m.ANONYMOUS, "one", id=1))
    assert shown(bob) == ["one"]
    a.hangs_up()
    bob.says(m.Logout())
    server.host.leave()
    assert not server.world.has_stopped


def test_a_post_that_three_sides_have_accepted_is_shown_once() -> None:
    server, (a, b) = with_peers("a", "b")
    bob, reader = aware(server), aware(server, "reader of session")
    bob.says(post(m.ANONYMOUS, "one", id=1))  # waits
    tag = tag_of(m.ANONYMOUS, SESSION)
    a.says(numbered("a", 1, tag, 1, "one"))
    b.says(numbered("b", 1, tag, 1, "one"))
    holds(a, 1)
    assert shown(reader) == ["one"]


def test_what_is_done_between_two_arrivals_does_not_open_a_silent_hole() -> None:
    # Was broken (never silent): `Arrivals.review` reckons gaps for the second session; its effects are carried out
    # after the `Release` of the first, whose LOGOUT publishes in between and so forgets what the second lacks.
    server, (a,) = with_peers("a", retention=3000)
    server.role.broadcast.copies.wanted = 1
    for sequence in range(1, 6):
        a.says(from_peer("a", sequence, "x" * 300))
    one, two = back(server, {"a.1": 6}, session="1" * 16), back(server, {"a.1": 6, "m.1": 0}, session="2" * 16)
    one.says(*[post(m.ANONYMOUS, "y" * 600, id=number) for number in range(1, 9)], m.Logout())
    a.says(from_peer("a", 6, "z"), from_peer("a", 7, "z"))
    heard = two.hears()
    gaps = {gap.origin: gap.last for message in heard if isinstance(message, m.Gap) for gap in message.gaps}
    ids = [message.id for message in heard if isinstance(message, m.ActivityBroadcast)]
    lacking = [f"a.1-{s}" for s in (7,) if f"a.1-{s}" not in ids and gaps.get("a.1", 0) < s]
    lacking += [f"m.1-{s}" for s in range(1, 9) if f"m.1-{s}" not in ids and gaps.get("m.1", 0) < s]
    assert lacking == []


def test_a_newcomer_learns_of_many_lost_origins_and_serves() -> None:
    # Was broken (joining): with more than 512 lost origins a heartbeat in the middle of the repair forgets those that
    # are being asked for: the newcomer never serves; and the answer, which is then refused, costs the link and
    # whatever came of that server's own log in the same block.
    server = serving(listing("a"))
    a = server.connect().says(p.ServerHello("cluster secret", "a", 1), p.ServerPosition("a.1", 0))
    lost = {f"old{number:03}.1": p.Held(1, 1) for number in range(600)}
    a.says(p.Positions(lost, ["m.1"]))
    server.pass_time(0.6)  # a heartbeat
    for _ in range(2000):
        asked = [message for message in a.hears() if isinstance(message, p.RequestActivities)]
        if not asked or a.ended:
            break
        for message in asked:
            id = message.origin.removesuffix(".1")
            a.says(from_peer(id, 1, "x"), p.ActivitiesSupplied(message.origin, 1, 1))
    assert not a.ended
    server.pass_time(5.0)
    assert server.role.clients.serving


# -- bounded --------------------------------------------------------------------------------------------------------


def test_a_reader_that_resumes_costs_no_memory_beyond_its_place() -> None:
    # Was broken (bounded): a reference for each chunk that is retained, for each reader, and the chunks live as long.
    log = Log(1 << 20)
    for sequence in range(1, 2001):
        log.publish([Chunk("a.1", sequence, 1, from_peer("a", sequence, "x"))])
    cursor = log.resume({}, 1, lambda data: 0)
    assert all(size < 1000 for size in map(sys.getsizeof, map(cursor.__getattribute__, Cursor.__slots__)))


def test_waiting_cursors_are_not_looked_at_whole_in_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    # Was broken (never slows anyone else): each arrival that waits, of any anonymous client, is reviewed in each
    # turn, all 1,024 origins of its cursor.
    server, (a,) = with_peers("a")
    foreign = {f"o{number}.1": 1 for number in range(1000)}
    for number in range(10):
        back(server, {**foreign, "a.1": 10**9}, session=f"{number:016}")
    looked = 0
    settled = server.role.mesh.repair.settled

    def count(origin: str) -> bool:
        nonlocal looked
        looked += 1
        return settled(origin)

    monkeypatch.setattr(server.role.mesh.repair, "settled", count)
    for sequence in range(1, 11):  # ten turns
        a.says(from_peer("a", sequence, "x"))
    assert looked < 1000


def test_origins_that_are_gone_are_forgotten_where_activities_are_withheld() -> None:
    # Was broken (bounded): with three copies, `Withheld` keeps a queue for each lifetime of each server, for ever.
    server, (a,) = with_peers("a")
    for incarnation in range(2, 602):
        a.hangs_up()
        a = server.connect()
        a.says(p.ServerHello("cluster secret", "a", incarnation), p.ServerPosition(f"a.{incarnation}", 0, 0, True))
        a.says(p.Positions({}, ["m.1"]))
    server.pass_time(1.0)
    assert len(server.role.broadcast.withheld.origins) <= 513


def test_what_came_of_a_servers_own_log_with_something_else_is_not_lost() -> None:
    # What is not asked for is left out; what has come with it is taken.
    server = serving(listing("a"))
    a = server.connect().says(p.ServerHello("cluster secret", "a", 1), p.ServerPosition("a.1", 0))
    a.says(p.Positions({}, ["m.1"]))
    reader = aware(server)
    a.says(from_peer("a", 1, "one") + from_peer("unknown", 1, "x"))
    assert not a.ended
    again = server.connect().says(p.ServerHello("cluster secret", "a", 1))
    (hello,) = [message for message in again.hears() if isinstance(message, p.ServerHello)]
    again.says(p.ServerPosition("a.1", hello.cursor or 0))
    if not hello.cursor:
        again.says(from_peer("a", 1, "one"))
    assert shown(reader) == ["one"]

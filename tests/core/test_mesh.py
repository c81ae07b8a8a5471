"""The mesh, one server's view: who dials, what is said on a new link, and when it is given up."""

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.server.holdings import REMEMBERED
from oyez.core.server.mesh import FORGET
from oyez.log import Chunk
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.messages import Address, AuthenticationFail
from tests.core.sides import AT, Side, closed, hello, listing, sent

# -- who dials ------------------------------------------------------------------------------------------------------


def test_the_smaller_id_dials_and_the_greater_waits() -> None:
    a, b = Side("a"), Side("b")
    assert a.mesh.listed(listing("b")) == [fx.Dial(AT, "peer:b")]
    assert b.mesh.listed(listing("a")) == []
    assert b.mesh.dial("a") == []


def test_nobody_dials_itself_or_the_unknown() -> None:
    a = Side("a")
    assert a.mesh.listed(listing("a")) == []
    assert a.mesh.peers == {}
    assert a.mesh.dial("b") == []
    assert a.mesh.redial(0.0, "b") == []


def test_being_listed_again_changes_nothing() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    assert a.mesh.listed(listing("b")) == []


def test_who_has_moved_is_dialed_at_the_new_address() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    assert a.mesh.listed(listing("b", port=4002)) == [fx.Dial(Address("host", 4002), "peer:b")]


def test_a_link_that_could_not_be_made_is_tried_again_ever_more_slowly() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    delays = []
    for _ in range(8):
        (timer,) = a.mesh.redial(0.0, "b")
        assert isinstance(timer, fx.SetTimer)
        delays.append(timer.after)
        assert a.mesh.dial("b") == [fx.Dial(AT, "peer:b")]
    assert delays[0] <= 0.05 < 0.5 <= delays[-1] <= 1.0


def test_a_working_link_is_not_made_again() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    a.linked(Side("b"))
    assert a.mesh.dial("b") == []
    assert a.mesh.listed(listing("b")) == []


def test_a_listing_of_a_later_lifetime_ends_the_link_to_the_earlier() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    a.linked(Side("b", incarnation=1), link=7)
    assert closed(a.mesh.listed(listing("b", incarnation=2))) == [7]
    assert isinstance(a.mesh.lost(0.0, 7)[-1], fx.SetTimer)


# -- hello ----------------------------------------------------------------------------------------------------------


def test_the_dialer_greets_first_and_the_other_answers() -> None:
    a, b = Side("a"), Side("b")
    a.mesh.listed(listing("b"))
    (first,) = sent(a.mesh.dialed(0.0, 1, "b"), p.ServerHello)
    assert first == hello("a")
    assert isinstance(first, p.ServerHello)
    answer = b.mesh.greeted(0.0, 9, first)
    assert sent(answer, p.ServerHello) == [hello("b")]
    assert sent(a.mesh.greeted(0.0, 1, hello("b")), p.ServerHello) == []


def test_who_is_greeted_is_trusted_and_reads_the_log_in_this_order() -> None:
    kinds = [type(effect) for effect in Side("b").linked(Side("a"))]
    assert kinds == [fx.Send, fx.Trust, fx.Send, fx.Follow, fx.Report]


def test_a_wrong_secret_is_refused() -> None:
    b = Side("b")
    effects = b.mesh.greeted(0.0, 9, p.ServerHello("wrong é", "a", 1))
    assert sent(effects, AuthenticationFail) == [AuthenticationFail("the cluster secret is wrong", "wrong_secret")]
    assert closed(effects) == [9]
    assert b.mesh.holds(9) is None


def test_a_server_does_not_talk_to_itself() -> None:
    effects = Side("b").mesh.greeted(0.0, 9, hello("b", incarnation=2))
    assert sent(effects, AuthenticationFail)
    assert closed(effects) == [9]


def test_who_is_refused_after_being_dialed_is_dialed_again() -> None:
    """Its secret may be put right, or its earlier lifetime may have ended by then."""
    a = Side("a")
    a.mesh.listed(listing("b"))
    a.mesh.dialed(0.0, 1, "b")
    a.mesh.greeted(0.0, 1, p.ServerHello("wrong", "b", 1))
    assert isinstance(a.mesh.lost(0.0, 1)[-1], fx.SetTimer)


def test_a_server_that_the_central_has_not_named_yet_is_welcome() -> None:
    b = Side("b")
    b.linked(Side("a"), link=9)
    assert b.mesh.holds(9) is b.mesh.peers["a"]
    assert b.mesh.listed(listing("a")) == []
    b.mesh.told(0.0, 9, p.Positions({}, []))
    assert b.mesh.complete


def test_a_hello_of_an_earlier_lifetime_is_refused() -> None:
    """It was sent before that process died, and comes late: believing it would begin the later log anew."""
    b = Side("b")
    b.linked(Side("a", incarnation=5), link=9)
    effects = b.mesh.greeted(0.0, 10, hello("a", incarnation=4))
    assert sent(effects, AuthenticationFail) == [AuthenticationFail("a has restarted since", "superseded")]
    assert closed(effects) == [10]
    assert b.mesh.holds(9) is not None


def test_a_second_link_takes_the_place_of_the_first() -> None:
    b, a = Side("b"), Side("a")
    b.linked(a, link=9)
    effects = b.mesh.greeted(1.0, 10, a.mesh.hello(1.0, "b"))
    assert closed(effects) == [9]
    assert b.mesh.holds(9) is None
    assert b.mesh.holds(10) is b.mesh.peers["a"]
    assert b.mesh.lost(1.0, 9) == []  # of which nothing is lost
    assert b.mesh.peers["a"].link == 10


# -- losing and forgetting ------------------------------------------------------------------------------------------


def test_a_lost_link_is_made_again_by_who_dials() -> None:
    a, b = Side("a"), Side("b")
    a.mesh.listed(listing("b"))
    a.linked(b, link=1)
    b.linked(a, link=9)
    assert [type(effect) for effect in a.mesh.lost(0.0, 1)] == [fx.Report, fx.SetTimer]
    assert [type(effect) for effect in b.mesh.lost(0.0, 9)] == [fx.Report, fx.Dial]  # to see whether it is there
    assert not a.mesh.complete
    assert a.mesh.lost(0.0, 1) == []


def test_the_mesh_is_complete_when_all_that_each_listed_server_had_is_here() -> None:
    """Linked, its own log up to where it was then, and what it says of the logs of those that are lost."""
    a, b = Side("a"), Side("b")
    lines = a.accept(3)
    assert b.mesh.complete
    b.mesh.listed(listing("a"))
    assert not b.mesh.complete
    b.mesh.greeted(0.0, 1, hello("a"))
    assert not b.mesh.complete
    b.positioned(a, 1, 0)
    assert not b.mesh.complete
    b.receives(Chunk("a.1", 1, 2, lines.data[: lines.offset(3)]))
    b.mesh.told(0.0, 1, p.Positions({}, ["b.1"]))
    assert not b.mesh.complete
    b.receives(lines.after(2))
    assert b.mesh.complete
    b.mesh.listed(listing("c"))
    assert not b.mesh.complete
    b.mesh.removed(0.0, "c")
    assert b.mesh.complete


def test_the_mesh_is_not_complete_before_a_server_has_said_what_it_has_lost() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    assert not b.mesh.complete
    b.mesh.told(0.0, 1, p.Positions({"z.1": p.Held(1, 1)}, ["b.1"]))
    assert not b.mesh.complete
    z = Side("z")
    b.receives(z.accept())
    assert b.mesh.complete


def test_a_removed_servers_link_goes_on_working() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    assert b.mesh.removed(0.0, "a") == []
    assert b.mesh.removed(0.0, "unknown") == []
    assert b.receives(a.accept()) != []


def test_a_removed_server_is_dialed_a_while_longer_and_then_no_more() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    a.mesh.removed(0.0, "b")
    assert a.mesh.redial(FORGET, "b") != []
    assert a.mesh.redial(FORGET + 0.1, "b") == []
    assert a.mesh.listed(listing("b")) == [fx.Dial(AT, "peer:b")]


def test_a_removed_server_whose_link_worked_on_is_dialed_when_that_is_lost() -> None:
    """However long ago it was removed: it may only be cut off from the central."""
    a = Side("a")
    a.mesh.listed(listing("b"))
    a.linked(Side("b"), link=1)
    a.mesh.removed(0.0, "b")
    assert isinstance(a.mesh.lost(FORGET * 100, 1)[-1], fx.SetTimer)
    assert a.mesh.redial(FORGET * 101 + 0.1, "b") == []


def test_how_far_a_forgotten_servers_log_is_held_is_not_forgotten() -> None:
    a, b = Side("a"), Side("b")
    a.mesh.listed(listing("b"))
    a.linked(b)
    a.receives(b.accept(4))
    a.mesh.removed(0.0, "b")
    a.mesh.lost(0.0, 1)
    assert a.mesh.redial(1000.0, "b") == []
    assert a.mesh.hello(2000.0, "b") == hello("a", of=1, cursor=4)


# -- the beat -------------------------------------------------------------------------------------------------------


def test_each_peer_hears_a_sign_of_life() -> None:
    b = Side("b")
    b.linked(Side("a"), link=1)
    b.mesh.listed(listing("c"))
    assert b.mesh.beat(1.0, slept=False) == [fx.Send(1, n.Heartbeat())]
    assert b.mesh.beat(1.5, slept=False) == [fx.Send(1, n.Heartbeat())]


def test_a_silent_peer_is_left_at_once() -> None:
    b = Side("b")
    b.linked(Side("a"), link=1)
    assert closed(b.mesh.beat(timing.SUSPICION - 0.1, slept=False)) == []
    assert fx.Close(1, at_once=True) in b.mesh.beat(timing.SUSPICION, slept=False)


def test_a_peer_that_posts_is_not_silent() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a, link=1)
    b.mesh.receive(2.0, 1, a.accept().data)
    assert closed(b.mesh.beat(4.9, slept=False)) == []


def test_who_has_slept_itself_gives_everyone_another_chance() -> None:
    b = Side("b")
    b.linked(Side("a"), link=1)
    assert closed(b.mesh.beat(100.0, slept=True)) == []
    assert closed(b.mesh.beat(100.0 + timing.SUSPICION, slept=False)) == [1]


def test_who_is_dialed_and_says_nothing_is_left_and_dialed_again() -> None:
    a = Side("a")
    a.mesh.listed(listing("b"))
    a.mesh.dialed(0.0, 1, "b")
    assert a.mesh.beat(timing.SUSPICION - 0.1, slept=False) == []
    assert a.mesh.beat(timing.SUSPICION, slept=False) == [fx.Close(1, at_once=True)]
    assert isinstance(a.mesh.lost(3.0, 1)[-1], fx.SetTimer)


# -- copies ---------------------------------------------------------------------------------------------------------


def shows(side: Side, now: float = 0.0) -> int:
    """Up to which of its own activities it would show now."""
    side.mesh.released(now)
    return side.broadcast.copies.released


def test_who_is_alone_shows_at_once() -> None:
    a = Side("a")
    a.post(3)
    assert shows(a) == 3


def test_another_server_has_to_hold_what_is_shown() -> None:
    a = Side("a")
    a.linked(Side("b"))
    a.post(2)
    a.post(2)
    assert shows(a) == 0
    a.mesh.acknowledged(1, p.Acknowledge(3))
    assert shows(a) == 2  # whole turns
    a.mesh.acknowledged(1, p.Acknowledge(4))
    assert shows(a) == 4


def test_an_acknowledgement_of_what_was_never_said_counts_for_what_there_is() -> None:
    a = Side("a")
    a.linked(Side("b"))
    a.mesh.acknowledged(1, p.Acknowledge(1000))
    a.post()
    assert shows(a) == 0


def test_nobody_waits_for_a_server_that_catches_up() -> None:
    """It reads the whole log first, and would hold up everyone meanwhile; once it has all, it counts."""
    a = Side("a")
    a.accept(5)
    assert shows(a) == 5
    a.linked(Side("b"))
    a.post()
    assert shows(a) == 6
    a.mesh.acknowledged(1, p.Acknowledge(5))
    a.post()
    assert shows(a) == 6
    a.mesh.acknowledged(1, p.Acknowledge(7))
    assert shows(a) == 7


def test_a_server_whose_link_was_lost_is_waited_for_until_suspicion() -> None:
    a, b = Side("a"), Side("b")
    a.mesh.listed(listing("b"))
    a.linked(b)
    a.mesh.lost(10.0, 1)
    a.post()
    assert shows(a, 10.0 + timing.SUSPICION - 0.1) == 0
    assert shows(a, 10.0 + timing.SUSPICION) == 1


def test_or_until_nobody_listens_where_it_was() -> None:
    for id in ("a", "c"):  # whose turn it is to dial, and who only looks whether it is there
        side = Side(id)
        side.mesh.listed(listing("b"))
        side.linked(Side("b"))
        effects = side.mesh.lost(10.0, 1)
        assert (fx.Dial(AT, "probe:b") in effects) == (id == "c")
        side.post()
        assert shows(side, 10.0) == 0
        side.mesh.absent("b")
        assert shows(side, 10.0) == 1


def test_who_is_back_with_what_it_held_goes_on_counting() -> None:
    a, b = Side("a"), Side("b")
    a.linked(b)
    b.linked(a)
    b.receives(a.post(2))
    a.mesh.lost(1.0, 1)
    b.mesh.lost(1.0, 1)
    assert shows(a, 1.0) == 0  # the acknowledgement was lost with the link
    a.linked(b, link=2, now=1.1)
    assert shows(a, 1.1) == 2


def test_with_one_copy_nobody_is_waited_for() -> None:
    a = Side("a", copies=1)
    a.linked(Side("b"))
    a.post()
    assert shows(a) == 1


def test_with_three_copies_the_others_are_told_what_may_be_shown() -> None:
    a, b = Side("a", copies=3), Side("b", copies=3)
    a.linked(b, link=1)
    a.linked(Side("c"), link=2)
    (position,) = sent(a.mesh.greeted(0.0, 3, hello("d")), p.ServerPosition)
    assert isinstance(position, p.ServerPosition)
    assert position.withheld
    lines = a.post()
    a.mesh.acknowledged(1, p.Acknowledge(1))
    assert a.mesh.released(0.0) == ([], [])
    a.mesh.acknowledged(2, p.Acknowledge(1))
    shown, told = a.mesh.released(0.0)
    assert shown == [lines]
    assert told == [fx.Send(1, p.Released(1)), fx.Send(2, p.Released(1))]


def test_what_is_withheld_waits_for_the_word() -> None:
    b = Side("b", copies=3)
    b.mesh.greeted(0.0, 1, hello("a"))
    b.mesh.position(1, p.ServerPosition("a.1", 0, 0, withheld=True))
    lines = Side("a").post(3)
    b.receives(lines)
    assert b.broadcast.merged.last == 0
    b.mesh.released_by(1, p.Released(2))
    b.broadcast.show([])
    assert b.broadcast.merged.last == 2
    assert b.mesh.acknowledgements({1}) == [fx.Send(1, p.Acknowledge(3))]  # held it is, though


def test_where_the_origin_is_lost_the_survivors_decide() -> None:
    b = Side("b", copies=3)
    b.mesh.greeted(0.0, 1, hello("a"))
    b.mesh.position(1, p.ServerPosition("a.1", 0, 0, withheld=True))
    b.linked(Side("c", copies=3), link=2)
    b.receives(Side("a").post(3))
    b.mesh.lost(1.0, 1)
    b.mesh.told(1.0, 2, p.Positions({"a.1": p.Held(1, 2)}, ["b.1"]))
    b.mesh.release_lost()
    b.broadcast.show([])
    assert b.broadcast.merged.last == 2
    b.mesh.told(1.1, 2, p.Positions({"a.1": p.Held(1, 3)}, ["b.1"]))
    b.mesh.release_lost()
    b.broadcast.show([])
    assert b.broadcast.merged.last == 3


def test_each_peer_is_told_how_far_its_log_has_come() -> None:
    b = Side("b")
    a, c = Side("a"), Side("c")
    b.linked(a, link=1)
    b.linked(c, link=2)
    b.receives(a.accept(2), link=1)
    assert b.mesh.acknowledgements({1, 99}) == [fx.Send(1, p.Acknowledge(2))]


def test_how_far_all_hold_the_own_log() -> None:
    a = Side("a")
    assert a.mesh.held_by_all(0.0) == 0
    a.post(3)
    assert a.mesh.held_by_all(0.0) == 3
    a.linked(Side("b"), link=1)
    a.linked(Side("c"), link=2)
    assert a.mesh.held_by_all(0.0) == 3  # they have still to catch up
    a.mesh.acknowledged(1, p.Acknowledge(3))
    a.mesh.acknowledged(2, p.Acknowledge(3))
    a.post(2)
    a.mesh.acknowledged(1, p.Acknowledge(5))
    assert a.mesh.held_by_all(0.0) == 3
    a.mesh.acknowledged(2, p.Acknowledge(4))
    assert a.mesh.held_by_all(0.0) == 4


def linked_twice() -> Side:
    """With "b" and "c", of which only the first holds all of the own log: the last one is to come."""
    a = Side("a")
    for link, id in ((1, "b"), (2, "c")):
        a.mesh.listed(listing(id))
        a.linked(Side(id), link=link)
    a.post(3)
    a.mesh.acknowledged(1, p.Acknowledge(3))
    a.mesh.acknowledged(2, p.Acknowledge(2))
    return a


def test_who_was_here_a_moment_ago_counts_among_all() -> None:
    a = linked_twice()
    assert not a.mesh.awaits(1.0)
    a.mesh.lost(1.0, 2)
    assert (a.mesh.held_by_all(0.9 + timing.SUSPICION), a.mesh.awaits(0.9 + timing.SUSPICION)) == (2, True)
    assert (a.mesh.held_by_all(1.0 + timing.SUSPICION), a.mesh.awaits(1.0 + timing.SUSPICION)) == (3, False)


def test_until_nobody_listens_where_it_was() -> None:
    a = linked_twice()
    a.mesh.lost(1.0, 2)
    a.mesh.absent("c")
    assert (a.mesh.held_by_all(1.0), a.mesh.awaits(1.0)) == (3, False)


def test_who_is_back_and_reads_what_it_missed_counts_too() -> None:
    a = linked_twice()
    a.mesh.lost(1.0, 2)
    a.mesh.greeted(1.1, 3, hello("c", of=1, cursor=2))
    a.mesh.position(3, p.ServerPosition("c.1", 0))
    assert (a.mesh.held_by_all(1.1), a.mesh.awaits(1.1)) == (2, True)
    a.mesh.acknowledged(3, p.Acknowledge(3))
    assert (a.mesh.held_by_all(1.1), a.mesh.awaits(1.1)) == (3, False)


def test_who_was_restarted_is_not_awaited() -> None:
    """What it held is gone; it reads everything first."""
    a = linked_twice()
    a.mesh.lost(1.0, 2)
    a.mesh.greeted(1.1, 3, hello("c", incarnation=2))
    a.mesh.position(3, p.ServerPosition("c.2", 0))
    assert (a.mesh.held_by_all(1.1), a.mesh.awaits(1.1)) == (3, False)
    a.mesh.acknowledged(3, p.Acknowledge(3))
    a.post()
    assert a.mesh.held_by_all(1.1) == 3
    a.mesh.acknowledged(1, p.Acknowledge(4))
    assert shows(a, 1.1) == 4


def test_a_link_that_another_replaces_leaves_its_server_awaited() -> None:
    a = linked_twice()
    a.mesh.greeted(1.0, 3, hello("c", of=1, cursor=1))
    assert (a.mesh.held_by_all(1.0), a.mesh.awaits(1.0)) == (1, True)
    a.mesh.position(3, p.ServerPosition("c.1", 0))
    assert (a.mesh.held_by_all(1.0), a.mesh.awaits(1.0)) == (1, True)


# -- away ------------------------------------------------------------------------------------------------------------


def test_a_probe_that_fails_once_the_server_is_back_says_nothing() -> None:
    a = linked_twice()
    a.mesh.lost(1.0, 2)
    a.mesh.greeted(1.1, 3, hello("c", of=1, cursor=2))
    a.mesh.absent("c")
    a.mesh.lost(1.2, 3)
    assert (a.mesh.held_by_all(1.2), a.mesh.awaits(1.2)) == (2, True)


def test_who_was_away_and_is_back_is_awaited_the_next_time() -> None:
    a = linked_twice()
    a.mesh.lost(1.0, 2)
    a.mesh.absent("c")
    a.mesh.greeted(5.0, 3, hello("c", of=1, cursor=2))
    a.mesh.lost(5.1, 3)
    assert a.mesh.awaits(5.1)


def test_who_was_silent_for_that_long_has_been_waited_for() -> None:
    a = linked_twice()
    assert closed(a.mesh.beat(timing.SUSPICION, slept=False)) == [1, 2]
    a.mesh.lost(timing.SUSPICION, 2)
    assert (a.mesh.held_by_all(timing.SUSPICION), a.mesh.awaits(timing.SUSPICION)) == (3, False)


def test_who_is_silent_but_not_for_that_long_has_not() -> None:
    a = linked_twice()
    a.mesh.beat(timing.SUSPICION - 0.1, slept=False)
    a.mesh.lost(timing.SUSPICION, 2)
    assert a.mesh.awaits(timing.SUSPICION)


# -- behind ----------------------------------------------------------------------------------------------------------


def test_who_is_linked_anew_is_behind_until_it_has_what_there_was() -> None:
    a, b = Side("a"), Side("b")
    lines, _ = a.accept(3), b.mesh.greeted(0.0, 1, hello("a"))
    assert b.mesh.behind is False
    b.positioned(a, 1, 0)
    b.mesh.told(0.0, 1, p.Positions({}, ["b.1"]))
    assert b.mesh.behind
    b.receives(lines)
    assert not b.mesh.behind
    a.accept()
    assert not b.mesh.behind  # what comes later is the present


def test_and_until_it_has_what_others_say_they_hold_of_lost_servers() -> None:
    a, b, z = Side("a"), Side("b"), Side("z")
    b.linked(a)
    assert b.mesh.behind
    b.mesh.told(0.0, 1, p.Positions({"z.1": p.Held(1, 1)}, ["b.1"]))
    assert b.mesh.behind
    b.receives(z.accept())
    assert not b.mesh.behind


# -- what is pruned --------------------------------------------------------------------------------------------------


def test_what_is_dropped_of_lost_origins_is_not_withheld_any_more() -> None:
    b = Side("b", copies=3)
    for incarnation in range(1, REMEMBERED + 4):
        b.mesh.greeted(0.0, incarnation, hello("a", incarnation))
        b.mesh.position(incarnation, p.ServerPosition(f"a.{incarnation}", 0, 0, withheld=True))
        b.mesh.lost(0.0, incarnation)
    b.mesh.beat(1.0, slept=False)
    assert len(b.broadcast.withheld.origins) == REMEMBERED
    assert "a.3" not in b.broadcast.withheld
    assert "a.4" in b.broadcast.withheld

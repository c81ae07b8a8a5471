"""The mesh, one server's view: who dials, what is said on a new link, and what is believed of it."""

from random import Random

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.mesh import FORGET, Mesh
from oyez.core.origin import Origin
from oyez.log import Chunk
from oyez.protocol import activity
from oyez.protocol import nodes as n
from oyez.protocol.messages import Address, AuthenticationFail, InvalidMessage, Message

SECRET = "cluster"
AT = Address("host", 4001)


class Side:
    """Server `id` with its mesh and its own log."""

    def __init__(self, id: str, incarnation: int = 1, retention: int = 1_000_000) -> None:
        self.id = id
        self.origin = Origin(id, incarnation, retention)
        self.mesh = Mesh(id, incarnation, SECRET, self.origin, Random(1))

    def accept(self, count: int = 1) -> Chunk:
        """Clients of this server post; returns the lines."""
        for number in range(count):
            self.origin.accept(activity.opening("bob"), b',"n":%d}' % number)
        chunk = self.origin.take()
        assert chunk is not None
        self.origin.log.publish([chunk])
        return chunk

    def linked(self, peer: "Side", link: int = 1, now: float = 0.0) -> Effects:
        """The other side has dialed and said hello, and the position that it begins at."""
        effects = self.mesh.greeted(now, link, peer.mesh.hello(now, self.id))
        self.mesh.position(link, n.ServerPosition(peer.origin.name, 0))
        return effects


def listing(id: str, incarnation: int = 1, port: int = 4001) -> n.ServerAddress:
    return n.ServerAddress(id, "host", port, incarnation)


def hello(
    id: str, incarnation: int = 1, of: int | None = None, cursor: int | None = None, since: float = 0.0
) -> n.ServerHello:
    return n.ServerHello(SECRET, id, incarnation, of, cursor, since)


def sent(effects: Effects, kind: type[Message]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, fx.Send) and type(effect.message) is kind]


def closed(effects: Effects) -> list[int]:
    return [effect.link for effect in effects if isinstance(effect, fx.Close)]


def reports(effects: Effects, event: str) -> list[dict]:
    return [dict(effect.fields) for effect in effects if isinstance(effect, fx.Report) and effect.event == event]


def begins_at(effects: Effects) -> int:
    """The sequence after which the own log is read on to the peer; what is said and what is done agree."""
    (position,) = sent(effects, n.ServerPosition)
    (follow,) = [effect for effect in effects if isinstance(effect, fx.Follow)]
    assert isinstance(position, n.ServerPosition)
    assert follow.position == follow.log.position_after(position.sequence)
    return position.sequence


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
    assert a.mesh.listed(listing("b", incarnation=2)) == [fx.Close(7)]
    assert isinstance(a.mesh.lost(0.0, 7)[-1], fx.SetTimer)


# -- hello ----------------------------------------------------------------------------------------------------------


def test_the_dialer_greets_first_and_the_other_answers() -> None:
    a, b = Side("a"), Side("b")
    a.mesh.listed(listing("b"))
    (first,) = sent(a.mesh.dialed(0.0, 1, "b"), n.ServerHello)
    assert first == hello("a")
    assert isinstance(first, n.ServerHello)
    answer = b.mesh.greeted(0.0, 9, first)
    assert sent(answer, n.ServerHello) == [hello("b")]
    assert sent(a.mesh.greeted(0.0, 1, hello("b")), n.ServerHello) == []


def test_who_is_greeted_is_trusted_and_reads_the_log_in_this_order() -> None:
    kinds = [type(effect) for effect in Side("b").linked(Side("a"))]
    assert kinds == [fx.Send, fx.Trust, fx.Send, fx.Follow, fx.Report]


def test_a_wrong_secret_is_refused() -> None:
    b = Side("b")
    effects = b.mesh.greeted(0.0, 9, n.ServerHello("wrong é", "a", 1))
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
    a.mesh.greeted(0.0, 1, n.ServerHello("wrong", "b", 1))
    assert isinstance(a.mesh.lost(0.0, 1)[-1], fx.SetTimer)


def test_a_server_that_the_central_has_not_named_yet_is_welcome() -> None:
    b = Side("b")
    b.linked(Side("a"), link=9)
    assert b.mesh.holds(9) is b.mesh.peers["a"]
    assert b.mesh.listed(listing("a")) == []
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


# -- where reading begins -------------------------------------------------------------------------------------------


def test_a_link_that_was_reset_goes_on_behind_the_cursor() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    chunk = a.accept(5)
    assert b.mesh.receive(0.0, 1, chunk.data) == chunk
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=5)
    a.accept(3)
    assert begins_at(a.mesh.greeted(0.0, 2, b.mesh.hello(0.0, "a"))) == 5


def test_a_server_that_joins_begins_with_the_present() -> None:
    a = Side("a")
    a.accept(5)
    assert begins_at(a.mesh.greeted(10.0, 1, hello("b"))) == 5


def test_a_server_that_serves_already_begins_when_it_began_to_serve() -> None:
    a = Side("a")
    for now in range(10):
        a.mesh.beat(float(now), slept=False)
        a.accept()
    begins = begins_at(a.mesh.greeted(10.0, 1, hello("b", since=4.0)))
    assert 4 <= begins <= 6  # some more than needed, by a heartbeat or two, and none less


def test_a_server_that_began_to_serve_this_very_moment_says_so() -> None:
    """A since of 0 would mean that it does not serve: what is accepted from now on would be lost to its clients."""
    b = Side("b")
    assert b.mesh.hello(10.0, "a").since == 0.0
    b.mesh.serving_since = 10.0
    assert b.mesh.hello(10.0, "a").since > 0.0
    assert b.mesh.hello(12.5, "a").since == 2.5


def test_a_later_lifetime_is_read_from_its_beginning_by_who_serves() -> None:
    a, b = Side("a", incarnation=2), Side("b")
    a.accept(5)
    b.linked(Side("a", incarnation=1))
    b.mesh.serving_since = 0.0
    said = b.mesh.hello(10.0, "a")
    assert (said.of, said.since) == (1, 10.0)
    assert begins_at(a.mesh.greeted(10.0, 2, said)) == 0


def test_a_cursor_is_claimed_only_once_there_is_one() -> None:
    """A link that breaks between hello and position leaves nothing held: 0 would ask for everything since ever."""
    a, b = Side("a"), Side("b")
    a.accept(5)
    b.mesh.greeted(0.0, 1, a.mesh.hello(0.0, "b"))
    b.mesh.lost(0.0, 1)
    assert begins_at(a.mesh.greeted(1.0, 2, b.mesh.hello(1.0, "a"))) == 5


def test_what_is_no_longer_held_is_reported_by_who_misses_it() -> None:
    a, b = Side("a", retention=300), Side("b")
    b.linked(a)
    first = a.accept()
    b.mesh.receive(0.0, 1, first.data)
    for _ in range(10):
        a.accept()
    begins = begins_at(a.mesh.greeted(0.0, 2, b.mesh.hello(0.0, "a")))
    assert begins == a.origin.log.first - 1 > 1
    b.mesh.greeted(0.0, 2, a.mesh.hello(0.0, "b"))
    effects = b.mesh.position(2, n.ServerPosition("a.1", begins))
    assert reports(effects, "mesh_gap") == [{"origin": "a.1", "from": 2, "to": begins}]


def test_a_gap_at_the_very_beginning_is_reported_as_well() -> None:
    b = Side("b")
    b.linked(Side("a"))
    b.mesh.greeted(0.0, 2, hello("a"))
    effects = b.mesh.position(2, n.ServerPosition("a.1", 5))
    assert reports(effects, "mesh_gap") == [{"origin": "a.1", "from": 1, "to": 5}]


def test_who_begins_with_the_present_misses_nothing() -> None:
    b = Side("b")
    b.mesh.greeted(0.0, 1, hello("a"))
    assert b.mesh.position(1, n.ServerPosition("a.1", 500)) == []


def test_what_a_late_acquaintance_can_no_longer_be_given_is_reported() -> None:
    a = Side("a", retention=300)
    for now in range(10):
        a.mesh.beat(float(now), slept=False)
        a.accept()
    effects = a.mesh.greeted(10.0, 1, hello("b", since=20.0))
    begins = begins_at(effects)
    assert reports(effects, "mesh_gap") == [{"origin": "a.1", "from": 1, "to": begins, "peer": "b"}]


# -- receiving ------------------------------------------------------------------------------------------------------


def test_a_position_of_another_origin_is_refused() -> None:
    b = Side("b")
    b.mesh.greeted(0.0, 1, hello("a", incarnation=2))
    effects = b.mesh.position(1, n.ServerPosition("a.1", 0))
    assert sent(effects, InvalidMessage) == [InvalidMessage("a.1 is not your origin", "wrong_origin")]
    assert closed(effects) == [1]


def test_activities_before_a_position_are_not_taken() -> None:
    a, b = Side("a"), Side("b")
    b.mesh.greeted(0.0, 1, a.mesh.hello(0.0, "b"))
    assert b.mesh.receive(0.0, 1, a.accept().data) is None
    assert b.mesh.receive(0.0, 99, a.accept().data) is None


def test_activities_with_a_hole_are_not_taken() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    a.accept()
    second = a.accept()
    assert b.mesh.receive(0.0, 1, second.data) is None
    assert b.mesh.peers["a"].cursor == 0


def test_what_a_second_link_repeats_is_dropped() -> None:
    """Both were greeted before either had brought anything."""
    a, b = Side("a"), Side("b")
    b.linked(a, link=1)
    one, two, three = a.accept(2), a.accept(2), a.accept(1)
    assert b.mesh.receive(0.0, 1, one.data + two.data[: two.offset(4)]) == Chunk(
        "a.1", 1, 3, (one.data + two.data)[: 2 * len(one.data) * 3 // 4]
    )
    b.mesh.greeted(0.0, 2, hello("a"))
    b.mesh.position(2, n.ServerPosition("a.1", 0))
    repeated = b.mesh.receive(0.0, 2, one.data)
    assert repeated is not None
    assert repeated.count == 0
    assert b.mesh.receive(0.0, 2, two.data + three.data) == Chunk("a.1", 4, 2, two.data[two.offset(4) :] + three.data)
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=5)


# -- losing and forgetting ------------------------------------------------------------------------------------------


def test_a_lost_link_is_made_again_by_who_dials() -> None:
    a, b = Side("a"), Side("b")
    a.mesh.listed(listing("b"))
    a.linked(b, link=1)
    b.linked(a, link=9)
    assert [type(effect) for effect in a.mesh.lost(0.0, 1)] == [fx.Report, fx.SetTimer]
    assert [type(effect) for effect in b.mesh.lost(0.0, 9)] == [fx.Report]
    assert not a.mesh.complete
    assert a.mesh.lost(0.0, 1) == []


def test_the_mesh_is_complete_when_each_listed_server_is_linked_and_has_a_position() -> None:
    b = Side("b")
    assert b.mesh.complete
    b.mesh.listed(listing("a"))
    assert not b.mesh.complete
    b.mesh.greeted(0.0, 1, hello("a"))
    assert not b.mesh.complete
    b.mesh.position(1, n.ServerPosition("a.1", 0))
    assert b.mesh.complete
    b.mesh.listed(listing("c"))
    assert not b.mesh.complete
    b.mesh.removed(0.0, "c")
    assert b.mesh.complete


def test_a_removed_servers_link_goes_on_working() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    assert b.mesh.removed(0.0, "a") == []
    assert b.mesh.removed(0.0, "unknown") == []
    assert b.mesh.receive(0.0, 1, a.accept().data) is not None


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
    a.mesh.receive(0.0, 1, b.accept(4).data)
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


def test_remembering_where_the_log_was_costs_little() -> None:
    """A server that is idle for a day is not a day's worth of memory fuller."""
    a = Side("a", retention=1000)
    a.accept(3)
    for now in range(5000):
        a.mesh.beat(float(now), slept=False)
    assert len(a.mesh._marks) <= 2
    for now in range(5000, 6000):
        a.accept()
        a.mesh.beat(float(now), slept=False)
    assert len(a.mesh._marks) <= a.origin.log.last - a.origin.log.first + 3
    assert begins_at(a.mesh.greeted(6000.0, 1, hello("b", since=3.0))) in range(990, 1001)

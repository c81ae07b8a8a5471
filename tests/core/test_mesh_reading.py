"""The mesh, one server's view: where a log is read from, what is believed of it, and what is held already."""

from oyez.log import Chunk
from oyez.protocol import peers as p
from oyez.protocol.messages import InvalidMessage
from tests.core.sides import Side, begins_at, closed, hello, reports, sent

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
    effects = b.mesh.position(2, p.ServerPosition("a.1", begins))
    assert reports(effects, "mesh_gap") == [{"origin": "a.1", "from": 2, "to": begins}]


def test_a_gap_at_the_very_beginning_is_reported_as_well() -> None:
    b = Side("b")
    b.linked(Side("a"))
    b.mesh.greeted(0.0, 2, hello("a"))
    effects = b.mesh.position(2, p.ServerPosition("a.1", 5))
    assert reports(effects, "mesh_gap") == [{"origin": "a.1", "from": 1, "to": 5}]


def test_who_begins_with_the_present_misses_nothing() -> None:
    b = Side("b")
    b.mesh.greeted(0.0, 1, hello("a"))
    assert b.mesh.position(1, p.ServerPosition("a.1", 500)) == []


def test_what_a_late_acquaintance_can_no_longer_be_given_is_reported() -> None:
    a = Side("a", retention=300)
    for now in range(10):
        a.mesh.beat(float(now), slept=False)
        a.accept()
    effects = a.mesh.greeted(10.0, 1, hello("b", since=20.0))
    begins = begins_at(effects)
    assert reports(effects, "mesh_gap") == [{"origin": "a.1", "from": 1, "to": begins, "peer": "b"}]


def test_a_cursor_into_an_earlier_lifetime_tells_nothing_of_this_one() -> None:
    a = Side("a", incarnation=2, retention=300)
    for now in range(10):
        a.mesh.beat(float(now), slept=False)
        a.accept()
    effects = a.mesh.greeted(10.0, 1, hello("b", of=1, cursor=500, since=20.0))
    begins = begins_at(effects)
    assert begins == a.origin.log.first - 1
    assert reports(effects, "mesh_gap") == [{"origin": "a.2", "from": 1, "to": begins, "peer": "b"}]


# -- receiving ------------------------------------------------------------------------------------------------------


def test_a_position_of_another_origin_is_refused() -> None:
    b = Side("b")
    b.mesh.greeted(0.0, 1, hello("a", incarnation=2))
    effects = b.mesh.position(1, p.ServerPosition("a.1", 0))
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
    b.mesh.position(2, p.ServerPosition("a.1", 0))
    repeated = b.mesh.receive(0.0, 2, one.data)
    assert repeated is not None
    assert repeated.count == 0
    assert b.mesh.receive(0.0, 2, two.data + three.data) == Chunk("a.1", 4, 2, two.data[two.offset(4) :] + three.data)
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=5)

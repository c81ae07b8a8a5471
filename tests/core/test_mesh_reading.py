"""The mesh, one server's view: where a log is read from, what is believed of it, and what is held already."""

from oyez.log import Chunk
from oyez.protocol import peers as p
from oyez.protocol.messages import InvalidMessage
from tests.core.sides import Side, begins_at, closed, hello, sent

REFUSED: tuple[list[Chunk], bool] = ([], False)

# -- where reading begins -------------------------------------------------------------------------------------------


def test_a_link_that_was_reset_goes_on_behind_the_cursor() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    chunk = a.accept(5)
    assert b.receives(chunk) == [chunk]
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=5)
    a.accept(3)
    assert begins_at(a.mesh.greeted(0.0, 2, b.mesh.hello(0.0, "a"))) == 5


def test_a_newcomer_begins_with_the_first_activity_that_is_retained() -> None:
    """A session that moves to it finds there what it misses."""
    a = Side("a", retention=300)
    assert begins_at(a.mesh.greeted(0.0, 1, hello("b"))) == 0
    a.accept()
    assert begins_at(a.mesh.greeted(0.0, 2, hello("b"))) == 0
    for _ in range(10):
        a.accept()
    assert begins_at(a.mesh.greeted(0.0, 3, hello("b"))) == a.origin.log.first - 1 > 1


def test_it_is_told_how_long_the_log_was() -> None:
    a = Side("a")
    a.accept(5)
    assert sent(a.mesh.greeted(0.0, 1, hello("b")), p.ServerPosition) == [p.ServerPosition("a.1", 0, 5)]


def test_a_later_lifetime_is_read_from_its_beginning() -> None:
    a, b = Side("a", incarnation=2), Side("b")
    a.accept(5)
    first_life = Side("a", incarnation=1)
    b.linked(first_life)
    b.receives(first_life.accept(3))
    said = b.mesh.hello(10.0, "a")
    assert (said.of, said.cursor) == (1, 3)
    assert begins_at(a.mesh.greeted(10.0, 2, said)) == 0


def test_a_cursor_is_claimed_only_once_there_is_one() -> None:
    """A link that breaks between hello and position leaves nothing held."""
    a, b = Side("a"), Side("b")
    a.accept(5)
    b.mesh.greeted(0.0, 1, a.mesh.hello(0.0, "b"))
    b.mesh.lost(0.0, 1)
    assert b.mesh.hello(1.0, "a") == hello("b")


def test_a_cursor_beyond_the_log_is_not_believed() -> None:
    a = Side("a")
    a.accept(5)
    assert begins_at(a.mesh.greeted(0.0, 1, hello("b", of=1, cursor=500))) == 5


def test_what_is_no_longer_held_is_told_by_who_misses_it() -> None:
    a, b = Side("a", retention=300), Side("b")
    b.linked(a)
    b.receives(a.accept())
    for _ in range(10):
        a.accept()
    begins = begins_at(a.mesh.greeted(0.0, 2, b.mesh.hello(0.0, "a")))
    assert begins == a.origin.log.first - 1 > 1
    b.mesh.greeted(0.0, 2, a.mesh.hello(0.0, "b"))
    assert b.mesh.position(2, p.ServerPosition("a.1", begins))[1] == [("a.1", 2, begins)]
    assert b.broadcast.merged.gaps({"a.1": 1}) == [("a.1", 2, begins)]


def test_a_gap_at_the_very_beginning_is_told_as_well() -> None:
    b = Side("b")
    b.linked(Side("a"))
    b.mesh.greeted(0.0, 2, hello("a"))
    assert b.mesh.position(2, p.ServerPosition("a.1", 5))[1] == [("a.1", 1, 5)]


def test_a_newcomer_misses_nothing_but_its_clients_may() -> None:
    """Who comes with a cursor is told what is not there any more."""
    b = Side("b", serves=False)
    b.mesh.greeted(0.0, 1, hello("a"))
    assert b.mesh.position(1, p.ServerPosition("a.1", 500))[1] == []
    assert b.broadcast.merged.gaps({"a.1": 100}) == [("a.1", 101, 500)]
    assert b.broadcast.merged.gaps({"a.1": 500}) == []


def test_who_serves_misses_what_a_log_that_is_new_to_it_has_forgotten() -> None:
    b = Side("b")
    b.mesh.greeted(0.0, 1, hello("a"))
    assert b.mesh.position(1, p.ServerPosition("a.1", 500))[1] == [("a.1", 1, 500)]


def test_a_cursor_into_an_earlier_lifetime_tells_nothing_of_this_one() -> None:
    a = Side("a", incarnation=2, retention=300)
    for _ in range(10):
        a.accept()
    assert begins_at(a.mesh.greeted(10.0, 1, hello("b", of=1, cursor=500))) == a.origin.log.first - 1


# -- receiving ------------------------------------------------------------------------------------------------------


def test_a_position_of_another_origin_is_refused() -> None:
    b = Side("b")
    b.mesh.greeted(0.0, 1, hello("a", incarnation=2))
    effects, missed = b.mesh.position(1, p.ServerPosition("a.1", 0))
    assert missed == []
    assert sent(effects, InvalidMessage) == [InvalidMessage("a.1 is not your origin", "wrong_origin")]
    assert closed(effects) == [1]


def test_activities_before_a_position_are_not_taken() -> None:
    a, b = Side("a"), Side("b")
    b.mesh.greeted(0.0, 1, a.mesh.hello(0.0, "b"))
    assert b.mesh.receive(0.0, 1, a.accept().data) == REFUSED
    assert b.mesh.receive(0.0, 99, a.accept().data) == REFUSED


def test_activities_with_a_hole_are_not_taken() -> None:
    a, b = Side("a"), Side("b")
    b.linked(a)
    a.accept()
    second = a.accept()
    assert b.mesh.receive(0.0, 1, second.data) == REFUSED
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=0)


def test_what_comes_of_a_third_servers_log_is_taken_where_it_continues_what_is_held() -> None:
    """It was asked for, and comes between the lines of the peer's own log; or was, before it was given up here."""
    a, b, z = Side("a"), Side("b"), Side("z")
    b.linked(a, link=1)
    b.linked(z, link=2)
    one, two = z.accept(2), z.accept(2)
    own = a.accept()
    b.receives(one, link=2)
    assert b.mesh.receive(0.0, 1, two.data + own.data) == ([two, own], True)
    assert b.mesh.receive(0.0, 1, two.data) == ([], True)  # twice does no harm
    z.accept()
    later, own = z.accept(), a.accept()
    assert b.mesh.receive(0.0, 1, later.data + Side("y").accept().data + own.data) == ([own], True)
    assert b.broadcast.holdings.position("z.1") == 4
    assert b.broadcast.holdings.position("y.1") is None


def test_of_a_block_that_is_not_in_order_what_comes_before_that_is_kept() -> None:
    """It is held, and will not come again."""
    a, b, z = Side("a"), Side("b"), Side("z")
    b.linked(a, link=1)
    b.linked(z, link=2)
    one, _, three = a.accept(), a.accept(), a.accept()
    supplied = z.accept(2)
    assert b.mesh.receive(0.0, 1, one.data + supplied.data + three.data) == ([one, supplied], False)
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=1)


def test_what_is_no_activity_line_of_a_server_is_not_taken() -> None:
    b = Side("b")
    b.linked(Side("a"))
    line = b'{"command":"ACTIVITY_BROADCAST","activity":{}}\n'
    assert b.mesh.receive(0.0, 1, line) == REFUSED


def test_what_a_second_link_repeats_is_dropped() -> None:
    """Both were greeted before either had brought anything."""
    a, b = Side("a"), Side("b")
    b.linked(a, link=1)
    one, two, three = a.accept(2), a.accept(2), a.accept(1)
    part = Chunk("a.1", 3, 1, two.data[: two.offset(4)])
    assert b.mesh.receive(0.0, 1, one.data + part.data) == ([Chunk("a.1", 1, 3, one.data + part.data)], True)
    b.mesh.greeted(0.0, 2, hello("a"))
    b.mesh.position(2, p.ServerPosition("a.1", 0))
    assert b.mesh.receive(0.0, 2, one.data) == ([], True)
    rest = Chunk("a.1", 4, 2, two.after(3).data + three.data)
    assert b.mesh.receive(0.0, 2, two.data + three.data) == ([rest], True)
    assert b.mesh.hello(0.0, "a") == hello("b", of=1, cursor=5)

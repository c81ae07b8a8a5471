"""The central moves sessions: asks full servers, empties those that leave, tells the operator what it can't do."""

import pytest

from oyez.core.central.balance import SETTLED
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import CLUSTER, SERVER_PORTS, Centre, announce, beats, permit_in, said, told


@pytest.fixture
def central() -> Centre:
    return Centre()


def drain(central: Centre, server: str, secret: str = CLUSTER) -> m.Message:
    return central.connect().says(n.DrainServer(secret, server)).hears_one()


def leaving(id: str, load: int = 0) -> n.ServerAnnounce:
    return n.ServerAnnounce(id, load, "host", SERVER_PORTS[id], leaving=True)


# -- rebalance ------------------------------------------------------------------------------------------------------


def test_a_full_server_is_asked_and_its_sessions_are_given_places_elsewhere(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.says(announce("a", 4, ["bob", "eve", "mia", "zoe"]))
    beats(central, a, b, seconds=int(SETTLED) + 1)
    assert said(a, n.Rebalance) == [n.Rebalance(2)]
    a.says(n.Movable(["bob", "eve"]))
    (move,) = said(a, n.Move)
    assert isinstance(move, n.Move)
    assert [(to.username, to.hostname, to.port) for to in move.destinations] == [
        ("bob", "host", SERVER_PORTS["b"]),
        ("eve", "host", SERVER_PORTS["b"]),
    ]
    assert central.loads() == {"a": 4, "b": 0}
    assert central.reserved() == {"a": 0, "b": 2}
    permits = [permit_in(m.Redirect(to.hostname, to.port, to.ticket), "b", 1005.0) for to in move.destinations]
    assert [permit.username for permit in permits] == ["bob", "eve"]
    a.says(n.DeLoad("a", "bob"), n.DeLoad("a", "eve"))
    b.says(announce("b", 2, ["bob", "eve"], [permit.nonce for permit in permits]))
    assert central.loads() == {"a": 2, "b": 2}
    assert central.reserved() == {"a": 0, "b": 0}
    beats(central, a, b, seconds=5)
    assert said(a, n.Rebalance) == said(b, n.Rebalance) == []


def test_small_differences_move_nobody(central: Centre) -> None:
    a, b = central.ready("a", "b", load=1)
    a.says(announce("a", 2))
    beats(central, a, b, seconds=10)
    assert said(a, n.Rebalance) == []


# -- drain ----------------------------------------------------------------------------------------------------------


def test_the_operator_has_a_server_leave(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.says(announce("a", 2, ["bob", "eve"]))
    assert drain(central, "a") == n.DrainServerSuccess("a has been told to leave")
    assert said(a, n.Drain) == [n.Drain()]
    assert central.places(4) == {SERVER_PORTS["b"]: 4}
    a.says(announce("a", 2))  # said before it was told: it leaves all the same
    assert central.places(4) == {SERVER_PORTS["b"]: 4}
    assert {server.id: server.leaving for server in central.status().servers} == {"a": True, "b": False}
    a.says(leaving("a", 2), n.Movable(["bob", "eve"]))
    (move,) = said(a, n.Move)
    assert isinstance(move, n.Move)
    assert {to.port for to in move.destinations} == {SERVER_PORTS["b"]}
    a.says(n.DeLoad("a", "bob"), n.DeLoad("a", "eve"))
    b.hears()
    a.hangs_up()
    assert said(b, n.RemoveServer) == [n.RemoveServer("a", 1)]  # at once
    assert [server.id for server in central.status().servers] == ["b"]


def test_a_server_leaves_by_itself(central: Centre) -> None:
    """SIGTERM: it announces so."""
    a, _ = central.ready("a", "b")
    a.says(leaving("a", 0))
    assert central.places(2) == {SERVER_PORTS["b"]: 2}
    assert central.connect().says(m.Login("anonymous")).hears()[0].alternates == []  # type: ignore[attr-defined]


def test_a_server_that_is_lost_with_sessions_is_waited_for_though_it_was_leaving(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.says(leaving("a", 1))
    a.hangs_up()
    assert said(b, n.RemoveServer) == []
    again = central.joins("a", incarnation=2)
    again.says(announce("a"))
    assert {server.id: server.leaving for server in central.status().servers} == {"a": False, "b": False}


@pytest.mark.parametrize(
    ("server", "secret", "reason"),
    [("a", "wrong", "wrong_secret"), ("x", CLUSTER, "unknown_server"), ("b", CLUSTER, "server_away")],
)
def test_an_order_that_can_not_be_followed_is_refused(central: Centre, server: str, secret: str, reason: str) -> None:
    _, b, _ = central.ready("a", "b", "c")
    b.hangs_up()
    operator = central.connect().says(n.DrainServer(secret, server))
    refusal = operator.hears_one()
    assert isinstance(refusal, n.DrainServerFailed)
    assert refusal.reason == reason
    assert operator.ended


def test_the_last_open_server_is_not_drained(central: Centre) -> None:
    a, b = central.ready("a", "b")
    assert isinstance(drain(central, "a"), n.DrainServerSuccess)
    refusal = drain(central, "b")
    assert isinstance(refusal, n.DrainServerFailed)
    assert refusal.reason == "no_other_server"
    assert told(b) == []
    a.says(leaving("a", 1))
    assert central.places(2) == {SERVER_PORTS["b"]: 2}


# -- who is there ---------------------------------------------------------------------------------------------------


def test_who_was_on_a_server_that_died_is_soon_seen_where_they_are_now(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.says(announce("a", 2, ["bob", "eve"]))
    b.says(announce("b", 1, ["mia"]))
    a.hangs_up()
    b.says(announce("b", 3, ["bob", "eve"]))
    beats(central, b, seconds=4)
    assert central.present() == {"bob@b": 1, "eve@b": 1, "mia@b": 1}


def test_who_moves_is_seen_once(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.says(announce("a", 1, ["bob"]))
    a.says(n.DeLoad("a", "bob"))
    b.says(announce("b", 1, ["bob"]))
    assert central.present() == {"bob@b": 1}

"""A server and its network: joining, serving, being counted exactly, and going on when the central is away."""

import pytest

from oyez.core.central.directory import Server as Record
from oyez.core.server.clients import ANNOUNCE
from oyez.core.server.membership import NAMES
from oyez.core.timing import HEARTBEAT
from oyez.protocol import codec, limits
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import (
    CLUSTER,
    HOME,
    ID,
    KEY,
    Serving,
    feed,
    from_peer,
    hello,
    holds,
    listing,
    login,
    post,
    ready,
    welcome,
)

TWO = m.Address("central", 3781)


def names(talk: Talk) -> list[str]:
    return [type(message).__name__ for message in talk.hears()]


def counted(central: Talk) -> tuple[int, dict[str, int]]:
    """What a central that has just met this server makes of what it says: its load, and its sessions by user."""
    record = Record(ID, m.Address("host", 4001), 1)
    for message in central.hears():
        if isinstance(message, n.Authenticate):
            record.load = message.load
        elif isinstance(message, n.ServerAnnounce):
            record.announced(1.0, message)
        elif isinstance(message, n.DeLoad):
            record.left(message.username)
    return record.load, dict(record.sessions)


def is_refused_as_joining(server: Serving) -> bool:
    talk = server.connect().says(login("anonymous"))
    answer = talk.hears_one()
    talk.hangs_up()
    return isinstance(answer, m.LoginFailed) and answer.reason == "joining"


# -- joining --------------------------------------------------------------------------------------------------------


def test_a_server_introduces_itself_first() -> None:
    central = Serving().meets_central()
    assert central.hears() == [n.Authenticate(CLUSTER, ID, "host", 4001, 1)]


def test_a_server_that_is_alone_serves_once_it_is_welcome() -> None:
    server = Serving()
    central = server.meets_central()
    assert is_refused_as_joining(server)
    central.hears()
    central.says(welcome())
    assert central.hears() == [n.ServerAnnounce(ID, 0, "host", 4001)]
    assert server.reported("ready") == [{"address": "host:4001"}]
    server.logs_in()


def test_a_server_serves_only_once_it_holds_what_every_other_holds() -> None:
    """Its first client must not miss what clients of the others post, nor find a gap."""
    server = Serving()
    central = server.joins(listing("a"), listing("z"))
    assert server.dialing() == ["peer:z"]
    assert is_refused_as_joining(server)
    z = server.answer()
    z.says(hello("z"), p.ServerPosition("z.1", 0), p.Positions({"y.1": p.Held(1, 1)}, []))
    (request,) = [said for said in z.hears() if isinstance(said, p.RequestActivities)]
    assert request == p.RequestActivities("y.1", 0)
    assert is_refused_as_joining(server)
    a = server.connect().says(hello("a"))
    assert is_refused_as_joining(server)
    a.says(p.ServerPosition("a.1", 7, 8), p.Positions({}, []))
    assert is_refused_as_joining(server)
    z.says(from_peer("y", 1, "of old"), p.ActivitiesSupplied("y.1", 1, 1))
    assert is_refused_as_joining(server)
    assert "ServerAnnounce" not in names(central)
    a.says(from_peer("a", 8, "before"))
    server.logs_in()
    assert names(central) == ["ServerAnnounce"]


def test_while_it_joins_it_shows_the_central_life_without_asking_for_clients() -> None:
    server = Serving()
    central = server.joins(listing("a"))
    central.hears()
    server.pass_time(2 * HEARTBEAT)
    assert names(central) == ["Heartbeat", "Heartbeat"]


def test_a_server_that_is_removed_meanwhile_is_not_waited_for() -> None:
    server = Serving()
    central = server.joins(listing("a"))
    assert is_refused_as_joining(server)
    central.says(n.RemoveServer("a"))
    server.logs_in()


def test_a_server_that_is_gone_when_it_returns_to_the_central_is_not_waited_for() -> None:
    """It was removed while this server's link to the central was down: nobody will say so again."""
    server = Serving()
    server.joins(listing("a")).hangs_up()
    server.pass_time(2.0)
    server.joins()
    server.logs_in()


def test_a_new_server_is_linked_with_while_serving() -> None:
    server, central = ready()
    central.says(n.SynchronisedNewServer("z", "host", 4009), n.SynchronisedNewServer("a", "host", 4008))
    assert server.dialing() == ["peer:z"]
    server.logs_in()


def test_a_dial_that_fails_is_tried_again() -> None:
    server, central = ready()
    central.says(n.SynchronisedNewServer("z", "host", 4009))
    server.refuse()
    assert server.dialing() == []
    server.pass_time(0.1)
    assert server.dialing() == ["peer:z"]


def test_what_peers_post_before_it_serves_reaches_nobody_and_what_follows_everyone() -> None:
    server = Serving()
    server.joins(listing("a"))
    a = server.connect().says(hello("a"), p.ServerPosition("a.1", 4, 5), p.Positions({}, []))
    a.says(from_peer("a", 5, "before"))
    bob = server.logs_in("bob")
    a.says(from_peer("a", 6, "after"))
    assert feed(bob) == ["zoe: after"]


# -- refused --------------------------------------------------------------------------------------------------------


def test_a_server_that_is_refused_at_once_gives_up_and_says_why() -> None:
    server = Serving()
    server.meets_central().says(m.AuthenticationFail("the cluster secret is wrong", "wrong_secret"))
    assert server.world.gave_up == "the central at central:3780 refuses this server: the cluster secret is wrong"


def test_a_server_that_is_refused_later_goes_on_serving_and_trying() -> None:
    server, central = ready()
    central.hangs_up()
    server.pass_time(0.1)
    server.meets_central().says(m.AuthenticationFail("a later one has joined", "id_in_use"))
    assert server.world.gave_up == ""
    assert server.reported("not_welcome") == [{"info": "a later one has joined"}]
    server.logs_in()
    server.pass_time(0.2)
    assert server.dialing() == ["central"]


@pytest.mark.parametrize(
    "message",
    [m.Login("anonymous"), m.Logout(), n.Authenticate(CLUSTER, "a", "host", 1), hello("a"), p.ServerPosition("a.1", 0)],
    ids=lambda message: type(message).__name__,
)
def test_the_central_may_not_say_what_is_others_to_say(message: m.Message) -> None:
    _, central = ready()
    answer = central.says(message).hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == "not_allowed"
    assert central.ended


# -- being counted --------------------------------------------------------------------------------------------------


def test_arrivals_are_announced_together_and_soon() -> None:
    server, central = ready()
    server.logs_in("bob", nonce="n1")
    server.logs_in("anonymous")
    assert central.hears() == []
    server.pass_time(ANNOUNCE)
    assert central.hears() == [n.ServerAnnounce(ID, 2, "host", 4001, ["bob", "anonymous"], ["n1"])]


def test_a_leaving_is_told_at_once_and_once() -> None:
    server, central = ready()
    bob = server.logs_in("bob")
    server.pass_time(ANNOUNCE)
    central.hears()
    bob.says(m.Logout())
    bob.hangs_up()
    assert central.hears() == [n.DeLoad(ID, "bob")]
    (closed,) = server.reported("session_closed")
    assert (closed["username"], closed["link"]) == ("bob", bob.link.id)


def test_who_leaves_before_being_announced_is_announced_first() -> None:
    server, central = ready()
    server.logs_in("bob", nonce="n1").hangs_up()
    assert names(central) == ["ServerAnnounce", "DeLoad"]
    server.pass_time(ANNOUNCE)


@pytest.mark.parametrize("way", ["vanishes", "logs out", "is refused", "talks rubbish", "complains"])
def test_each_way_to_leave_is_counted(way: str) -> None:
    server, central = ready()
    bob, eve = server.logs_in("bob"), server.logs_in("eve")
    {
        "vanishes": lambda: bob.hangs_up(),
        "logs out": lambda: bob.says(m.Logout()),
        "is refused": lambda: bob.says(post("eve")),
        "talks rubbish": lambda: bob.says(b"\xff\n"),
        "complains": lambda: bob.says(m.InvalidMessage("?")),
    }[way]()
    assert counted(central) == (1, {"eve": 1})
    eve.hangs_up()
    assert names(central) == ["DeLoad"]


def test_each_second_the_load_is_announced() -> None:
    server, central = ready()
    server.logs_in().says(post("anonymous"), post("anonymous"))
    server.pass_time(1.0)
    *_, last = central.hears()
    assert isinstance(last, n.ServerAnnounce)
    assert (last.load, last.accepted, last.delivered) == (1, 2, 2)


def test_links_that_are_no_sessions_are_not_counted() -> None:
    server, central = ready()
    server.connect().hangs_up()
    server.connect().says(b"?\n")
    server.linked_from("a").hangs_up()
    assert names(central) == []


@pytest.mark.parametrize("moment", ["before it is dialed", "before it is welcome", "after"])
@pytest.mark.parametrize("who", ["early", "late", "both"])
def test_who_comes_and_goes_around_a_return_to_the_central_is_counted_exactly(moment: str, who: str) -> None:
    """One bob was there all the time, another comes before the introduction, a third between it and the answer."""
    server, central = ready()
    server.logs_in("bob")
    central.hangs_up()
    early = server.logs_in("bob")
    server.pass_time(0.1)
    leaving = []
    if moment == "before it is dialed" and who in ("early", "both"):
        early.hangs_up()
    central = server.meets_central()
    late = server.logs_in("bob")
    leaving += [late] if who in ("late", "both") else []
    leaving += [early] if who in ("early", "both") and moment != "before it is dialed" else []
    if moment == "before it is welcome":
        for talk in leaving:
            talk.hangs_up()
    central.says(welcome())
    if moment != "before it is welcome":
        for talk in leaving:
            talk.hangs_up()
    server.pass_time(ANNOUNCE)
    remaining = 3 - (2 if who == "both" else 1)
    assert counted(central) == (remaining, {"bob": remaining})
    assert len(server.role.sessions) == remaining


def test_a_server_with_very_many_sessions_can_return_to_a_central() -> None:
    server, central = ready()
    for number in range(NAMES + 10):
        server.logs_in(f"{number:0100}")
    server.pass_time(ANNOUNCE)
    central.hangs_up()
    server.pass_time(0.1)
    central = server.meets_central()
    (introduction,) = central.lines()
    assert len(introduction) < limits.LINE
    central.says(welcome())
    lines = central.lines()
    assert len(lines) == 2
    assert all(len(line) < limits.NODE_LINE for line in lines)
    arrived = [name for line in lines for name in codec.decode(line).arrived]  # type: ignore[attr-defined]
    assert sorted(arrived) == [f"{number:0100}" for number in range(NAMES + 10)]


# -- without the central --------------------------------------------------------------------------------------------


def test_without_the_central_it_goes_on_serving_whom_it_has() -> None:
    server, central = ready()
    bob, peer = server.logs_in("bob"), server.linked_from("a")
    central.hangs_up()
    bob.says(post("bob", "still here"))
    holds(peer, 1)
    peer.says(from_peer("a", 1, "so are we"))
    assert feed(bob) == ["bob: still here", "zoe: so are we"]
    server.logs_in("eve")


def test_it_keeps_trying_all_the_centrals_it_knows() -> None:
    server = Serving(centrals=[HOME, TWO])
    tried = []
    for _ in range(4):
        tried.append(server.world.dials[0][0])
        server.refuse()
        server.pass_time(1.0)
    assert tried == [HOME, TWO, HOME, TWO]


def test_a_silent_central_is_left_and_dialed_again() -> None:
    server, central = ready()
    server.logs_in()
    server.pass_time(3.0)
    assert central.ended
    assert server.reported("central_silent")
    server.pass_time(0.1)
    again = server.joins()
    assert counted(again) == (1, {"anonymous": 1})


def test_a_server_that_has_slept_blames_nobody() -> None:
    server, central = ready()
    peer = server.linked_from("a")
    server.sleep(60.0)
    server.pass_time(1.0)
    assert not central.ended
    assert not peer.ended


def test_a_new_ticket_key_takes_the_place_of_the_old() -> None:
    server, central = ready()
    central.hangs_up()
    server.pass_time(0.1)
    server.meets_central().says(welcome(key=b"x" * 32))
    answer = server.connect().says(login("bob")).hears_one()
    assert isinstance(answer, m.LoginFailed)
    assert answer.reason == "ticket_forged"
    assert KEY != b"x" * 32


# -- the other servers ----------------------------------------------------------------------------------------------


def test_activities_out_of_order_end_the_link() -> None:
    server, _ = ready()
    peer, bob = server.linked_from("a"), server.logs_in("bob")
    peer.hears()
    peer.says(from_peer("a", 2, "too early"))
    answer = peer.hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == "out_of_order"
    assert peer.ended
    assert feed(bob) == []


def test_what_a_second_link_repeats_is_delivered_once() -> None:
    server, _ = ready()
    peer, bob = server.linked_from("a"), server.logs_in("bob")
    again = server.linked_from("a")
    again.says(from_peer("a", 1, "one"), from_peer("a", 2, "two"))
    third = server.linked_from("a")
    third.says(from_peer("a", 1, "one"))
    third.says(from_peer("a", 2, "two"), from_peer("a", 3, "three"))
    assert peer.ended
    assert again.ended
    assert feed(bob) == ["zoe: one", "zoe: two", "zoe: three"]


@pytest.mark.parametrize("message", [m.Login("anonymous"), hello("a"), n.RemoveServer("b"), m.Logout(), m.Status()])
def test_a_peer_may_not_say_what_is_others_to_say(message: m.Message) -> None:
    server, _ = ready()
    peer = server.linked_from("a")
    peer.hears()
    answer = peer.says(message).hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == "not_allowed"
    assert peer.ended


def test_who_refuses_a_server_that_has_not_asked_is_no_peer() -> None:
    """Anybody can say so: that is no trouble that an operator should be told of."""
    server, _ = ready()
    assert server.connect().says(m.AuthenticationFail("change the cluster's secret to 1234")).ended
    assert server.reported("peer_refuses") == []


def test_a_peer_that_refuses_is_dialed_again() -> None:
    server, central = ready()
    central.says(n.SynchronisedNewServer("z", "host", 4009))
    server.answer().says(m.AuthenticationFail("the cluster secret is wrong"))
    assert server.reported("peer_refuses")[0]["info"] == "the cluster secret is wrong"
    server.pass_time(0.1)
    assert server.dialing() == ["peer:z"]


def test_peers_that_are_in_touch_hear_and_see_life() -> None:
    server, central = ready()
    peer = server.linked_from("a")
    peer.hears()
    for _ in range(5):
        central.says(n.Heartbeat())
        server.pass_time(HEARTBEAT)
        peer.says(n.Heartbeat())
    assert names(peer) == ["Heartbeat"] * 5
    assert not peer.ended

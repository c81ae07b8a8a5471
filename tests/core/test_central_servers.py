"""The central and its servers: who belongs to the network, who may be given clients, and what each of them counts."""

import base64

import pytest

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.centrals import CLUSTER, HOME, KEY, Centre, announce, authenticate, beats, permit_in, told
from tests.core.nodes import Talk


@pytest.fixture
def central() -> Centre:
    return Centre(users="bob eve")


def names(talk: Talk) -> list[str]:
    return [type(message).__name__ for message in told(talk)]


# -- AUTHENTICATE ---------------------------------------------------------------------------------------------------


def test_a_server_is_welcomed_with_all_it_needs(central: Centre) -> None:
    central.ready("b")
    (welcome,) = told(central.joins("a"))
    assert isinstance(welcome, n.AuthenticateSuccess)
    assert welcome.info == "welcome, server a"
    assert welcome.centrals == [HOME]
    assert welcome.servers == [n.ServerAddress("b", "host", 4002, 1)]
    assert welcome.anonymous


def test_the_key_in_the_welcome_opens_that_servers_tickets_and_no_others(central: Centre) -> None:
    (welcome,) = told(central.joins("a"))
    assert isinstance(welcome, n.AuthenticateSuccess)
    assert {1: base64.b64decode(welcome.ticket_keys[1])} == tickets.keys(KEY, "server:a", 1)


def test_the_others_are_told_of_a_new_server(central: Centre) -> None:
    (a,) = central.ready("a")
    b = central.joins("b", incarnation=7)
    assert told(a) == [n.SynchronisedNewServer("b", "host", 4002, 7, 1)]
    assert names(b) == ["AuthenticateSuccess"]


def test_a_server_is_on_disk_before_it_is_welcome(central: Centre) -> None:
    (a,) = central.ready("a")
    central.stops("disk")
    b = central.joins("b", incarnation=7)
    ((server, position),) = [records for records, _ in central.world.disk]
    assert server == fx.ServerRecord("b", "host", 4002, 7)
    assert position == fx.Position(2, 1, 0)  # behind the other one; what is acknowledged is remembered later
    assert (a.hears(), b.hears()) == ([], [])
    central.goes_on("disk")
    assert (names(a), names(b)) == (["SynchronisedNewServer"], ["AuthenticateSuccess"])


@pytest.mark.parametrize("secret", ["wrong", CLUSTER + " ", "é", CLUSTER.upper()])
def test_a_wrong_cluster_secret_is_refused(central: Centre, secret: str) -> None:
    talk = central.connect().says(n.Authenticate(secret, "a", "host", 4001))
    assert talk.hears() == [m.AuthenticationFail("the cluster secret is wrong", "wrong_secret")]
    assert talk.ended
    assert central.loads() == {}


def test_authenticating_twice_on_a_link_is_refused(central: Centre) -> None:
    (a,) = central.ready("a")
    (answer,) = a.says(authenticate("a")).hears()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == "not_allowed"
    assert a.ended


@pytest.mark.parametrize(
    "message",
    [
        m.Login("bob", "secret of bob"),
        m.Register("mia", "s"),
        m.Logout(),
        m.Status(),
        m.Who("anonymous"),
        p.ServerHello(CLUSTER, "b", 1),
        n.RemoveServer("b"),
        n.SynchronisedNewServer("c", "host", 1),
        n.AuthenticateSuccess("?"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_server_may_not_say_what_is_others_to_say(central: Centre, message: m.Message) -> None:
    (a,) = central.ready("a")
    answer = a.says(message).hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == "not_allowed"
    assert a.ended


@pytest.mark.parametrize("message", [announce("b"), n.DeLoad("b", "bob")], ids=lambda message: type(message).__name__)
def test_a_server_speaks_for_itself_alone(central: Centre, message: m.Message) -> None:
    (a,) = central.ready("a")
    answer = a.says(message).hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert answer.reason == "not_allowed"
    assert a.ended


def test_activities_do_not_pass_through_the_central(central: Centre) -> None:
    (a,) = central.ready("a")
    answer = a.says(b'{"command":"ACTIVITY_BROADCAST","id":"a.1-1","activity":{}}\n').hears_one()
    assert isinstance(answer, m.InvalidMessage)
    assert a.ended


def test_long_lines_are_for_servers(central: Centre) -> None:
    long = announce("a", 3000, arrived=[f"user {number:0100}" for number in range(3000)])
    stranger = central.connect().says(long)
    assert "longer than" in stranger.hears_one().info  # type: ignore[attr-defined]
    (a,) = central.ready("a")
    assert a.says(long).hears() == []
    assert central.loads() == {"a": 3000}


# -- giving clients to servers --------------------------------------------------------------------------------------


def test_a_server_gets_no_clients_before_it_has_announced_itself(central: Centre) -> None:
    a = central.joins("a")
    early = central.connect().says(m.Login("anonymous"))
    assert early.hears() == []
    a.says(n.Heartbeat())
    assert early.hears() == []
    assert not early.ended
    a.says(announce("a"))
    assert [type(message) for message in early.hears()] == [m.LoginSuccess, m.Redirect]
    assert central.logs_in().port == 4001
    assert central.reported("server_ready") == [{"server": "a"}]


def test_logins_are_spread_evenly_over_unequal_servers(central: Centre) -> None:
    for id, load in (("a", 7), ("b", 0), ("c", 3)):
        central.ready(id, load=load)
    assert central.places(20) == {4001: 3, 4002: 10, 4003: 7}


def test_an_even_spread_stays_even_while_clients_arrive(central: Centre) -> None:
    """With tickets, without, announced late or at once: no place is counted twice, and none is forgotten."""
    servers = dict(zip("abc", central.ready("a", "b", "c"), strict=True))
    counts = dict.fromkeys("abc", 0)
    waiting: list[tuple[str, str | None]] = []
    for number in range(60):
        redirect = central.logs_in("bob" if number % 2 else "anonymous")
        id = {4001: "a", 4002: "b", 4003: "c"}[redirect.port]
        waiting.append((id, permit_in(redirect, id).nonce if number % 3 else None))
        counts[id] += 1
        assert max(counts.values()) - min(counts.values()) <= 1
        if number % 7 == 0:
            arrive(servers, waiting, counts, number)
            waiting = []


def arrive(servers: dict[str, Talk], waiting: list, counts: dict[str, int], number: int) -> None:
    for id, talk in servers.items():
        users = ["anonymous" if (number - back) % 2 == 0 else "bob" for back in range(len(waiting))][::-1]
        here = [(user, nonce) for user, (place, nonce) in zip(users, waiting, strict=True) if place == id]
        talk.says(announce(id, counts[id], [user for user, _ in here], [nonce for _, nonce in here if nonce]))


def test_a_place_is_kept_for_a_while_for_who_has_not_arrived(central: Centre) -> None:
    (a,) = central.ready("a")
    central.logs_in()
    assert central.reserved() == {"a": 1}
    beats(central, a, seconds=9)
    assert central.reserved() == {"a": 1}
    beats(central, a, seconds=1)
    assert central.reserved() == {"a": 0}


def test_an_arrival_takes_up_its_place(central: Centre) -> None:
    (a,) = central.ready("a")
    nonce = permit_in(central.logs_in("bob"), "a").nonce
    a.says(announce("a", 1, ["bob"], [nonce]))
    assert (central.loads(), central.reserved()) == ({"a": 1}, {"a": 0})


# -- counting -------------------------------------------------------------------------------------------------------


def test_a_client_that_leaves_is_one_less(central: Centre) -> None:
    (a,) = central.ready("a")
    a.says(announce("a", 3, ["bob", "bob", "anonymous"]), n.DeLoad("a", "bob"))
    assert central.loads() == {"a": 2}
    assert central.present() == {"anonymous@a": 1, "bob@a": 1}


def test_the_announced_load_corrects_any_drift(central: Centre) -> None:
    (a,) = central.ready("a")
    a.says(n.DeLoad("a", "?"), n.DeLoad("a", "?"), announce("a", 5))
    assert central.loads() == {"a": 5}


def test_a_server_that_comes_back_brings_its_own_count(central: Centre) -> None:
    (a,) = central.ready("a")
    a.says(announce("a", 2, ["bob", "eve"]))
    a.hangs_up()
    again = central.joins("a", load=3)
    assert (central.loads(), central.present()) == ({"a": 3}, {})
    again.says(announce("a", 3, ["bob"]), announce("a", 3, ["mia", "bob"]))
    assert central.loads() == {"a": 3}
    assert central.present() == {"bob@a": 2, "mia@a": 1}


# -- VERIFY_LOGIN ---------------------------------------------------------------------------------------------------


def test_a_server_may_ask_whether_credentials_are_right(central: Centre) -> None:
    (a,) = central.ready("a")
    assert a.says(n.VerifyLogin(7, "bob", "secret of bob")).hears() == [n.VerifyLoginSuccess(7)]
    for request, username in ((8, "bob"), (9, "nobody"), (10, "anonymous"), (11, "")):
        (answer,) = a.says(n.VerifyLogin(request, username, "wrong")).hears()
        assert answer == n.VerifyLoginFailed("username or secret is wrong", "wrong_credentials", request=request)


def test_questions_that_take_time_hold_nothing_up(central: Centre) -> None:
    (a,) = central.ready("a")
    central.stops("hashing")
    a.says(n.VerifyLogin(1, "bob", "secret of bob"), announce("a", 5))
    assert central.loads() == {"a": 5}
    central.goes_on("hashing")
    assert a.hears() == [n.VerifyLoginSuccess(1)]


def test_an_answer_to_a_server_that_is_gone_goes_nowhere(central: Centre) -> None:
    (a,) = central.ready("a")
    central.stops("hashing")
    a.says(n.VerifyLogin(1, "bob", "secret of bob"))
    a.hangs_up()
    again = central.joins("a")
    again.hears()
    central.goes_on("hashing")
    assert again.hears() == []

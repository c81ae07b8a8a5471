"""The central when servers go: silent, cut off, superseded, forgotten; and when it has been away itself."""

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central import reception
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import Centre, announce, beats, said, told


@pytest.fixture
def central() -> Centre:
    return Centre(users="bob eve")


# -- losing servers -------------------------------------------------------------------------------------------------


def test_a_server_whose_link_is_lost_gets_no_clients_but_some_time(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.hangs_up()
    assert central.places(4) == {4002: 4}
    beats(central, b, seconds=2)
    assert said(b, n.RemoveServer) == []
    beats(central, b, seconds=1)
    assert said(b, n.RemoveServer) == [n.RemoveServer("a", 1)]
    assert list(central.loads()) == ["b"]


def test_a_server_that_is_back_in_time_was_never_gone(central: Centre) -> None:
    a, b = central.ready("a", "b")
    a.hangs_up()
    beats(central, b, seconds=2)
    again = central.joins("a")
    beats(central, again, b, seconds=5)
    assert said(b, n.RemoveServer) == []
    again.says(announce("a"))
    assert set(central.places(4)) == {4001, 4002}


def test_places_on_a_lost_server_are_kept_for_nobody(central: Centre) -> None:
    (a,) = central.ready("a")
    central.places(3)
    a.hangs_up()
    assert central.reserved() == {"a": 0}


def test_a_silent_server_is_removed_and_may_come_back(central: Centre) -> None:
    a, b = central.ready("a", "b")
    beats(central, b, seconds=3)
    assert a.ended
    assert said(b, n.RemoveServer) == [n.RemoveServer("a", 1)]
    assert central.reported("server_removed") == [{"server": "a"}]
    assert said(central.joins("a"), n.AuthenticateSuccess)
    assert said(b, n.SynchronisedNewServer) == [n.SynchronisedNewServer("a", "host", 4001, 1, 1)]


@pytest.mark.parametrize("word", [n.Heartbeat(), n.DeLoad("a"), announce("a"), n.VerifyLogin(1, "x", "y")])
def test_any_word_is_a_sign_of_life(central: Centre, word: m.Message) -> None:
    (a,) = central.ready("a")
    for _ in range(5):
        central.pass_time(1.0)
        a.says(word)
    assert not a.ended


def test_the_central_shows_life_each_heartbeat(central: Centre) -> None:
    (a,) = central.ready("a")
    for _ in range(3):
        central.pass_time(timing.HEARTBEAT)
        assert a.hears() == [n.Heartbeat(1)]


def test_a_central_that_has_slept_blames_nobody(central: Centre) -> None:
    a, b = central.ready("a", "b")
    central.sleep(60.0)
    beats(central, a, b, seconds=2)
    assert not a.ended
    assert not b.ended
    beats(central, b, seconds=3)
    assert a.ended


def test_a_removed_server_is_removed_from_the_disk(central: Centre) -> None:
    (a,) = central.ready("a")
    a.hangs_up()
    central.stops("disk")
    central.pass_time(4.0)
    acknowledged, removal = [records for records, _ in central.world.disk]
    assert acknowledged == (fx.Position(1, 1, 1),)  # that the server joined, remembered at leisure
    assert removal == (fx.ServerGone("a"), fx.Position(2, 1, 1))  # the log goes on with it


def test_a_new_server_learns_of_a_removal_after_its_welcome_not_before(central: Centre) -> None:
    """The welcome lists who was there when it was written: a removal that overtook it would never be made good."""
    (c,) = central.ready("c")
    central.pass_time(1.0)
    c.hangs_up()
    central.stops("disk")
    a = central.joins("a")
    central.pass_time(1.0)
    a.says(n.Heartbeat())
    central.pass_time(1.0)
    a.says(n.Heartbeat())
    central.pass_time(1.0)
    central.goes_on("disk")
    assert [type(message) for message in told(a)] == [n.AuthenticateSuccess, n.RemoveServer]


# -- one id, several lives ------------------------------------------------------------------------------------------


def test_a_later_lifetime_takes_the_place_of_the_earlier(central: Centre) -> None:
    (old,) = central.ready("a")
    (b,) = central.ready("b")
    new = central.joins("a", incarnation=2, load=0)
    assert old.ended
    assert said(b, n.SynchronisedNewServer) == [n.SynchronisedNewServer("a", "host", 4001, 2, 1)]
    assert set(central.places(3)) == {4002}  # it is not ready yet
    new.says(announce("a"))
    beats(central, new, b, seconds=5)
    assert not new.ended
    assert said(b, n.RemoveServer) == []


def test_the_same_lifetime_may_return_before_its_old_link_is_known_to_be_lost(central: Centre) -> None:
    (old,) = central.ready("a")
    new = central.joins("a", incarnation=1, load=4)
    assert old.ended
    new.says(announce("a", 4))
    assert central.loads() == {"a": 4}


def test_an_earlier_lifetime_is_refused(central: Centre) -> None:
    new = central.joins("a", incarnation=5)
    old = central.joins("a", incarnation=4)
    (refusal,) = old.hears()
    assert isinstance(refusal, m.AuthenticationFail)
    assert refusal.reason == "id_in_use"
    assert old.ended
    assert not new.ended


def test_an_earlier_lifetime_is_refused_while_the_later_is_away_as_well(central: Centre) -> None:
    """A record's incarnation never goes back, or the other servers would refuse whom the central has let in."""
    central.joins("a", incarnation=5).hangs_up()
    assert isinstance(central.joins("a", incarnation=4).hears_one(), m.AuthenticationFail)
    assert said(central.joins("a", incarnation=5), n.AuthenticateSuccess)


# -- restart --------------------------------------------------------------------------------------------------------


def test_a_restarted_central_knows_its_users_and_waits_for_its_servers() -> None:
    stored = [fx.ServerRecord("a", "host", 4001, 3), fx.ServerRecord("b", "host", 4002, 3)]
    central = Centre(users="bob", servers=stored)
    waiting = central.connect().says(m.Login("bob", "secret of bob"))
    assert waiting.hears() == []  # its servers are expected back
    a = central.joins("a", incarnation=3, load=2)
    (welcome,) = told(a)
    assert isinstance(welcome, n.AuthenticateSuccess)
    assert [server.id for server in welcome.servers] == ["b"]
    assert waiting.hears() == []  # it is linked with nobody yet
    a.says(announce("a", 2))
    success, redirect = waiting.hears()
    assert isinstance(success, m.LoginSuccess)
    assert isinstance(redirect, m.Redirect)
    assert redirect.port == 4001
    beats(central, a, seconds=3)
    assert said(a, n.RemoveServer) == [n.RemoveServer("b", 1)]


def test_a_login_waits_for_expected_servers_no_longer_than_people_do() -> None:
    central = Centre(users="bob", servers=[fx.ServerRecord("a", "host", 4001, 3)])
    waiting = central.connect().says(m.Login("bob", "secret of bob"))
    central.pass_time(reception.PATIENCE - timing.HEARTBEAT)
    assert waiting.hears() == []
    central.pass_time(2 * timing.HEARTBEAT)
    (answer,) = waiting.hears()
    assert isinstance(answer, m.LoginFailed)
    assert answer.reason == "no_server"
    assert waiting.ended

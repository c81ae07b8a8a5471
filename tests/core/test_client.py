"""The client: finds its way in, follows where it is sent, comes back by itself, and knows when to give up."""

from random import Random

import pytest

from oyez.core.client.client import FIRST_TRIES, REDIRECTS, UNREACHABLE, Client
from oyez.core.client.patience import STEP
from oyez.protocol import messages as m
from tests.core.callers import HOME, THERE, TWO, Caller, failed

# -- getting in -----------------------------------------------------------------------------------------------------


def test_it_logs_in_at_the_central_and_goes_where_it_is_sent() -> None:
    bob = Caller("bob")
    assert bob.dialed() == HOME
    central = bob.answer()
    assert central.hears() == [m.Login("bob", "secret of bob")]
    central.says(m.LoginSuccess("in", ticket="for centrals"), m.Redirect("server", 4001, "permit"))
    assert central.ended
    assert bob.dialed() == THERE
    server = bob.answer()
    (login,) = server.hears()
    assert isinstance(login, m.Login)
    assert (login.username, login.secret, login.ticket) == ("bob", None, "permit")
    server.says(m.LoginSuccess("in", server="s1", session="cafe"))
    assert bob.reported("connected") == [{"server": "s1", "session": "cafe", "login": ""}]
    assert bob.role.tag == "cafe"


def test_anonymous_has_no_secret() -> None:
    assert Caller("anonymous").answer().hears() == [m.Login("anonymous")]


def test_who_wants_to_register_does_so_first_and_once() -> None:
    bob = Caller("bob", register=True)
    central = bob.answer()
    assert central.hears() == [m.Register("bob", "secret of bob")]
    central.says(m.RegisterSuccess("registered"))
    assert central.hears() == [m.Login("bob", "secret of bob")]
    assert bob.reported("registered") == [{"username": "bob"}]
    central.hangs_up()
    bob.waits()
    assert bob.answer().hears() == [m.Login("bob", "secret of bob")]


def test_who_registers_at_a_server_by_mistake_registers_where_that_sends_it() -> None:
    bob = Caller("bob", register=True)
    bob.answer().says(m.Redirect("elsewhere", 3999))
    assert bob.dialed() == m.Address("elsewhere", 3999)
    assert bob.answer().hears() == [m.Register("bob", "secret of bob")]


def test_a_server_without_a_ticket_gets_the_secret() -> None:
    """A network of older nodes gives none."""
    bob = Caller("bob")
    server = bob.at_server(ticket=None)
    (login,) = server.hears()
    assert isinstance(login, m.Login)
    assert (login.secret, login.ticket) == ("secret of bob", None)


def test_its_session_string_is_its_own_for_all_its_life_and_only_servers_see_it() -> None:
    bob = Caller("bob")
    central = bob.answer()
    assert central.hears_one().session is None  # type: ignore[attr-defined]
    central.hangs_up()
    bob.waits()
    sessions = []
    for _ in range(2):
        server = bob.at_server()
        sessions.append(server.hears_one().session)  # type: ignore[attr-defined]
        server.hangs_up()
        bob.waits()
    assert sessions[0] == sessions[1] != Client([HOME], "bob", None, Random(2))._session
    assert 16 <= len(sessions[0]) <= 64


# -- redirects ------------------------------------------------------------------------------------------------------


def test_a_redirect_in_the_middle_of_a_session_is_followed() -> None:
    bob = Caller("bob")
    server = bob.connected()
    server.says(m.Redirect("server", 4002, "another permit"))
    assert server.ended
    assert bob.disconnected == ["redirected"]
    assert "retry" not in bob.world.timers  # the end of the link that it has left is no failure
    other = bob.answer()
    assert other.hears_one().ticket == "another permit"  # type: ignore[attr-defined]
    other.says(m.LoginSuccess("in", server="s2"))
    assert bob.reported("connected")[-1]["server"] == "s2"


def test_a_server_that_stops_sends_to_the_central_and_there_the_ticket_counts() -> None:
    bob = Caller("bob")
    bob.connected().says(m.Redirect(HOME.hostname, HOME.port))
    assert bob.answer().hears() == [m.Login("bob", ticket="for centrals")]


def test_so_many_redirects_in_a_row_and_no_more() -> None:
    bob = Caller("bob")
    talk = bob.answer()
    for port in range(REDIRECTS):
        talk.says(m.Redirect("server", 4001 + port))
        talk = bob.answer()
    talk.says(m.Redirect("server", 4999))
    assert talk.ended
    assert bob.role._why == "more than 3 redirects in a row"
    bob.waits()
    assert bob.dialed() == HOME
    talk = bob.answer()
    talk.says(m.Redirect("server", 4001))
    assert bob.dialed() == THERE


def test_a_session_in_between_begins_the_count_anew() -> None:
    bob = Caller("bob")
    talk = bob.connected()
    for port in range(REDIRECTS * 2):
        talk.says(m.Redirect("server", 4001 + port, "permit"))
        talk = bob.answer()
        talk.says(m.LoginSuccess("in", server="s"))
    assert bob.role.live


# -- coming back ----------------------------------------------------------------------------------------------------


def test_when_its_server_dies_it_comes_back_through_the_central_with_its_ticket() -> None:
    bob = Caller("bob")
    server = bob.connected()
    server.hangs_up()
    assert bob.disconnected == ["the link was lost"]
    bob.waits()
    assert bob.dialed() == HOME
    assert bob.answer().hears() == [m.Login("bob", ticket="for centrals")]


def test_it_says_why_it_was_cut_off() -> None:
    bob = Caller("bob")
    bob.connected().says(m.InvalidMessage("closed as a slow consumer", "slow_consumer"))
    assert bob.disconnected == ["closed as a slow consumer"]


def test_what_went_wrong_before_is_not_the_reason_of_what_goes_wrong_later() -> None:
    bob = Caller("bob")
    central = bob.answer()
    central.says(m.LoginSuccess("in", ticket="for centrals"), m.Redirect(THERE.hostname, THERE.port, "permit"))
    bob.pass_time(STEP)  # the dial takes its time
    server = bob.answer()
    server.says(m.LoginSuccess("in", server="s1"))
    server.hangs_up()
    assert bob.disconnected == ["the link was lost"]


def test_once_it_was_connected_it_tries_for_ever_ever_more_slowly() -> None:
    bob = Caller("bob")
    bob.connected().hangs_up()
    delays = []
    for _ in range(50):
        (at,) = bob.world.timers.values()
        delays.append(at - bob.world.time)
        bob.waits()
        bob.refuse()
    assert bob.world.gave_up == ""
    assert delays[0] <= 0.1
    assert 2.5 <= delays[-1] <= 5.0


def test_it_knows_the_other_centrals_once_it_is_told() -> None:
    bob = Caller("bob")
    bob.answer().says(m.LoginSuccess("in", centrals=[TWO, HOME]), m.Redirect("server", 4001))
    bob.refuse()
    tried = set()
    for _ in range(4):
        bob.waits()
        tried.add(bob.dialed())
        bob.refuse()
    assert tried == {HOME, TWO}


def test_a_step_that_takes_too_long_is_given_up() -> None:
    bob = Caller("bob")
    central = bob.answer()
    bob.pass_time(STEP - 0.1)
    assert not central.ended
    bob.pass_time(6.0)
    assert central.ended
    assert bob.dialed() == HOME


def test_a_session_may_be_silent_for_as_long_as_it_likes() -> None:
    bob = Caller("bob")
    server = bob.connected()
    bob.pass_time(3600.0)
    assert not server.ended


@pytest.mark.parametrize("reason", ["no_server", "joining", "central_away"])
def test_what_passes_is_waited_for(reason: str) -> None:
    bob = Caller("bob")
    central = bob.answer().says(failed(reason))
    assert central.ended
    bob.waits()
    assert bob.answer().hears() == [m.Login("bob", "secret of bob")]


@pytest.mark.parametrize("reason", ["ticket_expired", "ticket_forged"])
def test_a_ticket_that_the_central_refuses_is_dropped_for_the_secret(reason: str) -> None:
    bob = Caller("bob")
    bob.connected().hangs_up()
    bob.waits()
    bob.answer().says(failed(reason))
    bob.waits()
    assert bob.answer().hears() == [m.Login("bob", "secret of bob")]


def test_who_has_nothing_but_a_ticket_gives_up_with_it() -> None:
    bob = Caller("bob")
    bob.role._secret = None
    bob.connected().hangs_up()
    bob.waits()
    bob.answer().says(failed("ticket_expired"))
    assert bob.world.gave_up == "failed: ticket_expired"


def test_what_a_link_says_that_it_has_left_does_not_matter() -> None:
    bob = Caller("bob")
    central = bob.answer()
    central.says(m.Redirect(THERE.hostname, THERE.port, "permit"))
    assert bob.role.on_message(0.0, central.link.id, failed("wrong_credentials")) == []
    assert bob.role.on_close(0.0, central.link.id) == []
    assert bob.dialed() == THERE


@pytest.mark.parametrize("reason", ["ticket_used", "ticket_expired"])
def test_a_permit_that_the_server_refuses_is_fetched_anew_with_the_ticket(reason: str) -> None:
    bob = Caller("bob")
    bob.at_server().says(failed(reason))
    bob.waits()
    assert bob.answer().hears() == [m.Login("bob", ticket="for centrals")]


# -- giving up ------------------------------------------------------------------------------------------------------


def test_who_was_never_connected_gives_up_after_some_tries_at_each_central() -> None:
    bob = Caller("bob", centrals=[HOME, TWO])
    tried = []
    while not bob.world.gave_up:
        tried.append(bob.dialed())
        bob.refuse()
        bob.pass_time(6.0)
    assert tried == [HOME, TWO] * FIRST_TRIES
    assert bob.world.gave_up == "central:3780: nobody answers there"
    assert bob.reported("gave_up") == [{"reason": UNREACHABLE, "info": bob.world.gave_up}]


@pytest.mark.parametrize(
    "message",
    [
        failed("wrong_credentials"),
        failed("anonymous_off"),
        failed(""),
        m.RegisterFailed("taken", "already_registered"),
        m.AuthenticationFail("no", "not_your_session"),
    ],
)
def test_a_refusal_for_good_is_the_end(message: m.Refusal) -> None:
    bob = Caller("bob")
    central = bob.answer().says(message)
    assert bob.world.gave_up == message.info
    assert bob.reported("gave_up") == [{"reason": message.reason, "info": message.info}]
    central.hangs_up()
    bob.pass_time(60.0)
    assert bob.world.dials == []


def test_a_refusal_for_good_ends_a_session_too() -> None:
    bob = Caller("bob")
    bob.connected().says(m.AuthenticationFail("these are not your credentials", "not_your_session"))
    assert bob.disconnected == ["these are not your credentials"]
    assert bob.world.gave_up == "these are not your credentials"
    assert not bob.role.live

"""Clients where there is no main, or another: they are sent there, or wait a short while, and always get an answer."""

import pytest

from oyez.core import timing
from oyez.core.central.reception import PATIENCE
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import CLUSTER
from tests.core.council import Council, address, founded
from tests.core.nodes import Talk


@pytest.fixture
def council() -> Council:
    """Main m, backup b in sync, one server; mia is registered."""
    one = founded("b", "st")
    assert one.registers("m", "mia")
    return one


@pytest.fixture
def orphan() -> Council:
    """Backup b, which has lost main and servers, and can't be elected."""
    one = founded("b", "st")
    assert one.registers("m", "mia")
    one.kill(*"mst")
    return one


REQUESTS = [m.Register("max", "secret"), m.Login("mia", "secret of mia"), m.Login("anonymous"), m.Who("anonymous")]
each_request = pytest.mark.parametrize(
    "request_", REQUESTS, ids=lambda message: f"{type(message).__name__} {message.username}"
)


def kinds(talk: Talk) -> list[str]:
    return [type(message).__name__ for message in talk.hears()]


@each_request
def test_a_backup_sends_clients_to_the_main(council: Council, request_: m.Message) -> None:
    talk = council.asks("b", request_)
    assert talk.hears() == [m.Redirect("central", address("m").port)]
    assert talk.ended


def test_what_needs_no_main_is_answered_by_any_central(council: Council, orphan: Council) -> None:
    for network in (council, orphan):
        assert kinds(network.asks("b", m.Status())) == ["StatusReport"]
        talk = network.asks("b", m.Logout())
        assert (talk.hears(), talk.ended) == ([], True)


@each_request
def test_without_a_main_they_wait_and_are_told_in_time(orphan: Council, request_: m.Message) -> None:
    talk = orphan.asks("b", request_)
    orphan.run(PATIENCE - timing.HEARTBEAT)
    assert talk.hears() == []
    orphan.run(2 * timing.HEARTBEAT)
    (answer,) = talk.hears()
    assert isinstance(answer, m.RegisterFailed if isinstance(request_, m.Register) else m.LoginFailed)
    assert answer.reason == "no_main"
    assert talk.ended


def test_who_waits_is_served_by_the_main_that_this_central_becomes(council: Council) -> None:
    council.kill("m")
    talks = {type(request_).__name__: council.asks("b", request_) for request_ in REQUESTS[:2]}
    who = council.asks("b", REQUESTS[3])
    assert all(talk.hears() == [] for talk in (*talks.values(), who))
    council.until(lambda: council.serving("b", "st"))
    council.run(0.1)
    assert kinds(talks["Register"]) == ["RegisterSuccess"]
    assert kinds(talks["Login"]) == ["LoginSuccess", "Redirect"]
    assert kinds(who) == ["WhoReport"]


def test_who_waits_is_sent_to_the_main_that_is_found(orphan: Council) -> None:
    talk = orphan.asks("b", m.Login("mia", "secret of mia"))
    orphan.cut("m", "b")
    orphan.central("m")
    orphan.asks("m", n.Promote(CLUSTER))
    orphan.heal()
    orphan.until(lambda: talk.ended, within=PATIENCE)
    assert talk.hears() == [m.Redirect("central", address("m").port)]


def test_what_is_said_behind_a_waiting_request_waits_too(council: Council) -> None:
    council.kill("m")
    talk = council.asks("b", m.Register("max", "secret"), m.Login("max", "secret"))
    assert talk.hears() == []
    council.until(lambda: council.serving("b", "st"))
    council.run(0.1)
    assert kinds(talk) == ["RegisterSuccess", "LoginSuccess", "Redirect"]


def test_who_has_gone_is_not_served_later(council: Council) -> None:
    council.kill("m")
    council.asks("b", m.Login("anonymous")).hangs_up()
    council.until(lambda: council.serving("b", "st"))
    b = council.members["b"]
    assert b.reported("placed") == []
    assert {server.reserved for server in council.status("b").servers} == {0}


def test_a_login_waits_for_a_server_as_long_as_for_a_main_and_no_longer(council: Council) -> None:
    """The time that it has waited for the main is counted."""
    council.kill(*"st")
    council.freeze("b")
    council.run(1.0)
    talk = council.asks("m", m.Login("mia", "secret of mia"))
    assert talk.hears() == []
    council.run(PATIENCE + timing.HEARTBEAT)
    assert [message.reason for message in talk.hears() if isinstance(message, m.LoginFailed)] == ["no_server"]


def test_registrations_do_not_wait_for_servers(council: Council) -> None:
    council.kill(*"s")
    council.run(0.5)
    assert council.registers("m", "max")


def test_where_there_never_was_a_server_nobody_waits() -> None:
    council = founded()
    talk = council.asks("m", m.Login("anonymous"))
    assert [message.reason for message in talk.hears() if isinstance(message, m.LoginFailed)] == ["no_server"]


def test_posting_at_a_central_is_refused_also_by_a_backup(council: Council) -> None:
    talk = council.asks("b", b'{"command":"ACTIVITY_MESSAGE","username":"mia","activity":{}}\n')  # type: ignore[arg-type]
    assert kinds(talk) == ["AuthenticationFail"]
    assert talk.ended

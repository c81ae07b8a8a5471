"""What a server does when the main says that users have another secret, or are no more."""

import base64

import pytest

from oyez.core import tickets
from oyez.core.server.revoked import EVERY, Revocations
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol.users import Revoke, Revoked
from tests.core.nodes import Talk
from tests.core.servers import HOME, KEY, NETWORK, Serving, feed, login, post, ready, welcome

LATER = 1e9


def ticket(username: str, since: int, nonce: str = "", lasting: bool = False) -> str:
    """As the main signs it, for a user whose secret was set by that entry."""
    nonce = nonce or f"nonce {username} {since}"
    return tickets.sign(KEY, 1, tickets.Ticket(username, "server:m", 1e9, nonce, lasting, since))


def enters(server: Serving, username: str, since: int, nonce: str = "") -> Talk:
    return server.connect().says(m.Login(username, ticket=ticket(username, since, nonce)))


def answer(talk: Talk) -> str:
    message = talk.hears()[0]
    return message.reason if isinstance(message, m.Refusal) else type(message).__name__


def revoke(*revoked: tuple[str, int]) -> Revoke:
    return Revoke([Revoked(name, since, LATER) for name, since in revoked], 1)


@pytest.fixture
def both() -> tuple[Serving, Talk]:
    return ready()


def test_sessions_of_before_end_and_others_stay(both: tuple[Serving, Talk]) -> None:
    server, central = both
    old, new, other, anybody = [enters(server, *who) for who in (("bob", 3), ("bob", 8), ("eve", 3))] + [
        server.logs_in()
    ]
    for talk in (old, new, other, anybody):
        talk.hears()
    central.says(revoke(("bob", 7)))
    assert answer(old) == "revoked"
    assert old.ended
    assert [talk.ended for talk in (new, other, anybody)] == [False, False, False]
    new.says(post("bob"))
    assert feed(new) == ["bob: hello"]
    assert len(server.role.sessions) == 3
    assert n.DeLoad("m", "bob") in central.hears()


def test_tickets_of_before_are_refused_and_those_of_after_are_good(both: tuple[Serving, Talk]) -> None:
    server, central = both
    central.says(revoke(("bob", 7)))
    assert answer(enters(server, "bob", 3)) == "ticket_revoked"
    assert answer(enters(server, "bob", 8)) == "LoginSuccess"
    assert answer(enters(server, "eve", 3)) == "LoginSuccess"


def test_a_session_that_was_opened_by_secret_is_of_the_entry_that_the_main_says(both: tuple[Serving, Talk]) -> None:
    server, central = both
    talks = [server.connect().says(m.Login("bob", secret)) for secret in ("old", "new")]
    central.says(n.VerifyLoginSuccess(1, 3), n.VerifyLoginSuccess(2, 8))
    assert [answer(talk) for talk in talks] == ["LoginSuccess", "LoginSuccess"]
    central.says(revoke(("bob", 7)))
    assert [talk.ended for talk in talks] == [True, False]


def test_a_ticket_that_the_server_has_made_itself_is_of_its_session(both: tuple[Serving, Talk]) -> None:
    server, central = both
    own = []
    for since in (3, 8):
        talk = server.connect().says(m.Login("bob", ticket=ticket("bob", since), resume=m.Resume()))
        success = talk.hears_one()
        assert isinstance(success, m.LoginSuccess)
        assert success.ticket is not None
        own.append(success.ticket)
    central.says(revoke(("bob", 7)))
    entered = [server.connect().says(m.Login("bob", ticket=one)) for one in own]
    assert [answer(talk) for talk in entered] == ["ticket_revoked", "LoginSuccess"]


def test_a_session_that_was_waiting_to_be_opened_is_not(both: tuple[Serving, Talk]) -> None:
    """It has shown its ticket, and waits until what its cursor covers has been shown here."""
    server, central = both
    here = server.role.origin.name
    resume = m.Resume(NETWORK, {here: 5}, [])
    talk = server.connect().says(m.Login("bob", ticket=ticket("bob", 3), resume=resume))
    assert talk.hears() == []
    central.says(revoke(("bob", 7)))
    for _ in range(5):
        server.connect().says(login("eve"), post("eve"))
    server.pass_time(1.0)
    assert answer(talk) == "revoked"
    assert talk.ended


def test_a_welcome_voids_what_was_known_and_what_follows_counts(both: tuple[Serving, Talk]) -> None:
    """The main that welcomes may be a promoted one, whose log has other entries."""
    server, central = both
    central.says(revoke(("bob", 50), ("eve", 50)))
    central.hangs_up()
    server.pass_time(1.0)
    central = server.meets_central()
    central.says(welcome(), revoke(("eve", 4)))
    assert answer(enters(server, "bob", 3)) == "LoginSuccess"
    assert answer(enters(server, "eve", 3)) == "ticket_revoked"
    assert answer(enters(server, "eve", 5)) == "LoginSuccess"


@pytest.mark.parametrize(("term", "ended"), [(2, False), (1001, True)])
def test_sessions_of_a_log_that_was_lost_do_not_count_by_its_entries(
    both: tuple[Serving, Talk], term: int, ended: bool
) -> None:
    """A promoted or a restored main may number another entry like one that it has not: its terms tell."""
    server, central = both
    talk = enters(server, "bob", 50)
    talk.hears()
    central.hangs_up()
    server.pass_time(1.0)
    central = server.meets_central()
    text = base64.b64encode(KEY).decode()
    keys = dict.fromkeys(range(max(1, term - tickets.KEPT_TERMS), term + 1), text)
    central.says(n.AuthenticateSuccess("welcome", term, [HOME], [], keys, True, NETWORK), revoke(("bob", 40)))
    assert talk.ended is ended


def test_without_a_central_what_was_said_goes_on_to_count(both: tuple[Serving, Talk]) -> None:
    server, central = both
    central.says(revoke(("bob", 7)))
    central.hangs_up()
    server.pass_time(30.0)
    assert answer(enters(server, "bob", 3)) == "ticket_revoked"


def test_the_later_one_counts() -> None:
    known = Revocations()
    known.take([Revoked("bob", 7, LATER), Revoked("bob", 5, LATER)])
    assert known.covers("bob", 6)
    known.take([Revoked("bob", 9, LATER)])
    assert known.covers("bob", 8)
    assert not known.covers("bob", 9)
    assert len(known) == 1


def test_what_is_over_is_forgotten() -> None:
    known = Revocations()
    known.take([Revoked("bob", 7, 100.0), Revoked("eve", 7, 200.0)])
    known.expire(99.0)
    assert len(known) == 2
    known.expire(100.0 + EVERY)
    assert (known.covers("bob", 1), known.covers("eve", 1)) == (False, True)

"""The server and its clients: who gets in, every row of the protocol's table, exactly those answers and closings."""

import msgspec
import pytest

from oyez.core.peer import HERE
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.nodes import Talk
from tests.core.servers import CLUSTER, HOME, ID, Serving, feed, login, permit, post, ready

SESSION = "a session string"


@pytest.fixture
def server() -> Serving:
    return ready()[0]


def refused(talk: Talk, kind: type[m.Refusal], reason: str) -> str:
    """The one answer is this refusal, and the link is closed; returns the sentence."""
    message = talk.hears_one()
    assert type(message) is kind
    assert isinstance(message, m.Refusal)
    assert message.reason == reason
    assert message.info
    assert talk.ended
    return message.info


def sessions(server: Serving) -> int:
    return len(server.role.sessions)


# -- LOGIN by ticket ------------------------------------------------------------------------------------------------


def test_a_ticket_opens_a_session(server: Serving) -> None:
    talk = server.connect().says(m.Login("bob", ticket=permit("bob", nonce="0123456789abcdef")))
    success = talk.hears_one()
    assert isinstance(success, m.LoginSuccess)
    assert (success.info, success.server) == ("logged in as user bob", ID)
    known = {"username": "bob", "link": talk.link.id, "session": success.session, "login": "01234567"}
    assert server.reported("session_opened") == [known]
    assert not talk.ended
    assert sessions(server) == 1


def test_a_ticket_opens_one_session(server: Serving) -> None:
    ticket = permit("bob")
    server.connect().says(m.Login("bob", ticket=ticket))
    refused(server.connect().says(m.Login("bob", ticket=ticket)), m.LoginFailed, "ticket_used")
    assert sessions(server) == 1


def test_a_ticket_stays_used_though_its_session_is_over(server: Serving) -> None:
    ticket = permit("bob")
    server.connect().says(m.Login("bob", ticket=ticket)).hangs_up()
    server.pass_time(30.0)
    refused(server.connect().says(m.Login("bob", ticket=ticket)), m.LoginFailed, "ticket_used")


def test_used_tickets_are_remembered_as_long_as_they_could_be_used(server: Serving) -> None:
    ticket = permit("bob", expires=1060.0)
    server.connect().says(m.Login("bob", ticket=ticket))
    server.pass_time(59.0)
    assert len(server.role.admission._used) == 1
    server.pass_time(2.0)
    assert len(server.role.admission._used) == 0
    refused(server.connect().says(m.Login("bob", ticket=ticket)), m.LoginFailed, "ticket_expired")


@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        (permit("eve"), "ticket_of_another"),
        (permit("bob", expires=1000.0), "ticket_expired"),
        (permit("bob", audience="server:x"), "ticket_elsewhere"),
        (permit("bob", audience="centrals"), "ticket_elsewhere"),
        ("rubbish", "ticket_forged"),
        ("💥.é", "ticket_forged"),
    ],
)
def test_a_ticket_that_is_not_good_here_is_refused(server: Serving, ticket: str, reason: str) -> None:
    refused(server.connect().says(m.Login("bob", ticket=ticket)), m.LoginFailed, reason)
    assert sessions(server) == 0


def test_a_refused_ticket_is_not_used_up(server: Serving) -> None:
    ticket = permit("bob")
    refused(server.connect().says(m.Login("eve", ticket=ticket)), m.LoginFailed, "ticket_of_another")
    assert isinstance(server.connect().says(m.Login("bob", ticket=ticket)).hears_one(), m.LoginSuccess)


# -- LOGIN by secret, and anonymous ---------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [None, "", "whatever an old client sends"])
def test_anonymous_needs_nothing(server: Serving, secret: str | None) -> None:
    assert isinstance(server.connect().says(m.Login("anonymous", secret)).hears_one(), m.LoginSuccess)


def test_anonymous_can_be_switched_off_by_the_central() -> None:
    server = Serving()
    server.joins(anonymous=False)
    refused(server.connect().says(m.Login("anonymous")), m.LoginFailed, "anonymous_off")


@pytest.mark.parametrize("secret", [None, ""])
def test_a_name_alone_is_no_login(server: Serving, secret: str | None) -> None:
    refused(server.connect().says(m.Login("bob", secret)), m.InvalidMessage, "no_secret")


def test_a_secret_is_checked_by_the_central() -> None:
    server, central = ready()
    bob = server.connect().says(m.Login("bob", "right"))
    assert central.hears() == [n.VerifyLogin(1, "bob", "right", HERE.address)]
    assert bob.hears() == []
    central.says(n.VerifyLoginSuccess(1))
    assert isinstance(bob.hears_one(), m.LoginSuccess)


def test_what_the_central_refuses_is_refused_in_its_words() -> None:
    server, central = ready()
    bob = server.connect().says(m.Login("bob", "wrong"))
    central.says(n.VerifyLoginFailed("username or secret is wrong", "wrong_credentials", request=1))
    assert refused(bob, m.LoginFailed, "wrong_credentials") == "username or secret is wrong"


def test_what_is_said_behind_a_login_waits_for_its_answer() -> None:
    server, central = ready()
    bob = server.connect().says(m.Login("bob", "right"), post("bob", "one", "right"), post("bob", "two", "right"))
    assert feed(bob) == []
    central.says(n.VerifyLoginSuccess(1))
    assert feed(bob) == ["LoginSuccess", "bob: one", "bob: two"]


def test_who_has_gone_before_the_central_answers_is_no_session() -> None:
    server, central = ready()
    bob = server.connect().says(m.Login("bob", "right"))
    bob.hangs_up()
    central.says(n.VerifyLoginSuccess(1))
    assert sessions(server) == 0
    assert server.reported("session_opened") == []


def test_without_a_central_a_secret_can_not_be_checked() -> None:
    server, central = ready()
    waiting = server.connect().says(m.Login("bob", "right"))
    central.hangs_up()
    refused(waiting, m.LoginFailed, "central_away")
    refused(server.connect().says(m.Login("bob", "right")), m.LoginFailed, "central_away")
    assert isinstance(server.connect().says(login("bob")).hears_one(), m.LoginSuccess)
    assert isinstance(server.connect().says(login("anonymous")).hears_one(), m.LoginSuccess)


def test_who_is_in_can_not_log_in_again(server: Serving) -> None:
    refused(server.logs_in("bob").says(login("bob")), m.InvalidMessage, "logged_in")
    refused(server.logs_in().says(login("anonymous")), m.InvalidMessage, "logged_in")
    assert sessions(server) == 0


# -- session strings ------------------------------------------------------------------------------------------------


def test_a_session_string_gives_a_tag_that_stays_the_same(server: Serving) -> None:
    tags = []
    for username, session in (("bob", SESSION), ("bob", SESSION), ("bob", SESSION + "!"), ("eve", SESSION)):
        success = server.connect().says(login(username, session=session)).hears_one()
        assert isinstance(success, m.LoginSuccess)
        tags.append(success.session)
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
    assert SESSION not in tags


def test_without_one_each_session_has_a_tag_of_its_own(server: Serving) -> None:
    tags = set()
    for _ in range(5):
        success = server.connect().says(login("anonymous")).hears_one()
        assert isinstance(success, m.LoginSuccess)
        tags.add(success.session)
    assert len(tags) == 5


# -- the rest of the table ------------------------------------------------------------------------------------------


def test_register_is_for_the_central(server: Serving) -> None:
    talk = server.connect().says(m.Register("mia", "secret"))
    assert talk.hears() == [m.Redirect(HOME.hostname, HOME.port)]
    assert talk.ended


def test_register_in_a_session_is_refused(server: Serving) -> None:
    refused(server.logs_in("bob").says(m.Register("mia", "secret")), m.InvalidMessage, "logged_in")
    assert sessions(server) == 0


@pytest.mark.parametrize("logged_in", [False, True])
def test_logout_closes_without_a_word(server: Serving, logged_in: bool) -> None:
    talk = (server.logs_in("bob") if logged_in else server.connect()).says(m.Logout())
    assert talk.hears() == []
    assert talk.ended
    assert sessions(server) == 0


def test_what_was_posted_right_before_a_logout_comes_back(server: Serving) -> None:
    bob, eve = server.logs_in("bob"), server.logs_in("eve")
    bob.says(post("bob", "bye"), m.Logout(), post("bob", "ignored"))
    assert feed(bob) == feed(eve) == ["bob: bye"]
    assert bob.ended


OUT_OF_PLACE: list[m.Message] = [
    m.RegisterSuccess("?"),
    m.RegisterFailed("?"),
    m.LoginSuccess("?"),
    m.LoginFailed("?"),
    m.Redirect("host", 1),
    m.ActivityBroadcast(msgspec.Raw(b"{}")),
    m.Gap([]),
    m.Status(),
    m.StatusReport(0, 0, [], []),
    m.Who("anonymous"),
    m.WhoReport(0, []),
    n.Authenticate(CLUSTER, "a", "host", 1),
    n.AuthenticateSuccess("?"),
    n.SynchronisedNewServer("a", "host", 1),
    n.RemoveServer("a"),
    n.DeLoad("a"),
    n.ServerAnnounce("a", 0, "host", 1),
    n.VerifyLogin(1, "bob", "s"),
    n.VerifyLoginSuccess(1),
    n.VerifyLoginFailed("?", request=1),
    n.Rebalance(1),
    n.Movable(["bob"]),
    n.Move([]),
    n.Drain(),
    p.ServerPosition("a.1", 0),
    p.Acknowledge(1),
    p.Released(1),
    p.Positions({}, []),
    p.RequestActivities("m.1", 0),
    p.ActivitiesSupplied("m.1", 0, 0),
    p.Settle(1, "tag"),
    p.Settled(1, 0),
    n.Heartbeat(),
]


@pytest.mark.parametrize("message", OUT_OF_PLACE, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("logged_in", [False, True])
def test_what_a_client_may_not_say_is_refused_by_name(server: Serving, message: m.Message, logged_in: bool) -> None:
    bystander = server.logs_in()
    talk = server.logs_in("bob") if logged_in else server.connect()
    info = refused(talk.says(message), m.InvalidMessage, "not_allowed")
    assert info.startswith(str(message.__struct_config__.tag))
    assert sessions(server) == 1
    assert feed(bystander.says(post("anonymous"))) == ["anonymous: hello"]


def test_a_client_is_no_server_whatever_it_knows(server: Serving) -> None:
    greeting = p.ServerHello(CLUSTER, "a", 1)
    refused(server.logs_in("bob").says(greeting), m.InvalidMessage, "not_allowed")
    wrong = p.ServerHello("guessed", "a", 1)
    refused(server.connect().says(wrong), m.AuthenticationFail, "wrong_secret")


@pytest.mark.parametrize("line", [b"\n", b"?\n", b"{}\n", b"\xff\n", b"[" * 10_000 + b"\n", b"x" * 70_000])
@pytest.mark.parametrize("logged_in", [False, True])
def test_what_is_no_message_is_explained(server: Serving, line: bytes, logged_in: bool) -> None:
    talk = (server.logs_in("bob") if logged_in else server.connect()).says(line)
    message = talk.hears_one()
    assert type(message) is m.InvalidMessage
    assert message.info
    assert talk.ended
    assert sessions(server) == 0


@pytest.mark.parametrize("complaint", [m.InvalidMessage("what?"), m.AuthenticationFail("no")])
def test_a_peer_that_complains_is_let_go(server: Serving, complaint: m.Message) -> None:
    talk = server.logs_in("bob").says(complaint)
    assert talk.hears() == []
    assert talk.ended
    assert sessions(server) == 0


def test_a_server_that_stops_sends_its_clients_to_the_central(server: Serving) -> None:
    bob, stranger = server.logs_in("bob"), server.connect()
    server.host.stop()
    server.settle()
    assert bob.hears() == [m.Redirect(HOME.hostname, HOME.port)]
    assert bob.ended
    assert (stranger.hears(), stranger.ended) == ([], True)


def test_no_secret_is_reported() -> None:
    server, central = ready()
    server.connect().says(m.Login("bob", "open sesame"))
    central.says(n.VerifyLoginSuccess(1))
    server.connect().says(m.Register("bob", "open sesame"))
    server.connect().says(b'{"command":"LOGIN","username":5,"secret":"open sesame"}\n')
    assert "sesame" not in repr(server.world.reports)

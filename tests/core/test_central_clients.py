"""The central and its clients: every row of the protocol's table, exactly those answers and closings."""

import msgspec
import pytest

from oyez.core import tickets
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from tests.core.centrals import CLUSTER, HOME, HOME_ID, KEY, Centre, announce, permit_in
from tests.core.nodes import Talk

ACTIVITY = msgspec.Raw(b"{}")


@pytest.fixture
def central() -> Centre:
    centre = Centre(users="bob eve")
    centre.ready("a")
    return centre


def central_ticket(username: str, expires: float = 1060.0, audience: str = tickets.CENTRALS, key: bytes = KEY) -> str:
    return tickets.sign(tickets.derive_key(key, audience, 1), 1, tickets.Ticket(username, audience, expires, "nonce"))


def refused(talk: Talk, kind: type[m.Refusal], reason: str) -> str:
    """The one answer is this refusal, and the link is closed; returns the sentence."""
    message = talk.hears_one()
    assert type(message) is kind
    assert isinstance(message, m.Refusal)
    assert message.reason == reason
    assert message.info
    assert talk.ended
    return message.info


# -- REGISTER -------------------------------------------------------------------------------------------------------


def test_register_takes_a_free_name_and_the_link_stays_open(central: Centre) -> None:
    talk = central.connect().says(m.Register("mia", "secret of mia"))
    assert talk.hears() == [m.RegisterSuccess("registered mia")]
    assert not talk.ended
    assert central.reported("registered") == [{"username": "mia", "term": 1}]


def test_who_has_registered_may_log_in_on_the_same_link(central: Centre) -> None:
    talk = central.connect().says(m.Register("mia", "secret"), m.Login("mia", "secret"))
    assert [type(message) for message in talk.hears()] == [m.RegisterSuccess, m.LoginSuccess, m.Redirect]


@pytest.mark.parametrize("name", ["bob", "eve"])
def test_a_name_is_registered_once(central: Centre, name: str) -> None:
    talk = central.connect().says(m.Register(name, "another secret"))
    assert refused(talk, m.RegisterFailed, "already_registered") == f"{name} is already registered with the system"
    central.logs_in(name)  # the first one's secret is still good


def test_names_are_what_they_are_letter_by_letter(central: Centre) -> None:
    for name in ("Bob", "bob ", "böb", "bo\u0308b"):
        assert central.connect().says(m.Register(name, "s")).hears() == [m.RegisterSuccess(f"registered {name}")]


def test_nobody_else_may_be_called_anonymous(central: Centre) -> None:
    refused(central.connect().says(m.Register("anonymous", "secret")), m.RegisterFailed, "reserved_name")


def test_one_link_may_register_several_names(central: Centre) -> None:
    talk = central.connect().says(m.Register("mia", "s"), m.Register("max", "s"))
    assert talk.hears() == [m.RegisterSuccess("registered mia"), m.RegisterSuccess("registered max")]


# -- LOGIN ----------------------------------------------------------------------------------------------------------


def test_login_by_secret_leads_to_a_server_and_closes(central: Centre) -> None:
    talk = central.connect().says(m.Login("bob", "secret of bob"))
    success, redirect = talk.hears()
    assert isinstance(success, m.LoginSuccess)
    assert isinstance(redirect, m.Redirect)
    assert success.info == "logged in as user bob"
    assert success.centrals == [HOME]
    assert (redirect.hostname, redirect.port) == ("host", 4001)
    assert talk.ended


def test_the_tickets_of_a_login_are_for_that_server_and_for_the_centrals(central: Centre) -> None:
    success, redirect = central.connect().says(m.Login("bob", "secret of bob")).hears()
    assert isinstance(success, m.LoginSuccess)
    assert isinstance(redirect, m.Redirect)
    permit = permit_in(redirect, "a")
    assert (permit.username, permit.expires) == ("bob", 1000.0 + tickets.FOR_SERVER)
    back = tickets.check(tickets.keys(KEY, tickets.CENTRALS, 1), success.ticket or "", tickets.CENTRALS, 1000.0)
    assert isinstance(back, tickets.Ticket)
    assert (back.username, back.expires) == ("bob", 1000.0 + tickets.FOR_CENTRALS)
    assert permit.nonce != back.nonce


def test_no_two_tickets_have_the_same_nonce(central: Centre) -> None:
    assert len({permit_in(central.logs_in("bob"), "a").nonce for _ in range(20)}) == 20


@pytest.mark.parametrize(("username", "secret"), [("bob", "secret of eve"), ("bob", "Secret of bob"), ("nobody", "x")])
def test_wrong_credentials_are_refused_without_saying_which(central: Centre, username: str, secret: str) -> None:
    talk = central.connect().says(m.Login(username, secret))
    assert refused(talk, m.LoginFailed, "wrong_credentials") == "username or secret is wrong"


@pytest.mark.parametrize("secret", [None, ""])
def test_a_name_alone_is_no_login(central: Centre, secret: str | None) -> None:
    refused(central.connect().says(m.Login("bob", secret)), m.InvalidMessage, "no_secret")


@pytest.mark.parametrize("secret", [None, "", "whatever an old client sends"])
def test_anonymous_needs_no_secret(central: Centre, secret: str | None) -> None:
    talk = central.connect().says(m.Login("anonymous", secret))
    assert [type(message) for message in talk.hears()] == [m.LoginSuccess, m.Redirect]


def test_anonymous_can_be_switched_off() -> None:
    central = Centre(anonymous=False)
    central.ready("a")
    refused(central.connect().says(m.Login("anonymous")), m.LoginFailed, "anonymous_off")
    refused(
        central.connect().says(m.Login("anonymous", ticket=central_ticket("anonymous"))), m.LoginFailed, "anonymous_off"
    )


def test_a_central_ticket_stands_in_for_the_secret(central: Centre) -> None:
    central.stops("hashing")
    talk = central.connect().says(m.Login("bob", ticket=central_ticket("bob")))
    assert [type(message) for message in talk.hears()] == [m.LoginSuccess, m.Redirect]


def test_the_ticket_of_one_login_is_good_for_the_next(central: Centre) -> None:
    success, _ = central.connect().says(m.Login("bob", "secret of bob")).hears()
    assert isinstance(success, m.LoginSuccess)
    central.sleep(tickets.FOR_CENTRALS - 1.0)
    central.ready("a")
    talk = central.connect().says(m.Login("bob", ticket=success.ticket))
    assert [type(message) for message in talk.hears()] == [m.LoginSuccess, m.Redirect]


@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        (central_ticket("eve"), "ticket_of_another"),
        (central_ticket("bob", expires=999.0), "ticket_expired"),
        (central_ticket("bob", key=b"x" * 32), "ticket_forged"),
        (central_ticket("bob", audience="server:a"), "ticket_forged"),
        ("rubbish", "ticket_forged"),
    ],
)
def test_a_ticket_that_is_not_good_here_is_refused(central: Centre, ticket: str, reason: str) -> None:
    refused(central.connect().says(m.Login("bob", ticket=ticket)), m.LoginFailed, reason)
    refused(central.connect().says(m.Login("bob", "secret of bob", ticket)), m.LoginFailed, reason)


def test_without_a_server_the_login_says_so() -> None:
    central = Centre(users="bob")
    info = refused(central.connect().says(m.Login("bob", "secret of bob")), m.LoginFailed, "no_server")
    assert "no server is available" in info


def test_a_recently_verified_secret_is_not_hashed_again(central: Centre) -> None:
    central.logs_in("bob")
    central.connect().says(m.Register("mia", "secret of mia"))
    central.stops("hashing")
    central.logs_in("bob")
    central.logs_in("mia")


def test_a_wrong_secret_is_not_remembered_as_right(central: Centre) -> None:
    for _ in range(2):
        refused(central.connect().says(m.Login("bob", "wrong")), m.LoginFailed, "wrong_credentials")
    central.logs_in("bob")


# -- the rest of the table ------------------------------------------------------------------------------------------


def test_logout_closes_without_a_word(central: Centre) -> None:
    talk = central.connect().says(m.Logout())
    assert talk.hears() == []
    assert talk.ended


def test_logout_on_a_link_that_was_redirected_changes_no_load(central: Centre) -> None:
    talk = central.connect().says(m.Login("bob", "secret of bob"), m.Logout())
    assert len(talk.hears()) == 2
    assert central.loads() == {"a": 0}


def test_nobody_posts_at_the_central(central: Centre) -> None:
    talk = central.connect().says(m.ActivityMessage("bob", ACTIVITY, "secret of bob"))
    refused(talk, m.AuthenticationFail, "not_logged_in")


def test_status_is_for_everyone_and_the_link_stays_open(central: Centre) -> None:
    talk = central.connect()
    for _ in range(2):
        (report,) = talk.says(m.Status()).hears()
        assert report == m.StatusReport(
            term=1,
            users=2,
            centrals=[m.CentralStatus("central", 3780, "main", HOME_ID)],
            servers=[m.ServerStatus("a", "host", 4001, 0)],
            voters=[HOME_ID],
        )
    assert not talk.ended


def test_who_is_for_those_who_may_log_in(central: Centre) -> None:
    talk = central.connect().says(m.Who("bob", "secret of bob"))
    assert talk.hears() == [m.WhoReport(0, [])]
    assert not talk.ended
    assert talk.says(m.Who("bob", ticket=central_ticket("bob")), m.Who("anonymous")).hears() == [m.WhoReport(0, [])] * 2
    refused(talk.says(m.Who("bob", "wrong")), m.LoginFailed, "wrong_credentials")


def test_who_lists_a_thousand_and_counts_all(central: Centre) -> None:
    (server,) = central.ready("b")
    server.says(announce("b", 1500, arrived=[f"user {number:04}" for number in range(1500)]))
    (report,) = central.connect().says(m.Who("anonymous")).hears()
    assert isinstance(report, m.WhoReport)
    assert (report.total, len(report.users)) == (1500, 1000)
    assert report.users[0] == m.Presence("user 0000", "b", 1)


OTHER = n.CentralAddress("c-other", "elsewhere", 3780)
TAKEN_OVER = n.Configuration(9, 1, "c-other", ("c-other",), (OTHER,))
OUT_OF_PLACE: list[m.Message] = [
    m.RegisterSuccess("?"),
    m.RegisterFailed("?"),
    m.LoginSuccess("?"),
    m.LoginFailed("?"),
    m.Redirect("host", 1),
    m.ActivityBroadcast(ACTIVITY),
    m.AuthenticationFail("?"),
    m.StatusReport(0, 0, [], []),
    m.WhoReport(0, []),
    n.AuthenticateSuccess("?"),
    n.SynchronisedNewServer("a", "host", 1),
    n.RemoveServer("a"),
    n.DeLoad("a"),
    n.ServerAnnounce("a", 0, "host", 4001),
    n.VerifyLogin(1, "bob", "secret of bob"),
    n.VerifyLoginSuccess(1),
    n.VerifyLoginFailed("?", request=1),
    p.ServerHello(CLUSTER, "a", 1),
    p.ServerPosition("a.1", 0),
    n.Heartbeat(),
    n.BackupAuthenticationSuccess("?", 9, "", True, TAKEN_OVER),
    n.BackupAuthenticationFail("?"),
    n.NotMain("?"),
    n.SynchroniseUserStore({"mia": "hash"}, 1, 2, 1),
    n.SynchroniseServerAddresses([], 1),
    n.SynchroniseServerLoad({"a": 77}, 1),
    n.Synchronised(1),
    n.Configure(TAKEN_OVER),
    n.ConfirmTerm(1, 9, 1),
    n.TermConfirmed(1, 1, 1),
    n.TermRefused(9),
    n.RequestVote(9, "c-other", TAKEN_OVER),
    n.Vote("c-other", 9, True),
    n.PromoteSuccess("?", 9),
    n.PromoteFailed("?"),
]


@pytest.mark.parametrize("message", OUT_OF_PLACE, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("registered", [False, True])
def test_what_a_client_may_not_say_is_refused_by_name(central: Centre, message: m.Message, registered: bool) -> None:
    talk = central.connect()
    if registered:
        talk.says(m.Register("mia", "secret")).hears()
    before = central.loads()
    info = refused(talk.says(message), m.InvalidMessage, "not_allowed")
    assert info.startswith(str(message.__struct_config__.tag))
    assert central.loads() == before
    assert central.status().role == "main"
    assert central.status().term == 1
    central.logs_in()


def test_what_is_no_message_is_explained(central: Centre) -> None:
    assert "not UTF-8" in refused(central.connect().says(b"\xff\n"), m.InvalidMessage, "not_utf8")


def test_a_peer_that_complains_is_let_go(central: Centre) -> None:
    talk = central.connect().says(m.InvalidMessage("what?"))
    assert talk.hears() == []
    assert talk.ended
    assert central.reported("peer_complained")[-1]["info"] == "what?"


def test_of_a_complaint_the_beginning_is_told(central: Centre) -> None:
    central.connect().says(m.InvalidMessage("x" * 10_000))
    assert central.reported("peer_complained")[-1]["info"] == "x" * 500


def test_nothing_behind_a_login_is_heard(central: Centre) -> None:
    talk = central.connect().says(m.Login("bob", "secret of bob"), m.Register("mia", "s"), b"?\n")
    assert [type(message) for message in talk.hears()] == [m.LoginSuccess, m.Redirect]
    assert central.status().users == 2


def test_no_secret_is_reported(central: Centre) -> None:
    central.connect().says(m.Register("mia", "open sesame"))
    central.connect().says(m.Login("mia", "open sesame"))
    central.connect().says(m.Login("bob", "open sesame"))
    central.connect().says(b'{"command":"LOGIN","username":5,"secret":"open sesame"}\n')
    assert "sesame" not in repr(central.world.reports)

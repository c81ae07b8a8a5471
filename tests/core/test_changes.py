"""Users who are there already: another secret, no user any more; and what was given to them before is void."""

import pytest

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.central.changes import BATCH, LIFE
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import users as u
from tests.core.centrals import CLUSTER, KEY, Centre, said
from tests.core.nodes import Talk, hash_of

NEW = "a new secret"


@pytest.fixture
def central() -> Centre:
    return Centre("bob eve")


def changes(central: Centre, name: str = "bob", secret: str = "", new: str = NEW) -> Talk:
    return central.connect().says(u.ChangeSecret(name, secret or f"secret of {name}", new))


def reason(talk: Talk) -> str:
    message = talk.hears_one()
    return message.reason if isinstance(message, m.Refusal) else type(message).__name__


def logs_in(central: Centre, name: str, secret: str | None = None, ticket: str | None = None) -> str:
    """LoginSuccess, or why not."""
    message = central.connect().says(m.Login(name, secret, ticket)).hears()[0]
    return message.reason if isinstance(message, m.Refusal) else type(message).__name__


def ticket_of(central: Centre, name: str, secret: str) -> str:
    success = central.connect().says(m.Login(name, secret)).hears()[0]
    assert isinstance(success, m.LoginSuccess)
    assert success.ticket is not None
    return success.ticket


# -- a secret is changed ------------------------------------------------------------------------------------------


def test_who_knows_the_present_secret_may_change_it(central: Centre) -> None:
    central.ready("a")
    talk = changes(central)
    assert reason(talk) == "ChangeSecretSuccess"
    assert not talk.ended
    assert logs_in(central, "bob", NEW) == "LoginSuccess"
    assert logs_in(central, "bob", "secret of bob") == "wrong_credentials"
    assert logs_in(central, "eve", "secret of eve") == "LoginSuccess"


@pytest.mark.parametrize(
    ("name", "secret", "why"),
    [
        ("bob", "a guess", "wrong_credentials"),
        ("nobody", "secret of bob", "wrong_credentials"),
        ("anonymous", "secret", "reserved_name"),
    ],
)
def test_nobody_else_may(central: Centre, name: str, secret: str, why: str) -> None:
    central.ready("a")
    talk = changes(central, name, secret)
    assert reason(talk) == why
    assert talk.ended
    assert logs_in(central, "bob", "secret of bob") == "LoginSuccess"


def test_the_memory_of_verified_secrets_does_not_let_the_old_one_in(central: Centre) -> None:
    central.ready("a")
    assert logs_in(central, "bob", "secret of bob") == "LoginSuccess"
    assert logs_in(central, "bob", "secret of bob") == "LoginSuccess"  # remembered
    changes(central)
    assert logs_in(central, "bob", "secret of bob") == "wrong_credentials"


def test_tickets_of_before_are_void_and_those_of_after_are_good(central: Centre) -> None:
    central.ready("a")
    old = ticket_of(central, "bob", "secret of bob")
    other = ticket_of(central, "eve", "secret of eve")
    assert logs_in(central, "bob", ticket=old) == "LoginSuccess"
    changes(central)
    assert logs_in(central, "bob", ticket=old) == "ticket_revoked"
    assert logs_in(central, "bob", ticket=ticket_of(central, "bob", NEW)) == "LoginSuccess"
    assert logs_in(central, "eve", ticket=other) == "LoginSuccess"


def test_it_is_on_disk_before_it_is_acknowledged_and_before_the_servers_hear_of_it(central: Centre) -> None:
    [server] = central.ready("a")
    central.stops("disk")
    talk = changes(central)
    assert talk.hears() == []
    assert said(server, u.Revoke) == []
    central.goes_on("disk")
    assert reason(talk) == "ChangeSecretSuccess"
    [revoke] = said(server, u.Revoke)
    assert isinstance(revoke, u.Revoke)
    [revoked] = revoke.revoked
    assert (revoked.username, revoked.removed) == ("bob", False)
    assert revoked.since < central.role.directory.since["bob"]
    assert revoked.until == pytest.approx(central.world.time + LIFE)


def test_of_two_changes_at_once_one_succeeds(central: Centre) -> None:
    """The other's present secret is none any more when its turn comes."""
    central.stops("hashing")
    one, two = changes(central, new="one"), changes(central, new="two")
    central.goes_on("hashing")
    assert [reason(one), reason(two)] == ["ChangeSecretSuccess", "unsettled"]
    assert central.role.directory.users["bob"] == hash_of("one")


def test_of_two_that_an_operator_sets_the_later_is_settled_by_its_own_commit() -> None:
    central = Centre("bob")
    changes = central.role.changes
    central.stops("disk")
    talks = [central.connect().says(u.SetSecret(CLUSTER, "bob", new)) for new in ("one", "two")]
    [index] = central.role.directory.unsettled.values()
    changes._settled(central.world.time, talks[0].link.id, "bob", index - 2, True)
    assert central.role.directory.unsettled == {"bob": index}
    central.goes_on("disk")
    assert [reason(talk) for talk in talks] == ["ChangeSecretSuccess", "ChangeSecretSuccess"]
    assert central.role.directory.unsettled == {}


def test_what_is_said_behind_it_waits_for_it(central: Centre) -> None:
    central.ready("a")
    talk = central.connect().says(u.ChangeSecret("bob", "secret of bob", NEW), m.Login("bob", NEW))
    assert [type(message) for message in talk.hears()] == [u.ChangeSecretSuccess, m.LoginSuccess, m.Redirect]


def test_who_has_gone_has_changed_it_all_the_same(central: Centre) -> None:
    central.ready("a")
    central.stops("disk")
    talk = changes(central)
    talk.hangs_up()
    central.goes_on("disk")
    assert logs_in(central, "bob", NEW) == "LoginSuccess"


# -- the operator -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [u.SetSecret("a guess", "bob", NEW), u.RemoveUser("a guess", "bob"), u.ListUsers("")])
def test_an_operator_has_to_know_the_clusters_secret(central: Centre, order: m.Message) -> None:
    if isinstance(order, u.ListUsers):
        order = u.ListUsers("a guess")
    talk = central.connect().says(order)
    assert reason(talk) == "wrong_secret"
    assert talk.ended
    assert set(central.role.directory.users) == {"bob", "eve"}


def test_an_operator_sets_a_secret_without_knowing_the_old_one(central: Centre) -> None:
    central.ready("a")
    old = ticket_of(central, "bob", "secret of bob")
    assert reason(central.connect().says(u.SetSecret(CLUSTER, "bob", NEW))) == "ChangeSecretSuccess"
    assert logs_in(central, "bob", NEW) == "LoginSuccess"
    assert logs_in(central, "bob", ticket=old) == "ticket_revoked"


@pytest.mark.parametrize("order", [u.SetSecret(CLUSTER, "nobody", NEW), u.RemoveUser(CLUSTER, "nobody")])
def test_of_users_who_are_not_there_it_is_said_so(central: Centre, order: m.Message) -> None:
    assert reason(central.connect().says(order)) == "unknown_user"


@pytest.mark.parametrize("order", [u.SetSecret(CLUSTER, "mia", NEW), u.RemoveUser(CLUSTER, "mia")])
def test_a_name_that_is_just_being_registered_has_to_wait(central: Centre, order: m.Message) -> None:
    central.stops("disk")
    mia = central.connect().says(m.Register("mia", "secret of mia"))
    talk = central.connect().says(order)
    assert reason(talk) == "unsettled"
    central.goes_on("disk")
    assert reason(mia) == "RegisterSuccess"
    assert reason(central.connect().says(order)) in ("ChangeSecretSuccess", "RemoveUserSuccess")


def test_users_are_listed_by_name_with_their_sessions(central: Centre) -> None:
    [server] = central.ready("a")
    server.says(n.ServerAnnounce("a", 2, "host", 4001, ["eve", "eve"]))
    report = central.connect().says(u.ListUsers(CLUSTER)).hears_one()
    assert report == u.ListUsersSuccess([u.UserStatus("bob"), u.UserStatus("eve", 2)])
    assert central.connect().says(u.ListUsers(CLUSTER, "bob")).hears_one() == u.ListUsersSuccess(
        [u.UserStatus("eve", 2)]
    )


def test_many_users_are_listed_a_batch_at_a_time() -> None:
    names = [f"user{number:05}" for number in range(2 * BATCH + 1)]
    central, listed, after = Centre(" ".join(reversed(names))), [], ""
    for _ in range(3):
        report = central.connect().says(u.ListUsers(CLUSTER, after)).hears_one()
        assert isinstance(report, u.ListUsersSuccess)
        listed += [user.username for user in report.users]
        assert report.more == (len(listed) < len(names))
        after = listed[-1]
    assert listed == names


# -- a user is removed ----------------------------------------------------------------------------------------------


def removes(central: Centre, name: str = "bob") -> None:
    assert reason(central.connect().says(u.RemoveUser(CLUSTER, name))) == "RemoveUserSuccess"


def test_who_is_removed_is_nobody_any_more(central: Centre) -> None:
    central.ready("a")
    old = ticket_of(central, "bob", "secret of bob")
    removes(central)
    assert logs_in(central, "bob", "secret of bob") == "wrong_credentials"
    assert logs_in(central, "bob", ticket=old) == "ticket_revoked"
    assert set(central.role.directory.users) == {"eve"}


def test_the_name_may_be_registered_again_and_old_tickets_stay_void(central: Centre) -> None:
    central.ready("a")
    old = ticket_of(central, "bob", "secret of bob")
    removes(central)
    assert reason(central.connect().says(m.Register("bob", "of another bob"))) == "RegisterSuccess"
    assert logs_in(central, "bob", "of another bob") == "LoginSuccess"
    assert logs_in(central, "bob", "secret of bob") == "wrong_credentials"
    assert logs_in(central, "bob", ticket=old) == "ticket_revoked"
    assert logs_in(central, "bob", ticket=ticket_of(central, "bob", "of another bob")) == "LoginSuccess"


def test_a_name_is_free_only_behind_the_removal(central: Centre) -> None:
    """Both are entries of one log: whoever has the registration has the removal."""
    central.stops("disk")
    removal = central.connect().says(u.RemoveUser(CLUSTER, "bob"))
    again = central.connect().says(m.Register("bob", "of another bob"))
    assert (removal.hears(), again.hears()) == ([], [])
    central.goes_on("disk")
    assert (reason(removal), reason(again)) == ("RemoveUserSuccess", "RegisterSuccess")
    assert central.role.directory.revoked["bob"].since < central.role.directory.since["bob"]


def test_a_login_that_was_being_checked_is_void(central: Centre) -> None:
    central.ready("a")
    central.stops("hashing")
    login = central.connect().says(m.Login("bob", "secret of bob"))
    removes(central)
    central.goes_on("hashing")
    assert reason(login) == "wrong_credentials"


# -- the servers ----------------------------------------------------------------------------------------------------


def names_in(messages: list[m.Message]) -> list[str]:
    return [one.username for message in messages if isinstance(message, u.Revoke) for one in message.revoked]


def test_a_session_does_not_escape_by_moving_while_a_change_is_not_committed(central: Centre) -> None:
    first, second = central.ready("a", "b")
    first.says(n.ServerAnnounce("a", 1, "host", 4001, ["bob"]))
    central.connect().says(n.DrainServer(CLUSTER, "a"))
    central.stops("disk")
    talk = changes(central)
    first.says(n.Movable(["bob"]))
    [move] = said(first, n.Move)
    assert isinstance(move, n.Move)
    [there] = move.destinations
    ticket = tickets.check(tickets.keys(KEY, "server:b", 1), there.ticket, "server:b", central.world.time)
    assert isinstance(ticket, tickets.Ticket)
    central.goes_on("disk")
    assert reason(talk) == "ChangeSecretSuccess"
    [revoke] = said(second, u.Revoke)
    assert isinstance(revoke, u.Revoke)
    assert ticket.since < revoke.revoked[0].since, "the session is one of before, wherever it is"


@pytest.mark.parametrize("later", [u.SetSecret(CLUSTER, "bob", "later"), u.RemoveUser(CLUSTER, "bob")])
def test_the_first_of_two_is_not_acknowledged_before_the_servers_hear_of_it(central: Centre, later: m.Message) -> None:
    """The later one may never be committed."""
    [server] = central.ready("a")
    central.stops("disk")
    first = central.connect().says(u.SetSecret(CLUSTER, "bob", NEW))
    since = central.role.directory.since["bob"]
    central.world.disk.pop(0)[1]()  # the revocation; then the new secret:
    second = central.connect().says(later)
    central.world.disk.pop(0)[1]()
    central.settle()
    assert (reason(first), second.hears()) == ("ChangeSecretSuccess", [])
    [revoke] = said(server, u.Revoke)
    assert isinstance(revoke, u.Revoke)
    assert [one.since for one in revoke.revoked] == [since - 1], "it is good for what the first has set"
    central.goes_on("disk")
    assert names_in(server.hears()) == ["bob"]


def test_all_servers_hear_of_it_once(central: Centre) -> None:
    servers = central.ready("a", "b")
    removes(central)
    assert [names_in(server.hears()) for server in servers] == [["bob"], ["bob"]]
    removes(central, "eve")
    central.pass_time(1.0)
    assert [names_in(server.hears()) for server in servers] == [["eve"], ["eve"]]


def test_a_server_that_comes_is_told_all_that_counts_behind_its_welcome(central: Centre) -> None:
    removes(central)
    changes(central, "eve")
    talk = central.joins("a")
    heard = talk.hears()
    kinds = [type(message) for message in heard if isinstance(message, n.AuthenticateSuccess | u.Revoke)]
    assert kinds == [n.AuthenticateSuccess, u.Revoke]
    assert sorted(names_in(heard)) == ["bob", "eve"]


def test_what_is_committed_while_a_server_is_welcomed_is_not_lost(central: Centre) -> None:
    central.stops("disk")
    removal = central.connect().says(u.RemoveUser(CLUSTER, "bob"))
    server = central.joins("a")
    central.goes_on("disk")
    assert reason(removal) == "RemoveUserSuccess"
    heard = server.hears()
    welcome = [type(message) for message in heard].index(n.AuthenticateSuccess)
    assert "bob" in names_in(heard[welcome:])


def test_a_new_main_tells_what_it_can_not_know_to_be_committed() -> None:
    """An earlier main may have committed it, and told the servers, who forget what they knew when they are welcomed."""
    central = Centre("bob")
    central.role.directory.apply(fx.Revocation("bob", 7, central.world.time + LIFE))
    assert central.role.entries.committed < 7
    assert names_in(central.joins("a").hears()) == ["bob"]


def test_half_a_change_shuts_nobody_out() -> None:
    """The main has died between the two entries of a change that it had not acknowledged: the revocation is there, and
    no new secret."""
    central = Centre("bob")
    [server] = central.ready("a")
    central.role.directory.apply(fx.Revocation("bob", 7, central.world.time + LIFE))
    success, redirect = central.connect().says(m.Login("bob", "secret of bob")).hears()
    assert isinstance(success, m.LoginSuccess)
    assert isinstance(redirect, m.Redirect)
    assert redirect.ticket is not None
    ticket = tickets.check(tickets.keys(KEY, "server:a", 1), redirect.ticket, "server:a", central.world.time)
    assert isinstance(ticket, tickets.Ticket)
    assert ticket.since == 7, "not one of before"
    assert logs_in(central, "bob", ticket=success.ticket) == "LoginSuccess"
    server.says(n.VerifyLogin(1, "bob", "secret of bob", "127.0.0.1"))
    assert said(server, n.VerifyLoginSuccess) == [n.VerifyLoginSuccess(1, 7)]


def test_many_are_told_a_batch_at_a_time() -> None:
    names = [f"user{number}" for number in range(2 * BATCH + 1)]
    central = Centre()
    for name in names:
        central.role.directory.apply(fx.Revocation(name, 0, central.world.time + LIFE))
    server = central.joins("a")
    assert len(names_in(server.hears())) == BATCH
    central.pass_time(0.5)
    assert len(names_in(server.hears())) == BATCH
    central.pass_time(0.5)
    assert len(names_in(server.hears())) == 1
    central.pass_time(0.5)
    assert names_in(server.hears()) == []


def test_it_is_forgotten_when_no_ticket_of_before_is_good_any_more(central: Centre) -> None:
    removes(central)
    assert set(central.role.directory.revoked) == {"bob"}
    central.sleep(LIFE - 1.0)
    central.pass_time(0.5)
    assert set(central.role.directory.revoked) == {"bob"}
    central.stops("disk")
    central.pass_time(1.0)
    assert central.role.directory.revoked == {}
    over = [record for records, _ in central.world.disk for record in records]
    assert any(isinstance(record, fx.RevocationsOver) for record in over)

"""Accounts through changes of main: a name is given once, and only its secret opens it, whoever was main meanwhile."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.central.accounts import ALTERNATES, OPEN, Accounts
from oyez.core.central.directory import Directory
from oyez.core.central.entries import received
from oyez.core.central.permits import Permits
from oyez.core.central.placement import Placement
from oyez.core.central.replication import UNSETTLED
from oyez.core.effects import Effects
from oyez.core.tickets import KEPT_TERMS
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import KEY
from tests.core.reigns import SERVERS, TERM, Reign, paired
from tests.core.sides import sent

LINK = 7


class Desk:
    """The accounts of a main with a backup: nothing is committed until the test lets it be."""

    def __init__(self, directory: Directory | None = None) -> None:
        self.directory = directory or Directory({}, {}, [])
        self.permits = Permits(KEY, Random(1))
        self.accounts = Accounts(self.directory, Placement(Random(1)), self.permits, Random(1), anonymous=True)
        self.reign = paired()
        self.accounts.replication = self.reign.main

    def does(self, effects: Effects) -> Effects:
        """Carry it out."""
        self.reign.do(effects)
        return effects

    def asks_for(self, name: str, secret: str, link: int = LINK) -> Effects:
        return self.does(self.accounts.register(self.reign.now, link, m.Register(name, secret)))

    def hashes(self, effects: Effects) -> Effects:
        """The secret that was to be hashed is."""
        (hashing,) = [effect for effect in effects if isinstance(effect, fx.HashSecret)]
        return self.does(self.accounts.hashed(self.reign.now, hashing.token, f"hash of {hashing.secret}"))

    def verifies(self, effects: Effects) -> Effects:
        """The secret that was to be checked is."""
        (checking,) = [effect for effect in effects if isinstance(effect, fx.VerifySecret)]
        ok = checking.hash == f"hash of {checking.secret}"
        return self.does(self.accounts.verified(self.reign.now, checking.token, ok))

    def registers(self, name: str, secret: str) -> Effects:
        return self.hashes(self.asks_for(name, secret))

    def logs_in(self, name: str, secret: str) -> Effects:
        """Who is let in hears so."""

        def checked(now: float, refused: m.Refusal | None) -> Effects:
            return [fx.Send(LINK, refused or m.LoginSuccess("let in"))]

        return self.does(self.accounts.check(self.reign.now, LINK, m.Login(name, secret), checked))

    def passes(self, seconds: float) -> None:
        """Time, and a heartbeat at its end."""
        self.reign.now += seconds
        self.accounts.expire(self.reign.now)

    def answers(self) -> list[str]:
        """What the client has been told since the last time: reasons, where it was refused."""
        told = self.reign.sent.pop(LINK, [])
        return [_name(message) for message in told]

    def commits(self) -> None:
        self.reign.holds("b")
        self.reign.settles("b", *SERVERS)

    def succeeded_by(self, reign: Reign | None) -> None:
        """This central is main no more, or again."""
        if reign is None:
            self.reign.do(self.reign.main.end(self.reign.now))
            self.accounts.replication = None
        else:
            self.reign = reign
            self.accounts.replication = reign.main


def _name(message: m.Message) -> str:
    if isinstance(message, m.LoginSuccess):
        return message.info
    return message.reason if isinstance(message, m.Refusal) else type(message).__name__


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_success_follows_the_commit(desk: Desk) -> None:
    desk.registers("mia", "one")
    assert desk.answers() == []
    desk.commits()
    assert desk.answers() == ["RegisterSuccess"]
    assert desk.directory.unsettled == {}


def test_while_it_is_not_settled_the_name_is_nobodys_and_not_free_either(desk: Desk) -> None:
    desk.registers("mia", "one")
    for secret in ("two", "one"):
        desk.asks_for("mia", secret)
        assert desk.answers() == ["already_registered"]


def test_what_could_not_be_confirmed_in_time_may_be_repeated_with_the_same_secret(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.reign.tick(UNSETTLED)
    assert desk.answers() == ["unsettled"]
    desk.verifies(desk.asks_for("mia", "two"))
    assert desk.answers() == ["already_registered"]
    desk.verifies(desk.asks_for("mia", "one"))
    assert desk.answers() == []
    desk.commits()
    assert desk.answers() == ["RegisterSuccess"]
    assert desk.directory.users == {"mia": "hash of one"}


def test_a_repetition_waits_for_the_commit_of_the_first(desk: Desk) -> None:
    """It is the entry that counts: no second one is written."""
    desk.registers("mia", "one")
    desk.reign.tick(UNSETTLED)
    desk.verifies(desk.asks_for("mia", "one"))
    assert desk.reign.entries.last == 1


def test_a_hash_that_comes_back_to_another_reign_is_void(desk: Desk) -> None:
    effects = desk.asks_for("mia", "one")
    desk.succeeded_by(None)
    desk.succeeded_by(paired())
    desk.hashes(effects)
    assert desk.answers() == ["unsettled"]
    assert desk.directory.users == {}
    assert desk.reign.entries.last == 0
    desk.hashes(desk.asks_for("mia", "two"))  # the name is free
    assert desk.directory.users == {"mia": "hash of two"}


def test_who_waits_at_the_end_of_a_reign_is_told_so(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.succeeded_by(None)
    assert desk.answers() == ["unsettled"]


# -- a registration is settled when its success was told ------------------------------------------------------------


def test_who_left_before_the_commit_may_ask_again_and_nobody_else(desk: Desk) -> None:
    """It was committed, and nobody was told so: with the same secret it is the same registration."""
    desk.registers("mia", "one")
    desk.accounts.gone(LINK)
    desk.commits()
    desk.answers()
    assert desk.directory.unsettled == {"mia": 1}
    desk.verifies(desk.asks_for("mia", "two"))
    assert desk.answers() == ["already_registered"]
    desk.verifies(desk.asks_for("mia", "one"))
    assert desk.answers() == ["RegisterSuccess"]
    assert desk.directory.unsettled == {}
    desk.asks_for("mia", "one")
    assert desk.answers() == ["already_registered"]  # now it was told


def test_who_left_while_the_secret_was_hashed_may_ask_again(desk: Desk) -> None:
    effects = desk.asks_for("mia", "one")
    desk.accounts.gone(LINK)
    desk.hashes(effects)
    desk.commits()
    desk.answers()
    desk.verifies(desk.asks_for("mia", "one"))
    assert desk.answers() == ["RegisterSuccess"]


def test_it_may_be_repeated_for_a_while_and_then_counts_as_any_other(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.accounts.gone(LINK)
    desk.commits()
    desk.answers()
    desk.passes(OPEN - 0.1)
    assert desk.directory.unsettled == {"mia": 1}
    desk.passes(0.1)
    assert desk.directory.unsettled == {}
    desk.asks_for("mia", "one")
    assert desk.answers() == ["already_registered"]


def test_what_was_found_unsettled_gets_its_time_from_then_on(desk: Desk) -> None:
    """After a start, or under another main: nobody knows how long ago it was."""
    desk.registers("mia", "one")
    desk.accounts.gone(LINK)
    desk.commits()
    later = Desk(desk.directory)
    later.reign = desk.reign
    later.accounts.replication = desk.reign.main
    later.passes(5 * OPEN)  # that is when it looks first
    assert later.directory.unsettled == {"mia": 1}
    later.passes(OPEN)
    assert later.directory.unsettled == {}


def test_nothing_expires_that_is_not_committed(desk: Desk) -> None:
    """A main that was cut off for long must not let anybody in under a name that may be given to another meanwhile."""
    desk.registers("mia", "one")
    desk.reign.tick(UNSETTLED)
    desk.passes(5 * OPEN)
    assert desk.directory.unsettled == {"mia": 1}
    assert desk.verifies(desk.logs_in("mia", "one")) == []
    desk.commits()
    assert desk.answers() == ["unsettled", "let in"]
    desk.passes(0.0)
    assert desk.directory.unsettled == {}


def test_who_left_while_a_repetition_was_checked_was_told_nothing_either(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.accounts.gone(LINK)
    desk.commits()
    desk.answers()
    checking = desk.asks_for("mia", "one")
    desk.accounts.gone(LINK)
    desk.verifies(checking)
    desk.answers()
    assert desk.directory.unsettled == {"mia": 1}
    desk.verifies(desk.asks_for("mia", "one"))
    assert desk.answers() == ["RegisterSuccess"]


def test_one_that_is_being_registered_does_not_expire(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.passes(0.0)
    desk.reign.now += OPEN - 1.0
    desk.commits()
    assert desk.answers() == ["RegisterSuccess"]
    desk.registers("max", "one")
    desk.accounts.gone(LINK)
    desk.passes(1.0)
    assert desk.directory.unsettled == {"max": 2}


# -- nobody is let in under a name that is not confirmed ------------------------------------------------------------


def test_a_login_under_an_unsettled_name_waits_for_the_commit(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.reign.tick(UNSETTLED)
    assert desk.answers() == ["unsettled"]
    assert desk.verifies(desk.logs_in("mia", "one")) == []
    assert desk.answers() == []
    desk.commits()
    assert desk.answers() == ["let in"]
    assert fx.Release(LINK) in desk.reign.others


def test_it_is_told_when_that_takes_too_long(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.reign.tick(UNSETTLED)
    desk.answers()
    desk.verifies(desk.logs_in("mia", "one"))
    desk.reign.tick(UNSETTLED - 0.1)
    assert desk.answers() == []
    desk.reign.tick(0.1)
    assert desk.answers() == ["unsettled"]
    desk.verifies(desk.logs_in("mia", "one"))  # what was not let in is not remembered either
    desk.succeeded_by(None)
    assert desk.answers() == ["unsettled"]


def test_a_wrong_secret_need_not_wait(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.verifies(desk.logs_in("mia", "two"))
    assert desk.answers() == ["wrong_credentials"]


def test_no_place_is_given_to_who_left_before_the_commit(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.reign.tick(UNSETTLED)
    desk.verifies(desk.logs_in("mia", "one"))
    desk.answers()
    desk.accounts.gone(LINK)
    desk.commits()
    assert desk.answers() == []


def test_a_servers_question_waits_for_the_commit_too(desk: Desk) -> None:
    desk.registers("mia", "one")
    question = desk.accounts.verify_for_server(desk.reign.now, LINK, n.VerifyLogin(1, "mia", "one"))
    desk.verifies(desk.does(question))
    assert desk.answers() == []
    desk.commits()
    assert desk.answers() == ["RegisterSuccess", "VerifyLoginSuccess"]


def test_a_central_that_reigns_no_more_lets_nobody_in_under_it(desk: Desk) -> None:
    desk.registers("mia", "one")
    checking = desk.logs_in("mia", "one")
    desk.succeeded_by(None)
    desk.answers()
    desk.verifies(checking)
    assert desk.answers() == ["unsettled"]


def test_a_main_that_is_cut_off_calls_nobody_unknown(desk: Desk) -> None:
    """Who has registered at another main meanwhile must not be told that the secret is wrong."""
    desk.registers("mia", "one")
    desk.commits()
    desk.registers("max", "one")
    desk.answers()
    for gone in ("b", *SERVERS):
        desk.reign.leaves(gone)
    for name, reason in (("eve", "no_main"), ("max", "no_main"), ("mia", "wrong_credentials")):
        desk.verifies(desk.logs_in(name, "another"))
        assert desk.answers() == [reason]


# -- what was verified is remembered --------------------------------------------------------------------------------


def test_after_a_reign_nothing_is_remembered(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.commits()
    desk.answers()
    desk.logs_in("mia", "one")
    assert desk.answers() == ["let in"]  # its hash was made just now
    desk.accounts.forget_verified()
    desk.verifies(desk.logs_in("mia", "one"))
    assert desk.answers() == ["let in"]


def test_a_secret_that_was_right_under_another_main_is_not_right_for_ever(desk: Desk) -> None:
    """Mia's registration was discarded with the reign; the next main has given the name to somebody else."""
    desk.directory.users["mia"] = "hash of one"

    def checked(now: float, refused: m.Refusal | None) -> Effects:
        return [fx.Report("refused" if refused else "let in")]

    right = desk.accounts.check_secret(desk.reign.now, "mia", "one", None, checked)
    assert desk.verifies(right) == [fx.Report("let in")]
    assert desk.accounts.check_secret(desk.reign.now, "mia", "one", None, checked) == [fx.Report("let in")]
    desk.directory.users["mia"] = "hash of two"
    assert desk.verifies(desk.accounts.check_secret(desk.reign.now, "mia", "one", None, checked)) == [
        fx.Report("refused")
    ]


def test_a_check_that_began_before_the_name_changed_hands_is_void(desk: Desk) -> None:
    desk.directory.users["mia"] = "hash of one"

    def checked(now: float, refused: m.Refusal | None) -> Effects:
        return [fx.Report("refused" if refused else "let in")]

    begun = desk.accounts.check_secret(desk.reign.now, "mia", "one", None, checked)
    desk.directory.apply(fx.UserRecord("mia", "hash of two", 0, 7))
    assert desk.verifies(begun) == [fx.Report("refused")]
    desk.directory.users.clear()
    begun = desk.accounts.check_secret(desk.reign.now, "mia", "two", None, checked)
    assert desk.verifies(begun) == [fx.Report("refused")]


def test_a_check_that_began_before_the_same_secret_was_hashed_anew_is_made_again(desk: Desk) -> None:
    desk.directory.users["mia"] = "hash of one"

    def checked(now: float, refused: m.Refusal | None) -> Effects:
        return [fx.Report("refused" if refused else "let in")]

    begun = desk.accounts.check_secret(desk.reign.now, "mia", "one", None, checked)
    desk.directory.apply(fx.UserRecord("mia", "better hash of one"))
    again = desk.verifies(begun)
    (verify,) = again
    assert isinstance(verify, fx.VerifySecret)
    assert verify.hash == "better hash of one"
    assert desk.accounts.verified(desk.reign.now, verify.token, True) == [fx.Report("let in")]


# -- hashes that are not good enough any more ----------------------------------------------------------------------


def logs_in_stale(desk: Desk, name: str, secret: str, ok: bool = True) -> Effects:
    (verify,) = [effect for effect in desk.logs_in(name, secret) if isinstance(effect, fx.VerifySecret)]
    return desk.does(desk.accounts.verified(desk.reign.now, verify.token, ok, stale=True))


def test_after_a_right_login_a_stale_hash_is_replaced_through_the_log(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.commits()
    desk.accounts.forget_verified()
    desk.answers()
    effects = logs_in_stale(desk, "mia", "one")
    assert desk.answers() == ["let in"], "nobody waits for it"
    (hashing,) = [effect for effect in effects if isinstance(effect, fx.HashSecret)]
    assert hashing.secret == "one"
    desk.does(desk.accounts.hashed(desk.reign.now, hashing.token, "better hash"))
    assert desk.directory.users == {"mia": "better hash"}
    assert desk.directory.since == {"mia": 1}, "tickets of before stay good"
    assert desk.directory.unsettled == {}, "nobody waits for its commit"
    [entry] = desk.reign.entries.between(1, 2) or []
    assert entry.record == fx.UserRecord("mia", "better hash", 0, 1)
    assert received(entry.message(TERM)) == entry
    desk.logs_in("mia", "one")
    assert desk.answers() == ["let in"], "it is known to be right"


def test_after_a_wrong_login_it_is_not(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.commits()
    desk.accounts.forget_verified()
    effects = logs_in_stale(desk, "mia", "two", ok=False)
    assert [effect for effect in effects if isinstance(effect, fx.HashSecret)] == []


def test_a_hash_that_is_none_is_reported_and_lets_nobody_in(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.commits()
    desk.accounts.forget_verified()
    desk.answers()
    effects = logs_in_stale(desk, "mia", "one", ok=False)
    assert fx.Report("damaged_hash", {"username": "mia"}) in effects
    assert desk.answers() == ["wrong_credentials"]


def test_a_stale_hash_is_replaced_once(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.commits()
    desk.accounts.forget_verified()
    first = desk.logs_in("mia", "one")
    second = [fx.VerifySecret(token, "hash of mia", "one") for token in desk.accounts._verifying]
    assert len(second) == 1
    (verify,) = [effect for effect in first if isinstance(effect, fx.VerifySecret)]
    effects = desk.does(desk.accounts.verified(desk.reign.now, verify.token, True, stale=True))
    assert len([effect for effect in effects if isinstance(effect, fx.HashSecret)]) == 1
    desk.accounts.forget_verified()
    assert [effect for effect in logs_in_stale(desk, "mia", "one") if isinstance(effect, fx.HashSecret)] == []


def test_a_better_hash_that_comes_too_late_is_void(desk: Desk) -> None:
    """The secret was changed meanwhile, or another central reigns."""
    desk.registers("mia", "one")
    desk.commits()
    desk.accounts.forget_verified()
    (hashing,) = [effect for effect in logs_in_stale(desk, "mia", "one") if isinstance(effect, fx.HashSecret)]
    desk.directory.apply(fx.UserRecord("mia", "hash of two", 0, 9))
    assert desk.accounts.hashed(desk.reign.now, hashing.token, "better hash of one") == []
    assert desk.directory.users == {"mia": "hash of two"}


def test_a_main_that_can_commit_nothing_leaves_hashes_as_they_are(desk: Desk) -> None:
    desk.registers("mia", "one")
    desk.commits()
    desk.accounts.forget_verified()
    for server in SERVERS:
        desk.reign.leaves(server)
    desk.reign.leaves("b")
    desk.answers()
    effects = logs_in_stale(desk, "mia", "one")
    assert [effect for effect in effects if isinstance(effect, fx.HashSecret)] == []
    assert desk.answers() == ["let in"]


def test_with_the_networks_key_the_tickets_of_the_last_mains_are_good(desk: Desk) -> None:
    permits = Permits(b"x" * 32, Random(2))
    other = Accounts(desk.directory, Placement(Random(2)), permits, Random(2), anonymous=True)
    permits.use(permits.key, 1)
    desk.permits.use(KEY, 1)
    desk.directory.apply(fx.UserRecord("mia", "hash of one", 0, 3))
    desk.directory.apply(fx.ServerRecord("a", "host", 4001, 1))
    desk.directory.servers["a"].ready = True
    (success,) = sent(desk.accounts.place(desk.reign.now, LINK, "mia", []), m.LoginSuccess)
    assert isinstance(success, m.LoginSuccess)
    given = m.Login("mia", ticket=success.ticket)

    def checked(now: float, refused: m.Refusal | None) -> Effects:
        return [fx.Report(refused.reason if refused else "let in")]

    assert other.check(desk.reign.now, LINK, given, checked) == [fx.Report("ticket_forged")]
    for term in (2, 1 + KEPT_TERMS):
        permits.use(KEY, term)
        assert other.check(desk.reign.now, LINK, given, checked) == [fx.Report("let in")]
    permits.use(KEY, 2 + KEPT_TERMS)
    assert other.check(desk.reign.now, LINK, given, checked) == [fx.Report("ticket_expired")]


def test_a_client_is_given_tickets_for_a_few_other_servers_none_of_them_leaving(desk: Desk) -> None:
    desk.permits.use(KEY, 3)
    for port, id in enumerate("abcdefgh", 4001):
        desk.directory.apply(fx.ServerRecord(id, "host", port, 1))
        server = desk.directory.servers[id]
        server.ready, server.load, server.leaving = id != "g", id != "a", id == "h"
    placed = desk.accounts.place(desk.reign.now, LINK, "mia", [])
    (success,), (redirect,) = sent(placed, m.LoginSuccess), sent(placed, m.Redirect)
    assert isinstance(success, m.LoginSuccess)
    assert isinstance(redirect, m.Redirect)
    assert redirect.port == 4001
    alternates = success.alternates or []
    ports = {alternate.port for alternate in alternates}
    assert len(ports) == len(alternates) == ALTERNATES
    assert ports <= {4002, 4003, 4004, 4005, 4006}
    for alternate in alternates:
        audience = f"server:{'abcdef'[alternate.port - 4001]}"
        last = desk.reign.now + tickets.FOR_ALTERNATE - 1.0
        ticket = tickets.check(tickets.keys(KEY, audience, 4), alternate.ticket, audience, last)
        assert isinstance(ticket, tickets.Ticket)
        assert (ticket.username, ticket.lasting) == ("mia", True)


def test_nobody_is_placed_where_all_servers_are_leaving(desk: Desk) -> None:
    desk.directory.apply(fx.ServerRecord("a", "host", 4001, 1))
    desk.directory.servers["a"].ready = desk.directory.servers["a"].leaving = True
    (refusal,) = sent(desk.accounts.place(desk.reign.now, LINK, "mia", []), m.LoginFailed)
    assert isinstance(refusal, m.LoginFailed)
    assert refusal.reason == "no_server"

"""Accounts through changes of main: a name is given once, and only its secret opens it, whoever was main meanwhile."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core.accounts import Accounts
from oyez.core.directory import Directory
from oyez.core.effects import Effects
from oyez.core.placement import Placement
from oyez.core.replication import UNSETTLED
from oyez.protocol import messages as m
from tests.core.centrals import KEY
from tests.core.reigns import SERVERS, Reign, paired
from tests.core.sides import sent

LINK = 7


class Desk:
    """The accounts of a main with a backup: nothing is committed until the test lets it be."""

    def __init__(self) -> None:
        self.directory = Directory({}, {}, [])
        self.accounts = Accounts(self.directory, Placement(Random(1)), KEY, Random(1), anonymous=True)
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

    def answers(self) -> list[str]:
        """What the client has been told since the last time: reasons, where it was refused."""
        told = self.reign.sent.pop(LINK, [])
        return [message.reason if isinstance(message, m.Refusal) else type(message).__name__ for message in told]

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
    desk.directory.users["mia"] = "hash of two"
    assert desk.verifies(begun) == [fx.Report("refused")]
    desk.directory.users.clear()
    begun = desk.accounts.check_secret(desk.reign.now, "mia", "two", None, checked)
    assert desk.verifies(begun) == [fx.Report("refused")]


def test_with_the_networks_key_the_tickets_of_the_last_main_are_good(desk: Desk) -> None:
    other = Accounts(desk.directory, Placement(Random(2)), b"x" * 32, Random(2), anonymous=True)
    desk.directory.apply(fx.ServerRecord("a", "host", 4001, 1))
    desk.directory.servers["a"].ready = True
    (success,) = sent(desk.accounts.place(desk.reign.now, LINK, "mia", []), m.LoginSuccess)
    assert isinstance(success, m.LoginSuccess)
    given = m.Login("mia", ticket=success.ticket)

    def checked(now: float, refused: m.Refusal | None) -> Effects:
        return [fx.Report(refused.reason if refused else "let in")]

    assert other.check(desk.reign.now, LINK, given, checked) == [fx.Report("ticket_forged")]
    other.use_key(KEY)
    assert other.check(desk.reign.now, LINK, given, checked) == [fx.Report("let in")]

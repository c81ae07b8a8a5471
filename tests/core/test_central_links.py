"""A central's links with other centrals: what it claims and when, whom it refuses, whom it looks after."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.central import Central
from oyez.core.central.stored import Stored
from oyez.core.voter import VoterState
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import CLUSTER, HOME, HOME_ID, KEY
from tests.core.council import Council, address, founded
from tests.core.nodes import Node, Talk

TERM = 5
CENTRALS = (n.CentralAddress(HOME_ID, HOME.hostname, HOME.port), n.CentralAddress("c-b", "central", 3781))
CONFIGURATION = n.Configuration(TERM, 3, HOME_ID, (HOME_ID, "c-b"), CENTRALS, ("s.1", "t.1"))


class Backup(Node):
    """Backup b, in sync with a main that is played by the test; its log ends at entry 1 of TERM."""

    def __init__(self) -> None:
        stored = Stored(KEY, "c-b", {"bob": "hash"}, position=fx.Position(1, TERM, 1))
        stored.voter = VoterState(TERM, HOME_ID, CONFIGURATION)
        self.role = Central(m.Address("central", 3781), CLUSTER, stored, Random(1), (HOME,))
        super().__init__(self.role)
        self.start()

    def follows(self) -> Talk:
        """The main has welcomed it."""
        main = self.answer()
        welcome = n.BackupAuthenticationSuccess("welcome", TERM, "a2tr", False, CONFIGURATION)
        main.says(welcome)
        main.hears()
        return main

    def dials_again(self) -> Talk:
        self.pass_time(0.05)
        return self.answer()


def test_a_backup_claims_no_entry_that_is_not_on_its_disk() -> None:
    """A power cut would take it away, and the main would count it as held: an acknowledged name could be lost."""
    backup = Backup()
    main = backup.follows()
    backup.stops("disk")
    main.says(n.SynchroniseUserStore({"mia": "hash"}, TERM, 2, TERM))
    assert n.Synchronised(2) not in main.hears()
    main.hangs_up()
    main = backup.dials_again()
    backup.pass_time(1.0)
    assert main.hears() == []
    backup.goes_on("disk")
    first, *others = main.hears()
    known = backup.role.office.voter.configuration
    assert first == n.BackupAuthenticate(CLUSTER, "c-b", "central", 3781, 2, TERM, TERM, known)
    assert all(isinstance(other, n.RequestVote) and other.trial for other in others)


def test_its_introduction_tells_how_things_are_when_it_is_made() -> None:
    backup = Backup()
    backup.follows().hangs_up()
    backup.stops("disk")
    main = backup.dials_again()
    backup.role.office.voter.state = VoterState(TERM + 2, "c-x", CONFIGURATION)
    backup.goes_on("disk")
    first = main.hears()[0]
    assert isinstance(first, n.BackupAuthenticate)
    assert first.promised == TERM + 2


def test_a_candidate_introduces_itself_before_it_asks() -> None:
    """The other central would not know who asks."""
    backup = Backup()
    backup.follows().hangs_up()
    backup.pass_time(0.3)
    assert backup.role.office.status(0, []).role == "candidate"
    backup.stops("disk")
    main = backup.answer()
    backup.pass_time(1.0)  # it campaigns and shows life meanwhile
    assert main.hears() == []
    backup.goes_on("disk")
    assert [type(message) for message in main.hears()] == [n.BackupAuthenticate, n.RequestVote]


def test_an_introduction_that_came_too_late_is_made_on_no_other_link() -> None:
    backup = Backup()
    backup.follows().hangs_up()
    backup.stops("disk")
    first = backup.dials_again()
    first.hangs_up()
    backup.pass_time(0.3)
    second = backup.answer()
    backup.goes_on("disk")
    assert first.hears() == []
    assert [type(message) for message in second.hears()].count(n.BackupAuthenticate) == 1


# -- whom it refuses ------------------------------------------------------------------------------------------------


@pytest.fixture
def council() -> Council:
    """Main m, backup b in sync, three servers."""
    return founded("b", "stu")


@pytest.mark.parametrize(
    ("id", "port", "reason"), [("c-x", 3780, "address_in_use"), ("c-m", 3790, "id_in_use")], ids=["address", "id"]
)
def test_a_backup_must_have_an_address_and_an_id_of_its_own(council: Council, id: str, port: int, reason: str) -> None:
    """By the address of the main, clients and centrals would be sent in circles."""
    talk = council.asks("m", n.BackupAuthenticate(CLUSTER, id, "central", port))
    (answer,) = talk.hears()
    assert isinstance(answer, n.BackupAuthenticationFail)
    assert answer.reason == reason
    assert talk.ended
    council.run(1.0)
    assert council.in_sync("m") == {"m", "b"}
    assert [central.port for central in council.status("m").centrals] == [3780, 3781]


def test_who_does_not_know_the_secret_does_not_learn_what_is_in_use(council: Council) -> None:
    (answer,) = council.asks("m", n.BackupAuthenticate("wrong", "c-m", "central", 3780)).hears()
    assert isinstance(answer, n.BackupAuthenticationFail)
    assert answer.reason == "wrong_secret"


@pytest.mark.parametrize("trial", [True, False], ids=["trial", "vote"])
@pytest.mark.parametrize("granted", [True, False], ids=["granted", "refused"])
@pytest.mark.parametrize(
    "introduction",
    [
        n.Authenticate(CLUSTER, "v", "host", 4009, 1),
        n.BackupAuthenticate(CLUSTER, "c-v", "central", 3790),
    ],
    ids=["server", "backup"],
)
def test_a_vote_that_comes_late_is_no_offence(
    council: Council, introduction: m.Message, granted: bool, trial: bool
) -> None:
    """There were enough without it, and it was asked for."""
    talk = council.asks("m", introduction)
    talk.hears()
    talk.says(n.Vote("v.1", 1, granted, trial, 1))
    council.settle()
    assert not any(isinstance(message, m.InvalidMessage) for message in talk.hears())
    assert not talk.ended
    assert council.mains() == ["m"]
    assert council.members["m"].reported("refused") == []


# -- whom it asks ---------------------------------------------------------------------------------------------------


def test_nobody_is_asked_to_promise_what_the_candidate_has_not_written_down(council: Council) -> None:
    """Neither those who come to it meanwhile, nor the central that it reaches, nor anybody again."""
    b = council.members["b"]
    waiting = []
    b.stops("disk")
    council.kill("m")
    for number in range(5):
        waiting.append(council.asks("b", n.Authenticate(CLUSTER, "v", "host", 4009, number + 1)))
        council.run(0.2)
    asked = [message for talk in waiting for message in talk.hears() if isinstance(message, n.RequestVote)]
    assert all(message.trial for message in asked)
    assert b.central.office.voter.promised == 2  # it has stood
    b.goes_on("disk")
    council.settle()
    binding = [message for message in waiting[-1].hears() if isinstance(message, n.RequestVote) and not message.trial]
    assert [message.term for message in binding] == [2]
    council.until(lambda: council.mains() == ["b"])


# -- whom it looks after --------------------------------------------------------------------------------------------


def test_a_central_that_takes_links_and_says_nothing_is_looked_after_again_and_again(council: Council) -> None:
    """It is frozen; or it was, and nobody told the main that the link of its question is dead."""
    m_ = council.members["m"]
    council.freeze("b")
    council.until(lambda: m_.central.office.probes.links)
    first = set(m_.central.office.probes.links)
    council.run(timing.SUSPICION - 2 * timing.HEARTBEAT)
    assert set(m_.central.office.probes.links) == first
    council.run(4 * timing.HEARTBEAT)
    assert m_.central.office.probes.links
    assert not first & set(m_.central.office.probes.links)
    assert len(m_.central.office.probes.links) == 1


def test_one_that_cannot_be_reached_is_tried_again(council: Council) -> None:
    m_ = council.members["m"]
    council.kill("b")
    council.run(2.0)
    assert m_.central.office.probes.links == {}
    m_.world.dials.clear()
    m_.host.timer("tick")
    assert (address("b"), "probe:c-b") in m_.world.dials

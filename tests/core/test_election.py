"""One candidacy: a trial that binds nobody, then votes of one term that suffice for the newest configuration."""

import pytest

from oyez.core.central.election import Candidacy
from oyez.core.voter import Voter, VoterState
from oyez.protocol.nodes import CentralAddress, Configuration, RequestVote, Vote

M, B, C = (CentralAddress(id, "127.0.0.1", port) for id, port in (("m", 3780), ("b", 3781), ("c", 3782)))
SERVERS = ("s.1", "t.1")


def configuration(version: int = 1, servers: tuple[str, ...] = SERVERS, before: tuple[str, ...] = ()) -> Configuration:
    return Configuration(3, version, "m", ("m", "b"), (M, B, C), servers, before)


def candidate(known: Configuration | None = None) -> Voter:
    return Voter("b", VoterState(3, "m", known or configuration()))


@pytest.fixture
def candidacy() -> Candidacy:
    return Candidacy(candidate())


def stands(candidacy: Candidacy) -> None:
    """It has won its trial, and its own vote is on disk."""
    candidacy.stand()
    candidacy.asking = True


def grants(candidacy: Candidacy, *voters: str) -> None:
    for voter in voters:
        candidacy.counted(Vote(voter, candidacy.term, True, candidacy.trial))


def test_it_asks_for_the_next_term_as_a_trial_first(candidacy: Candidacy) -> None:
    assert candidacy.request == RequestVote(4, "b", configuration(), trial=True)


def test_the_term_is_above_all_that_was_promised_or_heard_of() -> None:
    assert Candidacy(Voter("b", VoterState(8, "c", configuration()))).term == 9
    assert Candidacy(candidate(), above=11).term == 12


def test_a_trial_leaves_the_candidate_as_it_was() -> None:
    voter = candidate()
    before = voter.state
    grants(Candidacy(voter), "s.1", "t.1", "c")
    assert voter.state is before


def test_it_takes_more_than_half_its_own_vote_counted(candidacy: Candidacy) -> None:
    assert not candidacy.won
    grants(candidacy, "s.1", "s.1", "x.1", "s.2")
    assert not candidacy.won  # b and s are two of five
    grants(candidacy, "t.1")
    assert candidacy.won


def test_trial_votes_are_not_votes(candidacy: Candidacy) -> None:
    trial = [Vote(voter, candidacy.term, True, trial=True) for voter in ("s.1", "t.1", "c")]
    for vote in trial:
        candidacy.counted(vote)
    stands(candidacy)
    assert not candidacy.won
    for vote in trial:
        candidacy.counted(vote)
    assert not candidacy.won
    grants(candidacy, "s.1", "t.1")
    assert candidacy.won


def test_nothing_is_won_before_the_own_vote_is_on_disk(candidacy: Candidacy) -> None:
    """A power cut would let it promise the same term to another: nobody is asked, and no vote that comes decides."""
    assert candidacy.asking
    candidacy.stand()
    assert not candidacy.asking
    grants(candidacy, "s.1", "t.1", "c")
    assert not candidacy.won
    candidacy.asking = True
    assert candidacy.won


def test_votes_are_no_trial_votes(candidacy: Candidacy) -> None:
    for voter in ("s.1", "t.1", "c"):
        candidacy.counted(Vote(voter, candidacy.term, True, trial=False))
    assert not candidacy.won


def test_votes_of_another_term_do_not_count(candidacy: Candidacy) -> None:
    stands(candidacy)
    for voter in ("s.1", "t.1", "c"):
        candidacy.counted(Vote(voter, candidacy.term - 1, True))
        candidacy.counted(Vote(voter, candidacy.term + 1, True))
    assert not candidacy.won


def test_who_stands_has_voted_for_itself() -> None:
    voter = candidate()
    one = Candidacy(voter)
    one.stand()
    assert (voter.state.promised, voter.state.voted_for) == (4, "b")
    assert one.request == RequestVote(4, "b", configuration())
    assert not voter.consider(RequestVote(4, "c", configuration()), main_is_alive=False).granted


def test_a_refusal_by_who_knows_no_more_is_only_a_vote_less(candidacy: Candidacy) -> None:
    candidacy.counted(Vote("c", 4, False, True, promised=3, info="my link to the main is alive"))
    assert not candidacy.over
    grants(candidacy, "s.1", "t.1")
    assert candidacy.won


@pytest.mark.parametrize(
    "vote",
    [
        Vote("c", 4, False, True, promised=4),
        Vote("c", 4, False, True, promised=9),
        Vote("c", 4, False, True, promised=3, configuration=configuration(version=2)),
    ],
)
def test_a_refusal_by_who_knows_more_ends_it(candidacy: Candidacy, vote: Vote) -> None:
    candidacy.counted(vote)
    assert candidacy.over
    grants(candidacy, "s.1", "t.1", "c")
    assert not candidacy.won


def test_while_voters_change_both_groups_must_want_it() -> None:
    one = Candidacy(candidate(configuration(servers=("s.2", "t.2"), before=("m", "b", "c", "s.1", "t.1"))))
    grants(one, "s.2", "t.2")
    assert not one.won  # three of the new five, one of the old
    grants(one, "s.1", "t.1")
    assert one.won


def test_all_centrals_together_elect_without_servers(candidacy: Candidacy) -> None:
    """After a power cut of everything the servers are other voters, and have forgotten what they promised."""
    one = Candidacy(candidate(configuration(servers=("s.1", "t.1", "u.1", "v.1"))))
    grants(one, "c")
    assert not one.won
    grants(one, "m")
    assert one.won


def test_a_single_central_elects_itself() -> None:
    one = Candidacy(Voter("m", VoterState(3, "m", Configuration(3, 1, "m", ("m",), (M,), SERVERS))))
    assert one.won
    one.stand()
    assert not one.won  # its own vote is on the way to its disk
    one.asking = True
    assert one.won

"""What a voter promises, and what it then refuses (ADR 8, rule 1)."""

from oyez.core.voter import Voter, VoterState
from oyez.protocol.nodes import CentralAddress, Configuration, RequestVote

M, B, C = (CentralAddress(id, "127.0.0.1", port) for id, port in (("m", 3780), ("b", 3781), ("c", 3782)))


def configuration(term: int = 1, version: int = 1, in_sync: tuple[str, ...] = ("m", "b", "c")) -> Configuration:
    return Configuration(term, version, "m", in_sync, (M, B, C), ("s1.1",))


def voter() -> Voter:
    one = Voter("s1.1")
    one.learn(configuration())
    return one


def request(term: int, candidate: str = "b", trial: bool = False, known: Configuration | None = None) -> RequestVote:
    return RequestVote(term, candidate, known or configuration(), trial)


def test_one_vote_a_term() -> None:
    one = voter()
    assert one.consider(request(2, "b"), main_is_alive=False).granted
    assert not one.consider(request(2, "c"), main_is_alive=False).granted
    assert one.consider(request(2, "b"), main_is_alive=False).granted, "the same candidate may ask again"
    assert one.consider(request(3, "c"), main_is_alive=False).granted


def test_a_promise_ends_the_confirmation_of_lower_terms() -> None:
    one = voter()
    assert one.confirms(1, 1)
    one.consider(request(2), main_is_alive=False)
    assert not one.confirms(1, 1)
    refusal = one.refusal()
    assert refusal.term == 2
    assert refusal.configuration == configuration()


def test_a_trial_binds_nobody() -> None:
    one = voter()
    before = one.state
    assert one.consider(request(2, trial=True), main_is_alive=False).granted
    assert one.state is before
    assert one.confirms(1, 1)


def test_no_vote_while_the_main_is_alive() -> None:
    one = voter()
    vote = one.consider(request(9), main_is_alive=True)
    assert not vote.granted
    assert vote.info
    assert one.promised == 1


def test_no_vote_for_who_is_not_in_sync() -> None:
    one = voter()
    one.learn(configuration(version=2, in_sync=("m", "c")))
    vote = one.consider(request(2, "b", known=configuration(version=2, in_sync=("m", "c"))), main_is_alive=False)
    assert not vote.granted


def test_no_vote_for_who_knows_less_and_it_is_told_what_it_lacks() -> None:
    one = voter()
    newer = configuration(version=2, in_sync=("m", "c"))
    one.learn(newer)
    vote = one.consider(request(2, "b"), main_is_alive=False)
    assert not vote.granted
    assert vote.configuration == newer


def test_a_voter_learns_from_a_candidate_that_knows_more() -> None:
    one = voter()
    newer = configuration(version=5)
    one.consider(request(2, known=newer), main_is_alive=False)
    assert one.configuration == newer
    assert one.promised == 2


def test_only_the_newest_configuration_is_confirmed() -> None:
    one = voter()
    assert one.learn(configuration(version=2))
    assert not one.learn(configuration(version=1))
    assert not one.learn(configuration(version=2))
    assert one.confirms(1, 2)
    assert not one.confirms(1, 1)
    assert not one.confirms(1, 3)
    assert one.learn(configuration(term=2))
    assert one.promised == 2


def test_a_configuration_of_a_main_that_was_outvoted_is_known_but_not_confirmed() -> None:
    one = voter()
    one.consider(request(5), main_is_alive=False)
    assert one.learn(configuration(version=2))
    assert one.promised == 5
    assert one.state.voted_for == "b"
    assert not one.confirms(1, 2)


def test_what_was_promised_is_remembered() -> None:
    first = Voter("b")
    first.learn(configuration())
    first.consider(request(4, "c"), main_is_alive=False)
    again = Voter("b", VoterState(first.state.promised, first.state.voted_for, first.state.configuration))
    assert not again.consider(request(4, "b"), main_is_alive=False).granted
    assert again.consider(request(4, "c"), main_is_alive=False).granted

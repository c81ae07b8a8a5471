"""What strangers may cost a central, and what a guesser learns: nothing."""

from dataclasses import replace

import pytest

from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.failures import Delay
from oyez.core.limits.settings import CentralLimits, DoorLimits, GuessLimits
from oyez.core.peer import HERE, From
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import authenticate, beats
from tests.core.limited import ELSEWHERE, FAR, HOME, LimitedCentre, reason, refused

LIMITS = CentralLimits(DoorLimits(connects=UNLIMITED))


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_who_guesses_has_to_wait_longer_each_time() -> None:
    central = LimitedCentre(LIMITS)
    assert central.guesses("alice", FAR, 7) == ["wrong_credentials"] * 5 + ["too_many_failures"] * 2
    waits = []
    for _ in range(4):
        while reason(central.tries("alice", "guess", FAR)) == "too_many_failures":
            central.pass_time(1.0)
        failures = central.role.strangers.caution._guesses
        waits.append(failures._pairs.wait(central.world.time, ("alice", FAR.address)))
    assert waits == pytest.approx([2, 4, 8, 16], rel=0.02)


def test_the_refusal_says_when_to_try_again() -> None:
    central = LimitedCentre(LIMITS)
    central.guesses("alice", FAR, 5)
    said = central.tries("alice", "guess", FAR)
    assert isinstance(said, m.LoginFailed)
    assert said.info == "too many wrong secrets for alice, or from 192.0.2.66: try again in 1 s"


def test_even_the_right_secret_has_to_wait_where_it_was_guessed() -> None:
    """Else the delay would tell which is right."""
    central = LimitedCentre(LIMITS)
    central.guesses("alice", FAR, 5)
    assert reason(central.tries("alice", "secret of alice", FAR)) == "too_many_failures"
    central.pass_time(1.0)
    assert reason(central.tries("alice", "secret of alice", FAR)) == ""


def test_the_same_when_the_right_secret_was_seen_just_before() -> None:
    central = LimitedCentre(LIMITS)
    central.tries("alice", "secret of alice", HOME)
    central.guesses("alice", FAR, 5)
    assert reason(central.tries("alice", "secret of alice", FAR)) == "too_many_failures"


def test_the_user_gets_in_from_elsewhere_meanwhile() -> None:
    central = LimitedCentre(LIMITS)
    central.guesses("alice", FAR, 50)
    assert reason(central.tries("alice", "secret of alice", ELSEWHERE)) == ""
    assert reason(central.tries("bob", "secret of bob", FAR)) == "", "five failures of one address are few"


def test_a_user_who_does_not_exist_is_answered_the_same() -> None:
    central = LimitedCentre(LIMITS)
    answers = []
    for name in ("alice", "nobody"):
        said = [central.tries(name, f"guess {number}", FAR) for number in range(8)]
        answers.append([(type(one), str(one).replace(name, "X")) for one in said])
        central.pass_time(4000.0)
    assert answers[0] == answers[1]


def test_a_user_who_does_not_exist_costs_the_same_work() -> None:
    central = LimitedCentre(LIMITS)
    central.stops("hashing")
    for name in ("alice", "nobody"):
        central.connect(FAR).says(m.Login(name, "guess"))
    assert len(central.world.hashing) == 2


def test_whoever_asks_by_a_server_is_counted_by_his_own_address() -> None:
    central = LimitedCentre(LIMITS)
    server = central.joins("b")
    server.hears()

    def verify(number: int, secret: str, address: str) -> str:
        server.says(n.VerifyLogin(number, "alice", secret, address))
        (answer,) = [one for one in server.hears() if isinstance(one, n.VerifyLoginFailed | n.VerifyLoginSuccess)]
        return reason(answer)

    found = [verify(number, "guess", FAR.address) for number in range(7)]
    assert found == ["wrong_credentials"] * 5 + ["too_many_failures"] * 2
    assert verify(8, "secret of alice", FAR.address) == "too_many_failures"
    assert verify(9, "secret of alice", HOME.address) == ""
    assert reason(central.tries("alice", "guess", FAR)) == "too_many_failures", "by whichever way"


def test_who_asks_is_counted_too() -> None:
    """WHO takes credentials as LOGIN does."""
    central = LimitedCentre(LIMITS)
    found = [reason(central.connect(FAR).says(m.Who("alice", "guess")).hears_one()) for _ in range(6)]
    assert found == ["wrong_credentials"] * 5 + ["too_many_failures"]


def test_a_ticket_is_not_kept_waiting() -> None:
    central = LimitedCentre(LIMITS)
    success = central.tries("alice", "secret of alice", FAR)
    assert isinstance(success, m.LoginSuccess)
    central.guesses("alice", FAR, 10)
    assert reason(central.connect(FAR).says(m.Login("alice", None, success.ticket)).hears()[0]) == ""


def test_a_guess_whose_answer_nobody_waited_for_counts_too() -> None:
    central = LimitedCentre(LIMITS)
    central.stops("hashing")
    for number in range(5):
        central.connect(FAR).says(m.Login("alice", f"guess {number}")).hangs_up()
    central.goes_on("hashing")
    assert reason(central.tries("alice", "guess", FAR)) == "too_many_failures"


def test_who_has_guessed_too_often_has_one_guess_at_the_end_of_each_delay() -> None:
    """However many he makes before the first of them is known to be wrong."""
    central = LimitedCentre(LIMITS)
    central.guesses("alice", FAR, 5)
    central.pass_time(1.0)
    central.stops("hashing")
    talks = [central.connect(FAR).says(m.Login("alice", f"guess {number}")) for number in range(10)]
    assert len(central.world.hashing) == 1
    assert [reason(talk.hears()[0]) for talk in talks[1:]] == ["too_many_failures"] * 9
    central.goes_on("hashing")
    assert reason(talks[0].hears()[0]) == "wrong_credentials"
    central.pass_time(2.0)
    assert reason(central.tries("alice", "guess", FAR)) == "wrong_credentials", "no try that has ended is left"


def test_a_crowd_that_guesses_at_one_user_has_so_too() -> None:
    central = LimitedCentre(replace(LIMITS, guesses=GuessLimits(first_tries=Rate(0.001, 2.0))))
    crowd = [From.at(f"192.0.2.{number}") for number in range(1, 21)]
    for who in crowd:
        central.guesses("alice", who, 1)
    central.pass_time(1.0)
    central.stops("hashing")
    for who in crowd:
        central.connect(who).says(m.Login("alice", "another guess"))
    assert len(central.world.hashing) == 1
    central.connect(HOME).says(m.Login("alice", "secret of alice"))
    assert len(central.world.hashing) == 2, "who may be alice, somewhere new, does not wait for them"


def test_the_delay_can_be_switched_off() -> None:
    off = Delay(0)
    central = LimitedCentre(replace(LIMITS, guesses=GuessLimits(off, off, off)))
    assert set(central.guesses("alice", FAR, 50)) == {"wrong_credentials"}


# -- registrations, and the queue --------------------------------------------------------------------------------------


def registers(central: LimitedCentre, names: list[str], who: object = FAR) -> list[str]:
    said = [central.connect(who).says(m.Register(name, "secret")).hears() for name in names]  # type: ignore[arg-type]
    return [reason(messages[-1]) for messages in said if messages]


def test_registrations_of_one_address() -> None:
    central = LimitedCentre(replace(LIMITS, registrations_each=Rate(1.0, 2.0)))
    assert registers(central, ["a1", "a2", "a3"]) == ["", "", "too_many_registrations"]
    assert registers(central, ["a4"], ELSEWHERE) == [""]
    assert registers(central, [f"here{number}" for number in range(5)], HERE) == [""] * 5
    central.pass_time(1.0)
    assert registers(central, ["a3"]) == [""]


def test_names_that_are_taken_count_too() -> None:
    """REGISTER can't but tell whether a name is taken: so it must not be asked too often."""
    central = LimitedCentre(replace(LIMITS, registrations_each=Rate(1.0, 2.0)))
    assert registers(central, ["alice", "bob", "zoe"]) == ["already_registered"] * 2 + ["too_many_registrations"]


def test_registrations_in_all() -> None:
    central = LimitedCentre(replace(LIMITS, registrations=Rate(1.0, 3.0)))
    found = registers(central, [f"n{number}" for number in range(4)], HERE)
    assert found == ["", "", "", "too_many_registrations"]


def test_the_queue_of_secrets_to_be_hashed_has_an_end() -> None:
    central = LimitedCentre(replace(LIMITS, jobs=3))
    central.stops("hashing")
    assert registers(central, ["n1", "n2"], HERE) == []
    waiting = central.connect(HERE).says(m.Login("alice", "secret of alice"))
    assert registers(central, ["n3"], HERE) == ["busy"]
    assert reason(central.connect(HERE).says(m.Login("bob", "secret of bob")).hears_one()) == "busy"
    assert reason(central.connect(HERE).says(m.Login("anonymous")).hears()[0]) == "", "it costs no hash"
    central.goes_on("hashing")
    assert reason(waiting.hears()[0]) == ""
    assert registers(central, ["n3"], HERE) == [""]
    assert len(central.role.strangers.caution) == 0


def test_nobody_fills_the_queue_alone_even_if_he_does_not_wait() -> None:
    central = LimitedCentre(replace(LIMITS, jobs=10, jobs_each=2))
    central.stops("hashing")
    for number in range(5):
        central.connect(FAR).says(m.Login("alice", f"guess {number}")).hangs_up()
    assert len(central.world.hashing) == 2
    assert reason(central.connect(FAR).says(m.Login("bob", "secret of bob")).hears_one()) == "busy"
    central.connect(ELSEWHERE).says(m.Login("bob", "secret of bob"))
    assert len(central.world.hashing) == 3


# -- links -------------------------------------------------------------------------------------------------------------


def test_who_says_nothing_is_closed() -> None:
    central = LimitedCentre(LIMITS)
    server = central.joins("b")
    silent, asking = central.connect(FAR), central.connect(FAR)
    beats(central, server, seconds=6)
    asking.says(m.Status())
    beats(central, server, seconds=5)
    assert refused(silent) == "too_late"
    assert not asking.ended
    beats(central, server, seconds=20)
    assert refused(asking) == "too_late"
    assert not server.ended


def test_whoever_waits_for_his_registration_is_not_late() -> None:
    central = LimitedCentre(LIMITS)
    central.stops("hashing")
    talk = central.connect(FAR).says(m.Register("zoe", "secret"))
    central.pass_time(30.0)
    assert not talk.ended
    central.goes_on("hashing")
    assert reason(talk.hears_one()) == ""


def test_nodes_come_in_though_it_is_full() -> None:
    central = LimitedCentre(replace(LIMITS, door=DoorLimits(links=2, reserve=4, connects=UNLIMITED)))
    clients = [central.connect(FAR) for _ in range(2)]
    assert refused(central.connect(FAR).says(m.Login("alice", "secret of alice"))) == "full"
    server = central.connect(FAR).says(authenticate("b"))
    assert not server.ended
    status = central.connect(FAR).says(m.Status())
    assert isinstance(status.hears_one(), m.StatusReport), "an operator wants to know"
    assert not any(talk.ended for talk in clients)


def test_who_asks_too_much_is_not_heard_for_a_while() -> None:
    central = LimitedCentre(replace(LIMITS, questions=Rate(1.0, 3.0)))
    talk = central.connect(FAR).says(*[m.Status()] * 10)
    assert len(talk.hears()) == 4
    central.pass_time(2.0)
    assert 1 <= len(talk.hears()) <= 3
    assert not talk.ended
    assert isinstance(central.connect(FAR).says(m.Status()).hears_one(), m.StatusReport)
    who = central.connect(FAR).says(*[m.Who("anonymous")] * 3)
    assert len(who.hears()) == 1, "it is dearer"

"""A server's link to the central: one at a time, tried again for ever, and nobody left waiting when it is lost."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.uplink import PURPOSE, Uplink
from oyez.protocol import nodes as n
from oyez.protocol.messages import Address, Refusal

ONE, TWO, THREE = (Address("central", port) for port in (1, 2, 3))
INTRODUCTION = n.Authenticate("secret", "a", "host", 1)
LINK = 7


@pytest.fixture
def uplink() -> Uplink:
    return Uplink([ONE, TWO], Random(1), lambda: INTRODUCTION)


def joined(uplink: Uplink, centrals: list[Address] | None = None) -> Uplink:
    uplink.dialed(0.0, LINK)
    uplink.welcomed(n.AuthenticateSuccess("welcome", term=3, centrals=centrals or []))
    return uplink


class Answers:
    """Whoever asks, and what they are told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def asker(self, name: str):
        def then(now: float, refused: Refusal | None) -> Effects:
            self.told.append((name, refused.reason if refused else "right"))
            return [fx.Report(f"told {name}")]

        return then


def waits(effects: Effects) -> list[float]:
    return [effect.after for effect in effects if isinstance(effect, fx.SetTimer) and effect.key == PURPOSE]


def test_it_introduces_itself_on_a_link_it_trusts(uplink: Uplink) -> None:
    assert uplink.dial() == [fx.Dial(ONE, PURPOSE)]
    assert uplink.dialed(0.0, LINK) == [fx.Trust(LINK), fx.Send(LINK, INTRODUCTION)]
    assert not uplink.joined
    uplink.welcomed(n.AuthenticateSuccess("welcome", term=3))
    assert uplink.joined
    assert uplink.term == 3


def test_every_central_is_tried_in_turn_for_ever(uplink: Uplink) -> None:
    dialed = []
    for _ in range(5):
        dialed.append(uplink.dial())
        assert len(waits(uplink.failed())) == 1
    assert dialed == [[fx.Dial(address, PURPOSE)] for address in (ONE, TWO, ONE, TWO, ONE)]


def test_it_waits_longer_after_each_failure_and_begins_anew_once_welcome(uplink: Uplink) -> None:
    delays = [waits(uplink.failed())[0] for _ in range(10)]
    assert delays[0] <= 0.05
    assert 0.5 <= delays[-1] <= 1.0
    joined(uplink)
    assert waits(uplink.lost(1.0))[0] <= 0.05


def test_a_central_that_hangs_up_before_it_welcomes_is_no_success(uplink: Uplink) -> None:
    delays = []
    for _ in range(10):
        uplink.dialed(0.0, LINK)
        delays += waits(uplink.lost(0.0))
    assert delays[-1] >= 0.5


def test_the_centrals_that_it_is_told_of_are_tried_from_then_on(uplink: Uplink) -> None:
    joined(uplink, [THREE, ONE])
    assert uplink.central == ONE  # clients go on being sent to the one that answered
    uplink.lost(1.0)
    assert {uplink.dial()[0], (uplink.failed(), uplink.dial())[1][0]} == {
        fx.Dial(ONE, PURPOSE),
        fx.Dial(THREE, PURPOSE),
    }


def test_the_address_that_worked_is_kept_whatever_the_central_calls_itself(uplink: Uplink) -> None:
    """It may listen on 0.0.0.0, or be known to itself by a name that only works at home."""
    joined(uplink, [THREE])
    uplink.lost(1.0)
    tried = set()
    for _ in range(4):
        tried.add(uplink.central)
        uplink.failed()
    assert tried == {ONE, THREE}


def test_questions_are_answered_to_who_asked(uplink: Uplink) -> None:
    joined(uplink)
    answers = Answers()
    assert uplink.verify(1.0, "bob", "right", answers.asker("bob")) == [fx.Send(LINK, n.VerifyLogin(1, "bob", "right"))]
    assert uplink.verify(1.0, "eve", "wrong", answers.asker("eve")) == [fx.Send(LINK, n.VerifyLogin(2, "eve", "wrong"))]
    assert uplink.verified(2.0, n.VerifyLoginFailed("no", "wrong_credentials", request=2)) == [fx.Report("told eve")]
    assert uplink.verified(2.0, n.VerifyLoginSuccess(1)) == [fx.Report("told bob")]
    assert answers.told == [("eve", "wrong_credentials"), ("bob", "right")]


@pytest.mark.parametrize("answer", [n.VerifyLoginSuccess(1), n.VerifyLoginSuccess(99)])
def test_answers_that_nobody_waits_for_change_nothing(uplink: Uplink, answer: n.VerifyLoginSuccess) -> None:
    joined(uplink)
    answers = Answers()
    uplink.verify(1.0, "bob", "right", answers.asker("bob"))
    uplink.verified(2.0, n.VerifyLoginSuccess(1))
    assert uplink.verified(2.0, answer) == []
    assert answers.told == [("bob", "right")]


def test_without_a_central_nobody_waits(uplink: Uplink) -> None:
    answers = Answers()
    assert uplink.verify(1.0, "bob", "right", answers.asker("bob")) == [fx.Report("told bob")]
    uplink.dialed(1.0, LINK)  # connected, but not welcome yet
    uplink.verify(1.0, "eve", "right", answers.asker("eve"))
    assert answers.told == [("bob", "central_away"), ("eve", "central_away")]


def test_whoever_waits_is_told_when_the_link_is_lost_and_only_once(uplink: Uplink) -> None:
    joined(uplink)
    answers = Answers()
    for name in ("bob", "eve"):
        uplink.verify(1.0, name, "right", answers.asker(name))
    effects = uplink.lost(2.0)
    assert effects[:2] == [fx.Report("told bob"), fx.Report("told eve")]
    assert len(waits(effects)) == 1
    assert answers.told == [("bob", "central_away"), ("eve", "central_away")]
    assert not uplink.joined
    joined(uplink)
    assert uplink.verified(3.0, n.VerifyLoginSuccess(1)) == []


def test_what_is_said_to_nobody_is_not_said(uplink: Uplink) -> None:
    assert uplink.send(n.Heartbeat()) == []
    joined(uplink)
    assert uplink.send(n.Heartbeat()) == [fx.Send(LINK, n.Heartbeat())]
    uplink.lost(1.0)
    assert uplink.send(n.Heartbeat()) == []


def test_a_silent_central_is_left_at_once(uplink: Uplink) -> None:
    joined(uplink)
    assert uplink.watch(timing.SUSPICION - 0.1, slept=False) == []
    effects = uplink.watch(timing.SUSPICION, slept=False)
    assert fx.Close(LINK, at_once=True) in effects


def test_a_central_that_speaks_is_not(uplink: Uplink) -> None:
    joined(uplink)
    uplink.heard(2.0)
    assert uplink.watch(2.0 + timing.SUSPICION - 0.1, slept=False) == []


def test_who_has_slept_itself_gives_the_central_another_chance(uplink: Uplink) -> None:
    joined(uplink)
    assert uplink.watch(100.0, slept=True) == []
    assert uplink.watch(100.0 + timing.SUSPICION, slept=False) != []


def test_without_a_link_there_is_nothing_to_watch(uplink: Uplink) -> None:
    assert uplink.watch(100.0, slept=False) == []

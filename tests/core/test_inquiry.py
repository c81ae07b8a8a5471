"""What a server asks the main: everyone who asks is answered once, also when the main is away."""

from collections.abc import Callable
from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.server.inquiry import Inquiry
from oyez.core.uplink import Uplink
from oyez.protocol import nodes as n
from oyez.protocol.messages import Address, Refusal

CENTRAL = Address("central", 1)
LINK = 7


@pytest.fixture
def uplink() -> Uplink:
    return joined(Uplink([CENTRAL], Random(1), lambda: n.Authenticate("secret", "a", "host", 1)))


@pytest.fixture
def inquiry(uplink: Uplink) -> Inquiry:
    return Inquiry(uplink)


def joined(uplink: Uplink) -> Uplink:
    uplink.dialed(0.0, LINK)
    uplink.welcomed([CENTRAL])
    return uplink


class Answers:
    """Whoever asks, and what they are told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def asker(self, name: str) -> Callable[[float, Refusal | None, int], Effects]:
        def then(now: float, refused: Refusal | None, since: int) -> Effects:
            self.told.append((name, refused.reason if refused else "right"))
            return [fx.Report(f"told {name}")]

        return then


def test_questions_are_answered_to_who_asked(inquiry: Inquiry) -> None:
    answers = Answers()
    asked = inquiry.verify(1.0, "bob", "right", answers.asker("bob"))
    assert asked == [fx.Send(LINK, n.VerifyLogin(1, "bob", "right"))]
    asked = inquiry.verify(1.0, "eve", "wrong", answers.asker("eve"))
    assert asked == [fx.Send(LINK, n.VerifyLogin(2, "eve", "wrong"))]
    refusal = n.VerifyLoginFailed("no", "wrong_credentials", request=2)
    assert inquiry.answered(2.0, refusal) == [fx.Report("told eve")]
    assert inquiry.answered(2.0, n.VerifyLoginSuccess(1)) == [fx.Report("told bob")]
    assert answers.told == [("eve", "wrong_credentials"), ("bob", "right")]


@pytest.mark.parametrize("answer", [n.VerifyLoginSuccess(1), n.VerifyLoginSuccess(99)])
def test_answers_that_nobody_waits_for_change_nothing(inquiry: Inquiry, answer: n.VerifyLoginSuccess) -> None:
    answers = Answers()
    inquiry.verify(1.0, "bob", "right", answers.asker("bob"))
    inquiry.answered(2.0, n.VerifyLoginSuccess(1))
    assert inquiry.answered(2.0, answer) == []
    assert answers.told == [("bob", "right")]


def test_without_a_central_nobody_waits(inquiry: Inquiry, uplink: Uplink) -> None:
    uplink.lost()
    answers = Answers()
    assert inquiry.verify(1.0, "bob", "right", answers.asker("bob")) == [fx.Report("told bob")]
    uplink.dialed(1.0, LINK)  # connected, but not welcome yet
    inquiry.verify(1.0, "eve", "right", answers.asker("eve"))
    assert answers.told == [("bob", "central_away"), ("eve", "central_away")]


def test_whoever_waits_is_told_when_the_link_is_lost_and_only_once(inquiry: Inquiry, uplink: Uplink) -> None:
    answers = Answers()
    for name in ("bob", "eve"):
        inquiry.verify(1.0, name, "right", answers.asker(name))
    assert inquiry.abandon(2.0) == [fx.Report("told bob"), fx.Report("told eve")]
    assert inquiry.abandon(2.0) == []
    assert answers.told == [("bob", "central_away"), ("eve", "central_away")]


def test_an_answer_to_a_question_of_the_last_link_is_for_nobody(inquiry: Inquiry, uplink: Uplink) -> None:
    """Numbers are not used again: what another main answers can't be taken for an answer to something else."""
    answers = Answers()
    inquiry.verify(1.0, "bob", "right", answers.asker("bob"))
    inquiry.abandon(2.0)
    uplink.lost()
    joined(uplink)
    asked = inquiry.verify(3.0, "eve", "wrong", answers.asker("eve"))
    assert asked == [fx.Send(LINK, n.VerifyLogin(2, "eve", "wrong"))]
    assert inquiry.answered(4.0, n.VerifyLoginSuccess(1)) == []
    assert answers.told == [("bob", "central_away")]

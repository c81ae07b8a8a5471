"""The door of a server: one session a ticket, nobody unchecked, and nobody who has left meanwhile."""

import base64
from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.effects import Effects
from oyez.core.peer import HERE
from oyez.core.server.admission import Admission
from oyez.core.server.inquiry import Inquiry
from oyez.core.uplink import Uplink
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.sides import closed

KEY = b"t" * 32
CENTRAL, LINK = 3, 7


class Door:
    """Of server s, whose uplink is there."""

    def __init__(self) -> None:
        home = m.Address("central", 3780)
        self.uplink = Uplink([home], Random(1), lambda: n.Authenticate("cluster", "s", "host", 4001))
        self.uplink.dialed(0.0, CENTRAL)
        self.uplink.welcomed([home])
        self.inquiry = Inquiry(self.uplink)
        self.admission = Admission("s", self.inquiry)
        self.admission.rules({1: base64.b64encode(KEY).decode()}, anonymous=True)
        self.admitted: list[str | None] = []

    def knocks(self, message: m.Login, link: int = LINK, now: float = 1000.0) -> Effects:
        def admit(now: float, nonce: str | None, since: int) -> Effects:
            self.admitted.append(nonce)
            return [fx.Report("admitted")]

        return self.admission.check(now, link, message, admit)

    def answers(self, right: bool, request: int = 1) -> Effects:
        wrong = n.VerifyLoginFailed("wrong", "wrong_credentials", request=request)
        return self.inquiry.answered(1000.0, n.VerifyLoginSuccess(request) if right else wrong)


@pytest.fixture
def door() -> Door:
    return Door()


def ticket(
    name: str = "bob", nonce: str = "nonce", expires: float = 1060.0, key: bytes = KEY, term: int = 1
) -> m.Login:
    return m.Login("bob", ticket=tickets.sign(key, term, tickets.Ticket(name, "server:s", expires, nonce)))


def reason(effects: Effects) -> str:
    (refusal,) = [effect.message for effect in effects if isinstance(effect, fx.Send)]
    assert isinstance(refusal, m.Refusal)
    assert closed(effects) == [LINK]
    return refusal.reason


def test_a_ticket_opens_one_session(door: Door) -> None:
    assert door.knocks(ticket()) == [fx.Report("admitted")]
    assert door.admitted == ["nonce"]
    assert reason(door.knocks(ticket())) == "ticket_used"
    assert door.knocks(ticket(nonce="another")) == [fx.Report("admitted")]


def test_a_ticket_that_was_refused_is_not_used_up(door: Door) -> None:
    assert reason(door.knocks(ticket("eve"))) == "ticket_of_another"
    assert reason(door.knocks(ticket(key=b"x" * 32))) == "ticket_forged"
    assert door.knocks(ticket()) == [fx.Report("admitted")]


def test_before_the_central_has_given_its_keys_no_ticket_is_good_and_none_is_made() -> None:
    uplink = Uplink([], Random(1), lambda: n.Heartbeat())
    fresh = Admission("s", Inquiry(uplink))
    assert reason(fresh.check(1000.0, LINK, ticket(), lambda now, nonce, since: [])) == "ticket_expired"
    assert fresh.own_ticket(1000.0, "bob", "nonce") is None


def test_a_server_makes_tickets_for_itself_by_its_newest_key(door: Door) -> None:
    keys = {term: base64.b64encode(bytes([term]) * 32).decode() for term in (6, 7)}
    door.admission.rules(keys, anonymous=True)
    text = door.admission.own_ticket(1000.0, "bob", "nonce")
    assert text is not None
    door.admission.rules({7: keys[7]}, anonymous=True)
    last = 1000.0 + tickets.FOR_ALTERNATE - 1
    assert door.knocks(m.Login("bob", ticket=text), now=last) == [fx.Report("admitted")]
    assert reason(door.knocks(m.Login("bob", ticket=text), now=last)) == "ticket_used"


def test_the_tickets_of_a_term_whose_key_is_gone_have_expired(door: Door) -> None:
    keys = {2: base64.b64encode(b"u" * 32).decode()}
    door.admission.rules(keys | {1: base64.b64encode(KEY).decode()}, anonymous=True)
    assert door.knocks(ticket(nonce="one")) == [fx.Report("admitted")]
    assert door.knocks(ticket(nonce="two", key=b"u" * 32, term=2)) == [fx.Report("admitted")]
    door.admission.rules(keys, anonymous=True)
    assert reason(door.knocks(ticket(nonce="three"))) == "ticket_expired"


def test_used_tickets_are_forgotten_when_nobody_can_use_them_any_more(door: Door) -> None:
    for number, expires in enumerate((1060.0, 1010.0, 1030.0)):  # not in order
        door.knocks(ticket(nonce=f"nonce {number}", expires=expires))
    door.admission.expire(1030.0)
    assert reason(door.knocks(ticket(nonce="nonce 0"), now=1059.0)) == "ticket_used"
    assert reason(door.knocks(ticket(nonce="nonce 2", expires=1030.0), now=1031.0)) == "ticket_expired"
    door.admission.expire(1060.0)
    assert reason(door.knocks(ticket(nonce="nonce 0"), now=1060.0)) == "ticket_expired"


def test_a_secret_is_checked_by_the_central_before_anybody_is_admitted(door: Door) -> None:
    effects = door.knocks(m.Login("bob", "secret"))
    assert effects == [fx.Hold(LINK), fx.Send(CENTRAL, n.VerifyLogin(1, "bob", "secret", HERE.address))]
    assert door.admitted == []
    assert door.answers(right=True) == [fx.Report("admitted"), fx.Release(LINK)]
    assert door.admitted == [None]


def test_a_wrong_secret_is_refused_in_the_words_of_the_central(door: Door) -> None:
    door.knocks(m.Login("bob", "secret"))
    effects = door.answers(right=False)
    assert reason(effects) == "wrong_credentials"
    assert effects[-1] == fx.Release(LINK)
    assert door.admitted == []


def test_nobody_is_admitted_who_has_left_meanwhile(door: Door) -> None:
    door.knocks(m.Login("bob", "secret"))
    door.admission.gone(LINK)
    assert door.answers(right=True) == []
    assert door.admitted == []


def test_while_the_central_is_away_nobody_is_admitted_by_secret(door: Door) -> None:
    door.knocks(m.Login("bob", "secret"))
    assert reason(door.inquiry.abandon(1000.0)) == "central_away"
    door.uplink.lost()
    assert reason(door.knocks(m.Login("bob", "secret"))) == "central_away"
    assert door.knocks(ticket()) == [fx.Report("admitted")]  # tickets need no central


@pytest.mark.parametrize("secret", [None, ""])
def test_a_name_alone_opens_nothing(door: Door, secret: str | None) -> None:
    assert reason(door.knocks(m.Login("bob", secret))) == "no_secret"


def test_anonymous_is_let_in_unless_it_is_switched_off(door: Door) -> None:
    assert door.knocks(m.Login("anonymous")) == [fx.Report("admitted")]
    door.admission.rules({}, anonymous=False)
    assert reason(door.knocks(m.Login("anonymous"))) == "anonymous_off"


def test_with_another_key_the_old_tickets_are_void(door: Door) -> None:
    door.admission.rules({1: base64.b64encode(b"y" * 32).decode()}, anonymous=True)
    assert reason(door.knocks(ticket())) == "ticket_forged"
    assert door.knocks(ticket(key=b"y" * 32)) == [fx.Report("admitted")]

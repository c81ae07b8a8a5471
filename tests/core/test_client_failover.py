"""The client among several centrals: it finds the main, and what it does twice it does not do to itself."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core.client.client import Client
from oyez.core.effects import Effects
from oyez.protocol import messages as m

ONE, TWO, THREE = (m.Address("central", port) for port in (1, 2, 3))
SERVER = m.Address("server", 9)
TICKET = "a ticket"
LOGIN, REGISTER = m.Login("bob", "secret"), m.Register("bob", "secret")
TAKEN = m.RegisterFailed("bob is already registered with the system", "already_registered")
WRONG = m.LoginFailed("username or secret is wrong", "wrong_credentials")


class Driver:
    """Plays the network to one client. `dialing` is whom it calls, `said` what it has said on its newest link."""

    def __init__(self, *centrals: m.Address, register: bool = False) -> None:
        self.client = Client(list(centrals), "bob", "secret", Random(1), register)
        self.dialing: fx.Dial | None = None
        self.said: list[m.Message] = []
        self.reports: list[str] = []
        self.ended: str | None = None
        self._link = 0
        self.do(self.client.on_start(0.0))

    def do(self, effects: Effects) -> None:
        for effect in effects:
            match effect:
                case fx.Dial():
                    self.dialing = effect
                case fx.Send(link, message) if link == self._link:
                    self.said.append(message)
                case fx.Close(link) if link == self._link:
                    self._link += 1
                    self.do(self.client.on_close(0.0, link))
                case fx.SetTimer("retry"):
                    self.do(self.client.on_timer(0.0, "retry"))
                case fx.Report(event):
                    self.reports.append(event)
                case fx.Quit(info):
                    self.ended = info

    def connect(self) -> m.Address:
        """Answer the call; returns where it went."""
        assert self.dialing is not None
        dial, self.dialing = self.dialing, None
        self._link += 1
        self.said = []
        self.do(self.client.on_dialed(0.0, self._link, dial.purpose))
        return dial.address

    def hear(self, *messages: m.Message) -> None:
        link = self._link
        for message in messages:
            self.do(self.client.on_message(0.0, link, message))

    def lose(self) -> None:
        link, self._link = self._link, self._link + 1
        self.do(self.client.on_close(0.0, link))

    def admitted(self, *centrals: m.Address) -> None:
        """By the central, and sent to the server."""
        self.hear(m.LoginSuccess("welcome", ticket=TICKET, centrals=list(centrals)), redirect(SERVER, "permit"))


def redirect(to: m.Address, ticket: str | None = None) -> m.Redirect:
    return m.Redirect(to.hostname, to.port, ticket)


def test_a_backup_sends_it_to_a_main_that_it_has_never_heard_of() -> None:
    driver = Driver(ONE)
    driver.connect()
    driver.hear(redirect(TWO))
    assert driver.connect() == TWO
    assert driver.said == [LOGIN], "as at any central: no session, the secret"
    driver.admitted(TWO, THREE)
    assert driver.connect() == SERVER
    assert isinstance(driver.said[0], m.Login)
    assert (driver.said[0].ticket, driver.said[0].secret) == ("permit", None)
    assert driver.client.centrals == [TWO, THREE, ONE]


def test_it_registers_at_the_main_where_a_backup_sends_it_there() -> None:
    driver = Driver(ONE, register=True)
    driver.connect()
    assert driver.said == [REGISTER]
    driver.hear(redirect(TWO))
    driver.connect()
    assert driver.said == [REGISTER]
    driver.hear(m.RegisterSuccess("welcome"))
    assert driver.said == [REGISTER, LOGIN]


def test_a_server_that_stops_sends_it_to_a_central_whatever_its_address() -> None:
    driver = Driver(ONE)
    driver.connect()
    driver.admitted(ONE)
    driver.connect()
    driver.hear(m.LoginSuccess("welcome", server="s1", session="tag"), redirect(THREE))
    assert driver.connect() == THREE
    assert driver.said == [m.Login("bob", None, TICKET)]


def test_the_centrals_are_tried_in_turn_until_one_answers() -> None:
    driver = Driver(ONE, TWO)
    called = []
    for _ in range(4):
        assert driver.dialing is not None
        called.append(driver.dialing.address)
        driver.do(driver.client.on_dial_failed(0.0, driver.dialing.purpose, "nobody answers there"))
    assert called == [ONE, TWO, ONE, TWO]


def test_who_loses_a_server_goes_to_the_central_that_let_it_in() -> None:
    driver = Driver(ONE, TWO)
    driver.connect()
    driver.hear(redirect(TWO))
    driver.connect()
    driver.admitted(TWO, ONE)
    driver.connect()
    driver.hear(m.LoginSuccess("welcome", server="s1", session="tag"))
    driver.lose()
    assert driver.connect() == TWO


@pytest.mark.parametrize("reason", ["no_main", "unsettled"])
def test_a_registration_that_can_not_be_settled_now_is_tried_again(reason: str) -> None:
    driver = Driver(ONE, TWO, register=True)
    driver.connect()
    driver.hear(m.RegisterFailed("try again", reason))
    assert driver.connect() == TWO
    assert driver.said == [REGISTER]
    driver.hear(m.RegisterSuccess("welcome"))
    assert driver.said == [REGISTER, LOGIN]


def lost(driver: Driver) -> None:
    driver.lose()


def unsettled(driver: Driver) -> None:
    driver.hear(m.RegisterFailed("try again", "unsettled"))


@pytest.mark.parametrize("end", [lost, unsettled])
def test_a_name_that_it_took_without_hearing_so_is_its_own(end) -> None:
    driver = Driver(ONE, TWO, register=True)
    driver.connect()
    end(driver)
    driver.connect()
    driver.hear(TAKEN)
    driver.connect()
    assert driver.said == [LOGIN]
    driver.admitted(ONE, TWO)
    assert driver.connect() == SERVER
    assert driver.ended is None


def test_a_name_that_somebody_else_took_is_not() -> None:
    driver = Driver(ONE, TWO, register=True)
    driver.connect()
    driver.lose()
    driver.connect()
    driver.hear(TAKEN)
    driver.connect()
    driver.hear(WRONG)
    assert driver.ended == TAKEN.info


def test_a_taken_name_ends_it_where_every_question_was_answered() -> None:
    driver = Driver(ONE, TWO, register=True)
    driver.connect()
    driver.hear(redirect(TWO))
    driver.connect()
    driver.hear(TAKEN)
    assert driver.ended == TAKEN.info

"""A server that leaves gives its sessions away a batch at a time, and knows when there is nothing left to wait for."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core.server.leaving import AGAIN, BATCH, NOBODY, PATIENCE, Leaving
from oyez.core.uplink import Uplink
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

HOME = m.Address("central", 3780)
CENTRAL = 3
NOW = 1000.0


class Exit:
    """Of a server with a central, which has been asked to leave."""

    def __init__(self, sessions: int = 0) -> None:
        self.uplink = Uplink([HOME], Random(1), lambda: n.Heartbeat())
        self.uplink.dialed(0.0, CENTRAL)
        self.uplink.introduced = True
        self.uplink.welcomed([HOME])
        self.leaving = Leaving(self.uplink)
        self.present = [f"user {number}" for number in range(sessions)]
        self.leaving.begin(NOW)

    def offered(
        self, now: float = NOW, alone: bool = False, held: bool = True, linked: bool = True
    ) -> list[str] | None:
        """Whom it offers now."""
        effects = self.leaving.review(now, self.present, alone, linked, held)
        if not effects:
            return None
        (send,) = effects
        assert isinstance(send, fx.Send)
        assert isinstance(send.message, n.Movable)
        return send.message.usernames

    def moves(self, *usernames: str, now: float = NOW) -> None:
        """The main has an answer, and the server has done it."""
        self.present = [name for name in self.present if name not in usernames]
        self.leaving.moved(now, n.Move([n.Destination(name, "host", 4001, "ticket") for name in usernames]))


def test_before_it_has_begun_nothing_happens() -> None:
    leaving = Leaving(Uplink([], Random(1), lambda: n.Heartbeat()))
    assert leaving.review(NOW, ["bob"], alone=True, linked=False, held=True) == []
    assert not leaving.over


def test_sessions_are_offered_a_batch_at_a_time_until_there_are_none() -> None:
    exit = Exit(2 * BATCH + 1)
    everybody = list(exit.present)
    given = []
    while batch := exit.offered():
        assert len(batch) <= BATCH
        assert exit.offered() is None  # not before the answer
        exit.moves(*batch)
        given += batch
    assert given == everybody
    assert exit.leaving.over


def test_it_waits_until_the_others_hold_its_log() -> None:
    exit = Exit()
    assert exit.offered(held=False) is None
    assert not exit.leaving.over
    exit.offered(NOW + 1, held=True)
    assert exit.leaving.over


def test_where_there_is_no_answer_they_are_offered_again() -> None:
    exit = Exit(1)
    assert exit.offered() == ["user 0"]
    assert exit.offered(NOW + AGAIN - 0.1) is None
    assert exit.offered(NOW + AGAIN) == ["user 0"]


def test_an_answer_that_takes_nobody_is_not_asked_for_again_at_once() -> None:
    exit = Exit(1)
    exit.offered()
    exit.moves()
    assert exit.offered() is None
    assert exit.offered(NOW + AGAIN) == ["user 0"]


def test_who_is_not_taken_is_left_after_a_while() -> None:
    exit = Exit(3)
    exit.offered()
    exit.moves("user 0", now=NOW + 2)
    for now in (NOW + 2, NOW + 3, NOW + 4):
        assert exit.offered(now)
        exit.moves(now=now)
    assert not exit.leaving.over
    exit.offered(NOW + 2 + NOBODY)
    assert exit.leaving.over


def test_without_a_central_they_are_left_after_a_while() -> None:
    exit = Exit(1)
    exit.uplink.lost()
    assert exit.offered() is None
    assert not exit.leaving.over
    exit.offered(NOW + NOBODY)
    assert exit.leaving.over


@pytest.mark.parametrize("sessions", [0, 2])
def test_who_is_alone_need_not_wait(sessions: int) -> None:
    exit = Exit(sessions)
    assert exit.offered(alone=True, held=False) is None
    assert exit.leaving.over


def test_patience_has_an_end() -> None:
    exit = Exit()
    exit.offered(NOW + PATIENCE - 0.1, held=False)
    assert not exit.leaving.over
    exit.leaving.begin(NOW + 10)  # told again, it does not begin anew
    exit.offered(NOW + PATIENCE, held=False)
    assert exit.leaving.over


def test_who_has_lost_all_others_waits_a_while_for_one_to_come_back() -> None:
    """Seed 11005031: it held the last of what one had shown that had died a moment ago."""
    exit = Exit()
    exit.offered(NOW + 1, held=False)
    exit.offered(NOW + 1 + NOBODY - 0.1, linked=False)
    assert not exit.leaving.over
    exit.offered(NOW + 1 + NOBODY, linked=False)
    assert exit.leaving.over

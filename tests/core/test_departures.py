"""Departures: whoever asks for a session that has moved there is answered once all hold what it had posted."""

from oyez.core import effects as fx
from oyez.core.server.departures import Departures
from oyez.protocol import peers as p


def asked(departures: Departures, link: int, request: int, sequence: int) -> None:
    departures.asked(link, p.Settle(request, "tag"), sequence)


def test_the_answer_waits_until_all_hold_what_was_accepted() -> None:
    departures = Departures()
    asked(departures, 1, 31, 5)
    assert departures
    assert departures.review(4) == []
    assert departures.review(5) == [fx.Send(1, p.Settled(31, 5))]
    assert not departures
    assert departures.review(6) == []


def test_it_is_given_at_once_where_nothing_is_under_way() -> None:
    departures = Departures()
    asked(departures, 1, 31, 0)
    assert departures.review(0) == [fx.Send(1, p.Settled(31, 0))]


def test_each_waits_for_its_own() -> None:
    departures = Departures()
    asked(departures, 1, 31, 5)
    asked(departures, 2, 7, 3)
    asked(departures, 1, 32, 9)
    assert departures.review(5) == [fx.Send(1, p.Settled(31, 5)), fx.Send(2, p.Settled(7, 3))]
    assert departures.review(9) == [fx.Send(1, p.Settled(32, 9))]

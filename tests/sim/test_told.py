"""A last word that could not get through has at least been given to the operator."""

import pytest

from oyez.sim.checkers import told
from oyez.sim.history import Accepted, Ended, Entry, Fault, Reported, Said

ASKED: list[Entry] = [
    Accepted(1.0, "central", 7, 21),
    Said(1.0, "a", 21, "central", "LOGIN", "bob", "secret"),
]
GONE = Ended(6.0, "a", 21, "central", "", "node", "aborted")
PAUSED = Fault(1.1, "pause main", "central", 9.0)


@pytest.mark.parametrize("event", ["refused", "placed"])
def test_who_pauses_behind_its_answer_need_not_get_it_through(event: str) -> None:
    """Seed 5061630 of an earlier version: the main was stopped as it sent a client on."""
    answered = Reported(1.05, "central", event, {"link": 7})
    assert told.check([*ASKED, answered, PAUSED, GONE]) == []
    assert told.check([*ASKED, PAUSED, GONE])
    assert told.check([*ASKED, answered, GONE])


def test_who_is_sent_on_while_its_link_is_stalled_may_hear_of_it_too_late() -> None:
    """Seed 8022526: a stalled session was moved, and its link lingered for less than the stall."""
    session = [Accepted(1.0, "s1", 4, 9), Fault(4.0, "stall", "link 9 of c with s1", 8.5)]
    moved = Reported(6.0, "central", "moved", {"server": "s1", "sessions": 1})
    aborted = Ended(8.2, "c", 9, "s1", "c.1", "node", "aborted")
    assert told.check([*session, moved, aborted]) == []
    assert told.check([*session, aborted])
    assert told.check([session[0], moved, aborted])

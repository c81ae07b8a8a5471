"""What is expected while there is no central, and of whom."""

import pytest

from oyez.sim.checkers import alone
from oyez.sim.history import Away, Back, Ended, Entry
from tests.sim.test_checkers import GOOD, saw, without

UNSEEN = without(GOOD, saw(5.2, "c.1", "a.1", 3, "s1.1-3"))


def with_more(*more: Entry) -> list[Entry]:
    return sorted([*UNSEEN, *more], key=lambda entry: entry.at)


def test_who_has_a_server_gets_everything() -> None:
    assert alone.check(UNSEEN)


@pytest.mark.parametrize("back", [False, True], ids=["and none since", "and another since"])
def test_who_has_lost_its_server_gets_what_there_is_once_it_has_another(back: bool) -> None:
    lost = Away(4.5, "c.1", "s3", "the link was lost")
    found = alone.check(with_more(lost, *([Back(4.6, "c.1", "s2")] if back else [])))
    assert bool(found) == back


@pytest.mark.parametrize(("at", "expected"), [(5.05, False), (6.1, True)], ids=["at once", "a second later"])
def test_who_vanishes_may_have_gone_before_its_post_had(at: float, expected: bool) -> None:
    """Seed 5029671 of an earlier version: it lost its power 60 ms after it had posted."""
    gone = Ended(at, "a", 100, "s1", "a.1", "client", "vanished")
    assert bool(alone.check(with_more(gone))) == expected

"""What is expected while there is no central, and of whom."""

import pytest

from oyez.sim.checkers import alone
from oyez.sim.history import Away, Back, Died, Ended, Entry
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


@pytest.mark.parametrize("dies", [False, True], ids=["it lives", "it is dead"])
def test_who_has_no_cursor_gets_what_comes_as_long_as_its_server_lives(dies: bool) -> None:
    """Seed 5072788 of an earlier version: its link had not broken yet."""
    unseen = without(GOOD, saw(5.1, "b.1", "a.1", 3, "s1.1-3"))
    died = [Died(4.5, "s2", 1, "stopped")] if dies else []
    assert bool(alone.check(sorted([*unseen, *died], key=lambda entry: entry.at))) != dies

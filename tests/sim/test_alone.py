"""What is expected while there is no central, and of whom."""

import pytest

from oyez.sim.checkers import alone
from oyez.sim.history import Away, Back, Died, Elected, Ended, Entered, Entry, Phase, Reported, Started
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


@pytest.mark.parametrize(("elected", "expected"), [(-6.0, True), (0.6, False)], ids=["long before", "a moment before"])
def test_who_logs_in_while_a_main_gathers_its_servers_may_have_no_alternate(elected: float, expected: bool) -> None:
    """Seed 11010756: the only server that the new main had was the one on which the session was."""
    lives = [Started(0.05, "s1", 1), Reported(0.06, "s1", "ready", {})]
    comes = [Started(0.05, "s3", 1), Entered(0.85, "e.1", "e", "eve", "s3", 300, True, True)]
    alone_since = [Died(1.0, "central", 1, "killed"), Died(2.0, "s3", 1, "killed")]
    reigns = [Elected(-8.0, "central", 1, 1, {}), Elected(elected, "central", 1, 2, {})]
    history: list[Entry] = [Started(-9.0, "central", 1), *reigns, *lives, *comes, *alone_since, Phase(30.0, "over")]
    found = alone.check(sorted(history, key=lambda entry: entry.at))
    assert bool(found) == expected

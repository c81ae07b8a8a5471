"""The queue of secrets to be hashed has an end, and everybody has a turn in it."""

from oyez.core import effects as fx
from oyez.core.limits.jobs import Jobs


class Line:
    """Jobs that begin, and end when the test says so; `begun` are those that were given to the threads."""

    def __init__(self, most: int = 0, each: int = 0, width: int = 2) -> None:
        self.jobs = Jobs(most, each, width)
        self.begun: list[int] = []
        self._last = 0

    def adds(self, keys: str) -> list[bool]:
        """One for each letter, "-" for this machine: was there room?"""
        found = []
        for letter in keys:
            key = None if letter == "-" else letter
            found.append(self.jobs.room(key))
            self._last += 1
            if found[-1]:
                self._take(self.jobs.begin(key, fx.HashSecret(self._last, "secret")))
        return found

    def ends(self, *tokens: int) -> list[int]:
        """These are done: which are begun now?"""
        before = len(self.begun)
        for token in tokens:
            self._take(self.jobs.end(token))
        return self.begun[before:]

    def _take(self, effects: fx.Effects) -> None:
        self.begun += [effect.token for effect in effects if isinstance(effect, fx.HashSecret)]


def test_no_more_than_the_most() -> None:
    line = Line(most=3)
    assert line.adds("----") == [True, True, True, False]
    line.ends(1)
    assert line.adds("a") == [True]
    assert len(line.jobs) == 3


def test_nobody_fills_it_alone() -> None:
    line = Line(most=10, each=2)
    assert line.adds("aaab-") == [True, True, False, True, True]
    line.ends(1)
    assert line.adds("aa") == [True, False]


def test_only_a_few_are_given_to_the_threads_at_once() -> None:
    line = Line(width=3)
    line.adds("aaaaa")
    assert line.begun == [1, 2, 3]
    assert line.ends(2) == [4]
    assert line.ends(1, 3) == [5]
    assert line.ends(4, 5) == []


def test_who_asks_for_many_waits_for_himself() -> None:
    line = Line(width=1)
    line.adds("aaaaaabc")
    turns = [1]
    while more := line.ends(turns[-1]):
        turns += more
    assert turns == [1, 2, 7, 8, 3, 4, 5, 6]


def test_in_turn_and_each_in_its_own_order() -> None:
    line = Line(width=1)
    line.adds("aabbcc--")
    turns = [1]
    while more := line.ends(turns[-1]):
        turns += more
    assert turns == [1, 2, 3, 5, 7, 4, 6, 8]


def test_what_ends_leaves_nothing_behind() -> None:
    line = Line(width=1)
    line.adds("ab-")
    line.ends(1, 2, 3)
    assert len(line.jobs) == 0
    assert (line.jobs._of, line.jobs._waiting, line.jobs._running) == ({}, {}, {})


def test_without_a_limit_anything_goes() -> None:
    assert all(Line().adds("a" * 1000))

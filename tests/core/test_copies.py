"""Copies: how far enough servers hold a log, what waits for that, and what others wait for the word for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core.server.copies import Copies, Withheld, enough
from oyez.log import Chunk
from tests.core.lines import numbered, shown


def waiting(wanted: int, *counts: int) -> Copies:
    """Turns of so many activities each wait."""
    copies, first = Copies(wanted), 1
    for count in counts:
        copies.add(numbered("a", count, first))
        first += count
    return copies


# -- how far --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "needed", "through"),
    [
        ([], 0, None),
        ([5], 0, None),
        ([5], -1, None),
        ([], 1, 0),
        ([5], 1, 5),
        ([5, 9], 1, 9),
        ([5, 9, 7], 2, 7),
        ([5, 9, 7], 3, 5),
        ([5, 9, 7], 4, 0),
    ],
)
def test_how_far_enough_hold_a_log(held: list[int], needed: int, through: int | None) -> None:
    assert enough(held, needed) == through


@given(held=st.lists(st.integers(0, 20), max_size=6), needed=st.integers(1, 6))
def test_so_many_hold_as_much_and_not_so_many_hold_more(held: list[int], needed: int) -> None:
    through = enough(held, needed)
    assert through is not None
    assert through == 0 or sum(one >= through for one in held) >= needed
    assert sum(one > through for one in held) < needed


# -- the origin's side ----------------------------------------------------------------------------------------------


def test_alone_everything_is_released_at_once() -> None:
    copies = waiting(2, 2, 1)
    assert copies
    assert shown(copies.release([], 0)) == [1, 2, 3]
    assert (bool(copies), copies.released, copies.release([], 0)) == (False, 3, [])


def test_whole_turns_are_released_in_order() -> None:
    copies = waiting(2, 2, 1, 3)
    assert [shown(copies.release([held], 0)) for held in (1, 2, 5, 6)] == [[], [1, 2], [3], [4, 5, 6]]
    assert copies.released == 6


def test_one_other_is_enough_for_two_copies() -> None:
    copies = waiting(2, 1)
    assert shown(copies.release([0, 0, 1], 0)) == [1]


def test_three_copies_take_two_others() -> None:
    copies = waiting(3, 1, 1)
    assert copies.release([0, 2, 0], 0) == []
    assert shown(copies.release([1, 2, 0], 0)) == [1]


@pytest.mark.parametrize("wanted", [2, 3, 9])
def test_where_there_are_fewer_all_of_them_are_enough(wanted: int) -> None:
    assert shown(waiting(wanted, 1, 1).release([1], 0)) == [1]


@pytest.mark.parametrize("wanted", [2, 3])
def test_who_is_awaited_is_waited_for(wanted: int) -> None:
    copies = waiting(wanted, 1)
    assert copies.release([], 1) == []
    assert shown(copies.release([], 0)) == [1]


def test_whoever_is_there_is_enough_though_another_is_awaited() -> None:
    assert shown(waiting(2, 1).release([1], 1)) == [1]
    assert waiting(3, 1).release([1], 1) == []


def test_one_copy_waits_for_nobody() -> None:
    assert shown(waiting(1, 1).release([0, 0], 5)) == [1]


def test_what_waits_can_be_looked_at() -> None:
    copies = waiting(2, 1, 2)
    assert [chunk.last for chunk in copies.waiting] == [1, 3]
    copies.release([1], 0)
    assert [chunk.last for chunk in copies.waiting] == [3]


# -- the others' side -----------------------------------------------------------------------------------------------


def withheld(*chunks: Chunk) -> Withheld:
    held = Withheld()
    for chunk in chunks:
        held.begin(chunk.origin)
        held.add(chunk)
    return held


def test_nothing_is_shown_without_the_word() -> None:
    held = withheld(numbered("a", 3))
    assert held.release() == []
    assert ("a.1" in held, "b.1" in held, held.origins) == (True, False, ["a.1"])


def test_as_much_is_shown_as_the_word_says() -> None:
    whole = numbered("a", 3)
    held = withheld(whole, numbered("a", 2, first=4))
    held.allow("a.1", 2)
    first = held.release()
    held.allow("a.1", 4)
    second = held.release()
    assert (shown(first), shown(second), held.release()) == ([1, 2], [3, 4], [])
    assert b"".join(chunk.data for chunk in first + second[:1]) == whole.data


def test_the_word_may_come_first_and_is_never_taken_back() -> None:
    held = Withheld()
    held.begin("a.1")
    held.allow("a.1", 5)
    held.allow("a.1", 3)
    held.add(numbered("a", 6))
    assert shown(held.release()) == [1, 2, 3, 4, 5]


def test_each_origin_waits_for_its_own_word() -> None:
    held = withheld(numbered("a", 1), numbered("b", 1))
    held.allow("b.1", 1)
    assert [chunk.origin for chunk in held.release()] == ["b.1"]


def test_what_waits_for_nothing_is_forgotten_and_so_is_its_word() -> None:
    held = withheld(numbered("a", 1))
    held.allow("a.1", 9)
    assert shown(held.release()) == [1]
    held.forget("a.1")
    held.forget("a.1")
    held.forget("nobody.1")
    assert ("a.1" in held, held.origins) == (False, [])
    held.begin("a.1")
    held.add(numbered("a", 1, first=2))
    assert held.release() == []


def test_what_still_waits_is_not_forgotten() -> None:
    held = withheld(numbered("a", 1))
    held.forget("a.1")
    assert "a.1" in held
    held.allow("a.1", 1)
    assert shown(held.release()) == [1]


def test_beginning_again_forgets_nothing() -> None:
    held = withheld(numbered("a", 1))
    held.begin("a.1")
    held.allow("a.1", 1)
    assert shown(held.release()) == [1]


def test_what_is_put_back_comes_first_and_of_any_origin() -> None:
    behind = withheld(numbered("z", 2), numbered("z", 1, 3))
    behind.allow("z.1", 3)
    first, second = behind.release()
    behind.put_back([first, second])
    behind.add(numbered("z", 1, 4))
    assert behind.release() == [first, second]
    behind.put_back([numbered("y", 2)])
    assert "y.1" in behind
    assert behind.release() == [numbered("y", 2)]
    behind.add(numbered("y", 1, 3))
    assert behind.release() == [numbered("y", 1, 3)]

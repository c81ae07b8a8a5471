"""Which numbers have been here."""

from hypothesis import given
from hypothesis import strategies as st

from oyez.core.numbers import HOLES, Numbers, number_of


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40)), max_size=80))
def test_a_number_is_new_once(given: list[tuple[str, int]]) -> None:
    seen: Numbers[str] = Numbers(10)
    news = [(series, number) for series, number in given if seen.add(series, number)]
    assert len(news) == len(set(news))


@given(st.permutations(range(1, 9)))
def test_each_of_a_few_comes_whatever_the_order(order: list[int]) -> None:
    seen: Numbers[str] = Numbers(10)
    assert all(seen.add("a", number) for number in order)
    assert not any(seen.add("a", number) for number in order)


def test_what_comes_one_after_the_other_costs_nothing_more() -> None:
    seen: Numbers[str] = Numbers(10)
    assert all(seen.add("a", number) for number in range(1, 1000))
    assert not seen._holes


def test_a_hole_that_is_filled_is_forgotten() -> None:
    seen: Numbers[str] = Numbers(10)
    for number in (1, 4, 2, 3):
        assert seen.add("a", number)
    assert not seen._holes


def test_holes_are_bounded() -> None:
    seen: Numbers[str] = Numbers(10)
    for number in range(2, 2 + 2 * 3 * HOLES, 2):
        seen.add("a", number)
    assert len(seen._holes["a"]) == HOLES
    assert not seen.add("a", 1)


def test_series_are_bounded_with_their_holes() -> None:
    seen: Numbers[int] = Numbers(3)
    for series in range(10):
        seen.add(series, 5)
    assert len(seen) == 3
    assert len(seen._holes) == 3


def test_a_number_out_of_this_world_costs_no_more() -> None:
    seen: Numbers[str] = Numbers(3)
    assert seen.add("a", 2**53)
    assert seen.add("a", 2**53 - 5000)


def test_digits_are_read_as_far_as_the_wire_has_them() -> None:
    assert [number_of(text) for text in ("0", "7", "007", str(2**53))] == [0, 7, 7, 2**53]
    assert [number_of(text) for text in ("", "-1", "1.0", "x", "²", "٣", "1 ", "9" * 17, "9" * 5000)] == [None] * 9

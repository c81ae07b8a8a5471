"""The checks of the library clients (talkers.py) see what they are there to see."""

import pytest

from tests.delivery.talkers import Crowd, Talker


def heard(*numbers: int, acknowledged: set[int]) -> tuple[list[str], list[str]]:
    """What a client says that hears these numbers: what was wrong at once, and what it lacks at the end."""
    crowd = Crowd()
    talker = Talker("listener", crowd, None)  # type: ignore[arg-type]
    for number in numbers:
        talker.hear("sender", number, f"s1.1-{number}")
    return crowd.wrong, talker.lacks({"sender": acknowledged})


def test_everything_once_and_in_order_is_right() -> None:
    assert heard(1, 2, 3, acknowledged={1, 2, 3}) == ([], [])


def test_what_was_not_acknowledged_may_be_missing() -> None:
    assert heard(1, 3, acknowledged={1, 3}) == ([], [])


@pytest.mark.parametrize("numbers", [(1, 2, 2), (1, 3, 2)])
def test_twice_and_out_of_order_are_seen(numbers: tuple[int, ...]) -> None:
    wrong, _ = heard(*numbers, acknowledged={1, 2})
    last = numbers[1]
    assert wrong == [f"listener heard number 2 of sender (s1.1-2) after number {last} (s1.1-{last})"]


@pytest.mark.parametrize("numbers", [(1, 3), (1, 2), ()])
def test_what_is_missing_is_seen(numbers: tuple[int, ...]) -> None:
    _, lacks = heard(*numbers, acknowledged={1, 2, 3})
    missing = sorted({1, 2, 3} - set(numbers))
    assert lacks == [f"listener lacks {missing} of sender, in all {len(missing)}"]

"""Backing off: soon at first, never longer than the most, and no two nodes in step."""

from random import Random

from oyez.core.timing import Backoff


def waits(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next() for _ in range(count)]


def test_waits_double_up_to_the_most() -> None:
    bounds = [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    for wait, bound in zip(waits(Backoff(Random(1)), 7), bounds, strict=True):
        assert bound / 2 <= wait <= bound


def test_waiting_for_ever_does_not_overflow() -> None:
    assert all(wait <= 5.0 for wait in waits(Backoff(Random(1), most=5.0), 2000))


def test_success_begins_anew() -> None:
    backoff = Backoff(Random(1))
    waits(backoff, 10)
    backoff.reset()
    assert backoff.next() <= 0.05


def test_nodes_do_not_come_back_in_step() -> None:
    one, other = waits(Backoff(Random(1)), 5), waits(Backoff(Random(2)), 5)
    assert all(mine != theirs for mine, theirs in zip(one, other, strict=True))
    assert one == waits(Backoff(Random(1)), 5)

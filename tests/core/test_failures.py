"""Those who fail too often wait: twice as long each time."""

import pytest

from oyez.core.limits.failures import Delay, Failures

NOW = 1000.0
DELAY = Delay(free=3, first=1.0, most=10.0, forgets=100.0)


def failed(times: int, key: str = "eve", delay: Delay = DELAY) -> Failures:
    failures = Failures(delay)
    for _ in range(times):
        failures.failed(NOW, key)
    return failures


def test_the_delay_grows_to_its_most() -> None:
    assert [failed(times).wait(NOW, "eve") for times in range(9)] == [0, 0, 0, 1, 2, 4, 8, 10, 10]
    assert failed(10_000).wait(NOW, "eve") == 10


def test_it_passes() -> None:
    failures = failed(4)
    assert failures.wait(NOW + 1.5, "eve") == 0.5
    assert failures.wait(NOW + 2.0, "eve") == 0
    failures.failed(NOW + 2.0, "eve")
    assert failures.wait(NOW + 2.0, "eve") == pytest.approx(4, rel=0.02)


def test_others_do_not_wait() -> None:
    assert failed(9).wait(NOW, "bob") == 0


def test_success_forgives() -> None:
    failures = failed(9)
    failures.forgive("eve")
    failures.forgive("bob")
    assert failures.wait(NOW, "eve") == 0
    assert len(failures) == 0


def test_it_is_forgotten_in_time() -> None:
    """One by one: a crowd behind one address mistypes now and then, and is never held up for long by that."""
    failures = failed(9)
    assert [failures.count(NOW + seconds, "eve") for seconds in (0, 100, 850, 900, 10_000)] == [9, 8, 0.5, 0, 0]
    failures.failed(NOW + 700, "eve")
    assert failures.wait(NOW + 700, "eve") == 1, "the third of those that are not forgotten"
    for number in range(100):
        failures.failed(NOW + 1000 + 100 * number, "office")
    assert failures.wait(NOW + 1000 + 99 * 100, "office") == 0


def test_the_table_is_bounded_and_forgets_what_failed_longest_ago() -> None:
    failures = Failures(DELAY, most=2)
    for key in ("a", "b", "a", "c"):
        failures.failed(NOW, key)
    assert len(failures) == 2
    assert [failures.count(NOW, key) for key in "abc"] == [2, 0, 1]


def test_it_can_be_switched_off() -> None:
    failures = failed(1000, delay=Delay(free=0))
    assert failures.wait(NOW, "eve") == 0
    assert len(failures) == 0

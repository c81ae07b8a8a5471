"""Token buckets: what is granted, and how long the rest has to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core.limits.buckets import UNLIMITED, Bucket, Buckets, Rate

NOW = 1000.0


def test_a_burst_and_then_the_rate() -> None:
    bucket = Bucket(Rate(2.0, 3.0))
    assert [bucket.take(NOW) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(NOW) == pytest.approx(0.5)
    assert bucket.take(NOW + 0.5) == 0
    assert bucket.take(NOW + 0.5) == pytest.approx(0.5)


def test_what_is_refused_is_not_taken() -> None:
    bucket = Bucket(Rate(1.0, 1.0))
    bucket.take(NOW)
    for _ in range(100):
        assert bucket.take(NOW) == pytest.approx(1.0)
    assert bucket.take(NOW + 1.0) == 0


def test_what_has_happened_has_to_be_paid_for() -> None:
    bucket = Bucket(Rate(10.0, 10.0))
    assert bucket.charge(NOW, 10) == 0
    assert bucket.charge(NOW, 20) == pytest.approx(2.0)
    assert bucket.charge(NOW + 2.0, 0) == 0


def test_it_holds_no_more_than_a_burst() -> None:
    bucket = Bucket(Rate(1.0, 2.0))
    bucket.take(NOW)
    assert [bool(bucket.take(NOW + 1e6)) for _ in range(3)] == [False, False, True]


@given(
    st.floats(0.1, 1000),
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_allows(per_second: float, burst: int, tries: list[tuple[float, int]]) -> None:
    bucket, now, taken = Bucket(Rate(per_second, burst)), NOW, 0
    for after, amount in tries:
        now += after
        if not bucket.take(now, amount):
            taken += amount
        assert taken <= burst + (now - NOW) * per_second + 1e-3


def test_each_key_has_its_own() -> None:
    buckets = Buckets(Rate(1.0, 1.0))
    assert buckets.take(NOW, "a") == 0
    assert buckets.take(NOW, "b") == 0
    assert buckets.take(NOW, "a") == pytest.approx(1.0)


def test_without_a_rate_anything_goes_and_nothing_is_kept() -> None:
    buckets = Buckets(UNLIMITED)
    assert [buckets.take(NOW, "a") for _ in range(1000)] == [0] * 1000
    assert len(buckets) == 0
    assert Bucket(UNLIMITED).charge(NOW, 1e9) == 0


def test_the_table_is_bounded_and_forgets_whom_nobody_has_asked_for_longest() -> None:
    buckets = Buckets(Rate(0.001, 1.0), most=3)
    for key in "abc":
        buckets.take(NOW, key)
    assert buckets.take(NOW, "a")
    buckets.take(NOW, "d")
    assert len(buckets) == 3
    assert buckets.take(NOW, "a"), "it was asked for since"
    assert buckets.take(NOW, "b") == 0, "it was forgotten"

"""The queue of secrets to be hashed has an end."""

from oyez.core.limits.jobs import Jobs


def test_no_more_than_the_most() -> None:
    jobs = Jobs(3, 0)
    assert [jobs.begin(None) for _ in range(4)] == [True, True, True, False]
    jobs.end(None)
    assert jobs.begin("a")
    assert len(jobs) == 3


def test_nobody_fills_it_alone() -> None:
    jobs = Jobs(10, 2)
    assert [jobs.begin("a") for _ in range(3)] == [True, True, False]
    assert jobs.begin("b")
    assert [jobs.begin(None) for _ in range(3)] == [True, True, True]
    jobs.end("a")
    assert jobs.begin("a")


def test_what_was_refused_was_not_counted() -> None:
    jobs = Jobs(10, 1)
    jobs.begin("a")
    for _ in range(50):
        jobs.begin("a")
    jobs.end("a")
    assert len(jobs) == 0
    assert jobs._of == {}


def test_without_a_limit_anything_goes() -> None:
    jobs = Jobs(0, 0)
    assert all(jobs.begin("a") for _ in range(1000))

"""The queue of secrets to be hashed has an end."""

from oyez.core.limits.jobs import Jobs


def begun(jobs: Jobs, keys: list[str | None]) -> list[bool]:
    """Which of these had room; those have begun."""
    found = []
    for token, key in enumerate(keys, len(jobs) + 1):
        found.append(jobs.room(key))
        if found[-1]:
            jobs.begin(token, key)
    return found


def test_no_more_than_the_most() -> None:
    jobs = Jobs(3, 0)
    assert begun(jobs, [None] * 4) == [True, True, True, False]
    jobs.end(1)
    assert jobs.room("a")
    assert len(jobs) == 2


def test_nobody_fills_it_alone() -> None:
    jobs = Jobs(10, 2)
    assert begun(jobs, ["a", "a"]) == [True, True]
    assert not jobs.room("a")
    assert jobs.room("b")
    assert jobs.room(None)
    jobs.end(1)
    assert jobs.room("a")


def test_what_ends_leaves_nothing_behind() -> None:
    jobs = Jobs(10, 1)
    begun(jobs, ["a", "b", None])
    for token in (1, 2, 3, 3, 17):
        jobs.end(token)
    assert len(jobs) == 0
    assert jobs._of == {}


def test_without_a_limit_anything_goes() -> None:
    assert all(begun(Jobs(0, 0), ["a"] * 1000))

"""An origin: sequences without a hole, one line an activity, and runs of them that are checked where they arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core.origin import Origin, beginning, check_run, name, runs
from oyez.log import Chunk
from oyez.protocol import activity, codec
from oyez.protocol.messages import ActivityBroadcast

BOB = activity.opening("bob")


def accept(origin: Origin, *numbers: int) -> list[bool]:
    return [origin.accept(BOB, b',"n":%d}' % number) for number in numbers]


def run_of(origin: Origin, count: int) -> Chunk:
    accept(origin, *range(count))
    chunk = origin.take()
    assert chunk is not None
    return chunk


def test_an_origin_is_one_lifetime_of_one_server() -> None:
    assert name("a", 7) == "a.7"
    assert len({name("a", 1), name("a", 11), name("a1", 1)}) == 3


def test_activities_are_numbered_from_1_on_in_the_order_of_acceptance() -> None:
    origin = Origin("a", 7, 1000)
    assert origin.take() is None
    assert accept(origin, 10, 20) == [True, False]
    first = origin.take()
    assert accept(origin, 30) == [True]
    second = origin.take()
    assert first is not None
    assert second is not None
    assert (first.origin, first.first, first.count) == ("a.7", 1, 2)
    assert (second.origin, second.first, second.count) == ("a.7", 3, 1)
    assert origin.sequence == 3
    assert origin.take() is None


def test_each_is_one_line_that_clients_can_read() -> None:
    lines = run_of(Origin("a", 7, 1000), 2).data.splitlines(keepends=True)
    for index, line in enumerate(lines):
        message = codec.decode(line[:-1])
        assert isinstance(message, ActivityBroadcast)
        assert message.id == f"a.7-{index + 1}"
        assert bytes(message.activity) == b'{"authenticated_user":"bob","n":%d}' % index


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_a_run_is_accepted_where_it_continues_what_is_held(sizes: list[int]) -> None:
    origin, held = Origin("a", 7, 1000), 0
    for size in sizes:
        sent = run_of(origin, size)
        assert check_run(sent.data, "a.7", held) == sent
        for wrong in {held - 1, held + 1, held + size, 0} - {held}:
            assert check_run(sent.data, "a.7", wrong) is None
        held += size


@pytest.mark.parametrize("wrong", ["a.8", "b.7", "a.77", "a", "", "a.7-1"])
def test_a_run_of_another_origin_is_not(wrong: str) -> None:
    assert check_run(run_of(Origin("a", 7, 1000), 1).data, wrong, 0) is None


def test_a_run_with_a_hole_or_a_line_too_many_is_not() -> None:
    one, two, three = run_of(Origin("a", 7, 1000), 3).data.splitlines(keepends=True)
    assert check_run(one + three, "a.7", 0) is None
    assert check_run(one + one, "a.7", 0) is None
    assert check_run(two + one, "a.7", 0) is None
    assert check_run(one + two + b"\n", "a.7", 0) is None
    assert check_run(one + beginning("b.7") + b'2","activity":{}}\n', "a.7", 0) is None


def test_sequence_1_is_not_taken_for_the_beginning_of_10() -> None:
    origin = Origin("a", 7, 1000)
    run_of(origin, 9)
    assert check_run(run_of(origin, 1).data, "a.7", 0) is None


@pytest.mark.parametrize(
    "id", [b"a.1-" + b"9" * 5000, b"a.1-", b"\xff-1", b"a.1-\xd9\xa3", b"a.1 -1", b"-1", b"a" * 300 + b"-1"]
)
def test_ids_that_no_origin_gives_are_refused_and_do_not_raise(id: bytes) -> None:
    """Python reads no number of more than 4300 digits, and a byte that is no UTF-8 is no text."""
    (line,) = run_of(Origin("a", 1, 1000), 1).lines
    assert runs(line) is not None
    assert runs(line + line.replace(b'"a.1-1"', b'"' + id + b'"')) is None


def test_the_longest_id_that_an_origin_gives_is_read() -> None:
    origin = Origin("-" * 64, 2**53, 1000)
    origin.sequence, origin._first = 2**53 - 1, 2**53
    chunk = run_of(origin, 1)
    assert runs(chunk.data) == [chunk]

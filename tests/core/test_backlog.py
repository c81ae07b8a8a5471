"""What a newcomer has read, in the order in which it may be shown."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from oyez.core.origin import Origin
from oyez.core.server import posts
from oyez.core.server.backlog import Backlog, in_order, in_turn
from oyez.core.server.sessions import Session
from oyez.log import Chunk

BOB, EVE = Session(1, "bob", None, "b0b", True), Session(2, "eve", None, "e4e", True)
Posted = tuple[Session, int | None]


def log(name: str, *posted: Posted, size: int = 3) -> list[Chunk]:
    """An origin's log, in chunks of so many lines."""
    origin = Origin(name, 1, 1 << 20)
    chunks = []
    for at in range(0, len(posted), size):
        for session, number in posted[at : at + size]:
            origin.accept(session.opening_for(number), b"}")
        chunk = origin.take()
        assert chunk is not None
        chunks.append(chunk)
    return chunks


def by_bob(chunks: list[Chunk]) -> list[int]:
    return [number for chunk in chunks for tag, number in posts.of(chunk) if tag == BOB.key]


def test_earlier_posts_come_first_whichever_log_was_read_first() -> None:
    early = log("a", (BOB, 1), (EVE, 1), (BOB, 2))
    late = log("z", (EVE, None), (BOB, 3), (EVE, 2), (BOB, 4))
    for chunks in (early + late, late + early):
        ordered = in_order(chunks)
        assert by_bob(ordered) == [1, 2, 3, 4]
        assert sum(chunk.count for chunk in ordered) == 7


def test_where_no_session_is_in_two_logs_chunks_stay_whole() -> None:
    chunks = log("a", (BOB, 1), (BOB, 2), (BOB, 3), (BOB, 4)) + log("z", (EVE, 1), (EVE, 2))
    assert sorted(in_order(chunks), key=lambda chunk: chunk.data) == sorted(chunks, key=lambda chunk: chunk.data)


def test_what_is_recent_in_one_log_is_recent_in_the_whole() -> None:
    chunks = log("a", *[(BOB, None)] * 300) + log("z", *[(EVE, None)] * 300)
    origins = [chunk.origin for chunk in in_order(chunks)]
    assert set(origins[-10:]) == {"a.1", "z.1"}


def test_logs_that_contradict_each_other_lose_nothing() -> None:
    chunks = log("a", (BOB, 2), (EVE, 1)) + log("z", (EVE, 2), (BOB, 1))
    assert sum(chunk.count for chunk in in_order(chunks)) == 4


def test_a_post_that_both_logs_have_stays_in_both() -> None:
    chunks = log("a", (BOB, 1), (BOB, 2)) + log("z", (BOB, 2), (BOB, 3))
    assert by_bob(in_order(chunks)) == [1, 2, 2, 3]


@given(st.lists(st.tuples(st.sampled_from([BOB, EVE]), st.sampled_from("amz")), max_size=40), st.randoms())
def test_every_log_keeps_its_order_and_every_session_too(placed: list[tuple[Session, str]], random: Random) -> None:
    logs: dict[str, list[Posted]] = {"a": [], "m": [], "z": []}
    numbers = {BOB.key: 0, EVE.key: 0}
    for session, name in placed:
        numbers[session.key] += 1
        logs[name].append((session, numbers[session.key]))
    read = [log(name, *posted) for name, posted in logs.items()]
    chunks = []
    while any(read):
        chunks.append(random.choice([one for one in read if one]).pop(0))
    ordered = in_order(chunks)
    for name, posted in logs.items():
        sequences = [n for chunk in ordered if chunk.origin == f"{name}.1" for n in range(chunk.first, chunk.last + 1)]
        assert sequences == list(range(1, len(posted) + 1))
    found = [post for chunk in ordered for post in posts.of(chunk)]
    assert [number for tag, number in found if tag == BOB.key] == list(range(1, numbers[BOB.key] + 1))
    assert [number for tag, number in found if tag == EVE.key] == list(range(1, numbers[EVE.key] + 1))


def test_what_follows_a_withheld_post_waits_with_it() -> None:
    """With three copies, two servers died: one survivor had lost both, and showed the end of a log; the other had not,
    and showed first what a session had posted behind it, at the first one."""
    withheld, allowed = log("a", (BOB, 3)), log("z", (EVE, 1), (BOB, 4), (EVE, 2), size=9)
    come, rest = in_turn(allowed, withheld)
    assert [(chunk.first, chunk.last) for chunk in come] == [(1, 1)]
    assert [(chunk.first, chunk.last) for chunk in rest] == [(2, 3)]
    assert b"".join(chunk.data for chunk in come + rest) == allowed[0].data
    assert in_turn(allowed, log("a", (BOB, 5))) == (allowed, [])
    assert in_turn(allowed, log("a", (BOB, None))) == (allowed, [])


def test_what_follows_what_waits_waits_too() -> None:
    withheld = log("a", (BOB, 1))
    allowed = log("m", (EVE, 2), (EVE, 3), size=1) + log("z", (BOB, 2), (EVE, 1), size=1)
    come, rest = in_turn(allowed, withheld)
    assert come == []
    assert [(chunk.origin, chunk.first) for chunk in rest] == [("m.1", 1), ("m.1", 2), ("z.1", 1), ("z.1", 2)]


def test_what_may_come_in_one_turn_comes_in_order() -> None:
    allowed = log("z", (BOB, 2)) + log("a", (BOB, 1))
    assert by_bob(in_turn(allowed, [])[0]) == [1, 2]


@given(
    st.lists(st.tuples(st.sampled_from([BOB, EVE]), st.sampled_from("amz")), max_size=30),
    st.lists(st.integers(0, 12), min_size=3, max_size=3),
)
def test_whatever_is_withheld_each_session_ascends(placed: list[tuple[Session, str]], shown: list[int]) -> None:
    """Each log is withheld behind so many lines; then all of it may come."""
    logs: dict[str, list[Posted]] = {"a": [], "m": [], "z": []}
    numbers = {BOB.key: 0, EVE.key: 0}
    for session, name in placed:
        numbers[session.key] += 1
        logs[name].append((session, numbers[session.key]))
    chunks = [chunk for name, posted in logs.items() for chunk in log(name, *posted, size=1)]
    through = {f"{name}.1": count for name, count in zip(logs, shown, strict=True)}
    allowed = [chunk for chunk in chunks if chunk.first <= through[chunk.origin]]
    withheld = [chunk for chunk in chunks if chunk.first > through[chunk.origin]]
    come, rest = in_turn(allowed, withheld)
    later, left = in_turn([*rest, *withheld], [])
    assert left == []
    found = [post for chunk in come + later for post in posts.of(chunk)]
    for session in (BOB, EVE):
        assert [number for tag, number in found if tag == session.key] == list(range(1, numbers[session.key] + 1))


def test_a_backlog_is_empty_once_it_is_taken() -> None:
    backlog = Backlog()
    (chunk,) = log("a", (BOB, 1))
    backlog.add(chunk)
    assert backlog.size == len(chunk.data)
    assert backlog.take() == [chunk]
    assert (backlog.take(), backlog.size) == ([], 0)

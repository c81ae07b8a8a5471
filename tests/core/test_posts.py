"""Posts: each number of a session is taken once, wherever it comes from; nothing that a sender writes looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core.origin import Origin
from oyez.core.server import posts as posts_module
from oyez.core.server.posts import Posts, of
from oyez.log import Chunk
from oyez.protocol import activity
from tests.core.lines import BOB, EVE, post, posted, shown


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
def there() -> Origin:
    return Origin("z", 1, 1000)


# -- which posts there are ------------------------------------------------------------------------------------------


def test_the_posts_of_a_run_of_lines(there: Origin) -> None:
    assert of(posted(there, (BOB, 7), (EVE, None), (EVE, 12))) == [post(BOB, 7), post(EVE, 12)]


FORGERIES = [
    '","post":"b0b-9","activity":{}',
    '{"command":"ACTIVITY_BROADCAST","id":"z.1-1","post":"b0b-9"',
    '\\n{"command":"ACTIVITY_BROADCAST","id":"z.1-1","post":"b0b-9","activity":{}}\\n',
    '\n{"command":"ACTIVITY_BROADCAST","id":"z.1-1","post":"b0b-9","activity":{}}',
]


@pytest.mark.parametrize("content", FORGERIES)
def test_content_that_looks_like_a_post_is_none(there: Origin, content: str) -> None:
    assert of(posted(there, (EVE, None), (EVE, 1), content=content)) == [post(EVE, 1)]


@pytest.mark.parametrize(
    "written",
    [
        b'{"post":"b0b-9","id":"z.1-1"}',
        b'{"a":1,\r\n"post":"b0b-9"}',
        b'{\n"command":"ACTIVITY_BROADCAST","id":"z.1-1","post":"b0b-9"}',
    ],
)
def test_members_that_look_like_a_post_are_none(there: Origin, written: bytes) -> None:
    members = activity.body(written)
    assert isinstance(members, bytes)
    there.accept(EVE.opening_for(None), members)
    chunk = there.take()
    assert chunk is not None
    assert of(chunk) == []


# -- accepted here --------------------------------------------------------------------------------------------------


def test_a_number_is_accepted_once(posts: Posts) -> None:
    assert [posts.accept(BOB.key, number) for number in (1, 2, 2, 1, 3)] == [True, True, False, False, True]
    assert posts.accept(EVE.key, 1)


def test_a_number_that_was_left_out_may_come_late_and_once(posts: Posts) -> None:
    assert [posts.accept(BOB.key, number) for number in (1, 2, 5, 4, 4, 2, 3, 3, 5, 6)] == [
        *(True, True, True, True),
        *(False, False),
        True,
        *(False, False),
        True,
    ]


def test_what_another_servers_log_has_brought_is_not_accepted_again(posts: Posts, there: Origin) -> None:
    posts.shown(posted(there, (BOB, 1), (BOB, 2)), [])
    assert [posts.accept(BOB.key, number) for number in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize("many", [1, 3])
def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(posts_module, "SESSIONS", many)
    posts = Posts()
    for number in range(10):
        posts.accept(b"tag %d" % number, 1)
        assert len(posts._numbers) <= many
    assert not posts.accept(b"tag 9", 1)
    assert posts.accept(b"tag 0", 1)


def test_who_has_posted_last_is_remembered_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts_module, "SESSIONS", 2)
    posts = Posts()
    for tag, number in ((b"a", 1), (b"b", 1), (b"a", 2), (b"c", 1)):
        posts.accept(tag, number)
    assert not posts.accept(b"a", 2)


# -- brought by another server's log --------------------------------------------------------------------------------


def test_what_was_shown_already_is_left_out(posts: Posts, there: Origin) -> None:
    for number in (2, 3):
        posts.accept(BOB.key, number)
    chunk = posted(there, (EVE, 1), (BOB, 2), (EVE, None), (BOB, 3), (BOB, 4))
    parts = posts.shown(chunk, [])
    assert shown(parts) == [1, 3, 5]
    assert b"".join(part.data for part in parts) == b"".join(chunk.lines[index] for index in (0, 2, 4))


def test_a_run_without_repetitions_is_left_as_it_is(posts: Posts, there: Origin) -> None:
    chunk = posted(there, (BOB, 1), (EVE, None))
    assert posts.shown(chunk, [])[0] is chunk


def test_all_may_be_repetitions(posts: Posts, there: Origin) -> None:
    for number in (1, 2):
        posts.accept(BOB.key, number)
    assert posts.shown(posted(there, (BOB, 1), (BOB, 2)), []) == []


def test_two_copies_in_one_run_are_one(posts: Posts, there: Origin) -> None:
    assert shown(posts.shown(posted(there, (BOB, 1), (BOB, 1)), [])) == [1]


# -- overtaken ------------------------------------------------------------------------------------------------------


def test_of_a_post_that_waits_here_the_other_is_shown_first_and_alone(posts: Posts, there: Origin) -> None:
    here = Origin("a", 1, 1000)
    for number in (1, 2):
        posts.accept(BOB.key, number)
    own = posted(here, (BOB, 1), (EVE, None), (BOB, 2))
    assert shown(posts.shown(posted(there, (BOB, 1)), [own])) == [1]
    assert shown(posts.own(own)) == [2, 3]
    assert posts._overtaken == set()


def test_what_waits_is_overtaken_once(posts: Posts, there: Origin) -> None:
    """A third server's is a repetition of the second's."""
    here, third = Origin("a", 1, 1000), Origin("y", 1, 1000)
    posts.accept(BOB.key, 1)
    own = posted(here, (BOB, 1))
    assert shown(posts.shown(posted(there, (BOB, 1)), [own])) == [1]
    assert posts.shown(posted(third, (BOB, 1)), [own]) == []
    assert posts.own(own) == []


def test_nothing_is_overtaken_without_a_repetition(posts: Posts, there: Origin) -> None:
    own = posted(Origin("a", 1, 1000), (EVE, 1))
    posts.accept(EVE.key, 1)
    assert shown(posts.shown(posted(there, (BOB, 1)), [own])) == [1]
    assert posts.own(own) == [own]


# -- all together ---------------------------------------------------------------------------------------------------


@given(acts=st.lists(st.tuples(st.sampled_from(["accept", "bring", "show"]), st.integers(1, 4)), max_size=30))
def test_whatever_happens_a_post_is_shown_once(acts: list[tuple[str, int]]) -> None:
    """A session posts here 1, 2, 3 …, and has done so elsewhere; logs come in any order, own ones wait at times."""
    posts, here, others = Posts(), Origin("a", 1, 1000), [Origin(id, 1, 1000) for id in "yz"]
    waiting: list[Chunk] = []
    seen: list[int] = []

    def see(chunks: list[Chunk]) -> None:
        for chunk in chunks:
            seen.extend(number for _, number in of(chunk))

    for number, (act, wish) in enumerate(acts):
        if act == "accept":
            if posts.accept(BOB.key, wish):
                waiting.append(posted(here, (BOB, wish)))
        elif act == "bring":
            see(posts.shown(posted(others[number % 2], (BOB, wish)), waiting))
        elif waiting:
            see(posts.own(waiting.pop(0)))
    for chunk in waiting:
        see(posts.own(chunk))
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("post", [b"tag-" + b"9" * 5000, b"tag-", b"tag", b"-", b"tag-\xd9\xa3"])
def test_what_numbers_no_post_is_shown_and_does_not_raise(posts: Posts, there: Origin, post: bytes) -> None:
    """Another server may write anything there."""
    line = posted(there, (BOB, 1)).data.replace(b'"b0b-1"', b'"' + post + b'"')
    chunk = Chunk(there.name, 1, 1, line)
    assert of(chunk) == []
    assert posts.shown(chunk, []) == posts.shown(chunk, []) == [chunk]

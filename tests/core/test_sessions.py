"""The sessions of a server: counted exactly, each arrival told once, and secrets compared without being kept."""

import re

import pytest

from oyez.core.server.sessions import Sessions, tag_of
from oyez.protocol.messages import ActivityMessage


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(b"k" * 32)


def post(username: str, secret: str | None = None) -> ActivityMessage:
    return ActivityMessage(username, b"{}", secret)  # type: ignore[arg-type]


def test_each_session_counts_from_its_login_to_its_end(sessions: Sessions) -> None:
    assert len(sessions) == 0
    bob = sessions.open(1, "bob", "secret", "tag", None)
    sessions.open(2, "eve", None, "tag", "nonce")
    assert (len(sessions), sessions.get(1), sessions.links) == (2, bob, [1, 2])
    assert sessions.close(1) is bob
    assert (len(sessions), sessions.get(1), sessions.links) == (1, None, [2])
    assert sessions.close(1) is None
    assert len(sessions) == 1


def test_each_arrival_is_told_once(sessions: Sessions) -> None:
    assert not sessions.unannounced
    sessions.open(1, "bob", None, "tag", "nonce 1")
    sessions.open(2, "anonymous", None, "tag", None)
    assert sessions.unannounced
    assert sessions.arrivals() == (["bob", "anonymous"], ["nonce 1"])
    assert not sessions.unannounced
    assert sessions.arrivals() == ([], [])
    sessions.open(3, "bob", None, "tag", "nonce 2")
    assert sessions.arrivals() == (["bob"], ["nonce 2"])


def test_a_central_that_knows_nobody_is_told_of_everyone(sessions: Sessions) -> None:
    for link, username in enumerate(["bob", "eve", "bob", "anonymous"]):
        sessions.open(link, username, None, "tag", None)
    sessions.arrivals()
    sessions.close(1)
    sessions.announce_all()
    assert sessions.arrivals() == (["bob", "bob", "anonymous"], [])


def test_one_who_left_before_the_arrival_was_told_is_not_told_of(sessions: Sessions) -> None:
    sessions.open(1, "bob", None, "tag", None)
    sessions.close(1)
    sessions.retract("bob")
    sessions.retract("nobody")
    assert sessions.arrivals() == ([], [])


@pytest.mark.parametrize(
    ("opened_with", "posts", "allowed"),
    [
        ("secret", post("bob", "secret"), True),
        ("secret", post("bob", "Secret"), False),
        ("secret", post("bob", ""), False),
        ("secret", post("bob"), False),
        ("secret", post("eve", "secret"), False),
        ("secret", post("anonymous"), False),
        ("secret", post(""), False),
        (None, post("bob"), True),  # by ticket: there is no secret to compare
        (None, post("bob", "whatever"), True),
        (None, post("eve"), False),
    ],
)
def test_only_the_sessions_own_credentials_may_post(
    sessions: Sessions, opened_with: str | None, posts: ActivityMessage, allowed: bool
) -> None:
    session = sessions.open(1, "bob", opened_with, "tag", None)
    assert sessions.may_post(session, posts) is allowed


def test_no_secret_is_kept(sessions: Sessions) -> None:
    session = sessions.open(1, "bob", "open sesame", "tag", None)
    kept = [getattr(session, slot) for slot in session.__slots__]
    assert "sesame" not in repr(kept)


def test_what_stands_before_a_post() -> None:
    session = Sessions(b"k" * 32).open(1, 'b"ob', None, "cafe", None)
    assert session.opening_for(None) == b'"activity":{"authenticated_user":"b\\"ob"'
    assert session.opening_for(7) == b'"post":"cafe-7",' + session.opening_for(None)


def test_a_tag_tells_sessions_apart_and_gives_their_strings_away_to_nobody() -> None:
    names = [
        ("bob", "s" * 16),
        ("bob", "t" * 16),
        ("eve", "s" * 16),
        ("bo", "b\0" + "s" * 16),
        ("bob", "\0" + "s" * 16),
    ]
    tags = [tag_of(*name) for name in names]
    assert len(set(tags)) == len(names)
    assert tags == [tag_of(*name) for name in names]
    assert all(re.fullmatch("[0-9a-f]{16}", tag) for tag in tags)

"""The memory of verified credentials: quick, short, bounded, and useless to who steals it."""

import pytest

from oyez.core import credentials
from oyez.core.credentials import LIFE, VerifiedCredentials, digest

KEY = b"k" * 32


@pytest.fixture
def verified() -> VerifiedCredentials:
    return VerifiedCredentials(KEY)


def test_what_was_verified_is_known(verified: VerifiedCredentials) -> None:
    verified.remember("bob", "secret", now=0.0)
    assert verified.knows("bob", "secret", now=1.0)


def test_nothing_else_is(verified: VerifiedCredentials) -> None:
    verified.remember("bob", "secret", now=0.0)
    for username, secret in (("bob", "Secret"), ("bob", ""), ("eve", "secret"), ("", "secret"), ("Bob", "secret")):
        assert not verified.knows(username, secret, now=1.0)
    assert verified.knows("bob", "secret", now=1.0)  # asking wrongly changes nothing


def test_it_is_forgotten_in_time_and_verifying_again_begins_anew(verified: VerifiedCredentials) -> None:
    verified.remember("bob", "secret", now=0.0)
    verified.remember("bob", "secret", now=100.0)
    assert verified.knows("bob", "secret", now=LIFE + 99.9)
    assert not verified.knows("bob", "secret", now=LIFE + 100.0)
    assert not verified.knows("bob", "secret", now=LIFE + 99.9)  # for good


def test_the_last_secret_counts(verified: VerifiedCredentials) -> None:
    verified.remember("bob", "old", now=0.0)
    verified.remember("bob", "new", now=1.0)
    assert not verified.knows("bob", "old", now=2.0)
    assert verified.knows("bob", "new", now=2.0)


def test_the_oldest_is_forgotten_when_there_are_too_many(
    verified: VerifiedCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "ENTRIES", 3)
    for username in ("a", "b", "c", "a", "d"):  # a came again: b is the oldest
        verified.remember(username, "secret", now=0.0)
    known = [username for username in "abcd" if verified.knows(username, "secret", now=1.0)]
    assert known == ["a", "c", "d"]


def test_a_digest_gives_no_secret_away() -> None:
    assert digest(KEY, "secret") == digest(KEY, "secret")
    assert digest(KEY, "secret") != digest(b"x" * 32, "secret")
    assert digest(KEY, "secret") != digest(KEY, "secre\u0301t")
    assert len(digest(KEY, "s" * 1024)) == 16


def test_no_secret_is_kept(verified: VerifiedCredentials) -> None:
    verified.remember("bob", "open sesame", now=0.0)
    assert "sesame" not in repr(vars(verified))

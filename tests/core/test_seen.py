"""What a session has seen stays bounded, and what goes first is what matters least."""

from oyez.core.client.seen import ORIGINS, ORIGINS_BYTES, TAGS, Seen
from oyez.protocol import codec, limits
from oyez.protocol.messages import Login, Range, Resume


def test_the_origin_that_moved_longest_ago_goes_first() -> None:
    seen = Seen(Resume("net", {"old": 1, "older": 1, "alive": 1}))
    seen.is_new("alive-2", None)
    seen.is_new("old-2", None)
    for number in range(ORIGINS - 3):
        seen.is_new(f"o{number}-1", None)
    assert len(seen.resume().origins) == ORIGINS
    seen.is_new("one too many-1", None)
    origins = seen.resume().origins
    assert len(origins) == ORIGINS
    assert "older" not in origins
    assert origins["old"] == origins["alive"] == 2
    seen.skip([Range("and another", 1, 5)])
    origins = seen.resume().origins
    assert "alive" not in origins
    assert origins["and another"] == 5


def test_a_first_cursor_is_cut_to_what_the_wire_takes() -> None:
    seen = Seen()
    seen.welcomed("net", "s1.7", {f"o{number}": 1 for number in range(ORIGINS + 5)}, posted=False)
    assert len(seen.resume().origins) == ORIGINS


def test_a_cursor_of_long_names_still_fits_into_a_login() -> None:
    seen = Seen(Resume("net", {f"{'x' * 64}.{10**13 + number}": 2**50 for number in range(ORIGINS)}))
    resume = seen.resume()
    assert ORIGINS_BYTES / 2 < len(codec.encode(Login("u" * 128, None, "t" * 500, "s" * 64, resume))) < limits.LINE
    assert f"{'x' * 64}.{10**13 + ORIGINS - 1}" in resume.origins


def test_the_session_unseen_for_longest_is_forgotten_first() -> None:
    seen = Seen()
    seen.is_new("", "old-1")
    seen.is_new("", "older-1")
    assert not seen.is_new("", "old-1")  # which is to be seen, too
    for number in range(TAGS - 1):
        assert seen.is_new("", f"t{number}-1")
    assert not seen.is_new("", "old-1")
    assert seen.is_new("", "older-1")


def test_what_is_skipped_is_returned_as_far_as_it_was_not_seen() -> None:
    seen = Seen(Resume("net", {"a": 5}))
    assert seen.skip([Range("a", 1, 5), Range("a", 3, 5)]) == []
    assert seen.skip([Range("a", 4, 8), Range("new", 1, 2), Range("a", 9, 9)]) == [
        Range("a", 6, 8),
        Range("new", 1, 2),
        Range("a", 9, 9),
    ]
    assert seen.resume().origins == {"a": 9, "new": 2}
    assert not seen.is_new("a-9", None)


def test_a_post_is_new_once_though_it_may_come_late() -> None:
    seen = Seen()
    assert seen.is_new("", "a-b-3")
    assert seen.is_new("", "a-b-2")
    assert not seen.is_new("", "a-b-2")
    assert not seen.is_new("", "a-b-3")
    assert seen.is_new("", "a-4")
    assert seen.is_new("", "a-b-4")


def test_numbers_that_nobody_can_read_move_nothing_and_do_not_raise() -> None:
    """A server may write anything there; Python reads no number of more than 4300 digits."""
    seen = Seen(Resume("network", {"a.1": 5}))
    for digits in ("9" * 5000, "", "x", "²", "٣"):
        for _ in range(2):
            assert seen.is_new(f"a.1-{digits}", f"tag-{digits}")
    assert seen.origins == {"a.1": 5}

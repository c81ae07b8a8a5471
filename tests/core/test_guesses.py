"""Wrong secrets: the guesser waits, the user does not."""

import pytest

from oyez.core.limits.failures import Delay
from oyez.core.limits.guesses import PLACES, Guesses
from oyez.core.limits.settings import GuessLimits
from oyez.core.peer import HERE, From

NOW = 1000.0
EVE, HOME, ELSEWHERE = From.at("192.0.2.66"), From.at("198.51.100.1"), From.at("203.0.113.9")


def guessed(guesses: Guesses, username: str, who: From, tries: int) -> int:
    """So many wrong secrets, all at once: how many of them were looked at?"""
    looked = 0
    for _ in range(tries):
        if not guesses.wait(NOW, username, who):
            looked += 1
            guesses.failed(NOW, username, who)
    return looked


def crowd(count: int) -> list[From]:
    return [From.at(f"10.1.{number // 256}.{number % 256}") for number in range(count)]


def test_who_guesses_one_user_waits() -> None:
    guesses = Guesses(GuessLimits())
    assert guessed(guesses, "alice", EVE, 100) == 5
    assert guesses.wait(NOW, "alice", EVE) == 1
    assert guesses.wait(NOW + 1, "alice", EVE) == 0


def test_who_guesses_many_users_waits() -> None:
    guesses = Guesses(GuessLimits())
    assert sum(guessed(guesses, f"user{number}", EVE, 1) for number in range(100)) == 20
    assert guesses.wait(NOW, "bob", EVE) == 1
    assert guesses.wait(NOW, "bob", HOME) == 0


def test_it_is_the_same_for_users_that_do_not_exist() -> None:
    """It is never told which there are."""
    for username in ("alice", "nobody"):
        guesses = Guesses(GuessLimits())
        assert guessed(guesses, username, EVE, 50) == 5


def test_a_user_who_has_logged_in_from_there_is_not_locked_out_by_a_crowd() -> None:
    guesses = Guesses(GuessLimits())
    guesses.succeeded("alice", HOME)
    for who in crowd(200):
        guessed(guesses, "alice", who, 10)
    assert guesses.wait(NOW, "alice", HOME) == 0


def test_nor_from_somewhere_new_unless_the_crowd_goes_on_growing() -> None:
    guesses = Guesses(GuessLimits())
    for who in crowd(4):
        guessed(guesses, "alice", who, 10)
    assert guesses.wait(NOW, "alice", ELSEWHERE) == 0


def test_a_crowd_is_slowed_as_a_whole() -> None:
    guesses = Guesses(GuessLimits())
    looked = sum(guessed(guesses, "alice", who, 10) for who in crowd(1000))
    assert looked == 20 + 10, "the free tries, and the first tries of those who come new"
    assert guesses.wait(NOW, "alice", ELSEWHERE) == pytest.approx(10)
    assert guesses.wait(NOW, "bob", ELSEWHERE) == 0


def test_who_has_failed_himself_does_not_get_a_first_try() -> None:
    guesses = Guesses(GuessLimits())
    for who in crowd(5):
        guessed(guesses, "alice", who, 10)
    assert guesses.wait(NOW, "alice", crowd(1)[0]) > 0


def test_a_neighbour_behind_the_same_address_does_not_keep_a_user_out() -> None:
    guesses = Guesses(GuessLimits())
    guesses.succeeded("alice", EVE)
    for number in range(50):
        guessed(guesses, f"user{number}", EVE, 1)
    assert guesses.wait(NOW, "alice", EVE) == 0
    assert guesses.wait(NOW, "bob", EVE) > 0


def test_a_login_of_his_own_does_not_help_a_guesser() -> None:
    guesses = Guesses(GuessLimits())
    looked = 0
    for number in range(100):
        guesses.succeeded("eve", EVE)
        looked += guessed(guesses, f"user{number}", EVE, 1)
    assert looked == 20


def test_on_this_machine_only_each_user_is_counted() -> None:
    guesses = Guesses(GuessLimits())
    assert sum(guessed(guesses, f"user{number}", HERE, 1) for number in range(100)) == 100
    assert guessed(guesses, "alice", HERE, 10) == 5
    strict = Guesses(GuessLimits(loopback=True))
    assert sum(guessed(strict, f"user{number}", HERE, 1) for number in range(100)) == 20


def test_a_whole_network_of_ipv6_is_one_address() -> None:
    guesses = Guesses(GuessLimits())
    assert sum(guessed(guesses, "alice", From.at(f"2001:db8:1:2::{number:x}"), 1) for number in range(50)) == 5
    assert guesses.wait(NOW, "bob", From.at("2001:db8:1:3::1")) == 0


def test_the_tables_are_bounded() -> None:
    guesses = Guesses(GuessLimits(), most=10)
    for who in crowd(100):
        guessed(guesses, f"user {who.address}", who, 1)
        guesses.succeeded(f"friend {who.address}", who)
    held = (guesses._pairs, guesses._addresses, guesses._users, guesses._first_tries, guesses._known)
    assert all(len(table) <= 10 for table in held)


def test_one_user_with_many_addresses_does_not_make_those_of_others_forgotten() -> None:
    guesses = Guesses(GuessLimits(), most=10)
    guesses.succeeded("alice", HOME)
    for who in crowd(100):
        guesses.succeeded("eve", who)
        guessed(guesses, "alice", who, 10)
    assert guesses.wait(NOW, "alice", HOME) == 0
    assert len(guesses._known["eve"]) == PLACES
    for _ in range(PLACES):
        guesses.succeeded("alice", HOME)
    assert guesses._known["alice"] == (HOME.address,)


def test_it_can_be_switched_off() -> None:
    off = Delay(free=0)
    guesses = Guesses(GuessLimits(off, off, off))
    assert guessed(guesses, "alice", EVE, 500) == 500

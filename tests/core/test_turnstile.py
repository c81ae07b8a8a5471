"""Links that begin are bounded before any role hears of them."""

from dataclasses import replace

from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.settings import DoorLimits
from oyez.core.limits.turnstile import WORDS, Turnstile
from oyez.core.peer import HERE, From

NOW = 1000.0
FAR, NEAR = From.at("192.0.2.66"), From.at("198.51.100.1")
LIMITS = DoorLimits(connects=UNLIMITED, strangers=0, strangers_each=0)


def test_so_many_of_one_address_may_begin_at_once() -> None:
    turnstile = Turnstile(replace(LIMITS, strangers_each=2))
    assert [turnstile.enters(FAR) for _ in range(3)] == ["", "", "too_many_links"]
    assert turnstile.enters(NEAR) == ""
    turnstile.leaves(FAR)
    assert turnstile.enters(FAR) == ""


def test_and_so_many_may_come_in_a_second() -> None:
    turnstile = Turnstile(replace(LIMITS, connects=Rate(1.0, 2.0)))
    assert [turnstile.comes(NOW, FAR) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert turnstile.comes(NOW, NEAR) == 0.0
    assert turnstile.comes(NOW + 1, FAR) == 0.0


def test_of_a_flood_only_so_many_are_told_why() -> None:
    turnstile = Turnstile(LIMITS)
    told = [turnstile.tells(NOW) for _ in range(2 * round(WORDS.burst))]
    assert sum(told) == WORDS.burst
    assert turnstile.tells(NOW + 1)


def test_this_machine_is_not_limited_by_address() -> None:
    turnstile = Turnstile(replace(LIMITS, connects=Rate(1.0, 1.0), strangers_each=1))
    assert {turnstile.enters(HERE) for _ in range(100)} == {""}
    assert {turnstile.comes(NOW, HERE) for _ in range(100)} == {0.0}


def test_it_tells_when_it_is_crowded() -> None:
    turnstile = Turnstile(replace(LIMITS, links=10, reserve=2))
    for _ in range(5):
        turnstile.enters(FAR)
    assert not turnstile.crowded(7)
    assert turnstile.crowded(8)
    few = Turnstile(replace(LIMITS, strangers=2))
    for who in (FAR, NEAR, HERE):
        assert not few.crowded(1000)
        few.enters(who)
    assert few.crowded(0)
    few.leaves(NEAR)
    assert not few.crowded(0)


def test_nothing_is_left_of_those_who_have_left() -> None:
    turnstile = Turnstile(replace(LIMITS, strangers_each=5))
    for who in (FAR, FAR, NEAR, HERE):
        turnstile.enters(who)
    for who in (FAR, FAR, NEAR, HERE):
        turnstile.leaves(who)
    assert turnstile._each == {}
    assert turnstile._under_way == 0

"""Strangers are bounded in number and time, clients in number; nodes still get in."""

from dataclasses import replace

from oyez.core import effects as fx
from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.door import PROVISIONAL, Door
from oyez.core.limits.settings import DoorLimits
from oyez.core.peer import HERE, From

NOW = 1000.0
FAR = From.at("192.0.2.66")
NEAR = From.at("198.51.100.1")
LIMITS = DoorLimits(connects=UNLIMITED, strangers=0, strangers_each=0)


def nobody(link: int) -> bool:
    return False


def refused(effects: fx.Effects) -> dict[int, str]:
    """Who was refused, and why."""
    return {
        effect.fields["link"]: str(effect.fields["reason"])  # type: ignore[misc]
        for effect in effects
        if isinstance(effect, fx.Report) and effect.event == "refused"
    }


def came(door: Door, links: range, who: From = FAR, now: float = NOW) -> dict[int, str]:
    """Who was refused when these connected."""
    found: dict[int, str] = {}
    for link in links:
        found |= refused(door.opened(now, link, who))
    return found


def test_connects_of_one_address_in_a_second() -> None:
    door = Door(replace(LIMITS, connects=Rate(1.0, 3.0)))
    assert came(door, range(1, 6)) == {4: "too_many_connects", 5: "too_many_connects"}
    assert came(door, range(6, 7), NEAR) == {}
    assert came(door, range(7, 8), FAR, NOW + 1) == {}


def test_a_refusal_is_said_and_tells_the_operator_from_where() -> None:
    door = Door(replace(LIMITS, connects=Rate(1.0, 1.0)))
    door.opened(NOW, 1, FAR)
    said, closed, told = door.opened(NOW, 2, FAR)
    assert isinstance(said, fx.Send)
    assert "try again in 1 s" in said.message.info  # type: ignore[attr-defined]
    assert closed == fx.Close(2)
    assert isinstance(told, fx.Report)
    assert told.fields["address"] == FAR.address


def test_links_of_one_address_that_have_not_logged_in() -> None:
    door = Door(replace(LIMITS, strangers_each=2))
    assert came(door, range(1, 4)) == {3: "too_many_links"}
    door.gone(3)
    door.admitted(1)
    assert came(door, range(4, 6)) == {5: "too_many_links"}
    door.gone(2)
    assert came(door, range(6, 7)) == {}


def test_links_of_one_address_in_all() -> None:
    door = Door(replace(LIMITS, links_each=3))
    came(door, range(1, 4))
    for link in range(1, 4):
        door.admitted(link)
    assert came(door, range(4, 5)) == {4: "too_many_links"}
    assert came(door, range(5, 7), NEAR) == {}
    door.gone(4)
    door.gone(1)
    assert came(door, range(7, 9)) == {8: "too_many_links"}


def test_this_machine_is_not_limited_by_address_unless_it_is_wanted() -> None:
    strict = replace(LIMITS, connects=Rate(1.0, 2.0), strangers_each=3)
    assert came(Door(strict), range(1, 100), HERE) == {}
    limited = came(Door(replace(strict, loopback=True)), range(1, 5), HERE)
    assert limited == {3: "too_many_connects", 4: "too_many_connects"}


def test_one_that_has_said_nothing_makes_room() -> None:
    door = Door(replace(LIMITS, strangers=3))
    assert came(door, range(1, 4)) == {}
    door.heard(NOW, 1, as_node=False)
    assert came(door, range(4, 6), NEAR) == {2: "crowded", 3: "crowded"}


def test_when_everybody_has_said_something_who_did_so_longest_ago_makes_room() -> None:
    """Else a few addresses that ask for STATUS now and then could keep everybody else out for ever."""
    door = Door(replace(LIMITS, strangers=3))
    came(door, range(1, 4))
    for link in (1, 2, 3, 1):
        door.heard(NOW, link, as_node=False)
    assert came(door, range(4, 5), NEAR) == {2: "crowded"}
    door.heard(NOW, 4, as_node=False)
    assert came(door, range(5, 6), NEAR) == {3: "crowded"}


def test_who_says_nothing_is_closed_in_time() -> None:
    door = Door(LIMITS)
    came(door, range(1, 4))
    door.admitted(2)
    door.heard(NOW + 5, 3, as_node=False)
    assert door.tick(NOW + 9.9, nobody) == []
    assert refused(door.tick(NOW + 10, nobody)) == {1: "too_late"}
    assert door.tick(NOW + 14, nobody) == []
    assert refused(door.tick(NOW + 15, nobody)) == {3: "too_late"}
    assert door.tick(NOW + 1000, nobody) == []


def test_whoever_waits_for_an_answer_is_not_late() -> None:
    door = Door(LIMITS)
    came(door, range(1, 2))
    assert door.tick(NOW + 10, lambda link: link == 1) == []
    assert door.tick(NOW + 19, nobody) == []
    assert refused(door.tick(NOW + 20, nobody)) == {1: "too_late"}


def test_after_a_sleep_everybody_gets_a_new_chance() -> None:
    door = Door(replace(LIMITS, links=1))
    came(door, range(1, 3))
    assert door.tick(NOW + 60, nobody, slept=True) == []
    assert refused(door.tick(NOW + 62, nobody)) == {2: "full"}
    assert refused(door.tick(NOW + 70, nobody)) == {1: "too_late"}


def full_door(links: int = 4, reserve: int = 4) -> Door:
    """As many clients as there may be."""
    door = Door(replace(LIMITS, links=links, reserve=reserve))
    assert came(door, range(1, links + 1)) == {}
    for link in range(1, links + 1):
        door.admitted(link)
    return door


def test_a_client_beyond_the_most_is_refused_once_it_shows_that_it_is_one() -> None:
    door = full_door()
    assert came(door, range(10, 11)) == {}
    assert refused(door.heard(NOW, 10, as_node=False)) == {10: "full"}


def test_one_that_says_nothing_is_refused_soon() -> None:
    door = full_door()
    came(door, range(10, 11))
    assert door.tick(NOW + PROVISIONAL - 0.1, nobody) == []
    assert refused(door.tick(NOW + PROVISIONAL, nobody)) == {10: "full"}


def test_a_node_gets_in_though_clients_have_all_their_links() -> None:
    door = full_door()
    came(door, range(10, 11))
    assert door.heard(NOW, 10, as_node=True) == []
    door.admitted(10, as_node=True)
    assert door.tick(NOW + 100, nobody) == []


def test_a_node_gets_in_though_the_reserve_is_full_of_silent_links() -> None:
    door = full_door()
    assert came(door, range(10, 14)) == {}
    assert came(door, range(14, 15), NEAR) == {10: "full"}
    assert door.heard(NOW, 14, as_node=True) == []


def test_those_who_make_room_where_it_is_short_are_cut_at_once() -> None:
    door = full_door()
    came(door, range(10, 14))
    effects = door.opened(NOW, 14, NEAR)
    assert fx.Close(10, at_once=True) in effects


def test_links_that_are_closing_count_until_they_are_closed() -> None:
    """Each still has its descriptor."""
    door = full_door(links=2, reserve=2)
    came(door, range(10, 12))
    for link in (10, 11):
        door.heard(NOW, link, as_node=False)
    assert came(door, range(12, 13)) == {12: "full"}
    for link in (10, 11, 12):
        door.gone(link)
    assert came(door, range(13, 14)) == {}
    assert len(door) == 3


def test_when_others_have_left_meanwhile_a_client_may_stay() -> None:
    door = full_door()
    came(door, range(10, 11))
    door.gone(1)
    assert door.heard(NOW, 10, as_node=False) == []
    assert door.tick(NOW + PROVISIONAL, nobody) == []


def test_nothing_is_left_of_those_who_are_gone() -> None:
    door = Door(DoorLimits(links=50, reserve=10, strangers=20, strangers_each=10, connects=Rate(1.0, 1000.0)))
    for link in range(1, 200):
        door.opened(NOW, link, FAR if link % 2 else NEAR)
        if link % 3 == 0:
            door.heard(NOW, link, as_node=link % 2 == 0)
        if link % 5 == 0:
            door.admitted(link, as_node=link % 2 == 0)
    door.tick(NOW + 100, nobody)
    for link in range(1, 200):
        door.gone(link)
        door.gone(link)
    assert len(door) == 0
    left = (door._who, door._nodes, door._strangers, door._provisional, door._silent, door._each, door._links_each)
    assert all(len(kept) == 0 for kept in left)

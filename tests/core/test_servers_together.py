"""Real servers linked with each other, and people at them: whatever one has seen all see, once and in order.

A script of posts is played; at each of its steps in turn a server is killed, or a link reset. Whoever was there goes to
another server with its cursor, and sends again what has not come back.
"""

from collections.abc import Callable

import pytest

from tests.core.fleet import Fleet, founded

POSTS = 3
"""Of each person, in the script."""

Fault = Callable[[Fleet], None]


def played(fleet: Fleet, fault_at: int | None, fault: Fault) -> bool:
    """Everybody posts, and after so many steps there is the fault; then all goes on to its end. False if the script is
    over before that."""
    due = [person for _ in range(POSTS) for person in fleet.people.values()]
    steps = 0
    while True:
        if steps == fault_at:
            fault(fleet)
        if due and steps % 3 == 0:
            due.pop(0).posts()
        if not fleet.step() and not due:
            break
        steps += 1
    if fault_at is not None and steps < fault_at:
        return False
    finish(fleet)
    return True


def finish(fleet: Fleet) -> None:
    """Who has lost a server goes to another; then everything comes to rest."""
    fleet.settle()
    alive = sorted(fleet.members)
    for index, person in enumerate(fleet.people.values()):
        if not person.at:
            person.goes_to(alive[index % len(alive)])
    fleet.run(7.0)


def sender(line: str) -> str:
    return line.partition(": ")[0]


def check(fleet: Fleet, nothing_lost: bool = True) -> None:
    """Once, in each sender's order; what one has seen all have; and all that was posted has come back."""
    for person in fleet.people.values():
        assert person.is_in
        assert person.gaps == []
        assert person.repeated == []
        assert person.unseen == {}
        assert len(person.seen) == len(set(person.seen)), f"{person.name} has seen something twice"
        for other in fleet.people:
            numbers = [int(line.partition(": ")[2]) for line in person.seen if sender(line) == other]
            assert numbers == sorted(numbers), f"{person.name} has seen posts of {other} out of order"
            if nothing_lost:
                assert numbers == list(range(1, POSTS + 1)), f"{person.name} misses posts of {other}"
    if nothing_lost:
        return
    for person in fleet.people.values():  # what a dead server alone had may be lost, and nothing else
        assert {line for line in person.seen if sender(line) == person.name} == {
            f"{person.name}: {number}" for number in range(1, POSTS + 1)
        }


def peopled(servers: str, copies: int = 2, seed: int = 1) -> Fleet:
    """One person at each server."""
    fleet = founded(servers, copies, seed)
    for name in servers:
        fleet.person(f"p{name}", name)
    fleet.settle()
    return fleet


def at_every_step(fleet_of: Callable[[int], Fleet], fault: Fault, every: int = 1, nothing_lost: bool = True) -> int:
    """The fault after 0, `every`, twice that … steps, each in a network of its own; how many there were."""
    count = 0
    while True:
        fleet = fleet_of(count)
        if not played(fleet, count * every, fault):
            assert count > 10
            return count
        check(fleet, nothing_lost)
        count += 1


def killing(*names: str) -> Fault:
    """These die at once; the central finds out."""

    def kill(fleet: Fleet) -> None:
        for name in names:
            fleet.kill(name)
        for name in names:
            fleet.remove(name)

    return kill


# -- nothing goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [1, 2, 3])
@pytest.mark.parametrize("servers", ["a", "ab", "abc"])
def test_everybody_sees_everything_once_and_in_order(servers: str, copies: int) -> None:
    for seed in range(5):
        fleet = peopled(servers, copies, seed)
        assert played(fleet, None, killing())
        check(fleet)


# -- a server dies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("victim", ["a", "b"])
def test_of_two_servers_any_may_die_at_any_step(victim: str) -> None:
    at_every_step(lambda seed: peopled("ab", seed=seed), killing(victim))


@pytest.mark.parametrize("victim", ["a", "b", "c"])
@pytest.mark.parametrize("copies", [2, 3])
def test_of_three_servers_any_may_die_at_any_step(victim: str, copies: int) -> None:
    at_every_step(lambda seed: peopled("abc", copies, seed), killing(victim), every=2)


@pytest.mark.parametrize("victims", ["ab", "bc", "ca"])
def test_with_three_copies_two_may_die_at_once(victims: str) -> None:
    at_every_step(lambda seed: peopled("abc", 3, seed), killing(*victims), every=2)


def test_with_one_copy_what_a_dead_server_alone_had_may_be_lost_and_nothing_else() -> None:
    at_every_step(lambda seed: peopled("abc", 1, seed), killing("b"), every=3, nothing_lost=False)


def test_one_may_die_after_the_other_has_been_made_up_for() -> None:
    def fleet_of(seed: int) -> Fleet:
        fleet = peopled("abc", seed=seed)
        killing("a")(fleet)
        fleet.people["pa"].goes_to("b")
        fleet.run(5.0)
        return fleet

    at_every_step(fleet_of, killing("b"), every=2)


def test_one_may_die_just_when_its_links_have_broken() -> None:
    """What it shows meanwhile, nobody else has: it waits for the others, as long as they may be there."""

    def break_and_kill(fleet: Fleet) -> None:
        fleet.reset("a", "b")
        fleet.people["pa"].posts("4")
        for _ in range(3):
            fleet.step()
        killing("a")(fleet)

    count = 0
    while True:
        fleet = peopled("ab", seed=count)
        if not played(fleet, count, break_and_kill):
            break
        pa, pb = fleet.people.values()
        assert (set(pa.seen), pa.unseen) == (set(pb.seen), {})
        count += 1


# -- a server comes back --------------------------------------------------------------------------------------------


def test_a_server_that_was_started_again_has_everything() -> None:
    """Whoever comes to it goes on from its cursor, though it has been at no other."""

    def restart(fleet: Fleet) -> None:
        killing("b")(fleet)
        fleet.settle()
        fleet.start("b")
        fleet.settle()

    for every in range(12):
        fleet = peopled("abc", seed=every)
        person = fleet.people["pc"]
        played(fleet, 10 * every, restart)
        check(fleet)
        before = list(person.seen)
        assert fleet.serving("abc")
        person.goes_to("b")
        person.posts("4")
        fleet.run(1.0)
        assert person.seen == [*before, "pc: 4"]
        assert person.gaps == []


def test_a_newcomer_gives_to_a_session_what_it_missed_before_there_was_this_server() -> None:
    fleet = peopled("ab")
    pa, pb = fleet.people.values()
    pb.loses_server()
    for _ in range(POSTS):
        pa.posts()
    fleet.run(1.0)
    fleet.start("c")
    fleet.run(1.0)
    for name in "ab":
        fleet.kill(name)
    pb.goes_to("c")
    fleet.run(1.0)
    assert pb.seen == [f"pa: {number}" for number in range(1, POSTS + 1)]
    assert pb.gaps == []


def test_what_is_not_retained_is_a_gap_and_the_rest_comes() -> None:
    fleet = founded("ab", retention=1500)
    pa, pb = fleet.person("pa", "a"), fleet.person("pb", "b")
    pb.loses_server()
    for _ in range(40):
        pa.posts()
        fleet.settle()
    pb.goes_to("b")
    fleet.run(1.0)
    (gap,) = pb.gaps
    assert (gap.origin, gap.first) == ("a.1", 1)
    assert pb.seen == [f"pa: {number}" for number in range(gap.last + 1, 41)]
    assert 1 < len(pb.seen) < 40


# -- links break ----------------------------------------------------------------------------------------------------


def test_of_two_servers_the_link_may_break_at_any_step() -> None:
    at_every_step(lambda seed: peopled("ab", seed=seed), lambda fleet: fleet.reset("a", "b"))


@pytest.mark.parametrize("copies", [2, 3])
def test_of_three_servers_links_may_break_at_any_step(copies: int) -> None:
    def resets(fleet: Fleet) -> None:
        fleet.reset("a", "b")
        fleet.reset("b", "c")

    at_every_step(lambda seed: peopled("abc", copies, seed), resets, every=3)


def test_a_person_may_move_at_any_step() -> None:
    """As in a rebalance: its first server lives on."""
    at_every_step(lambda seed: peopled("abc", seed=seed), lambda fleet: fleet.people["pa"].goes_to("c"), every=2)


def test_a_person_may_come_back_at_once_at_any_step() -> None:
    def there_and_back(fleet: Fleet) -> None:
        for name in "bca":
            fleet.people["pa"].goes_to(name)
            fleet.step()

    at_every_step(lambda seed: peopled("abc", seed=seed), there_and_back, every=2)

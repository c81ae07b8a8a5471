"""Placement: even within one, whatever comes at once, and no place lost for ever or counted twice."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from oyez.core.central.placement import Placement, Reservation

SERVERS = ["a", "b", "c"]


class Desk:
    """A central's placement and what the servers count, without anything in between."""

    def __init__(self, servers: list[str], seed: int = 1) -> None:
        self.placement = Placement(Random(seed))
        self.loads = dict.fromkeys(servers, 0)
        self.tickets: list[tuple[str, str, str]] = []
        self._last = 0

    def log_in(self, username: str = "bob", now: float = 0.0) -> str:
        """Somebody is sent to a server; returns which."""
        server = self.placement.choose(self.loads)
        assert server is not None
        self._last += 1
        nonce = f"n{self._last}"
        self.placement.reserve(nonce, Reservation(server, username, now + 60.0))
        self.tickets.append((nonce, server, username))
        return server

    def arrive(self, index: int = 0, with_ticket: bool = True) -> None:
        """They have come there, and the server has said so."""
        nonce, server, username = self.tickets.pop(index)
        self.loads[server] += 1
        self.placement.arrived(server, [username], [nonce] if with_ticket else [])

    @property
    def totals(self) -> list[int]:
        return [load + self.placement.reserved(server) for server, load in self.loads.items()]


def is_even(counts: list[int]) -> bool:
    return max(counts) - min(counts) <= 1


def test_nowhere_to_go() -> None:
    assert Placement(Random(1)).choose({}) is None


def test_the_least_loaded_server_is_chosen() -> None:
    assert Placement(Random(1)).choose({"a": 3, "b": 2, "c": 3}) == "b"


def test_ties_are_broken_by_chance_and_by_the_seed_alone() -> None:
    picks = [Placement(Random(seed)).choose({"a": 1, "b": 1, "c": 2}) for seed in range(40)]
    assert set(picks) == {"a", "b"}
    assert picks == [Placement(Random(seed)).choose({"a": 1, "b": 1, "c": 2}) for seed in range(40)]


def test_a_thousand_logins_in_one_second_spread_evenly_before_anybody_has_arrived() -> None:
    desk = Desk(SERVERS)
    placed = Counter(desk.log_in() for _ in range(1000))
    assert is_even(list(placed.values()))


@given(
    loads=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    logins=st.lists(st.booleans(), max_size=60),
    seed=st.integers(0, 9),
)
def test_logins_even_out_and_stay_even(loads: list[int], logins: list[bool], seed: int) -> None:
    """Some arrive at once, some with a ticket, some take their time: the sum is what counts."""
    desk = Desk([f"s{index}" for index in range(len(loads))], seed)
    desk.loads.update({f"s{index}": load for index, load in enumerate(loads)})
    for number, at_once in enumerate(logins):
        before = desk.totals
        desk.log_in(f"user {number % 3}")
        if at_once:
            desk.arrive(-1, with_ticket=number % 2 == 0)
        spread = max(before) - min(before)
        assert max(desk.totals) - min(desk.totals) <= max(1, spread)
    if len(logins) >= sum(max(loads) - load for load in loads):
        assert is_even(desk.totals)


def test_a_place_is_kept_until_its_ticket_is_redeemed() -> None:
    desk = Desk(["a"])
    desk.log_in()
    assert desk.placement.reserved("a") == 1
    desk.arrive()
    assert (desk.placement.reserved("a"), desk.loads["a"]) == (0, 1)


def test_a_place_is_taken_up_once() -> None:
    desk = Desk(["a"])
    desk.log_in()
    desk.log_in()
    desk.placement.arrived("a", ["bob", "bob"], ["n1", "n1"])
    assert (
        desk.placement.reserved("a") == 0
    )  # the second came without a ticket of its own: so it takes bob's other place
    assert desk.placement.redeem("n1") is None
    assert desk.placement.reserved("a") == 0


def test_who_comes_without_a_ticket_takes_up_the_oldest_place_of_that_user_there() -> None:
    desk = Desk(["a"])
    for username in ("eve", "bob", "bob"):
        desk.log_in(username)
    desk.placement.arrived("a", ["bob"], [])
    assert desk.placement.redeem("n2") is None
    assert desk.placement.redeem("n1") == Reservation("a", "eve", 60.0)
    assert desk.placement.redeem("n3") == Reservation("a", "bob", 60.0)


def test_who_comes_unexpected_takes_nobody_elses_place() -> None:
    desk = Desk(["a"])
    desk.log_in("bob")
    desk.placement.arrived("a", ["eve", "anonymous"], ["unknown"])
    desk.placement.arrived("b", ["bob"], [])
    assert desk.placement.reserved("a") == 1


def test_tickets_and_their_users_are_not_counted_twice() -> None:
    desk = Desk(["a"])
    for _ in range(3):
        desk.log_in("bob")
    desk.placement.arrived("a", ["bob", "bob"], ["n3"])
    assert desk.placement.reserved("a") == 1
    assert desk.placement.redeem("n2") is not None


def test_a_place_is_given_up_when_its_ticket_runs_out() -> None:
    desk = Desk(["a"])
    desk.log_in(now=0.0)
    desk.log_in(now=10.0)
    for now, kept in ((59.9, 2), (60.0, 1), (69.9, 1), (70.0, 0)):
        desk.placement.expire(now)
        assert desk.placement.reserved("a") == kept


def test_a_server_that_is_gone_keeps_no_places() -> None:
    desk = Desk(["a", "b"])
    for _ in range(6):
        desk.log_in()
    desk.placement.forget("a")
    assert (desk.placement.reserved("a"), desk.placement.reserved("b")) == (0, 3)
    desk.placement.forget("a")


class PlacementMachine(RuleBasedStateMachine):
    """Every place is kept for one reason and given up once, in whatever order things happen."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(SERVERS)
        self.now = 0.0
        self.expected: dict[str, tuple[str, str, float]] = {}

    @rule(username=st.sampled_from(["bob", "eve"]))
    def log_in(self, username: str) -> None:
        server = self.desk.log_in(username, self.now)
        self.expected[self.desk.tickets[-1][0]] = (server, username, self.now + 60.0)

    @rule(which=st.integers(0, 20), with_ticket=st.booleans())
    def arrive(self, which: int, with_ticket: bool) -> None:
        if not self.desk.tickets:
            return
        nonce, server, username = self.desk.tickets[which % len(self.desk.tickets)]
        taken = nonce if with_ticket else None
        if taken not in self.expected:
            same = [one for one, kept in self.expected.items() if kept[:2] == (server, username)]
            taken = same[0] if same else None
        self.desk.arrive(which % len(self.desk.tickets), with_ticket)
        self.expected.pop(taken or "", None)

    @rule(seconds=st.floats(0, 40))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.desk.placement.expire(self.now)
        self.expected = {nonce: kept for nonce, kept in self.expected.items() if kept[2] > self.now}

    @rule(server=st.sampled_from(SERVERS))
    def lose(self, server: str) -> None:
        self.desk.placement.forget(server)
        self.expected = {nonce: kept for nonce, kept in self.expected.items() if kept[0] != server}

    @invariant()
    def exactly_the_expected_places_are_kept(self) -> None:
        kept = Counter(server for server, _, _ in self.expected.values())
        assert {server: self.desk.placement.reserved(server) for server in SERVERS} == {
            server: kept[server] for server in SERVERS
        }


TestPlacement = PlacementMachine.TestCase

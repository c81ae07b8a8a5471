"""Sessions move until all is even, each of them once, whatever joins, leaves and dies meanwhile."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.central.balance import SETTLED
from oyez.core.central.directory import Directory
from oyez.core.central.moving import ON_THE_WAY, QUIET, Moving
from oyez.core.central.permits import Permits
from oyez.core.central.placement import Placement, Reservation
from oyez.core.effects import Effects
from oyez.protocol import nodes as n

KEY = b"k" * 32
TICK = 0.5


@dataclass
class Town:
    """Servers, each a list of sessions, oldest first, and the central's half of moving. What travels takes a while, and
    on each link it stays in order."""

    random: Random
    now: float = 1000.0
    sessions: dict[str, list[str]] = field(default_factory=dict)
    pending: list[tuple[float, int, object]] = field(default_factory=list)
    moves: Counter[str] = field(default_factory=Counter)
    frozen: set[str] = field(default_factory=set)
    numbered: int = 0

    def __post_init__(self) -> None:
        self.directory = Directory({}, {}, [])
        self.placement = Placement(self.random)
        self.permits = Permits(KEY, self.random)
        self.permits.use(KEY, 1)
        self.moving = Moving(self.directory, self.placement, self.permits)

    # -- servers ----------------------------------------------------------------------------------------------------

    def joins(self, id: str, load: int = 0) -> None:
        self.directory.apply(fx.ServerRecord(id, id, 4000, 1))
        server = self.directory.servers[id]
        server.link, server.ready = ord(id), True
        self.sessions[id] = [self.new() for _ in range(load)]
        server.load, server.heard = load, self.now
        self.moves.clear()

    def dies(self, id: str) -> None:
        """Its sessions come back to wherever the main sends them."""
        self.directory.apply(fx.ServerGone(id))
        self.placement.forget(id)
        self.moving.forget(id)
        for name in self.sessions.pop(id):
            self.later(1.0, lambda name=name: self.logs_in(name))
        self.moves.clear()

    # -- sessions ---------------------------------------------------------------------------------------------------

    def new(self) -> str:
        self.numbered += 1
        return f"user {self.numbered}"

    def logs_in(self, name: str) -> None:
        chosen = self.placement.choose(self.directory.open_servers())
        assert chosen is not None
        _, nonce = self.permits.for_server(name, chosen, self.now)
        self.placement.reserve(nonce, Reservation(chosen, name, self.now + tickets.FOR_SERVER))
        self.later(0.3, lambda: self.arrives(chosen, name, nonce))

    def arrives(self, id: str, name: str, nonce: str) -> None:
        if id not in self.sessions:
            self.logs_in(name)
            return
        self.sessions[id].append(name)
        self.says(id, n.ServerAnnounce(id, len(self.sessions[id]), id, 4000, [name], [nonce]))

    def leaves(self, id: str, name: str) -> None:
        self.sessions[id].remove(name)
        self.says(id, n.DeLoad(id, name))

    # -- what travels -----------------------------------------------------------------------------------------------

    def later(self, within: float, action: object) -> None:
        self.numbered += 1
        self.pending.append((self.now + self.random.uniform(0.0, within), self.numbered, action))

    def travels(self, action: object) -> None:
        """From a server to the central, or back."""
        self.numbered += 1
        self.pending.append((self.now + 0.1, self.numbered, action))

    def carry(self, effects: Effects) -> None:
        for effect in effects:
            if isinstance(effect, fx.Send):
                id = chr(effect.link)
                self.travels(lambda id=id, message=effect.message: self.heard(id, message))

    def says(self, id: str, message: object) -> None:
        """A server, to the central."""
        self.travels(lambda: self.told(id, message))

    def told(self, id: str, message: object) -> None:
        """The central."""
        if id not in self.sessions:
            return
        server = self.directory.servers[id]
        if isinstance(message, n.ServerAnnounce):
            server.announced(self.now, message)
            self.placement.arrived(id, message.arrived, message.redeemed)
        elif isinstance(message, n.DeLoad):
            server.left(message.username)
            self.moving.left(id, message.username)
        elif isinstance(message, n.Movable):
            self.carry(self.moving.movable(self.now, server, message))

    def heard(self, id: str, message: object) -> None:
        """By a server."""
        if id not in self.sessions:
            return
        if isinstance(message, n.Rebalance):
            self.says(id, n.Movable(self.sessions[id][: message.count]))
        elif isinstance(message, n.Move):
            for destination in message.destinations:
                self.moves_on(id, destination)

    def moves_on(self, id: str, to: n.Destination) -> None:
        if to.username not in self.sessions[id]:
            return  # it has left by itself
        self.moves[to.username] += 1
        self.leaves(id, to.username)
        audience = f"server:{to.hostname}"
        ticket = tickets.check(tickets.keys(KEY, audience, 1), to.ticket, audience, self.now)
        assert isinstance(ticket, tickets.Ticket)
        assert ticket.username == to.username
        self.later(0.2, lambda: self.arrives(to.hostname, to.username, ticket.nonce))

    def tick(self) -> None:
        end = self.now + TICK
        while due := [item for item in self.pending if item[0] <= end]:
            item = min(due)
            self.pending.remove(item)
            self.now = item[0]
            item[2]()  # type: ignore[operator]
        self.now = end
        self.shows_life()
        self.placement.expire(self.now)
        self.carry(self.moving.tick(self.now))

    def shows_life(self) -> None:
        """Each server but those that are frozen."""
        for id in self.sessions.keys() - self.frozen:
            self.directory.servers[id].heard = self.now

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds / TICK)):
            self.tick()

    @property
    def loads(self) -> list[int]:
        return [len(names) for names in self.sessions.values()]

    @property
    def spread(self) -> int:
        return max(self.loads) - min(self.loads)


def town(seed: int, **loads: int) -> Town:
    made = Town(Random(seed))
    for id, load in loads.items():
        made.joins(id, load)
    return made


@pytest.mark.parametrize("seed", range(10))
def test_a_server_that_joins_is_given_its_share_within_30_seconds(seed: int) -> None:
    there = town(seed, a=200, b=200)
    there.passes(5)
    there.joins("c")
    there.passes(30)
    assert there.spread <= 1
    assert sum(there.loads) == 400
    assert set(there.moves.values()) == {1}
    assert there.moves.total() <= 134


def test_many_that_join_at_once_are_filled_in_time() -> None:
    there = town(1, a=600)
    for id in "bcdefghij":
        there.joins(id)
    there.passes(30)
    assert there.spread <= 1
    assert set(there.moves.values()) == {1}
    assert there.moves.total() == 540


@pytest.mark.parametrize("seed", range(20))
def test_through_joins_and_deaths_each_session_moves_at_most_once_a_change(seed: int) -> None:
    random = Random(seed)
    there = town(seed, a=random.randrange(100), b=random.randrange(100), c=random.randrange(100))
    unused = list("defghij")
    for _ in range(5):
        if unused and random.random() < 0.6:
            there.joins(unused.pop())
        elif len(there.sessions) > 1:
            there.dies(random.choice(list(there.sessions)))
        sessions = sum(there.loads)
        there.passes(30)
        mean = sum(there.loads) / len(there.loads)
        assert there.spread <= max(1, mean / 10)
        assert sum(there.loads) >= sessions
        assert set(there.moves.values()) <= {1}


@pytest.mark.parametrize("seed", range(10))
def test_while_people_come_and_go_nobody_is_sent_to_and_fro(seed: int) -> None:
    there = town(seed, a=100, b=100, c=100)
    there.joins("d")
    for _ in range(120):
        there.tick()
        for _ in range(there.random.randrange(4)):
            there.logs_in(there.new())
        for _ in range(there.random.randrange(4)):
            id = there.random.choice(list(there.sessions))
            if there.sessions[id]:
                there.leaves(id, there.random.choice(there.sessions[id]))
    assert set(there.moves.values()) <= {1}
    there.passes(10)
    assert there.spread <= max(1, sum(there.loads) / 40)


def test_who_was_told_to_move_and_stays_is_counted_again() -> None:
    there = town(1, a=4, b=0)
    there.passes(SETTLED + 1)
    before = there.moving.loads()
    assert before == {"a": 2, "b": 2}
    there = town(1, a=4, b=0)
    there.moving.tick(there.now)
    there.now += SETTLED
    there.shows_life()
    there.moving.tick(there.now)
    (move, *_) = there.moving.movable(there.now, there.directory.servers["a"], n.Movable(["user 1", "user 2"]))
    assert isinstance(move, fx.Send)
    assert isinstance(move.message, n.Move)
    assert [to.hostname for to in move.message.destinations] == ["b", "b"]
    assert there.moving.loads() == {"a": 2, "b": 2}
    there.now += ON_THE_WAY
    there.placement.expire(there.now)
    there.moving.tick(there.now)
    assert there.moving.loads() == {"a": 4, "b": 0}


def test_while_a_server_is_silent_nobody_is_moved() -> None:
    """It may be frozen, with sessions that it had no time to tell of."""
    there = town(1, a=4, b=0)
    there.frozen.add("b")
    there.passes(SETTLED + 5)
    assert there.loads == [4, 0]
    there.frozen.clear()
    there.passes(5)
    assert there.loads == [2, 2]


def test_nobody_is_sent_to_a_server_that_has_fallen_silent_meanwhile() -> None:
    there = town(1, a=4, b=0)
    there.moving.tick(there.now)
    there.now += SETTLED
    there.shows_life()
    there.moving.tick(there.now)
    there.now += QUIET + 0.1
    (move, *_) = there.moving.movable(there.now, there.directory.servers["a"], n.Movable(["user 1", "user 2"]))
    assert isinstance(move, fx.Send)
    assert move.message == n.Move([])


def test_an_answer_that_nobody_asked_for_moves_nobody() -> None:
    there = town(1, a=4, b=0)
    assert there.moving.movable(there.now, there.directory.servers["a"], n.Movable(["user 1"])) == [
        fx.Send(ord("a"), n.Move([]))
    ]


# -- drain ----------------------------------------------------------------------------------------------------------


def test_all_sessions_of_a_server_that_leaves_go_to_the_least_loaded() -> None:
    there = town(1, a=9, b=0, c=3)
    effects = there.moving.drain("a")
    assert isinstance(effects, list)
    assert fx.Send(ord("a"), n.Drain()) in effects
    (send, report) = there.moving.movable(there.now, there.directory.servers["a"], n.Movable(there.sessions["a"]))
    assert isinstance(send, fx.Send)
    assert isinstance(send.message, n.Move)
    assert Counter(to.hostname for to in send.message.destinations) == {"b": 6, "c": 3}
    assert [to.username for to in send.message.destinations] == there.sessions["a"]
    assert report == fx.Report("moved", {"server": "a", "sessions": 9})


def test_where_all_others_have_gone_nobody_moves() -> None:
    there = town(1, a=2, b=0)
    there.moving.drain("a")
    there.directory.servers["b"].ready = False
    assert there.moving.movable(there.now, there.directory.servers["a"], n.Movable(["user 1"])) == [
        fx.Send(ord("a"), n.Move([]))
    ]


@pytest.mark.parametrize(("id", "reason"), [("x", "unknown_server"), ("c", "server_away"), ("a", "no_other_server")])
def test_a_server_that_can_not_leave_stays(id: str, reason: str) -> None:
    there = town(1, a=2, c=0)
    there.directory.servers["c"].link, there.directory.servers["c"].ready = None, False
    refusal = there.moving.drain(id)
    assert isinstance(refusal, n.DrainServerFailed)
    assert refusal.reason == reason
    assert there.directory.open_servers() == {"a": 2}


def test_a_server_may_be_told_twice_to_leave() -> None:
    there = town(1, a=2, b=0)
    assert there.moving.drain("a") == there.moving.drain("a")

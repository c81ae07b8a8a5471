"""Deliberately broken rules of ADR 9: each must be caught by the checker of the promise that it breaks.

The same plans without the mutation are clean: `test_without_mutations_nothing_is_caught`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oyez.core.central.balance import Balance
from oyez.core.client.client import Client
from oyez.core.client.route import Route
from oyez.core.client.seen import Seen
from oyez.core.server import clients as clients_module
from oyez.core.server.arrivals import Arrivals
from oyez.core.server.copies import Copies, Withheld
from oyez.core.server.mesh import Mesh
from oyez.core.server.posts import Posts
from oyez.core.server.repair import Repair
from oyez.log import Log
from oyez.protocol.peers import ServerHello
from oyez.sim import judge
from oyez.sim.checkers import CHECKERS
from oyez.sim.participant import Manner
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.wire import Conditions

LIBRARY = tuple(Manner(f"user{n}", f"secret{n}", registers=True, library=True, posts=40, pace=0.15) for n in range(6))
OLD = (Manner("old", "o", registers=True, posts=10, pace=0.5),)
SLOW = (Manner("slow", "s", registers=True, library=True, reads="slowly"),)

MANY = tuple(Manner(f"user{n}", f"secret{n}", registers=True, library=True) for n in range(12))
S1, S2, S3, S4 = 2, 4, 8, 16
"""Bits of these servers in the targets of "cut": the first is the central's."""

SEEDS = 40
"""Histories in which a mutation must be caught: the first that does it is the last, and mostly among the first ten."""

CLEAN = 4
"""Histories of each kind in which there must be nothing to catch."""

Plans = Callable[[int], Plan]


def plan(seed: int, *faults: FaultPlan, clients: tuple[Manner, ...] = LIBRARY + OLD, **more: Any) -> Plan:
    given: dict[str, Any] = {"servers": 3, "rough": 12.0, "conditions": Conditions(latency=(0.001, 0.02))}
    return Plan(seed, clients=clients, calm=len(clients), faults=faults, **given | more)


def cut(at: float, one: int, other: int) -> FaultPlan:
    """For less time than anybody takes note of."""
    return FaultPlan("cut", at, one | other << 8, 0.7)


def deaths(seed: int) -> Plan:
    """One server dies while some of the others have not got its last activities yet."""
    return plan(seed, cut(1.0, S1, S3), FaultPlan("kill server", 1.4, 0, 1.5))


def lonely(seed: int) -> Plan:
    """One server dies while none of the others has got its last activities yet."""
    return plan(seed, cut(1.0, S1, S2 | S3), FaultPlan("kill server", 1.4, 0, 1.5))


def of_three_copies(seed: int) -> Plan:
    """Two servers die while the others have not got the last activities of one of them yet."""
    both = [FaultPlan("kill server", 1.4, 0, 1.5), FaultPlan("kill server", 1.41, 1, 1.5)]
    return plan(seed, cut(1.0, S1, S3 | S4), *both, servers=4, copies=3)


def latecomers(seed: int) -> Plan:
    """A server is restarted while some clients can reach no server: it is the emptiest when they come back."""
    away = [FaultPlan("part client", 1.2, 4096 + client, 6.0) for client in range(3)]
    return plan(seed, FaultPlan("kill server", 1.0, 0, 1.5), *away)


def restarts(seed: int) -> Plan:
    """All servers are stopped and started again, one after the other."""
    return plan(seed, FaultPlan("roll", 0.5, seed, 1.0))


def resets(seed: int) -> Plan:
    """Clients lose their links, again and again."""
    return plan(seed, *[FaultPlan("reset client", at / 3, at + seed, 0.0) for at in range(30)])


def small(seed: int) -> Plan:
    """Little is retained, and some read slowly."""
    faults = [FaultPlan("part client", 1.0 + at, at * 5 + seed, 3.0) for at in range(4)]
    return plan(seed, *faults, clients=LIBRARY + SLOW, retention=3000, patience=2.0)


def uneven(seed: int) -> Plan:
    """A server that was away comes back to full ones."""
    return plan(seed, FaultPlan("kill servers", 1.0, seed, 2.0), clients=MANY)


def leaderless(seed: int) -> Plan:
    """All centrals are dead, and then a server dies, too."""
    return plan(seed, FaultPlan("without centrals", 2.0, seed * 3 + 1, 16.0), rough=20.0)


PLANS: tuple[Plans, ...] = (deaths, lonely, of_three_copies, latecomers, restarts, resets, small, uneven, leaderless)


def caught(promises: str, plans: Plans) -> bool:
    """Whether one of these promises' checkers finds something in any of these histories."""
    return any(found for seed in range(SEEDS) for found in _found(promises, plans(seed)))


def _found(promises: str, plan: Plan) -> Iterator[list[str]]:
    history = judge(plan).history
    return (CHECKERS[promise](history) for promise in promises.split(", "))


@pytest.mark.parametrize("plans", PLANS)
def test_without_mutations_nothing_is_caught(plans: Plans) -> None:
    for seed in range(CLEAN):
        verdict = judge(plans(seed))
        assert verdict.ok, verdict.told()


# -- two copies ------------------------------------------------------------------------------------------------------


def test_an_activity_that_is_shown_before_another_server_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Copies.release
    monkeypatch.setattr(Copies, "release", lambda self, held, awaited: release(self, [], 0))
    assert caught("delivered", lonely)


def test_a_third_copy_for_which_the_others_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Withheld, "begin", lambda self, origin: None)
    assert caught("delivered, once", of_three_copies)


# -- repair ----------------------------------------------------------------------------------------------------------


def test_survivors_that_do_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Repair, "ask", lambda self, now: [])
    assert caught("delivered", deaths)


def test_a_log_that_is_forgotten_before_the_others_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    left = Repair.left

    def forgetful(self: Repair, link: int) -> Any:
        origin = self.linked.get(link)
        if origin is not None:
            self._holdings._logs.pop(origin, None)
        return left(self, link)

    monkeypatch.setattr(Repair, "left", forgetful)
    assert caught("delivered, silent", deaths)


def test_a_newcomer_that_serves_before_it_holds_what_the_others_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    where_to_begin = Mesh._where_to_begin

    def hasty(self: Mesh, hello: ServerHello) -> int:
        return where_to_begin(self, hello) if self._has_cursor(hello) else self._origin.log.last

    monkeypatch.setattr(Mesh, "_where_to_begin", hasty)
    assert caught("delivered, silent", latecomers)


# -- senders ---------------------------------------------------------------------------------------------------------


def test_a_post_that_is_accepted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = Posts.accept
    monkeypatch.setattr(Posts, "accept", lambda *given: accept(*given) or True)
    monkeypatch.setattr(Seen, "_is_new_post", lambda self, post: True)
    assert caught("once", deaths)


def test_a_session_that_posts_before_its_last_server_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Arrivals, "_is_settled", lambda *given: True)
    assert caught("once, delivered", deaths)


def test_a_client_that_does_not_send_again(monkeypatch: pytest.MonkeyPatch) -> None:
    post = Client.post

    def careless(self: Client, activity: bytes) -> Any:
        number, effects = post(self, activity)
        self.withdraw(number)
        return number, effects

    monkeypatch.setattr(Client, "post", careless)
    assert caught("delivered", deaths)


# -- resume ----------------------------------------------------------------------------------------------------------


def shifted(by: int) -> Callable[..., Any]:
    resume = Log.resume

    def shift(self: Log, held: dict[str, int], *rest: Any) -> Any:
        return resume(self, {origin: max(0, last + by) for origin, last in held.items()}, *rest)

    return shift


def test_a_session_that_goes_on_a_line_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "resume", shifted(+1))
    assert caught("delivered, silent", resets)


def test_a_session_that_goes_on_a_line_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "resume", shifted(-1))
    monkeypatch.setattr(Seen, "is_new", lambda self, id, post: bool(self._move(*_place(id))) or True)
    assert caught("delivered", resets)


def _place(id: str) -> tuple[str, int]:
    origin, _, sequence = id.rpartition("-")
    return origin, int(sequence)


def test_a_gap_that_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_module, "_tell", lambda *given: [])
    assert caught("silent", small)


def test_a_gap_that_is_told_too_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = Log.gaps

    def wide(self: Log, held: dict[str, int]) -> list[tuple[str, int, int]]:
        return [(origin, max(1, first - 1), last) for origin, first, last in gaps(self, held)]

    def credulous(self: Seen, gaps: Any) -> Any:
        told = list(gaps)
        skip(self, told)
        return told

    skip = Seen.skip
    monkeypatch.setattr(Log, "gaps", wide)
    monkeypatch.setattr(Seen, "skip", credulous)  # else the client leaves out of it what it has seen
    assert caught("silent", small)


def test_a_gap_that_is_told_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = Log.gaps

    def narrow(self: Log, held: dict[str, int]) -> list[tuple[str, int, int]]:
        return [(origin, first + 1, last) for origin, first, last in gaps(self, held) if first < last]

    monkeypatch.setattr(Log, "gaps", narrow)
    assert caught("silent", small)


# -- moving ----------------------------------------------------------------------------------------------------------


def test_sessions_that_nobody_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Balance, "questions", lambda *given: {})
    assert caught("even", uneven)


def anywhere(source: str, loads: dict[str, int]) -> dict[str, int]:
    return {server: 0 for server in loads if server != source}


def test_sessions_that_move_below_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Balance, "_look", lambda self, now, loads: setattr(self, "active", True))
    monkeypatch.setattr(Balance, "_surplus", staticmethod(dict))
    monkeypatch.setattr(Balance, "destinations", staticmethod(anywhere))
    assert caught("even", uneven)


def test_a_client_that_forgets_its_alternates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "learn_alternates", lambda self, alternates: None)
    assert caught("alone", leaderless)

"""Arrivals: a session that comes with a cursor reads once that is covered here, and posts once its last servers settle.

This server is "a"; others are known by their links: 1, 2 are "x" and "y".
"""

import pytest

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.server.arrivals import AHEAD, PATIENCE, Arrivals
from oyez.core.timing import SUSPICION
from oyez.protocol import messages as m
from oyez.protocol import peers as p
from tests.core.lines import numbered
from tests.core.sides import Side, hello

LINK = 9
OPENED = fx.Report("opened")
HELD = fx.Hold(LINK)
RELEASED = fx.Release(LINK)


class Server:
    """What such a session finds here."""

    def __init__(self) -> None:
        self.side = Side("a")
        self.mesh = self.side.mesh
        self.merged = self.side.broadcast.merged
        self.holdings = self.side.broadcast.holdings
        self.arrivals = Arrivals("a.1", self.merged.positions, self.mesh)

    def is_linked(self, *links: int, through: int = 0) -> "Server":
        """With servers whose logs go as far as that, and go on behind what is held here of them."""
        for link in links:
            self.is_linked_with("?xy"[link], link, through)
        return self

    def is_linked_with(self, id: str, link: int, through: int = 0, incarnation: int = 1) -> None:
        origin = f"{id}.{incarnation}"
        self.mesh.greeted(0.0, link, hello(id, incarnation))
        self.mesh.position(link, p.ServerPosition(origin, self.holdings.position(origin) or 0, through))

    def hears(self, link: int, linked: tuple[str, ...] = (), serves: bool = True, **lost: tuple[int, int]) -> "Server":
        held = {f"{id}.1": p.Held(*range) for id, range in lost.items()}
        self.mesh.told(0.0, link, p.Positions(held, [f"{id}.1" for id in linked], serves))
        return self

    def loses(self, link: int, now: float = 0.0) -> "Server":
        self.mesh.lost(now, link)
        return self

    def shows(self, id: str, count: int, first: int = 1) -> "Server":
        if (self.holdings.position(f"{id}.1") or 0) < first + count - 1:
            self.takes(id, count, first)
        self.merged.publish([numbered(id, count, first)])
        return self

    def takes(self, id: str, count: int, first: int = 1) -> "Server":
        """And does not show it yet."""
        lines = numbered(id, count, first)
        link = next((link for link, origin in self.mesh.repair.linked.items() if origin == f"{id}.1"), None)
        if id == "a":
            self.side.post(count)
        elif link is not None:
            assert self.mesh.receive(0.0, link, lines.data) == ([lines], True)
        else:
            if self.holdings.position(f"{id}.1") is None:
                self.holdings.begin(f"{id}.1", 0)
            assert self.holdings.take(lines) == lines
        return self

    def arrives(self, now: float = 0.0, last: str = "", **seen: int) -> Effects:
        """A session that has seen so much of these, and was at `last` (servers, a letter each)."""
        resume = m.Resume("net", {f"{id}.1": sequence for id, sequence in seen.items()}, [f"{id}.1" for id in last])
        return carried_out(self.arrivals.arrive(now, LINK, "tag", resume, lambda now: [OPENED]))

    def review(self, now: float) -> Effects:
        return carried_out(self.arrivals.review(now))

    def settled(self, link: int, sequence: int, request: int = LINK, now: float = 0.0) -> Effects:
        return carried_out(self.arrivals.settled(now, link, p.Settled(request, sequence)))


def carried_out(effects: Effects) -> Effects:
    """What comes of them: what is to be found out in its turn is."""
    return [one for effect in effects for one in (effect.call(0.0) if isinstance(effect, fx.Then) else [effect])]


SETTLE = fx.Send(1, p.Settle(LINK, "tag"))


# -- reading --------------------------------------------------------------------------------------------------------


def test_who_has_seen_nothing_reads_and_posts_at_once() -> None:
    server = Server()
    assert server.arrives() == [OPENED]
    assert not server.arrivals


@pytest.mark.parametrize("id", ["a", "x"])
def test_what_the_cursor_covers_has_to_be_shown_first(id: str) -> None:
    """Else it would come twice."""
    server = Server().is_linked(1).shows(id, 4)
    assert server.arrives(last="", **{id: 5}) == [HELD]
    assert server.arrivals
    server.takes(id, 1, 5)
    assert server.review(0.1) == []
    server.shows(id, 1, 5)
    assert server.review(0.2) == [OPENED, RELEASED]
    assert server.review(0.3) == []


def test_what_nobody_has_any_more_is_not_waited_for() -> None:
    server = Server().is_linked(1).shows("z", 4).hears(1, z=(1, 4))
    assert server.arrives(z=5, nobody=7) == [OPENED]


def test_what_the_others_may_still_have_is_waited_for() -> None:
    server = Server().is_linked(1).shows("z", 4).hears(1, z=(1, 5))
    assert server.arrives(z=5) == [HELD]
    server.shows("z", 1, 5)
    assert server.review(1.0) == [OPENED, RELEASED]


def test_a_cursor_that_stays_ahead_of_a_linked_server_is_refused() -> None:
    server = Server().is_linked(1).shows("x", 4)
    assert server.arrives(x=5) == [HELD]
    assert server.review(AHEAD - 0.1) == []
    refused, *rest = server.review(AHEAD)
    assert isinstance(refused, fx.Send)
    assert isinstance(refused.message, m.InvalidMessage)
    assert refused.message.reason == "cursor_ahead"
    assert fx.Close(LINK) in rest
    assert OPENED not in rest
    assert not server.arrivals


def test_what_a_linked_server_is_known_to_have_is_not_ahead_of_it() -> None:
    """Its log has only not been read that far."""
    server = Server().is_linked(1, through=5).shows("x", 4)
    assert server.arrives(x=5) == [HELD]
    assert server.review(AHEAD - 0.1) == []
    assert server.review(AHEAD) == [OPENED, RELEASED]
    server = Server().is_linked(1, through=5).shows("x", 5)
    server.arrives(x=6)
    assert fx.Close(LINK) in server.review(AHEAD)


def test_a_cursor_ahead_of_this_very_server_is_refused() -> None:
    server = Server()
    server.arrives(a=1)
    assert fx.Close(LINK) in server.review(AHEAD)


def test_a_cursor_ahead_of_one_that_is_lost_is_not() -> None:
    """It may have shown that to this session alone, and died."""
    server = Server().is_linked(1).shows("z", 4).hears(1, linked=("z",))
    server.arrives(z=5)
    assert server.review(AHEAD - 0.1) == []
    assert server.review(AHEAD) == [OPENED, RELEASED]


def test_who_has_gone_is_not_waited_for() -> None:
    server = Server()
    server.arrives(a=1)
    server.arrivals.gone(LINK)
    server.arrivals.gone(LINK)
    assert not server.arrivals
    assert server.review(AHEAD) == []


def test_who_goes_before_its_turn_comes_is_not_opened() -> None:
    """What is done for another that waited may come in between."""
    server = Server().is_linked(1)
    resume = m.Resume("net", {}, ["x.1"])
    _, *effects = server.arrivals.arrive(0.0, LINK, "tag", resume, lambda now: [OPENED])
    server.arrivals.gone(LINK)
    assert carried_out(effects) == [SETTLE]


# -- posting --------------------------------------------------------------------------------------------------------


def test_who_was_here_before_posts_at_once() -> None:
    assert Server().arrives(last="a") == [OPENED]


def test_its_last_server_is_asked_and_what_it_has_accepted_shown_first() -> None:
    server = Server().is_linked(1).shows("x", 4)
    assert server.arrives(last="x", x=4) == [HELD, OPENED, SETTLE]
    assert server.settled(1, 5) == []
    server.takes("x", 1, 5)
    assert server.review(0.1) == []
    server.shows("x", 1, 5)
    assert server.review(0.2) == [RELEASED]


def test_it_reads_meanwhile() -> None:
    server = Server().is_linked(1).shows("x", 4)
    assert OPENED in server.arrives(last="x", x=2)
    assert server.review(PATIENCE - 0.1) == []


def test_the_answer_counts_if_it_comes_from_whom_was_asked_about_this_session() -> None:
    server = Server().is_linked(1, 2)
    server.arrives(last="x")
    assert server.settled(2, 0) == []
    assert server.settled(1, 0, request=LINK + 1) == []
    assert server.settled(1, 0) == [RELEASED]


def test_its_last_server_is_asked_once_it_is_linked_and_again_on_each_new_link() -> None:
    server = Server().shows("x", 4).is_linked(2).hears(2, linked=("x",))
    assert server.arrives(last="x") == [HELD, OPENED]
    server.is_linked(1)
    assert server.review(0.1) == [SETTLE]
    assert server.review(0.2) == []
    server.loses(1)
    assert server.review(0.3) == []
    server.is_linked_with("x", 3)
    assert server.review(0.4) == [fx.Send(3, p.Settle(LINK, "tag"))]
    assert server.settled(1, 4) == []
    assert server.settled(3, 4) == [RELEASED]


def test_where_its_last_server_is_dead_all_must_hold_the_same_of_it() -> None:
    server = Server().is_linked(1, 2).shows("z", 4).hears(1, z=(1, 4))
    assert server.arrives(last="z", z=4) == [HELD, OPENED]  # it may have posted more there than is here
    server.hears(2, z=(1, 5))
    assert server.review(0.1) == []
    server.shows("z", 1, 5).hears(1, z=(1, 5))
    assert server.review(0.2) == [RELEASED]


def test_who_was_here_a_moment_ago_may_hold_more_of_it() -> None:
    server = Server().is_linked(1, 2).shows("z", 4).hears(1, z=(1, 4)).loses(2, now=1.0)
    assert server.arrives(now=1.0, last="z") == [HELD, OPENED]
    assert server.review(0.9 + SUSPICION) == []
    assert server.review(1.0 + SUSPICION) == [RELEASED]


def test_but_not_once_it_has_departed() -> None:
    server = Server().is_linked(1, 2).shows("z", 4).hears(1, z=(1, 4)).loses(2, now=1.0)
    assert server.arrives(now=1.0, last="z") == [HELD, OPENED]
    server.mesh.absent("y")
    assert server.review(1.1) == [RELEASED]


def test_who_was_restarted_is_not_waited_for() -> None:
    """As a newcomer it holds nothing yet, and has no clients that could be shown anything out of order."""
    server = Server().is_linked(1, 2).shows("x", 4).loses(1).hears(2, x=(1, 4))
    server.is_linked_with("x", 3, incarnation=2)
    server.hears(3, serves=False, linked=("y",))
    assert server.arrives(last="x", x=4) == [OPENED]


def test_one_that_serves_has_to_hold_as_much() -> None:
    server = Server().is_linked(1).shows("z", 4).hears(1, z=(1, 3))
    assert server.arrives(last="z") == [HELD, OPENED]
    server.hears(1, z=(1, 4))
    assert server.review(0.1) == [RELEASED]


def test_a_dead_servers_log_has_to_be_shown_not_only_held() -> None:
    server = Server().is_linked(1).takes("z", 4).hears(1, z=(1, 4))
    assert server.arrives(last="z") == [HELD, OPENED]
    server.merged.publish([numbered("z", 4)])
    assert server.review(0.1) == [RELEASED]


def test_all_its_last_servers_must_have_settled() -> None:
    """It has moved on before what it posted came back."""
    server = Server().is_linked(1, 2)
    effects = server.arrives(last="axy")
    assert effects == [HELD, OPENED, SETTLE, fx.Send(2, p.Settle(LINK, "tag"))]
    assert server.settled(2, 0) == []
    assert server.settled(1, 0) == [RELEASED]


@pytest.mark.parametrize("reason", ["it does not answer", "nobody can reach it"])
def test_it_posts_in_any_case_when_patience_is_at_its_end(reason: str) -> None:
    server = Server().is_linked(1)
    if reason == "nobody can reach it":
        server.loses(1).is_linked(2).hears(2, linked=("x",))
    server.arrives(last="x")
    assert RELEASED not in server.review(PATIENCE - 0.1)
    assert server.review(PATIENCE) == [RELEASED]
    assert server.settled(1, 0) == []

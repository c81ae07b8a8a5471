"""Repair: who tells what, who asks whom, what nobody can supply, and when a lost origin is settled."""

import pytest

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.origin import Origin
from oyez.core.server import holdings as holdings_module
from oyez.core.server import repair as repair_module
from oyez.core.server.holdings import Holdings
from oyez.core.server.repair import ANSWER, POLL, Missed, Repair
from oyez.log import Log
from oyez.protocol import peers as p
from oyez.protocol.messages import Message
from tests.core.lines import numbered
from tests.core.sides import reports


class Server:
    """Server "a"; others are known by their links: 1, 2, 3 are "x", "y", "w"."""

    def __init__(self) -> None:
        self.merged = Log(1_000_000)
        self.holdings = Holdings(Origin("a", 1, 1_000_000), self.merged)
        self.repair = Repair(self.holdings)
        self.holdings.begun = True

    def holds(self, id: str, through: int, first: int = 1) -> "Server":
        """Of this server's log it has this."""
        self.holdings.begin(f"{id}.1", first - 1)
        if through >= first:
            self.take(id, through - first + 1, first)
        return self

    def take(self, id: str, count: int, first: int) -> None:
        new = self.holdings.take(numbered(id, count, first))
        assert new is not None

    def is_linked(self, *links: int) -> "Server":
        for link in links:
            id = "?xyw"[link]
            self.holdings.begin(f"{id}.1", 0)
            self.repair.joined(link, f"{id}.1")
        return self

    def hears(self, link: int, now: float = 0.0, linked: tuple[str, ...] = (), **lost: tuple[int, int]) -> Effects:
        """That server says what it holds of lost ones, and which it has a link with."""
        return self.told(link, now, linked, **lost)[0]

    def misses(self, link: int, **lost: tuple[int, int]) -> Missed:
        return self.told(link, 0.0, (), **lost)[1]

    def told(self, link: int, now: float, linked: tuple[str, ...], **lost: tuple[int, int]) -> tuple[Effects, Missed]:
        held = {f"{id}.1": p.Held(*range) for id, range in lost.items()}
        return self.repair.positions(now, link, p.Positions(held, [f"{id}.1" for id in linked]))


def said(effects: Effects, kind: type[Message]) -> list[tuple[int, Message]]:
    return [
        (effect.link, effect.message)
        for effect in effects
        if isinstance(effect, fx.Send) and type(effect.message) is kind
    ]


def asked(effects: Effects) -> list[tuple[int, str, int]]:
    """Whom, for which server's log, behind what."""
    return [
        (link, message.origin.removesuffix(".1"), message.after)
        for link, message in said(effects, p.RequestActivities)
        if isinstance(message, p.RequestActivities)
    ]


# -- telling --------------------------------------------------------------------------------------------------------


def test_who_is_new_is_told_how_things_stand() -> None:
    server = Server().holds("z", 5)
    server.holdings.begin("x.1", 0)
    told = said(server.repair.joined(1, "x.1"), p.Positions)
    assert told == [(1, p.Positions({"z.1": p.Held(1, 5)}, ["x.1"]))]


def test_everybody_is_told_when_a_server_comes_or_goes() -> None:
    server = Server().is_linked(1)
    server.holdings.begin("y.1", 0)
    everybody = [(1, p.Positions({}, ["x.1", "y.1"])), (2, p.Positions({}, ["x.1", "y.1"]))]
    assert said(server.repair.joined(2, "y.1"), p.Positions) == everybody
    server.take("y", 3, 1)
    assert said(server.repair.left(2), p.Positions) == [(1, p.Positions({"y.1": p.Held(1, 3)}, ["x.1"]))]


def test_who_begins_to_serve_says_so() -> None:
    server = Server().is_linked(1)
    server.holdings.begun = False
    assert said(server.repair.tell(), p.Positions) == [(1, p.Positions({}, ["x.1"], serves=False))]
    server.holdings.begun = True
    assert said(server.repair.tell(), p.Positions) == [(1, p.Positions({}, ["x.1"]))]


def test_nobody_is_told_twice() -> None:
    server = Server().is_linked(1)
    assert server.repair.tell() == []
    server.holds("z", 5)
    assert len(server.repair.tell()) == 1
    assert server.repair.tell() == []


# -- asking ---------------------------------------------------------------------------------------------------------


def test_who_holds_less_asks_who_holds_more() -> None:
    server = Server().holds("z", 5).is_linked(1)
    assert asked(server.hears(1, z=(1, 8))) == [(1, "z", 5)]


@pytest.mark.parametrize("held", [(1, 5), (1, 4), (6, 5), (7, 8), (1, 0)])
def test_who_has_nothing_to_give_is_not_asked(held: tuple[int, int]) -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    server.hears(2, z=(1, 8))  # so that nothing is passed over, and this one is asked
    assert asked(server.hears(1, z=held)) == []


def test_a_server_that_is_linked_needs_no_repair() -> None:
    server = Server().is_linked(1, 2)
    assert asked(server.hears(1, y=(1, 8))) == []


def test_the_others_are_asked_once_it_is_lost() -> None:
    """Whoever noticed first has said so before."""
    server = Server().is_linked(1, 2)
    server.take("y", 5, 1)
    server.hears(1, y=(1, 8))
    server.repair.left(2)
    assert asked(server.repair.ask(0.0)) == [(1, "y", 5)]


def test_one_is_asked_at_a_time() -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    assert asked(server.hears(1, z=(1, 8))) == [(1, "z", 5)]
    assert asked(server.hears(2, z=(1, 9))) == []


def test_an_answer_that_brings_a_part_leads_to_the_next_question() -> None:
    server = Server().holds("z", 5).is_linked(1)
    server.hears(1, z=(1, 8))
    server.take("z", 2, 6)
    effects = server.repair.supplied(0.1, p.ActivitiesSupplied("z.1", 7, 8))
    assert asked(effects) == [(1, "z", 7)]
    assert reports(effects, "repaired") == [{"origin": "z.1", "through": 7}]
    assert said(effects, p.Positions) == [(1, p.Positions({"z.1": p.Held(1, 7)}, ["x.1"]))]
    server.take("z", 1, 8)
    assert asked(server.repair.supplied(0.2, p.ActivitiesSupplied("z.1", 8, 8))) == []


def test_who_does_not_answer_is_asked_again_and_so_may_another_be() -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    server.hears(1, z=(1, 8))
    server.hears(2, z=(1, 8))
    assert asked(server.repair.ask(ANSWER - 0.1)) == []
    assert len(asked(server.repair.ask(ANSWER))) == 1


def test_who_is_lost_while_asked_is_asked_no_more_but_another_is() -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    server.hears(1, z=(1, 8))
    server.hears(2, z=(1, 8))
    server.repair.left(1)
    assert asked(server.repair.ask(0.1)) == [(2, "z", 5)]


def test_a_newcomer_asks_for_everything() -> None:
    server = Server().is_linked(1)
    server.holdings.begun = False
    effects, missed = server.told(1, 0.0, (), u=(1, 3), v=(5, 9))
    assert asked(effects) == [(1, "u", 0), (1, "v", 4)]
    assert missed == []
    assert server.merged.gaps({}) == [("v.1", 1, 4)]


def test_one_server_is_asked_for_a_few_at_once() -> None:
    server = Server().is_linked(1)
    names = [chr(ord("b") + index) for index in range(repair_module.PIECES + 2)]
    assert len(asked(server.hears(1, **dict.fromkeys(names, (1, 3))))) == repair_module.PIECES  # type: ignore[arg-type]
    server.take(names[0], 3, 1)
    effects = server.repair.supplied(0.1, p.ActivitiesSupplied(f"{names[0]}.1", 3, 3))
    assert asked(effects) == [(1, names[repair_module.PIECES], 0)]


def test_who_does_not_answer_is_not_asked_for_more_before_its_time() -> None:
    """A server that stands still is not to find a heap of questions."""
    server = Server().is_linked(1)
    names = [chr(ord("b") + index) for index in range(repair_module.PIECES + 2)]
    first = asked(server.hears(1, **dict.fromkeys(names, (1, 3))))  # type: ignore[arg-type]
    assert asked(server.repair.ask(ANSWER - 0.1)) == []
    again = asked(server.repair.ask(ANSWER))
    assert len(again) == len(first) == repair_module.PIECES


# -- what this server alone has lost ----------------------------------------------------------------------------------


def cut_off() -> Server:
    """From "y", with which "x" is linked."""
    server = Server().is_linked(1, 2)
    server.take("y", 3, 1)
    server.repair.left(2)
    return server


def test_who_is_linked_with_what_is_lost_here_is_asked_now_and_then() -> None:
    server = cut_off()
    assert asked(server.hears(1, linked=("a", "y"))) == [(1, "y", 3)]
    server.take("y", 1, 4)
    assert asked(server.repair.supplied(0.1, p.ActivitiesSupplied("y.1", 4, 4))) == []
    assert asked(server.repair.ask(POLL)) == []
    assert asked(server.repair.ask(POLL + 0.1)) == [(1, "y", 4)]
    assert asked(server.repair.supplied(POLL + 0.2, p.ActivitiesSupplied("y.1", 4, 4))) == []
    assert asked(server.repair.ask(2 * POLL + 0.2)) == [(1, "y", 4)]


def test_where_there_is_more_it_is_asked_for_at_once() -> None:
    server = cut_off()
    server.hears(1, linked=("a", "y"))
    server.take("y", 1, 4)
    assert asked(server.repair.supplied(0.1, p.ActivitiesSupplied("y.1", 4, 9))) == [(1, "y", 4)]


def test_of_several_that_are_linked_with_it_one_is_asked() -> None:
    server = cut_off().is_linked(3)
    assert asked(server.hears(1, linked=("a", "y"))) == [(1, "y", 3)]
    assert asked(server.hears(3, linked=("a", "y"))) == []
    server.repair.left(1)
    assert asked(server.repair.ask(0.1)) == [(3, "y", 3)]


@pytest.mark.parametrize("id", ["a", "u", "y"])
def test_nobody_is_asked_for_the_own_log_or_an_unknown_one_or_that_of_one_that_is_linked(id: str) -> None:
    server = Server().is_linked(1, 2)
    assert asked(server.hears(1, linked=(id,))) == []
    assert asked(server.repair.ask(POLL)) == []


def test_once_it_is_linked_again_nobody_else_is_asked() -> None:
    server = cut_off()
    server.hears(1, linked=("a", "y"))
    server.repair.supplied(0.1, p.ActivitiesSupplied("y.1", 3, 3))
    server.is_linked(2)
    assert asked(server.repair.ask(10.0)) == []


def test_a_link_that_breaks_leads_to_new_questions_at_once() -> None:
    server = cut_off().is_linked(3)
    server.hears(1, linked=("a", "y"))
    server.repair.supplied(0.1, p.ActivitiesSupplied("y.1", 3, 3))
    server.hears(3, now=0.2, linked=("a", "y"))
    server.repair.left(1)
    assert asked(server.repair.ask(0.3)) == [(3, "y", 3)]


# -- answering ------------------------------------------------------------------------------------------------------


def test_who_is_asked_gives_the_lines_and_says_how_far_they_go() -> None:
    server = Server().holds("z", 5).is_linked(1)
    effects = server.repair.requested(1, p.RequestActivities("z.1", 3))
    assert effects == [
        fx.Relay(1, numbered("z", 2, first=4).data),
        fx.Send(1, p.ActivitiesSupplied("z.1", 5, 5)),
    ]


@pytest.mark.parametrize(("origin", "after", "held"), [("z.1", 5, 5), ("z.1", 99, 5), ("nobody.1", 0, 0)])
def test_who_has_nothing_says_so(origin: str, after: int, held: int) -> None:
    server = Server().holds("z", 5).is_linked(1)
    effects = server.repair.requested(1, p.RequestActivities(origin, after))
    assert effects == [fx.Send(1, p.ActivitiesSupplied(origin, after, held))]


# -- what nobody can supply -----------------------------------------------------------------------------------------


def test_what_nobody_has_is_passed_over_and_told() -> None:
    server = Server().holds("z", 5).is_linked(1)
    effects, missed = server.told(1, 0.0, (), z=(8, 10))
    assert missed == [("z.1", 6, 7)]
    assert asked(effects) == [(1, "z", 7)]


def test_what_another_has_is_not_passed_over() -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    server.hears(1, z=(4, 7))
    assert server.misses(2, z=(8, 10)) == []
    assert server.repair.position("z.1") == 5


def test_what_somebody_who_has_not_told_yet_may_have_is_not_passed_over() -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    assert server.misses(1, z=(8, 10)) == []
    assert server.repair.position("z.1") == 5
    assert server.misses(2, z=(7, 10)) == [("z.1", 6, 6)]


def test_what_its_server_itself_may_give_is_not_passed_over() -> None:
    """It is there, and somebody has a link with it."""
    server = Server().holds("z", 5).is_linked(1, 2)
    server.hears(1, linked=("z",))
    assert server.misses(2, z=(8, 10)) == []
    assert server.misses(1, z=(8, 10)) == [("z.1", 6, 7)]


def test_of_a_server_that_is_linked_nothing_is_passed_over() -> None:
    server = Server().is_linked(1, 2)
    assert server.misses(1, y=(8, 10)) == []
    assert server.repair.position("y.1") == 0


# -- settled --------------------------------------------------------------------------------------------------------


def test_a_lost_origin_is_settled_once_all_say_that_they_hold_the_same() -> None:
    server = Server().holds("z", 5).is_linked(1, 2)
    assert not server.repair.settled("z.1")
    server.hears(1, z=(1, 5))
    assert not server.repair.settled("z.1")
    server.hears(2, z=(3, 5))
    assert server.repair.settled("z.1")
    server.hears(2, z=(3, 6))
    assert not server.repair.settled("z.1")


def test_it_is_not_while_somebody_is_linked_with_it() -> None:
    """It may go on posting there."""
    server = Server().holds("z", 5).is_linked(1)
    server.hears(1, linked=("z",))
    assert not server.repair.settled("z.1")


def test_alone_everything_is_settled() -> None:
    server = Server().holds("z", 5)
    assert server.repair.settled("z.1")
    assert server.repair.settled("nobody.1")


def test_of_whom_nobody_knows_anything_there_is_nothing_to_settle() -> None:
    server = Server().is_linked(1)
    assert not server.repair.settled("nobody.1")
    server.hears(1)
    assert server.repair.settled("nobody.1")


def test_what_is_not_settled_must_not_be_forgotten() -> None:
    server = Server().holds("z", 5).holds("v", 1).is_linked(1, 2)
    server.hears(1, z=(1, 5), v=(1, 1))
    assert server.repair.unsettled == {"z.1", "v.1"}
    server.hears(2, z=(1, 3), v=(1, 1))
    assert server.repair.unsettled == {"z.1"}
    server.hears(2, z=(1, 5), v=(1, 1))
    assert server.repair.unsettled == set()
    assert server.repair.lost == ["z.1", "v.1"]


def test_a_server_that_is_lost_again_is_not_settled_by_what_was_said_before() -> None:
    server = Server().is_linked(1, 2)
    server.hears(1, linked=("y",))
    server.repair.left(2)
    assert server.repair.unsettled == {"y.1"}
    server.hears(1, y=(1, 0))
    assert server.repair.unsettled == set()


def test_one_that_is_joining_need_not_hold_as_much_for_a_session_to_go_on() -> None:
    """It has no clients that could see anything out of order; but it still needs what is held here."""
    server = Server().holds("z", 5).is_linked(1)
    server.repair.positions(0.0, 1, p.Positions({}, [], serves=False))
    assert server.repair.settled("z.1", joining=False)
    assert not server.repair.settled("z.1")
    assert server.repair.unsettled == {"z.1"}
    server.repair.positions(0.0, 1, p.Positions({}, ["z.1"], serves=False))
    assert not server.repair.settled("z.1", joining=False)  # it may bring more


def test_what_is_past_is_settled_whatever_the_others_remember() -> None:
    server = Server().is_linked(1)
    for number in range(1, holdings_module.REMEMBERED + 2):
        server.holdings.begin(f"z.{number}", 0)
    server.hears(1, z=(1, 5))
    assert not server.repair.settled("z.1")
    server.holdings.begun = True
    assert server.holdings.prune([origin for origin in server.holdings.origins if origin != "x.1"]) == ["z.1"]
    assert server.repair.settled("z.1")
    assert server.repair.complete
    assert asked(server.repair.ask(10.0)) == []
    server.repair.tell()
    assert server.told(1, 10.0, (), z=(1, 5)) == ([], [])
    assert server.holdings.position("z.1") is None


def test_what_may_still_come_is_not_to_spare() -> None:
    server = Server().holds("z", 5).holds("v", 1).is_linked(1)
    server.hears(1, z=(1, 8), v=(1, 1))
    assert server.repair.spare == ["v.1"]
    server.take("z", 3, 6)
    assert server.repair.spare == ["z.1", "v.1"]


# -- complete -------------------------------------------------------------------------------------------------------


def test_a_newcomer_is_complete_once_it_has_what_all_have_said_they_hold() -> None:
    server = Server().is_linked(1, 2)
    assert not server.repair.complete
    server.hears(1, z=(1, 3))
    server.hears(2)
    assert not server.repair.complete
    server.take("z", 3, 1)
    assert server.repair.complete


def test_it_need_not_wait_for_the_log_of_one_that_it_is_linked_with() -> None:
    server = Server().is_linked(1, 2)
    server.hears(1, y=(1, 30))
    server.hears(2)
    assert server.repair.complete


def test_alone_a_server_is_complete() -> None:
    assert Server().repair.complete


# -- three copies ---------------------------------------------------------------------------------------------------


def test_how_far_enough_of_the_survivors_hold_a_lost_origin() -> None:
    server = Server().holds("z", 5).is_linked(1, 2, 3)
    server.hears(1, z=(1, 4))
    server.hears(2, z=(1, 2))
    server.hears(3, linked=("z",))
    assert [server.repair.enough("z.1", copies) for copies in (1, 2, 3, 4, 9)] == [None, 4, 2, 0, 0]


def test_who_leaves_knows_whether_the_others_hold_what_it_holds_of_lost_origins() -> None:
    server = Server().is_linked(1, 2).holds("z", 3)
    assert not server.repair.entrusted  # neither has said anything
    server.hears(1, z=(1, 3))
    server.hears(2, z=(1, 2))
    assert not server.repair.entrusted
    server.hears(2, linked=("z",))
    assert server.repair.entrusted  # it gets it from there
    server.hears(2, z=(1, 3))
    assert server.repair.entrusted

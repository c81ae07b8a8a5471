"""Broadcast: from accepted to shown; each origin in order, each post once, what is too old forgotten."""

from oyez.core.origin import Origin
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.sessions import Session
from oyez.log import Chunk
from tests.core.lines import BOB, EVE, numbered, posted, shown

MEMBERS = b',"n":1}'


class Server:
    """Server "a" and what its clients have been shown."""

    def __init__(self, copies: int = 2, age: float | None = None) -> None:
        self.broadcast = Broadcast(Origin("a", 1, 100_000), 100_000, age, copies)
        self.broadcast.begin()
        self.broadcast.holdings.begin("z.1", 0)
        self.seen = b""
        self.broadcast.merged.cursor(0, 1, self._see).pump()

    def _see(self, data: bytes) -> int:
        self.seen += data
        return len(data)

    def post(self, session: Session = BOB, number: int | None = None) -> bool:
        return self.broadcast.accept(session, number, MEMBERS)

    def turn(self, *held: int) -> None:
        """A turn ends; so far do others hold the own log."""
        self.broadcast.write()
        self.broadcast.show(self.broadcast.copies.release(list(held), 0))

    def brings(self, chunk: Chunk) -> bool:
        new = self.broadcast.holdings.take(chunk)
        assert new is not None
        return self.broadcast.take([new])

    @property
    def ids(self) -> list[str]:
        """What was shown, in order."""
        return [line.split(b'"')[7].decode() for line in self.seen.splitlines()]


def test_the_first_of_a_turn_is_told() -> None:
    server = Server()
    assert [server.post(), server.post()] == [True, False]
    server.turn()
    assert server.post()
    assert [server.brings(numbered("z", 1)), server.brings(numbered("z", 1, 2))] == [True, False]


def test_what_is_accepted_goes_to_the_others_first_and_is_shown_when_they_hold_it() -> None:
    server = Server()
    server.post()
    server.turn(0)
    assert (server.broadcast.origin.log.last, server.ids, server.broadcast.lag) == (1, [], 1)
    server.turn(1)
    assert (server.ids, server.broadcast.lag) == (["a.1-1"], 0)
    server.turn(1)
    assert server.ids == ["a.1-1"]


def test_others_activities_do_not_wait_for_own_ones() -> None:
    server = Server()
    server.post()
    server.turn(0)
    server.brings(numbered("z", 2))
    server.turn(0)
    assert server.ids == ["z.1-1", "z.1-2"]


def test_others_activities_wait_where_they_are_withheld() -> None:
    server = Server(copies=3)
    server.broadcast.withheld.begin("z.1")
    server.brings(numbered("z", 2))
    server.turn()
    assert server.ids == []
    assert server.broadcast.merged.positions.get("z.1", 0) == 0
    server.broadcast.withheld.allow("z.1", 1)
    server.turn()
    assert server.ids == ["z.1-1"]
    assert server.broadcast.merged.positions["z.1"] == 1


def test_what_is_gathered_is_shown_in_the_order_of_the_sessions() -> None:
    server = Server()
    server.broadcast.holdings.begin("y.1", 0)
    assert not server.broadcast.gathering
    server.broadcast.gather()
    assert server.broadcast.gathering
    server.brings(posted(Origin("y", 1, 1000), (BOB, 2)))
    server.turn()
    server.post()
    server.turn(1)
    server.broadcast.gather()  # twice loses nothing
    server.brings(posted(Origin("z", 1, 1000), (BOB, 1)))
    server.turn()
    assert server.ids == ["a.1-1"]  # the own ones do not wait for that
    server.broadcast.begin()
    assert not server.broadcast.gathering
    assert server.ids == ["a.1-1", "z.1-1", "y.1-1"]


def test_what_has_come_in_this_very_turn_is_gathered_with_the_rest() -> None:
    server = Server()
    server.broadcast.holdings.begin("y.1", 0)
    server.broadcast.gather()
    server.brings(posted(Origin("y", 1, 1000), (BOB, 2)))
    server.turn()
    server.brings(posted(Origin("z", 1, 1000), (BOB, 1)))
    server.broadcast.begin()
    assert server.ids == ["z.1-1", "y.1-1"]
    server.turn()
    assert len(server.ids) == 2


def test_what_was_withheld_until_then_is_gathered_with_the_rest() -> None:
    server = Server(copies=3)
    server.broadcast.holdings.begin("y.1", 0)
    server.broadcast.withheld.begin("z.1")
    server.broadcast.gather()
    server.brings(posted(Origin("y", 1, 1000), (BOB, 2)))
    server.brings(posted(Origin("z", 1, 1000), (BOB, 1)))
    server.turn()
    server.broadcast.withheld.allow("z.1", 1)
    server.broadcast.begin()
    assert server.ids == ["z.1-1", "y.1-1"]


def test_what_came_before_a_gap_is_shown_before_it_is_told() -> None:
    for state in ("in this turn", "gathered", "withheld"):
        server = Server(copies=3)
        if state == "gathered":
            server.broadcast.gather()
        if state == "withheld":
            server.broadcast.withheld.begin("z.1")
        server.brings(numbered("z", 2))
        if state != "in this turn":
            server.turn()
        assert server.ids == []
        assert server.broadcast.holdings.begin("z.1", 5) == (3, 5)
        assert server.ids == ["z.1-1", "z.1-2"], state
        assert server.broadcast.merged.positions["z.1"] == 5
        server.broadcast.withheld.allow("z.1", 6)
        server.brings(numbered("z", 1, 6))
        if state == "gathered":
            server.broadcast.begin()
        server.turn()
        assert server.ids == ["z.1-1", "z.1-2", "z.1-6"], state


def test_no_more_is_gathered_than_is_retained() -> None:
    server = Server()
    server.broadcast.merged.retention = 3 * len(numbered("z", 1).data)
    server.broadcast.gather()
    for sequence in range(1, 10):
        server.brings(numbered("z", 1, sequence))
        server.turn()
    assert server.broadcast.gathering
    assert len(server.ids) == 8  # four at a time
    server.broadcast.begin()
    assert len(server.ids) == 9


def test_a_repeated_post_is_not_accepted() -> None:
    server = Server()
    assert server.post(BOB, 1)
    assert not server.post(BOB, 1)
    server.post(EVE, 1)
    server.turn()
    assert server.ids == ["a.1-1", "a.1-2"]
    assert server.broadcast.origin.sequence == 2


def test_posts_without_a_number_are_accepted_as_often_as_they_come() -> None:
    server = Server()
    server.post()
    server.post()
    server.turn()
    assert len(server.ids) == 2


def test_a_post_that_was_shown_is_left_out_where_another_log_repeats_it_but_counts_as_shown() -> None:
    server = Server()
    server.post(BOB, 1)
    server.turn()
    server.brings(posted(Origin("z", 1, 1000), (EVE, 5), (BOB, 1)))
    server.turn()
    assert server.ids == ["a.1-1", "z.1-1"]
    assert server.broadcast.merged.positions == {"a.1": 1, "z.1": 2}
    assert server.broadcast.holdings.position("z.1") == 2  # others may lack it


def test_a_post_that_waits_here_is_shown_once_if_another_log_brings_it_first() -> None:
    server = Server()
    server.post(BOB, 1)
    server.post(BOB, 2)
    server.turn(0)
    there = posted(Origin("z", 1, 1000), (BOB, 1))
    server.brings(there)
    server.turn(0)
    assert server.ids == ["z.1-1"]
    server.turn(2)
    assert server.ids == ["z.1-1", "a.1-2"]
    assert server.broadcast.merged.positions == {"a.1": 2, "z.1": 1}


def test_also_if_both_are_due_in_one_turn() -> None:
    server = Server()
    server.post(BOB, 1)
    server.turn(0)
    server.brings(posted(Origin("z", 1, 1000), (BOB, 1)))
    server.turn(1)
    assert server.ids == ["z.1-1"]


def test_who_resumes_is_not_given_what_was_left_out() -> None:
    server = Server()
    server.post(BOB, 1)
    server.turn()
    server.brings(posted(Origin("z", 1, 1000), (BOB, 1), (EVE, 1)))
    server.turn()
    before = len(server.seen)
    server.broadcast.merged.resume({"a.1": 1, "z.1": 0}, 2, server._see).pump()
    assert server.seen[before:].count(b"\n") == 1
    assert server.ids[-1] == "z.1-2"


def test_what_is_older_than_the_age_is_forgotten() -> None:
    server = Server(age=10.0)
    for now in range(30):
        server.post()
        server.turn()
        server.broadcast.tick(float(now))
    merged = server.broadcast.merged
    assert merged.first == 21  # the 20th was the last of its second
    assert server.broadcast.origin.log.first == merged.first
    assert merged.gaps({"a.1": 3}) == [("a.1", 4, merged.first - 1)]


def test_without_an_age_nothing_is_too_old() -> None:
    server = Server()
    server.post()
    server.turn()
    for now in range(0, 10_000_000, 1_000_000):
        server.broadcast.tick(float(now))
    assert server.broadcast.merged.first == 1
    assert shown([numbered("a", 1)]) == [1]

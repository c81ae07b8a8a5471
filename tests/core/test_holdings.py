"""Holdings: of every origin a run without a hole or a repetition, forgotten with the merged log, unless it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oyez.core.origin import Origin
from oyez.core.server import holdings as holdings_module
from oyez.core.server.holdings import Holdings
from oyez.log import Chunk, Log
from oyez.protocol.peers import Held
from tests.core.lines import numbered

LINE = len(numbered("z", 1).data)


class Holder:
    """A server "a" that shows at once all it takes; `retained` is how many lines its merged log holds."""

    def __init__(self, retained: int = 100) -> None:
        self.own = Origin("a", 1, 1000)
        self.merged = Log(retained * LINE)
        self.holdings = Holdings(self.own, self.merged)

    def take(self, chunk: Chunk) -> Chunk | None:
        new = self.holdings.take(chunk)
        if new is not None and new.count:
            self.merged.publish([new])
        return new

    def took(self, id: str, *counts: int) -> None:
        """From the beginning of this server's log on, so many at a time."""
        self.holdings.begin(f"{id}.1", 0)
        first = 1
        for count in counts:
            self.take(numbered(id, count, first))
            first += count

    def fills(self, lines: int) -> None:
        """So many lines of a server that nobody asks about."""
        if self.holdings.position("f.1") is None:
            self.holdings.begin("f.1", 0)
        for _ in range(lines):
            self.take(numbered("f", 1, (self.holdings.position("f.1") or 0) + 1))


@pytest.fixture
def holder() -> Holder:
    return Holder()


def begins_with(holder: Holder, *origins: str) -> None:
    """Nothing is held of these but how far they came."""
    for origin in origins:
        holder.holdings.begin(origin, 3)


# -- taking ---------------------------------------------------------------------------------------------------------


def test_nothing_is_known_of_an_origin_before_it_has_begun(holder: Holder) -> None:
    assert holder.holdings.position("z.1") is None
    assert holder.take(numbered("z", 1)) is None
    assert holder.holdings.origins == []


def test_what_continues_is_taken(holder: Holder) -> None:
    holder.took("z", 2, 3)
    assert (holder.holdings.position("z.1"), holder.holdings.held("z.1")) == (5, Held(1, 5))


def test_what_is_repeated_is_dropped_and_the_rest_taken(holder: Holder) -> None:
    holder.took("z", 3)
    new = holder.take(numbered("z", 4, first=2))
    assert new is not None
    assert (new.first, new.count) == (4, 2)
    again = holder.take(numbered("z", 5))
    assert again is not None
    assert again.count == 0


def test_what_would_leave_a_hole_is_not_taken(holder: Holder) -> None:
    holder.took("z", 3)
    assert holder.take(numbered("z", 1, first=5)) is None
    assert holder.holdings.position("z.1") == 3


def test_the_own_log_counts_as_held(holder: Holder) -> None:
    assert holder.holdings.position("a.1") == 0
    holder.own.log.publish([numbered("a", 3)])
    assert holder.holdings.position("a.1") == 3
    assert holder.holdings.origins == []


# -- beginning ------------------------------------------------------------------------------------------------------


def test_beginning_where_one_is_or_before_misses_nothing(holder: Holder) -> None:
    holder.took("z", 3)
    assert [holder.holdings.begin("z.1", sequence) for sequence in (0, 2, 3)] == [None, None, None]
    assert holder.holdings.held("z.1") == Held(1, 3)


def test_beginning_later_misses_what_lies_between(holder: Holder) -> None:
    holder.took("z", 3)
    assert holder.holdings.begin("z.1", 10) == (4, 10)
    assert holder.holdings.held("z.1") == Held(11, 10)
    assert holder.merged.gaps({"z.1": 3}) == [("z.1", 4, 10)]
    holder.take(numbered("z", 2, first=11))
    assert holder.holdings.held("z.1") == Held(11, 12)


def test_what_was_missed_stays_so_when_older_lines_are_forgotten() -> None:
    holder = Holder(retained=4)
    holder.took("z", 1, 1, 1)
    holder.holdings.begin("z.1", 10)
    holder.fills(3)
    assert holder.merged.gaps({"z.1": 2}) == [("z.1", 3, 10)]


def test_a_newcomer_misses_nothing_but_knows_what_it_never_had(holder: Holder) -> None:
    assert holder.holdings.begin("z.1", 10) is None
    assert holder.merged.gaps({}) == [("z.1", 1, 10)]


# -- supplying ------------------------------------------------------------------------------------------------------


def test_what_is_behind_a_sequence_is_supplied(holder: Holder) -> None:
    holder.took("z", 2, 3)
    assert holder.holdings.after("z.1", 1) == (numbered("z", 4, first=2).data, 5)
    assert holder.holdings.after("z.1", 0) == (numbered("z", 5).data, 5)


@pytest.mark.parametrize(("origin", "sequence"), [("z.1", 5), ("z.1", 9), ("y.1", 0), ("a.1", 0)])
def test_nothing_is_supplied_where_there_is_nothing(holder: Holder, origin: str, sequence: int) -> None:
    holder.took("z", 5)
    assert holder.holdings.after(origin, sequence) == (b"", sequence)


def test_what_would_leave_a_hole_is_not_supplied() -> None:
    holder = Holder(retained=4)
    holder.took("z", *[1] * 9)
    assert holder.holdings.held("z.1") == Held(6, 9)
    assert holder.holdings.after("z.1", 4) == (b"", 4)
    assert holder.holdings.after("z.1", 5) == (numbered("z", 4, first=6).data, 9)


def test_whole_lines_are_supplied_a_bounded_piece_at_a_time(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    holder.took("z", 10)
    monkeypatch.setattr(holdings_module, "SUPPLY", 3 * LINE + 5)
    lines, through = holder.holdings.after("z.1", 2)
    assert (lines, through) == (numbered("z", 3, first=3).data, 5)


# -- forgetting -----------------------------------------------------------------------------------------------------


def test_what_the_merged_log_forgets_is_forgotten() -> None:
    holder = Holder(retained=4)
    holder.took("z", 1, 1, 1)
    holder.fills(2)
    assert holder.holdings.held("z.1") == Held(2, 3)
    holder.fills(10)
    assert holder.holdings.held("z.1") == Held(4, 3)
    assert holder.holdings.position("z.1") == 3


def test_the_own_log_is_forgotten_with_it_too_but_never_what_was_not_shown() -> None:
    holder = Holder(retained=4)
    for first in range(1, 4):
        holder.own.log.publish([numbered("a", 1, first)])
    holder.merged.publish([numbered("a", 1, 1)])
    holder.fills(10)
    assert (holder.own.log.first, holder.own.log.last) == (2, 3)


def test_nothing_of_an_origin_that_is_kept_is_forgotten() -> None:
    holder = Holder(retained=4)
    holder.took("z", 1, 1, 1)
    holder.took("y", 1)
    holder.holdings.keep({"z.1"})
    holder.fills(10)
    assert holder.holdings.held("z.1") == Held(1, 3)
    assert holder.holdings.held("y.1") == Held(2, 1)


def test_what_was_kept_is_forgotten_once_it_need_not_be() -> None:
    holder = Holder(retained=4)
    holder.took("z", 1, 1, 1)
    holder.holdings.keep({"z.1"})
    holder.fills(2)
    assert holder.holdings.held("z.1") == Held(1, 3)
    holder.holdings.keep(set())
    assert holder.holdings.held("z.1") == Held(2, 3)
    holder.fills(10)
    assert holder.holdings.held("z.1") == Held(4, 3)


def test_the_newest_origins_of_which_nothing_is_held_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings_module, "REMEMBERED", 2)
    holder = Holder(retained=2)
    begins_with(holder, "z.3", "v.5", "w.10", "x.1", "y.2")
    holder.fills(1)
    holder.holdings.begun = True
    assert holder.holdings.prune(["v.5", "w.10", "x.1", "y.2", "f.1"]) == ["x.1", "y.2"]  # as numbers, not as letters
    assert holder.holdings.origins == ["z.3", "v.5", "w.10", "f.1"]
    assert {origin for origin, _, _ in holder.merged.gaps({})} == {"z.3", "v.5", "w.10"}
    assert holder.holdings.prune(["v.5", "w.10"]) == []


def test_a_newcomer_remembers_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have asked for some of what it does not hold yet."""
    monkeypatch.setattr(holdings_module, "REMEMBERED", 1)
    holder = Holder()
    begins_with(holder, "x.1", "y.2")
    assert holder.holdings.prune(["x.1", "y.2"]) == []
    assert holder.holdings.origins == ["x.1", "y.2"]
    holder.holdings.begun = True
    assert holder.holdings.prune(["x.1", "y.2"]) == ["x.1"]


def test_what_was_dropped_and_what_is_older_is_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs to be asked about it; but what has come since, or is still known, is another matter."""
    monkeypatch.setattr(holdings_module, "REMEMBERED", 1)
    holder = Holder()
    begins_with(holder, "w.2", "x.5", "y.7")
    asked = ("u.4", "w.2", "x.5", "y.7", "v.6", "no number", "v." + "9" * 5000)
    assert [holder.holdings.is_past(origin) for origin in asked] == [False] * 7
    holder.holdings.begun = True
    holder.holdings.prune(["x.5", "y.7"])
    assert [holder.holdings.is_past(origin) for origin in asked] == [True, False, True, False, False, True, True]
    holder.holdings.begin("x.5", 0)  # it is back
    assert not holder.holdings.is_past("x.5")


# -- all together ---------------------------------------------------------------------------------------------------


@given(
    retained=st.integers(1, 8),
    runs=st.lists(st.tuples(st.sampled_from("yz"), st.integers(1, 12), st.integers(1, 4), st.booleans()), max_size=25),
)
def test_whatever_comes_what_is_held_is_a_run_that_can_be_supplied(
    retained: int, runs: list[tuple[str, int, int, bool]]
) -> None:
    holder = Holder(retained)
    for id in "yz":
        holder.holdings.begin(f"{id}.1", 0)
    taken: dict[str, list[bytes]] = {"y": [], "z": []}
    for id, first, count, keep in runs:
        holder.holdings.keep({"z.1"} if keep else set())
        new = holder.take(numbered(id, count, first))
        taken[id] += new.lines if new is not None else []
    for id, lines in taken.items():
        assert lines == (numbered(id, len(lines)).lines if lines else [])
        held = holder.holdings.held(f"{id}.1")
        assert held.last == len(lines)
        assert holder.holdings.after(f"{id}.1", held.first - 1)[0] == b"".join(lines[held.first - 1 :])

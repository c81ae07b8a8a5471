"""Starting again: one central, or several, or the servers; what was promised and what was acknowledged is still so."""

import pytest

from oyez.protocol import nodes as n
from tests.core.centrals import CLUSTER
from tests.core.council import Council, founded


@pytest.fixture
def council() -> Council:
    """Main m, backup b in sync, three servers."""
    return founded("b", "stu")


def test_a_single_central_always_starts_in_a_new_term() -> None:
    council = founded("", "s")
    assert council.registers("m", "mia")
    for term in (2, 3):
        council.kill("m")
        council.central("m")
        assert council.mains() == ["m"]
        assert council.members["m"].term == term
    council.until(lambda: council.serving("m", "s"))
    assert council.has_given("m", "mia")


def test_after_a_power_cut_all_centrals_together_start_again(council: Council) -> None:
    council.registers("m", "mia")
    council.kill(*"mbstu")
    for server in "stu":
        council.server(server)
    council.central("b")
    council.run(5.0)
    assert council.mains() == []  # m may have acknowledged what b does not have
    council.central("m")
    council.until(lambda: council.mains())
    (main,) = council.mains()
    council.until(lambda: council.serving(main, "stu") and council.in_sync(main) == {"m", "b"})
    assert "mia" in council.members[main].central.directory.users
    assert council.registers(main, "max")


def test_all_servers_may_be_restarted_at_once(council: Council) -> None:
    council.kill(*"stu")
    for server in "stu":
        council.server(server)
    council.until(lambda: council.serving("m", "stu"))
    council.run(1.0)
    assert council.registers("m", "mia")
    assert council.mains() == ["m"]
    council.kill("m")  # the new ones have the say now
    council.until(lambda: council.mains() == ["b"])


def test_a_central_that_restarts_finds_the_main_that_was_made_meanwhile(council: Council) -> None:
    council.kill("m")
    council.until(lambda: council.mains() == ["b"])
    council.registers("b", "mia")
    council.central("m")
    council.until(lambda: council.in_sync("b") == {"m", "b"})
    assert council.mains() == ["b"]
    assert "mia" in council.members["m"].central.directory.users


def test_a_vote_is_remembered_through_a_restart(council: Council) -> None:
    council.kill(*"mstu")
    configuration = council.members["b"].central.office.voter.configuration
    assert configuration is not None
    talk = council.asks("b", n.BackupAuthenticate(CLUSTER, "c-m", "central", 3780))
    talk.hears()
    talk.says(n.RequestVote(9, "c-m", configuration))
    assert [vote.granted for vote in talk.hears() if isinstance(vote, n.Vote)] == [True]
    council.kill("b")
    council.central("b")
    assert council.members["b"].central.office.voter.state.voted_for == "c-m"
    talk = council.asks("b", n.BackupAuthenticate(CLUSTER, "c-x", "central", 3785))
    talk.says(n.RequestVote(9, "c-b", configuration))
    assert [vote.granted for vote in talk.hears() if isinstance(vote, n.Vote)] == [False]


def test_a_backup_waits_for_its_first_main() -> None:
    council = Council()
    council.central("b", "m")
    council.run(3.0)
    assert council.mains() == []
    assert council.status("b").role == "backup"
    council.central("m")
    council.until(lambda: council.in_sync("m") == {"m", "b"})


def succeeded_twice(council: Council) -> None:
    """b reigned after m, and c, which m has never heard of, after b."""
    council.until(lambda: council.mains()[-1:] == ["b"])
    council.central("c", "b")
    council.until(lambda: council.in_sync("b") == {"b", "c"})
    council.run(5.0)  # a server that is gone has a say no more
    council.kill("b")
    council.until(lambda: council.mains()[-1:] == ["c"])


def test_a_central_that_knows_only_the_dead_is_told_where_the_main_is(council: Council) -> None:
    """Seed 3012624: it waited for ever, and its vote, and a server that knew no other central, with it."""
    council.kill("m", "u")
    succeeded_twice(council)
    council.central("m")
    council.server("u")
    council.until(lambda: council.in_sync("c") == {"m", "c"} and council.serving("c", "stu"))
    assert council.mains() == ["c"]


def test_a_main_that_knows_only_the_dead_is_told_that_it_has_been_replaced(council: Council) -> None:
    council.cut("m", "bcstu")
    succeeded_twice(council)
    assert council.mains() == ["m", "c"]
    council.heal()
    council.until(lambda: council.mains() == ["c"] and council.in_sync("c") == {"m", "c"})

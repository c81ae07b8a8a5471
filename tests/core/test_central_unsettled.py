"""Registrations whose answer was lost, through starts and changes of main: repeatable by who knows the secret."""

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.accounts import OPEN
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.centrals import CLUSTER, Centre
from tests.core.council import Council, founded
from tests.core.nodes import Talk


@pytest.fixture
def council() -> Council:
    """Main m, backup b in sync, three servers."""
    return founded("b", "stu")


def names(talk: Talk) -> list[str]:
    """What was answered: reasons, where it is refused."""
    return [one.reason if isinstance(one, m.Refusal) else type(one).__name__ for one in talk.hears()]


def leaves_before_the_answer(council: Council, name: str) -> None:
    """Somebody registers at m, and is gone when it is committed."""
    main = council.members["m"]
    main.stops("hashing")
    talk = council.asks("m", m.Register(name, f"secret of {name}"))
    talk.hangs_up()
    main.goes_on("hashing")
    council.settle()


def test_what_nobody_was_told_is_still_open_after_a_restart() -> None:
    council = founded("", "s")
    leaves_before_the_answer(council, "mia")
    council.run(2.0)  # what is acknowledged is remembered
    council.kill("m")
    main = council.central("m")
    assert set(main.central.directory.unsettled) == {"mia"}
    assert council.has_given("m", "mia")
    assert council.registers("m", "mia")
    assert council.has_given("m", "mia")


def test_what_was_told_is_not() -> None:
    council = founded("", "s")
    assert council.registers("m", "mia")
    council.run(2.0)
    council.kill("m")
    main = council.central("m")
    assert main.central.directory.unsettled == {}
    assert not council.registers("m", "mia")


def test_a_later_one_that_was_told_of_does_not_settle_the_first(council: Council) -> None:
    """What is known to be acknowledged is a place in the log: it stays before the first that is open."""
    leaves_before_the_answer(council, "mia")
    assert council.registers("m", "max")
    council.run(1.0)
    council.asks("m", m.Login("anonymous"))  # backups hear of it with the loads
    council.run(1.0)
    backup = council.members["b"].central
    assert backup.entries.committed == backup.directory.unsettled["mia"] - 1
    assert set(backup.directory.unsettled) == {"mia", "max"}
    council.kill("m")
    council.until(lambda: council.mains() == ["b"] and council.serving("b", "stu"))
    council.run(1.0)
    assert council.registers("b", "mia")
    assert not council.registers("b", "mia")


def test_the_next_main_may_be_asked_for_what_the_last_one_could_not_tell(council: Council) -> None:
    council.run(1.0)
    leaves_before_the_answer(council, "mia")
    council.kill("m")
    council.until(lambda: council.mains() == ["b"] and council.serving("b", "stu"))
    council.run(1.0)
    assert council.has_given("b", "mia")
    assert council.registers("b", "mia")


def test_what_is_acknowledged_is_remembered_at_leisure() -> None:
    central = Centre()
    central.connect().says(m.Register("mia", "secret"))
    central.stops("disk")
    central.pass_time(timing.HEARTBEAT)
    assert [records for records, _ in central.world.disk] == [(fx.Position(1, 1, 1),)]
    central.goes_on("disk")
    central.stops("disk")
    central.pass_time(5 * timing.HEARTBEAT)
    assert central.world.disk == []


def test_a_login_at_a_main_that_is_cut_off_waits_for_a_commit_that_cannot_be(council: Council) -> None:
    """Its name may be given to somebody else, who has another main."""
    council.cut("m", "b")
    council.run(5.0)
    council.kill(*"tu")
    talk = council.asks("m", m.Register("mia", "secret of mia"))
    council.run(1.0)
    assert names(talk) == []
    council.run(4.0)
    assert names(talk) == ["unsettled"]
    login = council.asks("m", m.Login("mia", "secret of mia"))
    council.run(1.0)
    assert names(login) == []
    council.run(4.0)
    assert names(login) == ["unsettled"]
    assert login.ended


def test_what_nobody_asked_for_again_counts_as_any_other_after_a_while() -> None:
    central = Centre()
    central.stops("hashing")
    central.connect().says(m.Register("mia", "secret")).hangs_up()
    central.goes_on("hashing")
    central.pass_time(OPEN - 1.0)
    assert central.role.entries.acknowledged == 0
    central.pass_time(2.0)
    assert central.role.entries.acknowledged == 1
    assert names(central.connect().says(m.Register("mia", "secret"))) == ["already_registered"]


def test_a_central_that_is_main_again_believes_no_secret_that_it_verified_before(council: Council) -> None:
    """Who is registered is another's decision in between."""
    assert council.registers("m", "mia")
    main = council.members["m"]
    for name in "bm":
        council.asks(name, n.Promote(CLUSTER))
        council.until(lambda name=name: council.mains() == [name] and council.serving(name, "stu"))  # type: ignore[misc]
        council.run(1.0)
    main.stops("hashing")
    talk = council.asks("m", m.Login("mia", "secret of mia"))
    assert names(talk) == []
    main.goes_on("hashing")
    assert names(talk) == ["LoginSuccess", "Redirect"]

"""The central when things happen at once: while secrets are hashed and records written, others come and links go."""

import pytest

from oyez.core import effects as fx
from oyez.protocol import messages as m
from tests.core.centrals import Centre
from tests.core.nodes import hash_of


@pytest.fixture
def central() -> Centre:
    centre = Centre(users="bob")
    centre.ready("a")
    return centre


def test_of_two_who_want_a_name_at_once_one_gets_it(central: Centre) -> None:
    central.stops("hashing")
    first = central.connect().says(m.Register("mia", "one"))
    second = central.connect().says(m.Register("mia", "two"))
    assert first.hears() == []
    (refusal,) = second.hears()
    assert isinstance(refusal, m.RegisterFailed)
    assert refusal.reason == "already_registered"
    central.goes_on("hashing")
    assert first.hears() == [m.RegisterSuccess("registered mia")]
    assert isinstance(central.connect().says(m.Login("mia", "two")).hears_one(), m.LoginFailed)
    assert len(central.connect().says(m.Login("mia", "one")).hears()) == 2


def test_of_two_who_want_a_name_on_one_link_one_gets_it(central: Centre) -> None:
    central.stops("hashing")
    talk = central.connect().says(m.Register("mia", "one"), m.Register("mia", "two"))
    central.goes_on("hashing")
    assert [type(message) for message in talk.hears()] == [m.RegisterSuccess, m.RegisterFailed]
    assert talk.ended


def test_a_registration_is_acknowledged_once_it_is_on_disk(central: Centre) -> None:
    central.stops("disk")
    talk = central.connect().says(m.Register("mia", "secret"))
    ((user, position),) = [records for records, _ in central.world.disk]
    assert user == fx.UserRecord("mia", hash_of("secret"), 2)
    assert position == fx.Position(2, 1, 0)  # behind the server; what is acknowledged is remembered later
    assert talk.hears() == []
    central.goes_on("disk")
    assert talk.hears() == [m.RegisterSuccess("registered mia")]


def test_while_it_is_written_the_name_is_taken(central: Centre) -> None:
    central.stops("disk")
    central.connect().says(m.Register("mia", "one"))
    assert isinstance(central.connect().says(m.Register("mia", "two")).hears_one(), m.RegisterFailed)


def test_pipelined_requests_are_answered_in_order(central: Centre) -> None:
    central.stops("disk")
    central.stops("hashing")
    talk = central.connect().says(m.Register("mia", "s"), m.Status(), m.Register("max", "s"), m.Login("max", "s"))
    central.goes_on("hashing")
    assert talk.hears() == []
    central.goes_on("disk")
    kinds = [type(message) for message in talk.hears()]
    assert kinds == [m.RegisterSuccess, m.StatusReport, m.RegisterSuccess, m.LoginSuccess, m.Redirect]


def test_a_name_stays_registered_though_its_link_went_before_the_answer(central: Centre) -> None:
    """It may be on disk already; and whoever it was knows the secret."""
    central.stops("hashing")
    talk = central.connect().says(m.Register("mia", "secret"))
    talk.hangs_up()
    central.goes_on("hashing")
    assert len(central.connect().says(m.Login("mia", "secret")).hears()) == 2


def test_nobody_is_placed_who_has_gone_while_the_secret_was_checked(central: Centre) -> None:
    """A place would be kept for a minute for somebody who will not come, and the servers fill unevenly."""
    central.stops("hashing")
    talk = central.connect().says(m.Login("bob", "secret of bob"))
    talk.hangs_up()
    central.goes_on("hashing")
    assert central.reserved() == {"a": 0}
    assert central.reported("placed") == []
    central.stops("hashing")
    central.logs_in("bob")  # what was found right is remembered


def test_many_logins_are_checked_at_once_each_for_its_own_link(central: Centre) -> None:
    central.stops("hashing")
    right = [central.connect().says(m.Login("bob", "secret of bob")) for _ in range(3)]
    wrong = [central.connect().says(m.Login("bob", f"wrong {number}")) for number in range(3)]
    central.world.hashing.reverse()
    central.goes_on("hashing")
    assert all(len(talk.hears()) == 2 for talk in right)
    assert all(isinstance(talk.hears_one(), m.LoginFailed) for talk in wrong)


def test_unknown_users_are_checked_as_long_as_known_ones(central: Centre) -> None:
    """Or the time of a refusal would tell who is registered."""
    central.stops("hashing")
    talk = central.connect().says(m.Login("nobody", "secret"))
    assert (talk.hears(), len(central.world.hashing)) == ([], 1)


def test_a_stopped_central_says_goodbye_by_closing(central: Centre) -> None:
    talk = central.connect()
    central.host.stop()
    central.settle()
    assert talk.ended

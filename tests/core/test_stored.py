"""What a central starts from: an empty store is a central that has promised nothing and knows nobody."""

from random import Random

from oyez.core.central.central import Central
from oyez.core.central.stored import Stored
from oyez.core.effects import Position, ServerRecord
from oyez.core.voter import VoterState
from oyez.protocol.nodes import CentralAddress, Configuration
from tests.core.centrals import CLUSTER, HOME, KEY

ME = CentralAddress("c-home", HOME.hostname, HOME.port)


def test_a_new_store_holds_nothing() -> None:
    stored = Stored(KEY, "c-home")
    assert stored.position == Position(0, 0, 0)
    assert stored.voter == VoterState(0, "", None)
    assert (stored.users, stored.unsettled, stored.servers) == ({}, {}, [])


def test_two_stores_share_nothing() -> None:
    one, other = Stored(KEY, "c-one"), Stored(KEY, "c-other")
    one.users["bob"] = "hash"
    one.unsettled["bob"] = 1
    one.servers.append(ServerRecord("a", "host", 4001, 1))
    assert (other.users, other.unsettled, other.servers) == ({}, {}, [])


def test_a_central_is_what_its_store_says() -> None:
    voter = VoterState(6, "c-other", Configuration(5, 2, "c-other", ("c-other",), (ME,)))
    server = ServerRecord("a", "host", 4001, 3)
    stored = Stored(KEY, "c-home", {"bob": "hash"}, {"bob": 9}, [server], Position(9, 5, 8), voter)
    central = Central(HOME, CLUSTER, stored, Random(1))
    assert central.me == ME
    assert central.directory.users == {"bob": "hash"}
    assert central.directory.unsettled == {"bob": 9}
    assert [one.record for one in central.directory.servers.values()] == [server]
    assert central.directory.open_servers() == {}
    assert central.entries.position == Position(9, 5, 8)
    assert central.office.voter.state == voter
    assert (central.office.term, central.office.is_main, central.office.eligible) == (5, False, False)

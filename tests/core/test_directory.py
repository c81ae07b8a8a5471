"""The directory: what the central knows of users and servers, and how it changes."""

import pytest

from oyez.core.central.directory import Directory, Server
from oyez.core.effects import ServerGone, ServerRecord, UserRecord
from oyez.protocol.messages import Address, Presence
from oyez.protocol.nodes import ServerAddress, ServerAnnounce

HERE = Address("host", 4001)


@pytest.fixture
def server() -> Server:
    return Server("a", HERE, incarnation=7)


def announce(load: int = 0, arrived: list[str] | None = None, accepted: int = 0, delivered: int = 0) -> ServerAnnounce:
    return ServerAnnounce("a", load, "host", 4001, arrived or [], [], accepted, delivered)


def test_a_server_that_announces_itself_may_be_given_clients(server: Server) -> None:
    assert not server.ready
    server.announced(1.0, announce(load=3))
    assert server.ready
    assert server.load == 3


def test_the_servers_own_count_is_the_truth(server: Server) -> None:
    server.announced(1.0, announce(load=3))
    server.left("bob")
    assert server.load == 2
    server.announced(2.0, announce(load=5))
    assert server.load == 5


def test_a_load_is_never_negative(server: Server) -> None:
    server.left("bob")
    assert server.load == 0


def test_sessions_by_user_follow_arrivals_and_leavings(server: Server) -> None:
    server.announced(1.0, announce(3, arrived=["bob", "eve", "bob"]))
    server.left("bob")
    assert server.sessions == {"bob": 1, "eve": 1}
    server.left("eve")
    server.left("nobody")
    assert dict(server.sessions) == {"bob": 1}


def test_rates_are_per_second_between_two_announcements(server: Server) -> None:
    server.announced(10.0, announce(accepted=100, delivered=1000))
    assert (server.accepted_rate, server.delivered_rate) == (0.0, 0.0)
    server.announced(12.0, announce(accepted=150, delivered=1001))
    assert (server.accepted_rate, server.delivered_rate) == (25.0, 0.5)


def test_announcements_of_arrivals_between_the_beats_make_no_rate(server: Server) -> None:
    server.announced(10.0, announce(accepted=100))
    server.announced(10.1, announce(load=1, accepted=200))
    assert (server.load, server.accepted_rate) == (1, 0.0)
    server.announced(11.0, announce(accepted=200))
    assert server.accepted_rate == 100.0


def test_what_operators_and_other_servers_and_the_disk_are_told(server: Server) -> None:
    server.announced(1.0, announce(load=3))
    status = server.status(reserved=2)
    assert (status.id, status.hostname, status.port, status.load, status.reserved) == ("a", "host", 4001, 3, 2)
    assert status.ready
    assert server.listing == ServerAddress("a", "host", 4001, 7)
    assert server.record == ServerRecord("a", "host", 4001, 7)


def test_servers_come_back_from_the_disk_without_being_open_yet() -> None:
    directory = Directory({"bob": "hash"}, {}, [ServerRecord("a", "host", 4001, 7)])
    assert directory.servers["a"].listing == ServerAddress("a", "host", 4001, 7)
    assert directory.open_servers() == {}
    assert directory.users == {"bob": "hash"}


def test_only_servers_that_are_ready_are_open() -> None:
    directory = Directory({}, {}, [])
    for id in "abc":
        directory.servers[id] = Server(id, HERE, 1)
    directory.servers["a"].announced(1.0, announce(load=4))
    directory.servers["c"].announced(1.0, announce(load=0))
    assert directory.open_servers() == {"a": 4, "c": 0}


def test_presence_is_sorted_by_name_then_server() -> None:
    directory = Directory({}, {}, [])
    for id, arrived in (("b", ["eve", "bob"]), ("a", ["eve", "eve"])):
        directory.servers[id] = Server(id, HERE, 1)
        directory.servers[id].announced(1.0, announce(2, arrived))
    assert directory.presence() == [Presence("bob", "b", 1), Presence("eve", "a", 2), Presence("eve", "b", 1)]


def test_entries_of_the_log_change_it() -> None:
    directory = Directory({}, {}, [])
    directory.apply(UserRecord("bob", "hash", 1))
    directory.apply(ServerRecord("a", "host", 4001, 7))
    assert directory.users == {"bob": "hash"}
    assert directory.servers["a"].origin == "a.7"
    directory.apply(ServerGone("a"))
    directory.apply(ServerGone("a"))  # a server that never was, or is gone, is gone
    assert directory.servers == {}


def test_a_server_that_moves_or_starts_again_keeps_what_is_known_of_it() -> None:
    directory = Directory({}, {}, [ServerRecord("a", "host", 4001, 7)])
    server = directory.servers["a"]
    server.load = 5
    directory.apply(ServerRecord("a", "elsewhere", 4002, 8))
    assert directory.servers["a"] is server
    assert (server.address, server.incarnation, server.load) == (Address("elsewhere", 4002), 8, 5)


def test_a_registration_is_unsettled_until_its_entry_is_known_to_be_acknowledged() -> None:
    directory = Directory({"bob": "hash"}, {}, [])
    for index, name in ((4, "eve"), (5, "mia"), (6, "max")):
        directory.apply(UserRecord(name, "hash", index))
    assert directory.unsettled == {"eve": 4, "mia": 5, "max": 6}
    directory.settled(5)
    assert directory.unsettled == {"max": 6}
    directory.settled(3)
    assert directory.unsettled == {"max": 6}


@pytest.mark.parametrize(
    ("unsettled", "committed", "acknowledged"),
    [({}, 7, 7), ({"mia": 5}, 7, 4), ({"mia": 5, "max": 3}, 7, 2), ({"mia": 8}, 7, 7), ({"mia": 1}, 1, 0)],
)
def test_what_is_acknowledged_ends_before_the_first_registration_that_is_not(
    unsettled: dict[str, int], committed: int, acknowledged: int
) -> None:
    assert Directory({}, unsettled, []).acknowledged(committed) == acknowledged

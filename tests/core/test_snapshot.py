"""The directory in parts: a bounded number on the way, all of it in the end, whatever happens meanwhile."""

import pytest

from oyez.core import effects as fx
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries, Entry, EntryRecord
from oyez.core.central.snapshot import PART, WINDOW, Incoming, Outgoing
from oyez.core.effects import Effects
from oyez.protocol import nodes as n

LINK, TERM, SIZE = 7, 5, 10


class Main:
    """A main's directory and log, and a snapshot of them; nothing is on the way but what the test takes."""

    def __init__(self, users: int, servers: str = "ab") -> None:
        self.directory = Directory({}, {}, [])
        self.entries = Entries(fx.Position(0, 0, 0))
        for id in servers:
            self.writes(fx.ServerRecord(id, "host", 4001, 1))
        for number in range(users):
            self.registers(f"user {number}")
        self.outgoing = Outgoing(self.directory, self.entries, TERM, LINK, SIZE)

    def writes(self, record: EntryRecord) -> None:
        self.entries.append(Entry(self.entries.last + 1, TERM, record))
        self.directory.apply(record)

    def registers(self, name: str) -> None:
        self.writes(fx.UserRecord(name, f"hash of {name}", self.entries.last + 1))


class Backup:
    """Takes what is sent to it."""

    def __init__(self) -> None:
        self.incoming = Incoming()
        self.parts: list[n.SynchroniseUserStore] = []
        self.loads: dict[str, int] = {}

    def takes(self, effects: Effects) -> int:
        """Returns how many parts have come."""
        parts = 0
        for effect in effects:
            assert isinstance(effect, fx.Send)
            assert effect.link == LINK
            match effect.message:
                case n.SynchroniseServerAddresses():
                    self.incoming.addresses(effect.message)
                case n.SynchroniseServerLoad(loads=loads):
                    self.loads = loads
                case n.SynchroniseUserStore():
                    parts += 1
                    self.parts.append(effect.message)
                    self.incoming.part(effect.message)
        return parts

    @property
    def replacement(self) -> fx.Replacement:
        assert self.parts[-1].last
        return self.incoming.replacement()


def transferred(main: Main) -> Backup:
    backup = Backup()
    backup.takes(main.outgoing.begin())
    while not main.outgoing.done:
        assert backup.takes(main.outgoing.next()) == 1
    return backup


@pytest.mark.parametrize("users", [0, 1, SIZE, SIZE + 1, WINDOW * SIZE, 10 * SIZE - 1, 10 * SIZE])
def test_the_backup_gets_everything_once_and_in_numbered_parts(users: int) -> None:
    main = Main(users)
    backup = transferred(main)
    assert {user.username: user.hash for user in backup.replacement.users} == main.directory.users
    assert sum(len(part.users) for part in backup.parts) == users
    assert all(len(part.users) <= SIZE for part in backup.parts)
    assert [part.part for part in backup.parts] == list(range(1, len(backup.parts) + 1))
    assert [part.last for part in backup.parts] == [False] * (len(backup.parts) - 1) + [True]
    assert {part.term for part in backup.parts} == {TERM}
    assert list(backup.replacement.servers) == [server.record for server in main.directory.servers.values()]


def test_few_parts_are_on_the_way_at_once() -> None:
    main, backup = Main(100 * SIZE), Backup()
    assert backup.takes(main.outgoing.begin()) == WINDOW
    for _ in range(20):
        assert backup.takes(main.outgoing.next()) == 1


def test_after_the_last_part_nothing_follows() -> None:
    main = Main(3)
    transferred(main)
    assert main.outgoing.done
    assert main.outgoing.next() == []


def test_a_short_directory_is_sent_once() -> None:
    main, backup = Main(3), Backup()
    assert backup.takes(main.outgoing.begin()) == 1
    assert main.outgoing.done


def test_the_last_part_says_where_the_log_is() -> None:
    main = Main(25)
    main.entries.committed, main.entries.acknowledged = 25, 20
    main.directory.settled(20)
    parts = transferred(main).parts
    assert (parts[-1].index, parts[-1].entry_term, parts[-1].committed) == (27, TERM, 20)
    unsettled = {name: index for part in parts for name, index in part.unsettled.items()}
    assert unsettled == main.directory.unsettled
    assert len(unsettled) == 7
    assert all(part.unsettled.keys() <= part.users.keys() for part in parts), "each is told with its user"
    assert main.outgoing.through == 27


def test_it_goes_through_the_entry_at_which_its_last_part_was_made() -> None:
    """What follows goes on behind it, nothing twice and nothing left out."""
    main, backup = Main(10 * SIZE), Backup()
    backup.takes(main.outgoing.begin())
    while not main.outgoing.done:
        main.registers(f"late {main.entries.last}")
        backup.takes(main.outgoing.next())
    assert main.outgoing.through == backup.parts[-1].index == main.entries.last
    main.registers("too late")
    assert main.outgoing.through == main.entries.last - 1


def test_what_is_registered_meanwhile_comes_with_the_last_part() -> None:
    main, backup = Main(10 * SIZE), Backup()
    backup.takes(main.outgoing.begin())
    number = 0
    while not main.outgoing.done:
        number += 1
        main.registers(f"late {number}")
        backup.takes(main.outgoing.next())
    main.registers("too late")  # it goes as an increment, behind the snapshot
    assert {user.username for user in backup.replacement.users} == set(main.directory.users) - {"too late"}
    assert backup.parts[-1].index == main.entries.last - 1


def test_who_changes_or_goes_meanwhile_comes_again() -> None:
    main, backup = Main(10 * SIZE), Backup()
    backup.takes(main.outgoing.begin())
    known = list(main.directory.users)
    number = 0
    while not main.outgoing.done:
        changed, removed, number = known[number], known[-1 - number], number + 1
        main.writes(fx.Revocation(changed, main.entries.last + 1, 1000.0))
        main.writes(fx.UserRecord(changed, f"new hash of {changed}", main.entries.last + 1))
        main.writes(fx.UserRecord(known[50], f"hash {number}", 0, main.directory.since[known[50]]))
        main.writes(fx.Revocation(removed, main.entries.last + 1, 1000.0, removed=True))
        main.registers(f"late {number}")
        backup.takes(main.outgoing.next())
    assert main.directory.watchers == []
    replacement = backup.replacement
    assert {user.username: user.hash for user in replacement.users} == main.directory.users
    assert {user.username: user.set_at for user in replacement.users} == main.directory.since
    assert {one.username: one for one in replacement.revoked} == main.directory.revoked
    assert all(len(part.users) + len(part.removed) <= SIZE for part in backup.parts[:-1])


def test_revocations_are_in_it() -> None:
    main = Main(3)
    for number in range(2 * PART):
        main.writes(fx.Revocation(f"gone {number}", main.entries.last + 1, 1000.0, removed=True))
    backup = transferred(main)
    assert {one.username: one for one in backup.replacement.revoked} == main.directory.revoked
    assert all(len(part.users) + len(part.revoked) <= PART for part in backup.parts), "else a line may be too long"


def test_a_snapshot_that_breaks_off_watches_nothing_any_more() -> None:
    main = Main(10 * SIZE)
    main.outgoing.begin()
    assert len(main.directory.watchers) == 1
    main.outgoing.end()
    assert main.directory.watchers == []


def test_servers_that_come_and_go_meanwhile_are_in_it_too() -> None:
    """Their entries are not sent again: the snapshot ends behind them."""
    main, backup = Main(10 * SIZE), Backup()
    backup.takes(main.outgoing.begin())
    assert [server.id for server in backup.incoming.servers] == ["a", "b"]
    main.writes(fx.ServerRecord("c", "host", 4003, 1))
    main.writes(fx.ServerRecord("b", "host", 4002, 2))
    main.writes(fx.ServerGone("a"))
    while not main.outgoing.done:
        backup.takes(main.outgoing.next())
    assert backup.parts[-1].index == main.entries.last
    assert {server.id: server for server in backup.replacement.servers} == {
        "b": fx.ServerRecord("b", "host", 4002, 2),
        "c": fx.ServerRecord("c", "host", 4003, 1),
    }


def test_loads_are_told_with_the_servers() -> None:
    main = Main(3)
    main.directory.servers["b"].load = 9
    assert transferred(main).loads == {"a": 0, "b": 9}


def test_a_registration_stays_unsettled_in_the_copy() -> None:
    main = Main(3)
    main.entries.committed = 4
    main.directory.settled(4)
    indices = {user.username: user.index for user in transferred(main).replacement.users}
    assert indices == {"user 0": 0, "user 1": 0, "user 2": 5}

"""A host with nothing around it: roles are driven by hand, line by line, and nothing leaves the process.

Implements the ports of `oyez.host` in the simplest way that keeps their contract; what a role wants done later is done
by `Desk.settle`.
"""

from collections.abc import Callable, Mapping
from random import Random

from oyez.core.central.central import Central
from oyez.core.central.stored import Stored
from oyez.core.effects import Record
from oyez.core.peer import HERE
from oyez.core.role import Role
from oyez.core.server.server import Server
from oyez.core.voter import VoterState
from oyez.host import Hearer, Host, Link
from oyez.protocol.messages import ActivityBroadcast, Address
from oyez.protocol.nodes import CentralAddress, Configuration

KEY = b"k" * 32
SECRET = "red anchor"
ADDRESS = Address("127.0.0.1", 3780)


class Wire:
    """A transport that keeps what is sent."""

    hearer: Hearer

    def __init__(self) -> None:
        self.sent = b""
        self.closed = False

    @property
    def write(self) -> Callable[[bytes], int]:
        return self.send

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def close(self, rest: bytes) -> None:
        self.sent += rest
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Desk:
    """An environment in which time stands still."""

    def __init__(self, role: Role) -> None:
        self._due: list[Callable[[], None]] = []
        self.host = Host(role, self)
        self.host.start()
        self.settle()

    def settle(self) -> None:
        """Do what was left to be done later."""
        while self._due:
            self._due.pop(0)()

    def accept(self) -> tuple[Link, Wire]:
        wire = Wire()
        return self.host.opened(wire, HERE), wire

    def dialed(self, purpose: str) -> tuple[Link, Wire]:
        wire = Wire()
        return self.host.dialed(wire, purpose), wire

    def hear(self, link: Link, line: str) -> None:
        """A line has come in."""
        self.host.received(link, line.encode() + b"\n")
        self.settle()

    def now(self) -> float:
        return 1_700_000_000.0

    def soon(self, callback: Callable[[], None]) -> None:
        self._due.append(callback)

    def set_timer(self, key: str, after: float) -> None:
        pass

    def cancel_timer(self, key: str) -> None:
        pass

    def dial(self, address: Address, purpose: str, within: float) -> None:
        pass

    def persist(self, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        self._due.append(done)

    def hash_secret(self, token: int, secret: str) -> None:
        self._due.append(lambda: self.host.hashed(token, "hash"))

    def verify_secret(self, token: int, hash: str | None, secret: str) -> None:
        self._due.append(lambda: self.host.verified(token, hash is not None))

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        pass

    def deliver(self, broadcast: ActivityBroadcast) -> None:
        raise AssertionError("only clients deliver")

    def quit(self, info: str) -> None:
        pass

    def stopped(self) -> None:
        pass


def central() -> Desk:
    """The central c1, which knows nobody and so is main."""
    return Desk(Central(ADDRESS, SECRET, Stored(KEY, "c1"), Random(1)))


def candidate() -> Desk:
    """The central c1, which may become main and has lost c2, that was."""
    c1, c2 = CentralAddress("c1", "127.0.0.1", 3780), CentralAddress("c2", "127.0.0.1", 3790)
    configuration = Configuration(1, 5, "c2", ("c1", "c2"), (c1, c2), ("s1.7", "s2.4"))
    return Desk(Central(ADDRESS, SECRET, Stored(KEY, "c1", voter=VoterState(1, "c2", configuration)), Random(1)))


def server() -> Desk:
    """The server s2, which has not joined."""
    return Desk(Server("s2", Address("127.0.0.1", 3782), [ADDRESS], SECRET, 4, Random(1)))

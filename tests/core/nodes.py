"""A node without a network: a role on the real host, everything around it in the test's hands.

What a role asks of its disk and of its hashing happens at once, unless the test says `node.stops("disk")` or "hashing".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oyez.core import effects as fx
from oyez.core.peer import HERE, From
from oyez.core.role import Role
from oyez.host import Host, Link
from oyez.protocol import codec
from oyez.protocol.messages import ActivityBroadcast, Address, Message
from tests.host.fakes import FakeTransport


@dataclass
class World:
    """An environment in which things happen when the node's owner lets them."""

    time: float = 1000.0
    turn: list[Callable[[], None]] = field(default_factory=list)
    disk: list[tuple[tuple[fx.Record, ...], Callable[[], None]]] = field(default_factory=list)
    hashing: list[Callable[[Host], None]] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    dials: list[tuple[Address, str]] = field(default_factory=list)
    patience: list[float] = field(default_factory=list)  # of each dial there ever was, in seconds
    reports: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    delivered: list[ActivityBroadcast] = field(default_factory=list)
    gave_up: str = ""
    has_stopped: bool = False

    def now(self) -> float:
        return self.time

    def soon(self, callback: Callable[[], None]) -> None:
        self.turn.append(callback)

    def set_timer(self, key: str, after: float) -> None:
        self.timers[key] = self.time + after

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def dial(self, address: Address, purpose: str, within: float) -> None:
        self.dials.append((address, purpose))
        self.patience.append(within)

    def persist(self, records: tuple[fx.Record, ...], done: Callable[[], None]) -> None:
        self.disk.append((records, done))

    def hash_secret(self, token: int, secret: str) -> None:
        self.hashing.append(lambda host: host.hashed(token, hash_of(secret)))

    def verify_secret(self, token: int, hash: str | None, secret: str) -> None:
        self.hashing.append(lambda host: host.verified(token, hash == hash_of(secret)))

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        self.reports.append((event, fields))

    def deliver(self, broadcast: ActivityBroadcast) -> None:
        self.delivered.append(broadcast)

    def quit(self, info: str) -> None:
        self.gave_up = info

    def stopped(self) -> None:
        self.has_stopped = True


def hash_of(secret: str) -> str:
    """What a hash is here."""
    return f"hash of {secret}"


class Talk:
    """The other end of a link to a node: what a peer says there and hears."""

    def __init__(self, node: "Node", transport: FakeTransport, link: Link) -> None:
        self._node = node
        self._transport = transport
        self._read = 0
        self.link = link

    def says(self, *messages: Message | bytes) -> "Talk":
        """In one piece, as a quick peer does; bytes as they are."""
        pieces = [message if isinstance(message, bytes) else codec.encode(message) for message in messages]
        self._node.host.received(self.link, b"".join(pieces))
        self._node.settle()
        return self

    def hears(self) -> list[Message]:
        """What the node has said since the last time."""
        return [codec.decode(line) for line in self.lines()]

    def hears_one(self) -> Message:
        (message,) = self.hears()
        return message

    def lines(self) -> list[bytes]:
        """The same, as lines."""
        new = self._transport.sent[self._read :]
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.splitlines()

    @property
    def sent(self) -> bytes:
        """All that the node has sent."""
        return self._transport.sent

    @property
    def ended(self) -> bool:
        """Has the node closed this link?"""
        return bool(self._transport.ended)

    def hangs_up(self) -> None:
        self._node.host.closed(self.link)
        self._node.settle()

    def stops_reading(self, after: int = 0) -> None:
        """The link takes so many bytes more."""
        self._transport.room = after

    def reads_on(self, room: int | None = None) -> None:
        self._transport.room = room
        self._node.host.drained(self.link)
        self._node.settle()


class Node:
    """A role, running."""

    def __init__(self, role: Role, world: World | None = None) -> None:
        self.world = world or World()
        self.host = Host(role, self.world)
        self._stopped: set[str] = set()
        self._talks: list[Talk] = []

    def start(self) -> None:
        self.host.start()
        self.settle()

    # -- links ------------------------------------------------------------------------------------------------------

    def connect(self, who: From = HERE) -> Talk:
        """Somebody connects to it."""
        transport = FakeTransport()
        talk = Talk(self, transport, self.host.opened(transport, who))
        self._talks.append(talk)
        return talk

    def dialing(self) -> list[str]:
        """Whom it is dialing."""
        return [purpose for _, purpose in self.world.dials]

    def answer(self) -> Talk:
        """The first of its dials gets through."""
        _, purpose = self.world.dials.pop(0)
        transport = FakeTransport()
        talk = Talk(self, transport, self.host.dialed(transport, purpose))
        self._talks.append(talk)
        self.settle()
        return talk

    def refuse(self) -> None:
        """The first of its dials does not."""
        _, purpose = self.world.dials.pop(0)
        self.host.dial_failed(purpose)
        self.settle()

    def hang(self) -> None:
        """The first of its dials connects, and then nobody shakes hands."""
        self.pass_time(self.world.patience[-len(self.world.dials)])
        self.refuse()

    # -- time -------------------------------------------------------------------------------------------------------

    def stops(self, what: str) -> None:
        """Until `goes_on`, nothing that is asked of this ("disk" or "hashing") is done."""
        self._stopped.add(what)

    def goes_on(self, what: str) -> None:
        self._stopped.discard(what)
        self.settle()

    def settle(self) -> None:
        """All that follows from what has happened so far, apart from timers."""
        while self._step():
            pass

    def _step(self) -> bool:
        for talk in self._talks:
            if talk.ended and talk.link.id in self.host.links:
                self.host.closed(talk.link)
                return True
        if self.world.turn:
            self.world.turn.pop(0)()
        elif self.world.disk and "disk" not in self._stopped:
            self.world.disk.pop(0)[1]()
        elif self.world.hashing and "hashing" not in self._stopped:
            self.world.hashing.pop(0)(self.host)
        else:
            return False
        return True

    def pass_time(self, seconds: float) -> None:
        """Timers run out in order."""
        end = self.world.time + seconds
        while due := [key for key, at in self.world.timers.items() if at <= end]:
            key = min(due, key=self.world.timers.__getitem__)
            self.world.time = max(self.world.time, self.world.timers.pop(key))
            self.host.timer(key)
            self.settle()
        self.world.time = end

    def sleep(self, seconds: float) -> None:
        """The whole process stands still for so long."""
        self.world.time += seconds

    # -- what an operator sees --------------------------------------------------------------------------------------

    def reported(self, event: str) -> list[dict[str, object]]:
        return [dict(fields) for name, fields in self.world.reports if name == event]

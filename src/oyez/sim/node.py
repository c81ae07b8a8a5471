"""A simulated machine with one node on it: its clock, its disk, and its processes, one after the other.

Guarantees: what a process held is gone when it dies, and nothing of it acts any more; the disk remains; each start is
a new incarnation. Knows roles only by what builds them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Protocol

from oyez.core.central.stored import Stored
from oyez.core.role import Role
from oyez.protocol.messages import ActivityBroadcast, Address
from oyez.sim.disk import Disk
from oyez.sim.history import Died, Started
from oyez.sim.network import Accept
from oyez.sim.process import Process

if TYPE_CHECKING:
    from oyez.sim.world import World

EPOCH = 1_700_000_000.0
"""What a clock that is right says when the world begins."""

LEAVING = 60.0
"""Seconds that a node has to leave."""

Build = Callable[[Stored, int, Random], Role]
"""Makes the role of a new process, of what is on disk, its incarnation and its own source of chance."""


def _no_logs(role: Role) -> tuple[int, ...]:
    return ()


class User(Protocol):
    """Somebody who sits at a node that is a client."""

    def reported(self, event: str, fields: Mapping[str, object]) -> None:
        """The role has something to say."""
        ...

    def delivered(self, broadcast: ActivityBroadcast) -> None:
        """An activity has come."""
        ...

    def died(self) -> None:
        """The process is no more."""
        ...


class Node:
    """`rate` and `offset` are those of its clock; `lag` is how long at most it takes to get round to something;
    `weigh` tells the sizes of a role's logs, in bytes; `retired`: it has
    left for good. Without an address it does not listen."""

    def __init__(
        self, world: "World", name: str, address: Address | None, build: Build, rate: float = 1.0, offset: float = 0.0
    ) -> None:
        self.world = world
        self.name = name
        self.address = address
        self.rate = rate
        self.offset = offset
        self.lag = 0.0
        self.user: User | None = None
        self.weigh: Callable[[Role], tuple[int, ...]] = _no_logs
        self.disk = Disk(world.clock, world.random, world.random.randbytes(32), name)
        self.incarnation = 0
        self.stopping = False
        self.leaving = False
        """It was asked to end once nobody needs it."""
        self.retired = False
        self.process: Process | None = None
        self._build = build

    def now(self) -> float:
        """What its clock says."""
        return EPOCH + self.offset + self.world.clock.now * self.rate

    @property
    def running(self) -> bool:
        """Whether there is a process, paused or not."""
        return self.process is not None

    @property
    def ready(self) -> bool:
        """Whether its role says that it may have clients."""
        return self.process is not None and self.process.ready

    def start(self) -> None:
        """A new process, listening; unless it has left for good before it ever came."""
        assert self.process is None
        if self.retired:
            return
        self.incarnation += 1
        self.world.network.power(self.name, up=True)
        self.process = process = Process(self, self._role)
        self.world.record(Started(self.world.clock.now, self.name, self.incarnation))
        self._listen(process.environment.accept)
        process.wake(process.host.start)

    def move(self) -> None:
        """The next process will listen on another port, as one does that takes any that is free."""
        assert self.process is None
        if self.address is not None:
            self.address = Address(self.address.hostname, self.address.port + 1)

    def _role(self, process: Process) -> Role:
        return self._build(self.disk.stored(), self.incarnation, Random(self.world.random.getrandbits(64)))

    def crash(self, how: str = "killed", power: bool = False) -> None:
        """The process dies; with `power`, the machine too: nobody is told."""
        process, self.process = self.process, None
        if process is None:
            return
        self.stopping = self.leaving = False
        self.world.measure(self, process)
        self.world.record(Died(self.world.clock.now, self.name, self.incarnation, how))
        self._listen(None)
        self.world.network.power(self.name, up=not power)
        process.die(how, silently=power)
        self.disk.crash()
        if self.user is not None:
            self.user.died()

    def _listen(self, accept: Accept | None) -> None:
        if self.address is not None:
            self.world.network.listen(self.address, self.name, accept)

    def crash_within(self, effects: int) -> None:
        """The process dies in front of the effect of that number, counted from now."""
        if self.process is not None:
            self.process.fuse = effects

    def leave(self) -> None:
        """The operator wants it to end once nobody needs it; it has a minute."""
        process = self.process
        if process is not None and not self.leaving:
            self.leaving = True
            process.wake(process.host.leave)
            self.world.clock.after(LEAVING, partial(self._overdue, process))

    def _overdue(self, process: Process) -> None:
        if process is self.process and not self.stopping:
            self.crash("killed: it would not leave")

    def stop(self) -> None:
        """It has nothing left to do: it says a last word and ends, within ten seconds."""
        process = self.process
        if process is not None and not self.stopping:
            self.stopping = True
            self._listen(None)
            process.wake(process.host.stop)
            self._gone(process, self.world.clock.now + 10)

    def _gone(self, process: Process, deadline: float) -> None:
        if process is not self.process:
            return
        if not process.host.links or self.world.clock.now >= deadline:
            self.crash("stopped")
        else:
            self.world.clock.after(0.1, partial(self._gone, process, deadline))

    def pause(self) -> None:
        """The process is stopped, as by SIGSTOP."""
        if self.process is not None:
            self.process.pause()

    def resume(self) -> None:
        """The process goes on."""
        if self.process is not None and self.process.paused:
            self.process.resume()

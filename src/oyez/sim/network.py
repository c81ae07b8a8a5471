"""The simulated network: machines, who listens where, the links between them, and what cuts them off from each other.

Guarantees: a dial ends in exactly one of its two callbacks, none from within `dial`; links are numbered and kept in
the order in which they were made, so that whoever picks one picks the same one in every run.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from oyez.core import timing
from oyez.protocol.messages import Address
from oyez.sim.clock import Clock
from oyez.sim.wire import Conditions, End, Link, Nobody

Accept = Callable[[End], None]


class Network:
    """Machines are named; a name that was never `power`ed is up."""

    def __init__(self, clock: Clock, random: Random, conditions: Conditions) -> None:
        self.conditions = conditions
        self.links: dict[int, Link] = {}
        self._clock = clock
        self._random = random
        self._down: set[str] = set()
        self._listeners: dict[Address, tuple[str, Accept | None]] = {}
        self._severed: dict[tuple[str, str], int] = {}
        self._made = 0

    # -- machines -----------------------------------------------------------------------------------------------

    def power(self, machine: str, up: bool) -> None:
        """The machine goes up or down; its processes are somebody else's business."""
        if up:
            self._down.discard(machine)
        else:
            self._down.add(machine)

    def up(self, machine: str) -> bool:
        """Whether the machine has a kernel that answers."""
        return machine not in self._down

    def listen(self, address: Address, machine: str, accept: Accept | None) -> None:
        """Give what connects to `address` to `accept`; None: nobody listens there any more."""
        self._listeners[address] = (machine, accept)

    # -- connecting ---------------------------------------------------------------------------------------------

    def dial(
        self,
        machine: str,
        address: Address,
        connected: Accept,
        failed: Callable[[str], None],
        within: float = timing.REACH,
    ) -> None:
        """Connect from `machine` to `address`, in so many seconds. The owner must be set from within `connected`."""
        deadline = self._clock.now + within
        self._clock.after(self._latency(), partial(self._knock, machine, address, connected, failed, deadline, 0.25))

    def _knock(
        self,
        machine: str,
        address: Address,
        connected: Accept,
        failed: Callable[[str], None],
        deadline: float,
        again: float,
    ) -> None:
        there, accept = self._listeners.get(address, ("", None))
        if not self.up(machine):
            return
        if there and (not self.up(there) or self._cut(machine, there) or self._cut(there, machine)):
            if self._clock.now + again < deadline:
                retry = partial(self._knock, machine, address, connected, failed, deadline, again * 2)
                self._clock.after(again, retry)
            else:
                self._clock.at(deadline, partial(failed, "timed out"))
        elif accept is None:
            self._clock.after(self._latency(), partial(failed, "refused"))
        else:
            self._connect(machine, there, accept, connected)

    def _connect(self, machine: str, there: str, accept: Accept, connected: Accept) -> None:
        self._made += 1
        link = Link(self._clock, self._random, self.conditions, self._made, (machine, there), self.up, self._forget)
        self.links[link.number] = link
        near, far = link.ends
        near.owner = far.owner = nobody = Nobody()
        accept(far)
        self._clock.after(self._latency(), partial(self._connected, near, nobody, connected))

    def _connected(self, near: End, nobody: Nobody, connected: Accept) -> None:
        connected(near)
        if nobody.why:
            near.owner.broken(nobody.why)
        elif near.source.waiting or near.source.ended:
            near.owner.readable()

    def _forget(self, link: Link) -> None:
        self.links.pop(link.number, None)

    def _latency(self) -> float:
        return self._random.uniform(*self.conditions.latency)

    # -- cutting off --------------------------------------------------------------------------------------------

    def sever(self, source: str, target: str) -> None:
        """Nothing from the machine `source` reaches `target`, until as many calls of `mend`."""
        self._severed[source, target] = self._severed.get((source, target), 0) + 1
        for link in self.links.values():
            for end in link.ends:
                if (end.machine, end.peer.machine) == (source, target):
                    end.out.hold()

    def mend(self, source: str, target: str) -> None:
        """The opposite of `sever`."""
        self._severed[source, target] -= 1
        for link in list(self.links.values()):
            for end in link.ends:
                if (end.machine, end.peer.machine) == (source, target):
                    end.out.free()

    def _cut(self, source: str, target: str) -> bool:
        return self._severed.get((source, target), 0) > 0

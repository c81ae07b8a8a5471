"""One lifetime of a simulated node: a real host with a real role, and the loop that feeds it.

Guarantees: whatever has happened is handed to the host one thing after another, in turns, as an event loop does; a
paused process handles nothing until it is resumed, and then everything at once; one whose fuse burns down dies in the
middle of whatever it was doing, between any two of its effects, and everything it held in memory dies with it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core.role import Role
from oyez.host import Host
from oyez.host.unfinished import Unfinished
from oyez.sim.clock import Action
from oyez.sim.environment import SimEnvironment
from oyez.sim.promises import Promises
from oyez.sim.transport import SimTransport
from oyez.sim.wire import EVERYTHING

if TYPE_CHECKING:
    from oyez.sim.node import Node

NEXT_TURN = 1e-5
"""Seconds from one turn of the loop to the next, where there is something left to do."""


class Cut(BaseException):
    """The process dies here. Nothing but the loop below may catch it."""


class Process:
    """`fuse` counts the effects until it dies; 0: it does not burn."""

    def __init__(self, node: "Node", build: Callable[["Process"], Role]) -> None:
        self.node = node
        self.clock = node.world.clock
        self.random = node.world.random
        self.alive = True
        self.paused = False
        self.ready = False
        """Its role has reported that it is."""
        self.fuse = 0
        self.transports: dict[SimTransport, None] = {}
        self.promises = Promises(node)
        self.environment = SimEnvironment(self)
        unfinished = Unfinished() if node.address is not None else None  # clients may take their time
        self.host = Host(build(self), self.environment, unfinished=unfinished)
        self._inputs: list[Action] = []
        self._soon: list[Action] = []
        self._busy = False  # a turn is under way, or is going to be
        self._quit: str | None = None

    # -- the loop -----------------------------------------------------------------------------------------------

    def wake(self, action: Action) -> None:
        """Let the process do this in its next turn."""
        if not self.alive:
            return
        self._inputs.append(action)
        if not self._busy and not self.paused:
            self._busy = True
            if self.node.lag:
                self.clock.after(self.node.lag * self.random.random(), self._turn)
            else:
                self._turn()

    def soon(self, action: Action) -> None:
        """Let the process do this at the end of this turn."""
        self._soon.append(action)

    def _turn(self) -> None:
        if self.paused or not self.alive:
            self._busy = False
            return
        try:
            inputs, self._inputs = self._inputs, []
            for action in inputs:
                action()
            late, self._soon = self._soon, []
            for action in late:
                action()
        except Cut:
            self.node.crash("crashed between two effects")
            return
        if self._quit is not None:
            self.node.crash(f"gave up: {self._quit}")
        elif self._inputs or self._soon:
            self.clock.after(NEXT_TURN, self._turn)
        else:
            self._busy = False

    def burn(self) -> None:
        """An effect is about to be carried out."""
        if self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise Cut

    def bite(self) -> int:
        """How many bytes to read at once."""
        crumbs = self.node.world.network.conditions.crumbs
        if crumbs and self.random.random() < crumbs:
            return 1 + int(self.random.expovariate(1 / 40))
        return EVERYTHING

    # -- what befalls it ----------------------------------------------------------------------------------------

    def pause(self) -> None:
        """It is stopped, and does not know."""
        self.paused = True

    def resume(self) -> None:
        """It goes on, with all that has come in meanwhile."""
        self.paused = False
        if (self._inputs or self._soon) and not self._busy:
            self._busy = True
            self._turn()

    def quit(self, info: str) -> None:
        """It ends itself once this turn is over."""
        self._quit = info

    def stopped(self) -> None:
        """It ends in good order once this turn is over."""
        self._soon.append(self.node.stop)

    def die(self, how: str, silently: bool) -> None:
        """It is no more; `silently`: its kernel neither."""
        self.alive = False
        for transport in list(self.transports):
            transport.die(how, silently)

    # -- links --------------------------------------------------------------------------------------------------

    def adopt(self, transport: SimTransport) -> None:
        """A link is this process's."""
        self.transports[transport] = None

    def forget(self, transport: SimTransport) -> None:
        """The link is gone."""
        self.transports.pop(transport, None)

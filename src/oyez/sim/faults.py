"""Does to a world what a plan's faults say, and undoes all of it when everything is healed.

Guarantees: whom a fault hits depends on the plan and the moment alone; after `heal` every machine is up, every node
runs, every path is open, every disk fast; what was under way on a broken link stays lost.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from oyez.sim.history import Fault
from oyez.sim.node import Node
from oyez.sim.plan import FaultPlan
from oyez.sim.wire import Link

if TYPE_CHECKING:
    from oyez.sim.world import World

CENTRAL = "central"


class Faults:
    """Of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._remedies: dict[int, Callable[[], None]] = {}
        self._count = 0

    def inflict(self, fault: FaultPlan, end: float) -> None:
        """Let it happen now; it is over after its span, or when the rough phase ends `end` seconds after it began."""
        span = max(0.0, min(fault.span, end - fault.at))
        _KINDS[fault.kind](self, fault.target, span)

    def heal(self) -> None:
        """Undo everything that is still going on."""
        for number in list(self._remedies):
            self._undo(number)
        for node in self._world.nodes.values():
            self._restart(node)

    # -- the bookkeeping ----------------------------------------------------------------------------------------

    def _note(self, kind: str, target: str, span: float) -> None:
        now = self._world.clock.now
        self._world.record(Fault(now, kind, target, now + span))

    def _for(self, span: float, remedy: Callable[[], None]) -> None:
        self._count += 1
        self._remedies[self._count] = remedy
        self._world.clock.after(span, partial(self._undo, self._count))

    def _undo(self, number: int) -> None:
        remedy = self._remedies.pop(number, None)
        if remedy is not None:
            remedy()

    def _link(self, target: int) -> Link | None:
        links = list(self._world.network.links.values())
        return links[target % len(links)] if links else None

    def _server(self, target: int) -> Node:
        servers = [node for node in self._world.nodes.values() if node.name != CENTRAL]
        return servers[target % len(servers)]

    def _node(self, target: int) -> Node:
        nodes = list(self._world.nodes.values())
        return nodes[target % len(nodes)]

    # -- links --------------------------------------------------------------------------------------------------

    def _reset(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            self._note("reset", str(link), 0)
            link.reset("reset")

    def _stall(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            self._note("stall", str(link), span)
            link.hold()
            self._for(span, link.free)

    def _silence(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            end = link.ends[target // 7 % 2]
            self._note("silence one way", f"{link}, from {end.machine}", span)
            end.out.hold()
            self._for(span, end.out.free)

    def _half_open(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            silence = self._world.network.conditions.silence
            self._note("half-open", str(link), silence)
            link.hold()  # and nobody is told, until both kernels give up
            self._for(silence, partial(link.reset, "timed out"))

    # -- the network --------------------------------------------------------------------------------------------

    def _partition(self, target: int, span: float) -> None:
        names = list(self._world.nodes)
        one = [name for place, name in enumerate(names) if target >> place & 1]
        other = [name for name in names if name not in one]
        self._cut_off("partition", one, other, span, back=True)

    def _partition_one_way(self, target: int, span: float) -> None:
        names = list(self._world.nodes)
        one = [name for place, name in enumerate(names) if target >> place & 1]
        other = [name for name in names if name not in one]
        self._cut_off("partition one way", one, other, span, back=False)

    def _isolate(self, target: int, span: float) -> None:
        names = [*self._world.nodes, *self._world.clients]
        one = [names[target % len(names)]]
        self._cut_off("isolate", one, [name for name in names if name not in one], span, back=True)

    def _cut_off(self, kind: str, one: list[str], other: list[str], span: float, back: bool) -> None:
        pairs = [(a, b) for a in one for b in other]
        if back:
            pairs += [(b, a) for a, b in pairs]
        if not pairs:
            return
        network = self._world.network
        self._note(kind, f"{', '.join(one)} | {', '.join(other)}", span)
        for pair in pairs:
            network.sever(*pair)

        def mend() -> None:
            for pair in pairs:
                network.mend(*pair)

        self._for(span, mend)

    # -- processes ----------------------------------------------------------------------------------------------

    def _kill(self, node: Node, kind: str, span: float, power: bool = False) -> None:
        if node.running:
            self._note(kind, node.name, span)
            node.crash(kind, power)
            self._for(span, partial(self._restart, node))

    def _restart(self, node: Node) -> None:
        node.crash_within(0)
        if node.stopping:
            node.crash("stopped")
        if not node.running:
            if node.name != CENTRAL and self._world.random.random() < 0.3:
                node.move()
            node.start()

    def _kill_server(self, target: int, span: float) -> None:
        self._kill(self._server(target), "killed", span)

    def _kill_central(self, target: int, span: float) -> None:
        self._kill(self._world.nodes[CENTRAL], "killed", span)

    def _power_cut(self, target: int, span: float) -> None:
        self._kill(self._node(target), "without power", span, power=True)

    def _die_between_effects(self, target: int, span: float) -> None:
        node = self._node(target)
        if node.running:
            effects = 1 + target // 7 % 50
            self._note("die between effects", f"{node.name}, after {effects}", span)
            node.crash_within(effects)
            self._for(span, partial(self._restart, node))

    def _stop_server(self, target: int, span: float) -> None:
        self._stop(self._server(target), span)

    def _stop_central(self, target: int, span: float) -> None:
        self._stop(self._world.nodes[CENTRAL], span)

    def _stop(self, node: Node, span: float) -> None:
        if node.running:
            self._note("stop", node.name, span)
            node.stop()
            self._for(span, partial(self._restart, node))

    def _pause(self, target: int, span: float) -> None:
        node = self._node(target)
        if node.running:
            self._note("pause", node.name, span)
            node.pause()
            self._for(span, node.resume)

    # -- machines -----------------------------------------------------------------------------------------------

    def _slow_disk(self, target: int, span: float) -> None:
        disk = self._world.nodes[CENTRAL].disk
        self._note("slow disk", CENTRAL, span)
        usual, disk.latency = disk.latency, (0.1, 1.0)

        def mend() -> None:
            disk.latency = usual

        self._for(span, mend)

    def _busy(self, target: int, span: float) -> None:
        node = self._node(target)
        self._note("busy", node.name, span)
        node.lag = 0.05

        def mend() -> None:
            node.lag = 0.0

        self._for(span, mend)


_KINDS: dict[str, Callable[[Faults, int, float], None]] = {
    "reset": Faults._reset,
    "stall": Faults._stall,
    "silence one way": Faults._silence,
    "half-open": Faults._half_open,
    "partition": Faults._partition,
    "partition one way": Faults._partition_one_way,
    "isolate": Faults._isolate,
    "kill server": Faults._kill_server,
    "kill central": Faults._kill_central,
    "power cut": Faults._power_cut,
    "die between effects": Faults._die_between_effects,
    "stop server": Faults._stop_server,
    "stop central": Faults._stop_central,
    "pause": Faults._pause,
    "slow disk": Faults._slow_disk,
    "busy": Faults._busy,
}

"""Does to a world what a plan's faults say, and undoes all of it when everything is healed.

Guarantees: whom a fault hits depends on the plan and the moment alone; after `heal` every machine is up, every node
runs, every path is open, every disk fast; what was under way on a broken link stays lost.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from oyez.core.central.central import Central
from oyez.sim.disk import USUAL
from oyez.sim.history import Fault, is_central
from oyez.sim.node import Node
from oyez.sim.outages import KINDS
from oyez.sim.plan import FaultPlan
from oyez.sim.wire import Link

if TYPE_CHECKING:
    from oyez.sim.world import World


class Faults:
    """Of one world."""

    def __init__(self, world: "World", copies: int = 2) -> None:
        self.world = world
        self.copies = copies
        self.healed = False
        self._remedies: dict[int, Callable[[], None]] = {}
        self._count = 0

    def inflict(self, fault: FaultPlan, end: float) -> None:
        """Let it happen now; it is over after its span, or when the rough phase ends `end` seconds after it began."""
        span = max(0.0, min(fault.span, end - fault.at))
        (_KINDS.get(fault.kind) or KINDS[fault.kind])(self, fault.target, span)

    def heal(self) -> None:
        """Undo everything that is still going on."""
        self.healed = True
        for number in list(self._remedies):
            self._undo(number)
        for node in self.world.nodes.values():
            if node.retired:
                node.crash("stopped")
            else:
                self.restart(node)
        self._tend()

    def _tend(self) -> None:
        """Who was asked to leave while something was wrong may do so only now."""
        for node in self._nodes:
            if not node.running:
                node.start()
        self.world.clock.after(0.5, self._tend)

    # -- the bookkeeping ----------------------------------------------------------------------------------------

    def note(self, kind: str, target: str, span: float, one: Sequence[str] = (), other: Sequence[str] = ()) -> None:
        """Put it into the history; see `history.Fault`."""
        now = self.world.clock.now
        self.world.record(Fault(now, kind, target, now + span, tuple(one), tuple(other)))

    def lasting(self, span: float, remedy: Callable[[], None]) -> None:
        """Undo it after its span, or once all is healed."""
        self._count += 1
        self._remedies[self._count] = remedy
        self.world.clock.after(span, partial(self._undo, self._count))

    def _undo(self, number: int) -> None:
        remedy = self._remedies.pop(number, None)
        if remedy is not None:
            remedy()

    def _link(self, target: int) -> Link | None:
        links = list(self.world.network.links.values())
        return links[target % len(links)] if links else None

    def server(self, target: int) -> Node:
        """One of them."""
        servers = self.servers
        return servers[target % len(servers)]

    def _central(self, target: int) -> Node:
        centrals = self.centrals
        return centrals[target % len(centrals)]

    def _main(self) -> Node:
        """The central that reigns in the highest term, or did last."""
        return max(self.centrals, key=lambda node: (_reigns(node), node.disk.stored().voter.promised))

    def _backup(self, target: int) -> Node:
        main = self._main()
        others = [node for node in self.centrals if node is not main] or [main]
        return others[target % len(others)]

    def _node(self, target: int) -> Node:
        nodes = self._nodes
        return nodes[target % len(nodes)]

    @property
    def _nodes(self) -> list[Node]:
        return [node for node in self.world.nodes.values() if not node.retired]

    @property
    def servers(self) -> list[Node]:
        """Those that have not left, running or not."""
        return [node for node in self._nodes if not is_central(node.name)]

    @property
    def centrals(self) -> list[Node]:
        """The same."""
        return [node for node in self._nodes if is_central(node.name)]

    # -- links --------------------------------------------------------------------------------------------------

    def _reset(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            self.note("reset", str(link), 0)
            link.reset("reset")

    def _stall(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            self.stall(link, span)

    def stall(self, link: Link, span: float) -> None:
        """Nothing moves on it for so long."""
        self.note("stall", str(link), span, *_both(link))
        link.hold()
        self.lasting(span, link.free)

    def _silence(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            end = link.ends[target // 7 % 2]
            self.note("silence one way", f"{link}, from {end.machine}", span, *_both(link))
            end.out.hold()
            self.lasting(span, end.out.free)

    def _half_open(self, target: int, span: float) -> None:
        link = self._link(target)
        if link is not None:
            silence = self.world.network.conditions.silence
            self.note("half-open", str(link), silence, *_both(link))
            link.hold()  # and nobody is told, until both kernels give up
            self.lasting(silence, partial(link.reset, "timed out"))

    # -- the network --------------------------------------------------------------------------------------------

    def _partition(self, target: int, span: float) -> None:
        names = list(self.world.nodes)
        one = [name for place, name in enumerate(names) if target >> place & 1]
        other = [name for name in names if name not in one]
        self.cut_off("partition", one, other, span, back=True)

    def _partition_one_way(self, target: int, span: float) -> None:
        names = list(self.world.nodes)
        one = [name for place, name in enumerate(names) if target >> place & 1]
        other = [name for name in names if name not in one]
        self.cut_off("partition one way", one, other, span, back=False)

    def _isolate(self, target: int, span: float) -> None:
        names = [*self.world.nodes, *self.world.clients]
        one = [names[target % len(names)]]
        self.cut_off("isolate", one, [name for name in names if name not in one], span, back=True)

    def _isolate_main(self, target: int, span: float) -> None:
        """From the other nodes, some of them or all; in one direction, or in both."""
        main = self._main().name
        others = [node.name for place, node in enumerate(self._nodes) if node.name != main and target >> place & 1]
        one, other = ([main], others) if target & 4096 else (others, [main])
        self.cut_off("isolate main", one, other, span, back=target & 8192 == 0)

    def _part_centrals(self, target: int, span: float) -> None:
        names = [node.name for node in self.centrals]
        one = names[target % len(names)]
        self.cut_off("part centrals", [one], [name for name in names if name != one], span, back=target & 4096 == 0)

    def _cut(self, target: int, span: float) -> None:
        """Those with bits in the low byte from those with bits in the high one: for schedules made by hand."""
        one, other = self._masked(target)
        self.cut_off("cut", one, other, span, back=True)

    def _sever(self, target: int, span: float) -> None:
        """All links between them are reset."""
        one, other = self._masked(target)
        for link in list(self.world.network.links.values()):
            machines = {end.machine for end in link.ends}
            if machines.intersection(one) and machines.intersection(other):
                self.note("reset", str(link), 0)
                link.reset("reset")

    def _masked(self, target: int) -> tuple[list[str], list[str]]:
        names = list(self.world.nodes)
        one = [name for place, name in enumerate(names) if target >> place & 1]
        return one, [name for place, name in enumerate(names) if target >> 8 + place & 1]

    def cut_off(self, kind: str, one: list[str], other: list[str], span: float, back: bool) -> None:
        """Nothing gets from the ones to the others, nor `back`, for so long."""
        pairs = [(a, b) for a in one for b in other]
        if back:
            pairs += [(b, a) for a, b in pairs]
        if not pairs:
            return
        network = self.world.network
        self.note(kind, f"{', '.join(one)} | {', '.join(other)}", span, one, other)
        for pair in pairs:
            network.sever(*pair)

        def mend() -> None:
            for pair in pairs:
                network.mend(*pair)

        self.lasting(span, mend)

    # -- processes ----------------------------------------------------------------------------------------------

    def kill(self, node: Node, kind: str, span: float, power: bool = False) -> None:
        """Its process dies, unless all has been healed meanwhile; another one is started after so long."""
        if node.running and not self.healed:
            self.note(kind, node.name, span)
            node.crash(kind, power)
            self.lasting(span, partial(self.restart, node))

    def restart(self, node: Node) -> None:
        """Let it run again, where it does not."""
        if node.retired:
            return
        node.crash_within(0)
        if node.stopping:
            node.crash("stopped")
        elif node.leaving and self.healed:
            node.crash("killed: it had not left yet")
        elif node.leaving:
            self.world.clock.after(0.5, partial(self.restart, node))
        if not node.running:
            if not is_central(node.name) and self.world.random.random() < 0.3:
                node.move()
            node.start()

    def _kill_server(self, target: int, span: float) -> None:
        self.kill(self.server(target), "killed", span)

    def _kill_central(self, target: int, span: float) -> None:
        self.kill(self._central(target), "killed", span)

    def _kill_main(self, target: int, span: float) -> None:
        self.kill(self._main(), "killed", span)

    def _kill_backup(self, target: int, span: float) -> None:
        self.kill(self._backup(target), "killed", span)

    def _kill_centrals(self, target: int, span: float) -> None:
        for node in self.centrals:
            self.kill(node, "killed", span * (0.3 + 0.7 * self.world.random.random()))

    def _blackout(self, target: int, span: float) -> None:
        """The power is cut everywhere at once, and returns at different times; a central may take longest."""
        for node in self._nodes:
            self.kill(node, "without power", span * (0.1 + 0.9 * self.world.random.random()), power=True)

    def _power_cut(self, target: int, span: float) -> None:
        self.kill(self._node(target), "without power", span, power=True)

    def _die_between_effects(self, target: int, span: float) -> None:
        self.burn(self._node(target), 1 + target // 7 % 50, span)

    def _main_dies_between_effects(self, target: int, span: float) -> None:
        self.burn(self._main(), 1 + target % 20, span)

    def _central_dies_between_effects(self, target: int, span: float) -> None:
        self.burn(self._central(target), 1 + target // 7 % 12, span)

    def burn(self, node: Node, effects: int, span: float) -> None:
        """Its process dies in front of the effect of that number."""
        if node.running:
            self.note("die between effects", f"{node.name}, after {effects}", span)
            node.crash_within(effects)
            self.lasting(span, partial(self.restart, node))

    def _stop_server(self, target: int, span: float) -> None:
        self.stop(self.server(target), span)

    def _stop_central(self, target: int, span: float) -> None:
        self.stop(self._central(target), span)

    def stop(self, node: Node, span: float) -> None:
        """Its operator ends it in good order; it is started again after so long."""
        if node.running:
            self.note("stop", node.name, span)
            node.leave()
            self.lasting(span, partial(self.restart, node))

    def _retire_server(self, target: int, span: float) -> None:
        if len(self._nodes) - len(self.centrals) > 1:
            self._retire(self.server(target), target)

    def _retire_central(self, target: int, span: float) -> None:
        if len(self.centrals) > 1:
            self._retire(self._central(target), target)

    def _retire(self, node: Node, target: int) -> None:
        """It leaves for good, in good order or not."""
        node.retired = True
        self.note("stop", node.name, 0)
        if target // 7 % 2:
            node.leave()
        else:
            node.crash("gone for good", power=is_central(node.name) and target // 14 % 2 == 0)

    def _pause(self, target: int, span: float) -> None:
        self.freeze(self._node(target), span)

    def _pause_main(self, target: int, span: float) -> None:
        self.freeze(self._main(), span)

    def freeze(self, node: Node, span: float) -> None:
        """Its process stands still for so long."""
        if node.running:
            self.note("pause", node.name, span, [node.name])
            node.pause()
            self.lasting(span, node.resume)

    # -- machines -----------------------------------------------------------------------------------------------

    def _slow_disk(self, target: int, span: float) -> None:
        node = self._central(target)
        disk = node.disk
        self.note("slow disk", node.name, span)
        disk.latency = (0.1, (1.0, 0.2, 3.0)[target // 7 % 3])

        def mend() -> None:
            disk.latency = USUAL

        self.lasting(span, mend)

    def _busy(self, target: int, span: float) -> None:
        node = self._node(target)
        self.note("busy", node.name, span)
        node.lag = 0.05

        def mend() -> None:
            node.lag = 0.0

        self.lasting(span, mend)


def _both(link: Link) -> tuple[list[str], list[str]]:
    return [link.ends[0].machine], [link.ends[1].machine]


def _reigns(node: Node) -> int:
    role = node.process.host.role if node.process is not None else None
    return role.office.term if isinstance(role, Central) and role.office.is_main else 0


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
    "kill main": Faults._kill_main,
    "kill backup": Faults._kill_backup,
    "kill centrals": Faults._kill_centrals,
    "blackout": Faults._blackout,
    "power cut": Faults._power_cut,
    "die between effects": Faults._die_between_effects,
    "main dies between effects": Faults._main_dies_between_effects,
    "central dies between effects": Faults._central_dies_between_effects,
    "retire server": Faults._retire_server,
    "retire central": Faults._retire_central,
    "pause main": Faults._pause_main,
    "cut": Faults._cut,
    "sever": Faults._sever,
    "isolate main": Faults._isolate_main,
    "part centrals": Faults._part_centrals,
    "stop server": Faults._stop_server,
    "stop central": Faults._stop_central,
    "pause": Faults._pause,
    "slow disk": Faults._slow_disk,
    "busy": Faults._busy,
}

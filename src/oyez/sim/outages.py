"""Faults that servers, and those who depend on them, have to survive together: several at once, or one after another.

Each is a function of the world's `Faults`, a number that says whom it hits, and how long it lasts, as those in
`faults` are. None takes more servers at once than the plan's copies allow, unless other faults hit at the same time:
what is too much then, the checkers see (`checkers.losses`).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from oyez.sim.inspector import Operator
from oyez.sim.node import Node
from oyez.sim.wire import Link

if TYPE_CHECKING:
    from oyez.sim.faults import Faults

SOON = 0.5
"""Seconds after which the next server of a rolling restart is stopped."""


def _up(faults: "Faults") -> list[Node]:
    return [node for node in faults.servers if node.running]


def _several(faults: "Faults", target: int) -> list[Node]:
    """Up to as many servers as the network can lose at once, and always less than there are."""
    up = _up(faults)
    most = min(faults.copies - 1, len(up) - 1)
    count = 1 + target // 11 % most if most > 0 else min(1, len(up))
    return [up[(target + place) % len(up)] for place in range(count)]


def kill_servers(faults: "Faults", target: int, span: float) -> None:
    """They die within a moment, and come back one after the other."""
    random = faults.world.random
    for node in _several(faults, target):
        delay = random.choice((0.0, 0.001, 0.02, 0.3)) * random.random()
        again = span * (0.5 + random.random())
        faults.world.clock.after(delay, partial(faults.kill, node, "killed", again, target % 5 == 0))


def servers_die_between_effects(faults: "Faults", target: int, span: float) -> None:
    """The same, each in the middle of whatever it does."""
    for node in _several(faults, target):
        faults.burn(node, 1 + faults.world.random.randrange(12), span)


def roll(faults: "Faults", target: int, span: float) -> None:
    """Every server is stopped and started again, one after the other: the next once the last one is ready."""
    left = [node for node in faults.servers if node.running]
    over: list[bool] = []
    faults.lasting(1e9, lambda: over.append(True))

    def go_on(last: Node | None) -> None:
        if over:
            return
        if last is not None and not last.running:
            faults.restart(last)
        if last is None or (last.ready and not last.leaving):
            if not left:
                return
            last = left.pop(0)
            if last.running and not last.leaving:
                faults.note("stop", last.name, 0)
                last.leave()
        faults.world.clock.after(SOON, partial(go_on, last))

    go_on(None)


def drain_server(faults: "Faults", target: int, span: float) -> None:
    """An operator has a server leave; somebody starts it again later."""
    node = faults.server(target)
    if node.running and len(_up(faults)) > 1:
        faults.note("drain", node.name, span)
        centrals = [central.address for central in faults.centrals if central.running and central.address is not None]
        for central in centrals:  # only the main does it
            Operator(faults.world, central, "DRAIN_SERVER", server=node.name)
        faults.lasting(span, partial(_unless_running, faults, node))


def _unless_running(faults: "Faults", node: Node) -> None:
    if not node.running:
        faults.restart(node)


def without_centrals(faults: "Faults", target: int, span: float) -> None:
    """All centrals are dead, and then a server dies or is frozen."""
    for node in faults.centrals:
        faults.kill(node, "killed", span)
    if target % 3:
        kill = partial(faults.kill, faults.server(target // 3), "killed", span)
        faults.world.clock.after(min(1.0, span / 4), kill)


def part_servers(faults: "Faults", target: int, span: float) -> None:
    """Some of the servers from the others; nobody else is concerned."""
    names = [node.name for node in faults.servers]
    one = [name for place, name in enumerate(names) if target >> place & 1]
    faults.cut_off("part servers", one, [name for name in names if name not in one], span, back=target & 4096 == 0)


def part_server_from_centrals(faults: "Faults", target: int, span: float) -> None:
    """One server from all of them."""
    names = [node.name for node in faults.centrals]
    faults.cut_off("part server from centrals", [faults.server(target).name], names, span, back=target & 4096 == 0)


def part_client_from_servers(faults: "Faults", target: int, span: float) -> None:
    """One client from one server, or from all."""
    clients = list(faults.world.clients)
    servers = [node.name for node in faults.servers]
    there = servers if target & 4096 else [servers[target // 7 % len(servers)]]
    faults.cut_off("part client", [clients[target % len(clients)]], there, span, back=target & 8192 == 0)


def _links(faults: "Faults", mesh: bool) -> list[Link]:
    """Those between servers, or those of clients with servers."""
    servers = {node.name for node in faults.servers}
    clients = set(faults.world.clients)
    links = []
    for link in faults.world.network.links.values():
        ends = [end.machine for end in link.ends]
        of_mesh = all(end in servers for end in ends)
        of_client = any(end in clients for end in ends) and any(end in servers for end in ends)
        if of_mesh if mesh else of_client:
            links.append(link)
    return links


def _reset(faults: "Faults", target: int, span: float, mesh: bool) -> None:
    links = _links(faults, mesh)
    if links:
        link = links[target % len(links)]
        faults.note("reset", str(link), 0)
        link.reset("reset")


def _stall(faults: "Faults", target: int, span: float, mesh: bool) -> None:
    links = _links(faults, mesh)
    if links:
        faults.stall(links[target % len(links)], span)


def pause_server(faults: "Faults", target: int, span: float) -> None:
    """It stands still, and does not know."""
    faults.freeze(faults.server(target), span)


KINDS: dict[str, Callable[["Faults", int, float], None]] = {
    "kill servers": kill_servers,
    "servers die between effects": servers_die_between_effects,
    "roll": roll,
    "drain server": drain_server,
    "without centrals": without_centrals,
    "part servers": part_servers,
    "part server from centrals": part_server_from_centrals,
    "part client": part_client_from_servers,
    "reset mesh": partial(_reset, mesh=True),
    "stall mesh": partial(_stall, mesh=True),
    "reset client": partial(_reset, mesh=False),
    "stall client": partial(_stall, mesh=False),
    "pause server": pause_server,
}

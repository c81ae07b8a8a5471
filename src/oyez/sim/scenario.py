"""Lets a plan happen: a calm beginning, a rough time, then everything is healed and progress is demanded.

The phases, as the history has them: "calm", in which nothing but logins happens, until all are in; "rough", with the
plan's faults, further clients and servers; "healed", where every fault is over and fresh clients try to log in;
"final", where everybody who is in posts once more; "over".
"""

from functools import partial
from random import Random

from oyez.core.central import Central
from oyez.core.role import Role
from oyez.core.stored import Stored
from oyez.core.server import Server
from oyez.host import OUTBOX
from oyez.protocol.messages import Address
from oyez.sim.checkers import delivered
from oyez.sim.faults import Faults
from oyez.sim.history import Began, Entry, Phase
from oyez.sim.inspector import Inspector
from oyez.sim.node import Build, Node
from oyez.sim.participant import Manner, Participant
from oyez.sim.plan import Plan
from oyez.sim.world import World

CENTRAL = Address("central", 3780)
SECRET = "the cluster's secret"

READY = 10.0
"""Most seconds until the first servers are ready, and until the calm phase's clients are in."""

HEALING = 25.0
"""Most seconds from the end of the faults until a fresh client is in."""

DELIVERY = 15.0
"""Most seconds for the last posts to be everywhere."""

SETTLING = 3.0
"""Seconds in which the central learns of the last sessions; most that it takes to answer."""

PROBES = 3


class Scenario:
    """One plan in one world."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = World(plan.seed, plan.conditions)
        self.faults = Faults(self.world)
        self._add("central", self._central, CENTRAL.port)
        self.servers = [self._add_server() for _ in range(plan.servers)]

    def run(self) -> list[Entry]:
        """Everything, from beginning to end."""
        world, plan = self.world, self.plan
        kinds = tuple(dict.fromkeys(fault.kind for fault in plan.faults))
        world.record(
            Began(0.0, plan.seed, plan.servers, len(plan.clients), plan.retention, OUTBOX, plan.patience, kinds)
        )
        for node in sorted(world.nodes.values(), key=lambda _: world.random.random()):
            world.clock.after(0.5 * world.random.random(), node.start)
        world.clock.after(1.0, partial(world.measure_each, 1.0))
        world.run_until(self._all_ready, READY)
        self._phase("calm")
        clients = [world.client(f"c{number}", CENTRAL, manner) for number, manner in enumerate(plan.clients)]
        early, late = clients[: plan.calm], clients[plan.calm :]
        self._start(early)
        world.run_until(lambda: all(client.session for client in early), READY)
        self._phase("rough")
        self._start(late)
        for joins in plan.late:
            world.clock.after(joins, self._add_server().start)
        for fault in plan.faults:
            world.clock.after(fault.at, partial(self.faults.inflict, fault, plan.rough))
        world.run(plan.rough)
        self._demand_progress()
        return world.history

    def _demand_progress(self) -> None:
        world = self.world
        self.faults.heal()
        self._phase("healed")
        probes = self._probes()
        self._start(probes)
        if world.run_until(lambda: all(probe.session for probe in probes), HEALING):
            self._phase("final")
            self._last_posts()
            world.run(SETTLING)
            inspector = Inspector(world, CENTRAL)
            world.run_until(lambda: inspector.done, SETTLING)
        self._phase("over")

    def _probes(self) -> list[Participant]:
        """Fresh clients: one that registers, and others that come back to what was registered before."""
        manners = [Manner(username="newcomer", secret="new", registers=True, modern=True)]
        known = [client.manner for client in self.world.clients.values() if client.acknowledged]
        self.world.random.shuffle(known)
        manners += [Manner(manner.username, manner.secret) for manner in known[: PROBES - 1]]
        return [self.world.client(f"probe{number}", CENTRAL, manner) for number, manner in enumerate(manners)]

    def _last_posts(self) -> None:
        world = self.world
        for client in world.clients.values():
            client.quiet = True
        present = [client for client in world.clients.values() if client.session and client.manner.prompt]
        expected = {client.session: client.posted + 1 for client in present}
        for client in present:
            client.post()

        def all_heard() -> bool:
            staying = [client for client in present if client.session in expected]
            return all(
                client.heard.get(other.session, 0) >= expected[other.session] for client in staying for other in staying
            )

        world.run_until(all_heard, DELIVERY)
        world.run_until(lambda: not delivered.missing(world.history), DELIVERY, step=0.5)

    # -- who takes part -----------------------------------------------------------------------------------------

    def _add(self, name: str, build: Build, port: int) -> Node:
        plan, number = self.plan, len(self.world.nodes)
        rate = plan.rates[number % len(plan.rates)]
        offset = plan.offsets[number % len(plan.offsets)]
        return self.world.node(name, build, port, rate, offset)

    def _add_server(self) -> Node:
        name = f"s{len(self.world.nodes)}"
        node = self._add(name, partial(self._server, name), 4000)
        node.weigh = _logs
        return node

    def _central(self, stored: Stored, incarnation: int, entropy: Random) -> Role:
        return Central(CENTRAL, SECRET, stored, entropy)

    def _server(self, name: str, stored: Stored, incarnation: int, entropy: Random) -> Role:
        plan, address = self.plan, self.world.nodes[name].address
        assert address is not None
        return Server(name, address, [CENTRAL], SECRET, incarnation, entropy, plan.retention, plan.patience)

    def _start(self, clients: list[Participant]) -> None:
        for client in clients:
            self.world.clock.after(client.manner.starts, client.start)

    def _all_ready(self) -> bool:
        return all(node.ready for node in self.servers)

    def _phase(self, name: str) -> None:
        self.world.record(Phase(self.world.clock.now, name))


def _logs(role: Role) -> tuple[int, ...]:
    assert isinstance(role, Server)
    return role.merged.size, role.origin.log.size

"""Lets a plan happen: a calm beginning, a rough time, then everything is healed and progress is demanded.

The phases, as the history has them: "calm", in which nothing but logins happens, until all are in; "rough", with the
plan's faults, further clients and servers; "healed", where every fault is over and fresh clients try to log in;
"final", where everybody who is in posts once more; "level", in which the servers become even, "levelled"; "over".
"""

from functools import partial
from random import Random

from oyez.core.central.central import Central
from oyez.core.central.stored import Stored
from oyez.core.role import Role
from oyez.core.server.server import Server
from oyez.host import OUTBOX
from oyez.protocol.messages import Address
from oyez.sim import prospects
from oyez.sim.checkers import delivered, even
from oyez.sim.faults import Faults
from oyez.sim.history import CENTRAL, Began, Entry, Expected, Phase, Promoted, is_central
from oyez.sim.inspector import SECRET, Auditor, Inspector, Operator
from oyez.sim.node import Build, Node
from oyez.sim.participant import Manner, Participant
from oyez.sim.plan import Plan
from oyez.sim.witness import Witness
from oyez.sim.world import World

PORT = 3780
READY = 10.0
"""Most seconds until the first servers are ready, and until the calm phase's clients are in."""

HEALING = 25.0
"""Most seconds from the end of the faults until a fresh client is in."""

DELIVERY = 15.0
"""Most seconds for the last posts to be everywhere."""

RETURN = 15.0
"""More seconds, for each machine that is gone: clients try those, too, in turn."""

LEVELLING = 30.0
"""Most seconds until sessions are even again."""

SETTLING = 3.0
"""Seconds in which the central learns of the last sessions; most that it takes to answer."""

AUDIT = 5.0
"""Most seconds for everybody who was acknowledged to log in once more."""

PROBES = 3


class Scenario:
    """One plan in one world."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = World(plan.seed, plan.conditions)
        self.faults = Faults(self.world, plan.copies)
        self.centrals = [self._add_central() for _ in range(plan.centrals)]
        self.servers = [self._add_server() for _ in range(plan.servers)]

    def run(self) -> list[Entry]:
        """Everything, from beginning to end."""
        world, plan = self.world, self.plan
        kinds = tuple(dict.fromkeys(fault.kind for fault in plan.faults))
        world.record(
            Began(
                at=0.0,
                seed=plan.seed,
                centrals=plan.centrals,
                servers=plan.servers,
                clients=len(plan.clients),
                retention=plan.retention,
                outbox=OUTBOX,
                patience=plan.patience,
                faults=kinds,
                copies=plan.copies,
            )
        )
        for node in sorted(world.nodes.values(), key=lambda _: world.random.random()):
            world.clock.after(0.5 * world.random.random(), node.start)
        world.clock.after(1.0, partial(world.measure_each, 1.0))
        world.run_until(self._all_ready, READY)
        self._phase("calm")
        clients = [
            world.client(f"c{number}", self._known(manner), manner) for number, manner in enumerate(plan.clients)
        ]
        early, late = clients[: plan.calm], clients[plan.calm :]
        self._start(early)
        world.run_until(lambda: all(client.session for client in early), READY)
        self._phase("rough")
        self._start(late)
        for joins in plan.late:
            world.clock.after(joins, self._add_server().start)
        for joins in plan.late_centrals:
            world.clock.after(joins, self._add_central().start)
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
        if world.run_until(lambda: prospects.whole(self._living) and all(p.session for p in probes), HEALING):
            self._expect("")
            self._phase("final")
            self._last_posts()
            self._level()
            self._audit()
        else:
            self._expect(prospects.hopeless(self._living))
            self._inspect(count=False)
            self._promote(probes)
            self._hush(DELIVERY + RETURN * sum(node.retired for node in self.world.nodes.values()))
        self._phase("over")

    def _level(self) -> None:
        """Nobody comes or goes: the main makes the servers even."""
        self._phase("level")
        self.world.run_until(lambda: not even.uneven(prospects.loads(self._living)), LEVELLING, step=0.5)
        self._phase("levelled")

    def _promote(self, probes: list[Participant]) -> None:
        """Where there can't be a main by votes, the operator makes one."""
        world = self.world
        gone = [node for node in world.nodes.values() if node.retired]
        successor = prospects.successor(self._living, gone)
        if not prospects.hopeless(self._living) or successor is None:
            return
        name, lossless = successor
        world.record(Promoted(world.clock.now, name, lossless))
        operator = Operator(world, Address(name, PORT), "PROMOTE")
        world.run_until(lambda: operator.done, SETTLING)
        world.run_until(lambda: prospects.whole(self._living) and all(p.session for p in probes), HEALING)
        self._expect(prospects.hopeless(self._living))
        self._inspect(count=False)

    @property
    def _living(self) -> list[Node]:
        nodes = [node for node in self.world.nodes.values() if not node.retired]
        return [node for node in nodes if not prospects.stranded(node, nodes)]

    def _expect(self, hopeless: str) -> None:
        names = [node.name for node in self._living]
        centrals = tuple(name for name in names if is_central(name))
        servers = tuple(name for name in names if not is_central(name))
        self.world.record(Expected(self.world.clock.now, centrals, servers, hopeless))

    def _audit(self) -> None:
        """Everybody who was acknowledged logs in once more, and the centrals are asked what they believe."""
        world = self.world
        began = world.clock.now
        known = self._addresses()
        owners = {c.manner.username: c.manner for c in world.clients.values() if c.acknowledged}
        auditors = [Auditor(world, known, manner) for manner in owners.values()]
        world.run_until(lambda: all(auditor.done for auditor in auditors), AUDIT)
        world.run(max(0.0, SETTLING - (world.clock.now - began)))
        world.run_until(lambda: prospects.whole(self._living), HEALING)  # some silence is noticed only now
        self._inspect(count=True)

    def _inspect(self, count: bool) -> None:
        inspectors = [Inspector(self.world, address, count) for address in self._addresses()]
        self.world.run_until(lambda: all(inspector.done for inspector in inspectors), SETTLING)

    def _addresses(self) -> tuple[Address, ...]:
        """Of the centrals that have not left."""
        nodes = self.world.nodes.values()
        return tuple(Address(node.name, PORT) for node in nodes if is_central(node.name) and not node.retired)

    def _probes(self) -> list[Participant]:
        """Fresh clients: one that registers, and others that come back to what was registered before. Each knows some
        central, be it the main or not."""
        manners = [Manner(username="newcomer", secret="new", registers=True, modern=True)]
        known = [client.manner for client in self.world.clients.values() if client.acknowledged]
        self.world.random.shuffle(known)
        manners += [Manner(manner.username, manner.secret) for manner in known[: PROBES - 1]]
        addresses = self._addresses()
        return [
            self.world.client(f"probe{number}", (self.world.random.choice(addresses),), manner)
            for number, manner in enumerate(manners)
        ]

    def _hush(self, most: float) -> None:
        """Nobody posts any more, and what was posted arrives, within so many seconds."""
        for client in self.world.clients.values():
            client.quiet = True
        self.world.run_until(lambda: not delivered.missing(self.world.history), most, step=0.5)

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
        self._hush(DELIVERY)

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

    def _add_central(self) -> Node:
        number = 1 + sum(is_central(name) for name in self.world.nodes)
        name = _central_address(number).hostname
        node = self._add(name, partial(self._central, name, number), PORT)
        node.user = Witness(node, lambda: [node for node in self.world.nodes.values() if is_central(node.name)])
        return node

    def _central(self, name: str, number: int, stored: Stored, incarnation: int, entropy: Random) -> Role:
        seeds = tuple(_central_address(other) for other in range(1, number))
        central = Central(Address(name, PORT), SECRET, stored, entropy, seeds)
        central.backups.part = self.plan.part
        central.entries.most = self.plan.entries
        return central

    def _server(self, name: str, stored: Stored, incarnation: int, entropy: Random) -> Role:
        plan, address = self.plan, self.world.nodes[name].address
        assert address is not None
        known = [_central_address(number) for number in range(1, plan.servers_know + 1)]
        return Server(name, address, known, SECRET, incarnation, entropy, plan.retention, plan.patience, plan.copies)

    def _known(self, manner: Manner) -> tuple[Address, ...]:
        return tuple(_central_address(number + 1) for number in manner.knows)

    def _start(self, clients: list[Participant]) -> None:
        for client in clients:
            self.world.clock.after(client.manner.starts, client.start)

    def _all_ready(self) -> bool:
        return all(node.ready for node in (*self.centrals, *self.servers))

    def _phase(self, name: str) -> None:
        self.world.record(Phase(self.world.clock.now, name))


def _central_address(number: int) -> Address:
    return Address(CENTRAL if number == 1 else f"{CENTRAL}{number}", PORT)


def _logs(role: Role) -> tuple[int, ...]:
    assert isinstance(role, Server)
    return role.merged.size, role.origin.log.size

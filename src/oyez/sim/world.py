"""One deterministic world: a clock, a source of chance, a network, the nodes and clients in it, and its history.

Guarantees: the same seed and the same calls give the same history, under any hash seed: nothing iterates over a set,
nothing is ordered by identity, and there is one `random.Random`.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from oyez.protocol.messages import Address
from oyez.sim.client import Client
from oyez.sim.clock import Clock
from oyez.sim.history import Entry, Measured, Stuck
from oyez.sim.library import LibraryClient
from oyez.sim.network import Network
from oyez.sim.node import Build, Node
from oyez.sim.participant import Manner, Participant
from oyez.sim.process import Process
from oyez.sim.wire import Conditions


class World:
    """`nodes` and `clients` are by name, in the order in which they came."""

    def __init__(self, seed: int, conditions: Conditions | None = None) -> None:
        self.random = Random(seed)
        self.clock = Clock()
        self.history: list[Entry] = []
        self.record: Callable[[Entry], None] = self.history.append
        self.network = Network(self.clock, self.random, conditions or Conditions())
        self.nodes: dict[str, Node] = {}
        self.clients: dict[str, Participant] = {}

    def node(self, name: str, build: Build, port: int = 3780, rate: float = 1.0, offset: float = 0.0) -> Node:
        """A machine for one node; nothing runs on it yet."""
        self.nodes[name] = node = Node(self, name, Address(name, port), build, rate, offset)
        return node

    def client(self, name: str, centrals: tuple[Address, ...], manner: Manner) -> Participant:
        """Somebody at a machine of their own; nothing is started yet."""
        kind = LibraryClient if manner.library else Client
        self.clients[name] = client = kind(self, name, centrals, manner)
        return client

    def run(self, seconds: float) -> None:
        """Let everything happen in the next so many seconds."""
        self.clock.run(self.clock.now + seconds)

    def run_until(self, condition: Callable[[], bool], seconds: float, step: float = 0.1) -> bool:
        """Let things happen until `condition` holds, which is tried each `step`; False where it has not in time."""
        deadline = self.clock.now + seconds
        while not condition():
            if self.clock.now >= deadline:
                return False
            self.run(step)
        return True

    def measure_each(self, seconds: float) -> None:
        """Measure every node now, and again each so many seconds."""
        for node in self.nodes.values():
            if node.process is not None:
                self.measure(node, node.process)
        now = self.clock.now
        for link in self.network.links.values():
            for end in link.ends:
                since = end.out.full_since
                if since is not None and now - since >= seconds and end.machine in self.nodes and not end.over:
                    self.record(Stuck(now, end.machine, link.number, now - since))
        self.clock.after(seconds, partial(self.measure_each, seconds))

    def measure(self, node: Node, process: Process) -> None:
        """Put on record what a process holds in memory."""
        links = process.host.links
        outbox = max([len(link.outbox) for link in links.values()], default=0)
        logs = node.weigh(process.host.role)
        self.record(Measured(self.clock.now, node.name, len(links), outbox, logs))

"""Several centrals and servers on links between them: each on the real host, nothing between them but the test.

Every byte that a node sends arrives at once, unless the test has cut the two apart or frozen one of them; what a
central puts on disk is there when it starts again. Time passes in steps of 10 ms, for all nodes alike.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from oyez.core import effects as fx
from oyez.core.central.central import Central
from oyez.core.role import Role
from oyez.core.server.server import Server
from oyez.protocol import messages as m
from oyez.storage.memory import MemoryStore
from tests.core.centrals import CLUSTER, KEY
from tests.core.nodes import Node, Talk, World

STEP = 0.01
PORTS = {"m": 3780, "b": 3781, "c": 3782, "s": 4001, "t": 4002, "u": 4003}


class Storing(World):
    """A world with a disk that outlives the node."""

    def __init__(self, store: MemoryStore, time: float) -> None:
        super().__init__(time)
        self.store = store

    def persist(self, records: tuple[fx.Record, ...], done: Callable[[], None]) -> None:
        def durable() -> None:
            self.store.append(list(records))
            done()

        super().persist(records, durable)


class Member(Node):
    """A central or server of the council; one letter names it."""

    def __init__(self, name: str, role: Role, world: World) -> None:
        super().__init__(role, world)
        self.name = name
        self.frozen = False

    @property
    def central(self) -> Central:
        assert isinstance(self.role, Central)
        return self.role

    @property
    def role(self) -> Role:
        return self.host.role

    @property
    def term(self) -> int:
        """Of its reign; 0 if it has none."""
        replication = self.central.office.replication
        return replication.term if replication else 0


@dataclass
class End:
    """One end of a link. `read` counts the bytes that the other end has got."""

    member: Member
    talk: Talk | None
    read: int = 0


class Council:
    """The network. Nodes are dialed where they are, and nowhere else."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.members: dict[str, Member] = {}
        self.stores: dict[str, MemoryStore] = {}
        self._seeds: dict[str, str] = {}
        self._wires: list[tuple[End, End]] = []
        self._cut: set[frozenset[str]] = set()
        self._lives = 0

    # -- who is there -----------------------------------------------------------------------------------------------

    def central(self, name: str, seeds: str = "") -> Member:
        """Start a central: the first time with an empty disk. `seeds` are the names of the centrals to look for."""
        seeds = self._seeds.setdefault(name, seeds)
        store = self.stores.get(name)
        self.stores[name] = store = MemoryStore(KEY, f"c-{name}") if store is None else store.reopen()
        self._lives += 1
        role = Central(
            address(name), CLUSTER, store.load(), Random(f"{name}{self._lives}"), tuple(address(seed) for seed in seeds)
        )
        return self._start(name, role, Storing(store, self.time))

    def server(self, name: str, centrals: str = "mb") -> Member:
        """Start a server, in a lifetime of its own."""
        self._lives += 1
        known = [address(central) for central in centrals]
        role = Server(name, address(name), known, CLUSTER, self._lives, Random(f"{name}{self._lives}"))
        return self._start(name, role, World(self.time))

    def _start(self, name: str, role: Role, world: World) -> Member:
        assert name not in self.members
        self.members[name] = member = Member(name, role, world)
        member.start()
        self.settle()
        return member

    def kill(self, *names: str) -> None:
        """These end without a word; their links are closed."""
        for name in names:
            member = self.members.pop(name)
            for wire in list(self._wires):
                if any(end.member is member for end in wire):
                    self._wires.remove(wire)
                    for end in wire:
                        if end.member is not member and end.talk is not None:
                            end.member.host.closed(end.talk.link)
        self.settle()

    def freeze(self, name: str) -> None:
        """It stands still, and its links stay open."""
        self.members[name].frozen = True

    def thaw(self, name: str) -> None:
        member = self.members[name]
        member.frozen = False
        member.sleep(self.time - member.world.time)
        self.settle()

    def cut(self, some: str, others: str) -> None:
        """What these send each other is kept back, and dials fail."""
        self._cut |= {frozenset((one, other)) for one in some for other in others}

    def heal(self) -> None:
        self._cut.clear()
        self.settle()

    # -- what happens -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """All that follows without time passing."""
        while any([self._dials(), self._bytes()]):
            pass

    def run(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(round(seconds / STEP)):
            self.time += STEP
            for member in list(self.members.values()):
                if not member.frozen:
                    member.pass_time(self.time - member.world.time)
            self.settle()

    def until(self, condition: Callable[[], object], within: float = 20.0) -> float:
        """Time passes until it is so; returns how long it took."""
        began = self.time
        while not condition():
            assert self.time - began < within, "it never came to that"
            self.run(STEP)
        return self.time - began

    def _dials(self) -> bool:
        happened = False
        for member in self.members.values():
            while not member.frozen and member.world.dials:
                happened = True
                to = self._at(member.world.dials[0][0])
                if to is None or frozenset((member.name, to.name)) in self._cut:
                    member.refuse()
                else:  # a frozen node accepts links, too
                    self._wires.append((End(member, member.answer()), End(to, None if to.frozen else to.connect())))
        return happened

    def _at(self, there: m.Address) -> Member | None:
        return next((member for name, member in self.members.items() if address(name) == there), None)

    def _bytes(self) -> bool:
        happened = False
        for wire in list(self._wires):
            for here, there in (wire, wire[::-1]):
                happened |= self._moved(wire, here, there)
        return happened

    def _moved(self, wire: tuple[End, End], here: End, there: End) -> bool:
        if there.member.frozen or frozenset((here.member.name, there.member.name)) in self._cut or here.talk is None:
            return False
        if there.talk is None:
            there.talk = there.member.connect()
        news, here.read = here.talk.sent[here.read :], len(here.talk.sent)
        if news:
            there.talk.says(news)
        elif here.talk.ended and wire in self._wires:
            self._wires.remove(wire)
            there.talk.hangs_up()
            return True
        return bool(news)

    # -- what people see --------------------------------------------------------------------------------------------

    def asks(self, name: str, *messages: m.Message) -> Talk:
        """Somebody connects to this node and says so."""
        talk = self.members[name].connect().says(*messages)
        self.settle()
        return talk

    def registers(self, name: str, username: str) -> bool:
        """Is it acknowledged at once?"""
        answers = self.asks(name, m.Register(username, f"secret of {username}")).hears()
        return [type(answer) for answer in answers] == [m.RegisterSuccess]

    def has_given(self, name: str, username: str) -> bool:
        """Is the name taken, for whoever has another secret?"""
        (answer,) = self.asks(name, m.Register(username, "another secret")).hears()
        return isinstance(answer, m.RegisterFailed) and answer.reason == "already_registered"

    def status(self, name: str) -> m.StatusReport:
        (report,) = self.asks(name, m.Status()).hears()
        assert isinstance(report, m.StatusReport)
        return report

    def in_sync(self, name: str) -> set[str]:
        """Letters of the centrals that are in sync, as this one knows it."""
        configuration = self.members[name].central.office.voter.configuration
        return {id.removeprefix("c-") for id in configuration.in_sync} if configuration else set()

    def mains(self) -> list[str]:
        """Who believes to be main."""
        return [name for name, member in self.members.items() if isinstance(member.role, Central) and member.term]

    def serving(self, main: str, servers: Iterable[str]) -> bool:
        """Are these servers joined with this main, and ready?"""
        known = self.members[main].central.directory.servers
        return all(name in known and known[name].ready for name in servers)


def address(name: str) -> m.Address:
    return m.Address("host" if PORTS[name] > 4000 else "central", PORTS[name])


def founded(backups: str = "", servers: str = "") -> Council:
    """A network: main m, and these backups in sync, and these servers ready."""
    council = Council()
    council.central("m")
    for name in backups:
        council.central(name, "m")
    for name in servers:
        council.server(name, "m")
    council.until(lambda: council.in_sync("m") == {"m", *backups} and council.serving("m", servers))
    council.run(1.0)  # the last changes are adopted
    return council

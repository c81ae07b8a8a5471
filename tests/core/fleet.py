"""Several real servers, linked with each other, and people at them; the central is played.

Each server runs on the real host. What they send each other is under way until the test, or chance, lets a piece of it
arrive; so any of them can be killed, and any link reset, between any two pieces. People are what the client library is:
they keep a cursor, go elsewhere when their server is gone, and send again what has not come back.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from oyez.core.client.seen import Seen
from oyez.core.server.server import Server
from oyez.core.timing import HEARTBEAT
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.nodes import Node, Talk, World
from tests.core.servers import CLUSTER, HOME, KEY, NETWORK, permit, post

PORTS = {"a": 4001, "b": 4002, "c": 4003, "d": 4004}


class Person:
    """A program that loses nothing. `seen` is what it has been shown, as "sender: text", and `repeated` what it would
    have been shown twice if it had not known better; `unseen` are its posts that have not come back, by number.
    """

    def __init__(self, fleet: "Fleet", name: str, at: str) -> None:
        self.name = name
        self.seen: list[str] = []
        self.repeated: list[str] = []
        self.gaps: list[m.Range] = []
        self.at = ""
        self.unseen: dict[int, str] = {}
        self._fleet = fleet
        self._session = f"the session of {name}"
        self._cursor = Seen()
        self._talk: Talk | None = None
        self._tag = ""
        self._posted = 0
        self.goes_to(at)

    def goes_to(self, server: str) -> None:
        """Its link to the one before, if it has any, stays open: nobody may have noticed yet that it is of no use."""
        self.at, self._tag = server, ""
        self._talk = self._fleet.members[server].connect()
        ticket = permit(self.name, audience=f"server:{server}")
        self._talk.says(m.Login(self.name, None, ticket, self._session, self._cursor.resume()))
        self.listens()

    def posts(self, text: str | None = None) -> None:
        self._posted += 1
        self.unseen[self._posted] = text or str(self._posted)
        if self._tag:
            self._send(self._posted)

    def _send(self, number: int) -> None:
        assert self._talk is not None
        self._talk.says(post(self.name, self.unseen[number], id=number))

    def loses_server(self) -> None:
        self._talk, self.at, self._tag = None, "", ""

    @property
    def is_in(self) -> bool:
        """Has it a session?"""
        return bool(self._tag)

    def listens(self) -> None:
        """It reads what has come."""
        for message in self._talk.hears() if self._talk is not None else ():
            if isinstance(message, m.ActivityBroadcast):
                self._hear(message)
            elif isinstance(message, m.LoginSuccess):
                assert message.session
                self._tag = message.session
                self._cursor.welcomed(message.network or "", message.origin or "", message.origins, self._posted > 0)
                for number in self.unseen:
                    self._send(number)
            elif isinstance(message, m.Gap):
                self.gaps += message.gaps
                self._cursor.skip(message.gaps)
            else:
                assert isinstance(message, n.Heartbeat), message
        if self._talk is not None and self._talk.ended and self.at:
            self.goes_to(self.at)  # a server that it had left before has asked for it late

    def _hear(self, message: m.ActivityBroadcast) -> None:
        if not self._cursor.is_new(message.id, message.post):
            self.repeated.append(message.id)
            return
        activity = json.loads(bytes(message.activity))
        self.seen.append(f"{activity['authenticated_user']}: {activity['content']}")
        tag, _, number = (message.post or "").rpartition("-")
        if tag == self._tag and self.unseen.pop(int(number), None) is not None:
            self._cursor.came_back(message.id)


class Member(Node):
    """A server; one letter names it."""

    def __init__(self, name: str, incarnation: int, copies: int, retention: int, time: float) -> None:
        self.role = Server(
            name,
            m.Address("host", PORTS[name]),
            [HOME],
            CLUSTER,
            incarnation,
            Random(f"{name}{incarnation}"),
            retention=retention,
            copies=copies,
        )
        super().__init__(self.role, World(time))
        self.name = name
        self.incarnation = incarnation
        self.start()
        self.central = self.answer()

    @property
    def listing(self) -> n.ServerAddress:
        return n.ServerAddress(self.name, "host", PORTS[self.name], self.incarnation)


@dataclass
class End:
    """One end of a wire: whose, and how much of what it has sent has arrived."""

    member: Member
    talk: Talk
    arrived: int = 0

    @property
    def under_way(self) -> bytes:
        return self.talk.sent[self.arrived :]


@dataclass
class Wire:
    """A link between two servers."""

    ends: tuple[End, End]

    @property
    def directions(self) -> list[tuple[End, End]]:
        return [self.ends, (self.ends[1], self.ends[0])]


@dataclass
class Fleet:
    """The network. `chance` picks what happens next."""

    copies: int = 2
    chance: Random = field(default_factory=lambda: Random(1))
    retention: int = 1_000_000
    time: float = 1000.0
    members: dict[str, Member] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    _wires: list[Wire] = field(default_factory=list)
    _lives: int = 0

    # -- who is there -----------------------------------------------------------------------------------------------

    def start(self, name: str) -> Member:
        """A server joins; the central tells everybody."""
        self._lives += 1
        member = Member(name, self._lives, self.copies, self.retention, self.time)
        others = [other.listing for other in self.members.values()]
        self.members[name] = member
        keys = {1: base64.b64encode(KEY).decode()}
        member.central.says(n.AuthenticateSuccess("welcome", 1, [HOME], others, keys, True, NETWORK))
        news = n.SynchronisedNewServer(name, "host", PORTS[name], member.incarnation)
        for other in self.members.values():
            if other is not member:
                other.central.says(news)
        return member

    def person(self, name: str, at: str) -> Person:
        self.people[name] = Person(self, name, at)
        return self.people[name]

    def kill(self, name: str) -> None:
        """It ends; what it has sent and what was sent to it is lost where it had not arrived."""
        member = self.members.pop(name)
        for wire in list(self._wires):
            if any(end.member is member for end in wire.ends):
                self._wires.remove(wire)
                for end in wire.ends:
                    if end.member is not member:
                        end.talk.hangs_up()
        for person in self.people.values():
            if person.at == name:
                person.listens()
                person.loses_server()

    def remove(self, name: str) -> None:
        """The central has found out."""
        for other in self.members.values():
            other.central.says(n.RemoveServer(name))

    def reset(self, one: str, other: str) -> None:
        """The links between these break, with what was under way."""
        for wire in list(self._wires):
            if {end.member.name for end in wire.ends} == {one, other}:
                self._wires.remove(wire)
                for end in wire.ends:
                    end.talk.hangs_up()

    def serving(self, names: Iterable[str]) -> bool:
        return all(self.members[name].role.clients.serving for name in names)

    # -- what happens -----------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """One thing happens: a dial, or a piece of what is under way arrives. False where there is nothing."""
        things: list[tuple[End, End] | Member] = [member for member in self.members.values() if member.world.dials]
        for wire in self._wires:
            things += [(here, there) for here, there in wire.directions if here.under_way or here.talk.ended]
        if things:
            thing = self.chance.choice(things)
            if isinstance(thing, Member):
                self._dial(thing)
            else:
                self._arrive(*thing)
        for person in self.people.values():
            person.listens()
        return bool(things)

    def _dial(self, member: Member) -> None:
        to = next((other for other in self.members.values() if other.role.address == member.world.dials[0][0]), None)
        if to is None:
            member.refuse()
        else:
            self._wires.append(Wire((End(member, member.answer()), End(to, to.connect()))))

    def _arrive(self, here: End, there: End) -> None:
        if not here.under_way:
            self._wires = [wire for wire in self._wires if here not in wire.ends]
            there.talk.hangs_up()
            return
        size = self.chance.choice((1, 50, 200, 1000, 100_000))
        piece = here.under_way[:size]
        here.arrived += len(piece)
        there.talk.says(piece)

    def settle(self) -> None:
        """All that follows without time passing."""
        while self.step():
            pass

    def run(self, seconds: float) -> None:
        """Time passes, and all that happens in it."""
        self.settle()
        for _ in range(round(seconds / HEARTBEAT)):
            self.time += HEARTBEAT
            for member in list(self.members.values()):
                member.central.says(n.Heartbeat(1))
                member.pass_time(self.time - member.world.time)
            self.settle()


def founded(names: str, copies: int = 2, seed: int = 1, retention: int = 1_000_000) -> Fleet:
    """These servers, linked and ready."""
    fleet = Fleet(copies, Random(seed), retention)
    for name in names:
        fleet.start(name)
    fleet.run(1.0)
    assert fleet.serving(names)
    return fleet

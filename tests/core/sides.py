"""Servers as far as their mesh is concerned, and what can be read off the effects that it asks for."""

from random import Random

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.origin import Origin
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.mesh import Mesh
from oyez.log import Chunk
from oyez.protocol import activity
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.messages import Address, Message

SECRET = "cluster"
AT = Address("host", 4001)


class Side:
    """Server `id` with its mesh and its own log."""

    def __init__(
        self, id: str, incarnation: int = 1, retention: int = 1_000_000, copies: int = 2, serves: bool = True
    ) -> None:
        self.id = id
        self.origin = Origin(id, incarnation, retention)
        self.broadcast = Broadcast(self.origin, retention, None, copies)
        if serves:
            self.broadcast.begin()
        self.mesh = Mesh(id, incarnation, SECRET, self.broadcast, Random(1))

    def accept(self, count: int = 1) -> Chunk:
        """Clients of this server post, and read it; returns the lines."""
        chunk = self.post(count)
        self.broadcast.merged.publish([chunk])
        return chunk

    def post(self, count: int = 1) -> Chunk:
        """Clients of this server post, and nobody has seen it yet; returns the lines."""
        for number in range(count):
            self.origin.accept(activity.opening("bob"), b',"n":%d}' % number)
        chunk = self.origin.take()
        assert chunk is not None
        self.origin.log.publish([chunk])
        self.broadcast.copies.add(chunk)
        return chunk

    def linked(self, peer: "Side", link: int = 1, now: float = 0.0) -> Effects:
        """The other side has dialed and said hello, and the position that it begins at: the first."""
        effects = self.mesh.greeted(now, link, peer.mesh.hello(now, self.id))
        self.positioned(peer, link, 0)
        return effects

    def positioned(self, peer: "Side", link: int, sequence: int) -> Effects:
        """The peer says that its log goes on behind this sequence."""
        return self.mesh.position(link, p.ServerPosition(peer.origin.name, sequence, peer.origin.log.last))[0]

    def receives(self, chunk: Chunk, link: int = 1, now: float = 0.0) -> list[Chunk]:
        """Lines come over this link, and are shown."""
        new, in_order = self.mesh.receive(now, link, chunk.data)
        assert in_order
        if new:
            self.broadcast.take(new)
            self.broadcast.show([])
        return new


def listing(id: str, incarnation: int = 1, port: int = 4001) -> n.ServerAddress:
    return n.ServerAddress(id, "host", port, incarnation)


def hello(id: str, incarnation: int = 1, of: int | None = None, cursor: int | None = None) -> p.ServerHello:
    return p.ServerHello(SECRET, id, incarnation, of, cursor)


def sent(effects: Effects, kind: type[Message]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, fx.Send) and type(effect.message) is kind]


def closed(effects: Effects) -> list[int]:
    return [effect.link for effect in effects if isinstance(effect, fx.Close)]


def reports(effects: Effects, event: str) -> list[dict]:
    return [dict(effect.fields) for effect in effects if isinstance(effect, fx.Report) and effect.event == event]


def begins_at(effects: Effects) -> int:
    """The sequence after which the own log is read on to the peer; what is said and what is done agree."""
    (position,) = sent(effects, p.ServerPosition)
    (follow,) = [effect for effect in effects if isinstance(effect, fx.Follow)]
    assert isinstance(position, p.ServerPosition)
    assert follow.position == follow.log.position_after(position.sequence)
    return position.sequence

"""Servers as far as their mesh is concerned, and what can be read off the effects that it asks for."""

from random import Random

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.mesh import Mesh
from oyez.core.origin import Origin
from oyez.log import Chunk
from oyez.protocol import activity
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.messages import Address, Message

SECRET = "cluster"
AT = Address("host", 4001)


class Side:
    """Server `id` with its mesh and its own log."""

    def __init__(self, id: str, incarnation: int = 1, retention: int = 1_000_000) -> None:
        self.id = id
        self.origin = Origin(id, incarnation, retention)
        self.mesh = Mesh(id, incarnation, SECRET, self.origin, Random(1))

    def accept(self, count: int = 1) -> Chunk:
        """Clients of this server post; returns the lines."""
        for number in range(count):
            self.origin.accept(activity.opening("bob"), b',"n":%d}' % number)
        chunk = self.origin.take()
        assert chunk is not None
        self.origin.log.publish([chunk])
        return chunk

    def linked(self, peer: "Side", link: int = 1, now: float = 0.0) -> Effects:
        """The other side has dialed and said hello, and the position that it begins at."""
        effects = self.mesh.greeted(now, link, peer.mesh.hello(now, self.id))
        self.mesh.position(link, p.ServerPosition(peer.origin.name, 0))
        return effects


def listing(id: str, incarnation: int = 1, port: int = 4001) -> n.ServerAddress:
    return n.ServerAddress(id, "host", port, incarnation)


def hello(
    id: str, incarnation: int = 1, of: int | None = None, cursor: int | None = None, since: float = 0.0
) -> p.ServerHello:
    return p.ServerHello(SECRET, id, incarnation, of, cursor, since)


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

"""The mesh: one link with every other server, and a cursor into each other's log (DESIGN section 4).

The server with the smaller id dials. Each side says how far it holds the other's log; the other reads on from there,
so a link that was reset loses and doubles nothing. A server that joins begins with the present of the older ones; one
that already serves begins with whatever a newcomer's log holds since it served.

Guarantees: what `receive` returns continues the peer's log without a hole or a repetition, or the hole has been
reported. Knows nothing of clients.
"""

import hmac
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import origin as origins
from oyez.core import timing
from oyez.core.copies import Copies
from oyez.core.effects import Effects
from oyez.core.holdings import Holdings
from oyez.core.origin import Origin
from oyez.core.refusal import refuse
from oyez.core.repair import Repair
from oyez.core.settlement import Settlement
from oyez.log import Chunk
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.messages import Address, AuthenticationFail, InvalidMessage

if TYPE_CHECKING:
    from random import Random

FORGET = 30.0
"""Seconds for which a server that was removed, and whose link is lost, is still dialed: it may only be cut off."""


_JUST_NOW = 0.001  # seconds: a server that began to serve in this very moment does serve, which 0 would deny


@dataclass(slots=True)
class Peer:
    """Another server, of whose lifetime `incarnation` the log is read. `position` is how far it has come on this link,
    which is less than what is held where it repeats that; `holds` is how far it holds this server's own log. It is
    `away` once nobody answers where it listened.
    """

    id: str
    address: Address
    backoff: timing.Backoff
    incarnation: int = -1
    position: int = 0
    holds: int = 0
    away: bool = False
    link: int | None = None
    positioned: bool = False
    listed: bool = True
    heard: float = 0.0
    lost_at: float | None = None
    removed_at: float = 0.0  # or when its link was lost, whichever came later; counts while it is not listed

    @property
    def origin(self) -> str:
        """The name of the log that is read from it."""
        return origins.name(self.id, self.incarnation)


class Mesh:
    """The other servers, as this one knows them."""

    def __init__(
        self,
        id: str,
        incarnation: int,
        secret: str,
        origin: Origin,
        copies: Copies,
        holdings: Holdings,
        entropy: "Random",
    ) -> None:
        self.peers: dict[str, Peer] = {}
        self.serving_since: float | None = None
        self._id = id
        self._incarnation = incarnation
        self._secret = secret
        self.repair = Repair(holdings)
        self.settlement = Settlement(origin.name, holdings)
        self._origin = origin
        self._copies = copies
        self._holdings = holdings
        self._entropy = entropy
        self._by_link: dict[int, Peer] = {}
        self._greeting: dict[int, tuple[str, float]] = {}  # dialed links whose other end has not answered yet
        self._marks: deque[tuple[float, int]] = deque()  # how far the own log was, and when

    @property
    def complete(self) -> bool:
        """Is there a working link with every server of the network?"""
        return all(peer.positioned for peer in self.peers.values() if peer.listed)

    def holds(self, link: int) -> Peer | None:
        """The peer at the end of this link."""
        return self._by_link.get(link)

    # -- who there is -------------------------------------------------------------------------------------------

    def listed(self, server: n.ServerAddress | n.SynchronisedNewServer) -> Effects:
        """The central knows of this server."""
        if server.id == self._id:
            return []
        address = Address(server.hostname, server.port)
        peer = self.peers.get(server.id)
        if peer is None:
            peer = self.peers[server.id] = Peer(server.id, address, timing.Backoff(self._entropy))
        elif peer.link is not None and server.incarnation > peer.incarnation:
            peer.address, peer.listed = address, True
            return [fx.Close(peer.link, at_once=True)]  # it has restarted, and this link does not know it yet
        elif peer.link is not None or (peer.listed and peer.address == address):
            peer.address, peer.listed = address, True
            return []
        peer.address, peer.listed = address, True
        return self.dial(server.id)

    def listed_all(self, now: float, servers: list[n.ServerAddress]) -> Effects:
        """The central knows of these servers and no others: what it removed meanwhile, it will not remove again."""
        gone = set(self.peers) - {server.id for server in servers}
        for id in sorted(gone):
            if self.peers[id].listed:
                self.removed(now, id)
        return [effect for server in servers for effect in self.listed(server)]

    def removed(self, now: float, id: str) -> Effects:
        """The central no longer knows of it. A link that works goes on working: the central may be wrong."""
        peer = self.peers.get(id)
        if peer is None:
            return []
        peer.listed, peer.removed_at = False, now
        return []

    def dial(self, id: str) -> Effects:
        """Connect, where it is this side's turn."""
        peer = self.peers.get(id)
        if peer is None or peer.link is not None or self._id > id:
            return []
        return [fx.Dial(peer.address, f"peer:{id}")]

    def redial(self, now: float, id: str) -> Effects:
        """The link was lost, or could not be made: try again in a while, unless the server is gone."""
        peer = self.peers.get(id)
        if peer is None or self._id > id:
            return []
        if not peer.listed and now - peer.removed_at > FORGET:
            return []  # how far its log is held is kept: it may come back yet, with the same log
        return [fx.SetTimer(f"peer:{id}", peer.backoff.next())]

    # -- linking ------------------------------------------------------------------------------------------------

    def hello(self, now: float, id: str) -> p.ServerHello:
        """How this server greets that one."""
        peer = self.peers.get(id)
        since = 0.0 if self.serving_since is None else max(now - self.serving_since, _JUST_NOW)
        position = None if peer is None else self._holdings.position(peer.origin)
        of = None if peer is None or position is None else peer.incarnation
        return p.ServerHello(self._secret, self._id, self._incarnation, of, position, since)

    def dialed(self, now: float, link: int, id: str) -> Effects:
        """Connected to where that server is said to be."""
        self._greeting[link] = (id, now)
        return [fx.Send(link, self.hello(now, id))]

    def greeted(self, now: float, link: int, message: p.ServerHello) -> Effects:
        """The other side has said who it is; answer if it was its turn to dial."""
        if not hmac.compare_digest(message.secret.encode(), self._secret.encode()):
            return refuse(link, AuthenticationFail("the cluster secret is wrong", "wrong_secret"))
        if message.id == self._id:
            return refuse(link, AuthenticationFail(f"{message.id} is this server's own id", "id_in_use"))
        peer = self.peers.get(message.id)
        if peer is None:  # it knows of us before the central has told us of it
            nowhere = Address("unknown", 1)
            peer = Peer(message.id, nowhere, timing.Backoff(self._entropy), listed=False, removed_at=now)
            self.peers[message.id] = peer
        if message.incarnation < peer.incarnation:  # sent before it died, and late
            return refuse(link, AuthenticationFail(f"{peer.id} has restarted since", "superseded"))
        dialed = self._greeting.pop(link, None) is not None  # not before: who is refused above is dialed again
        effects: Effects = [] if dialed else [fx.Send(link, self.hello(now, peer.id))]
        if peer.link is not None and peer.link != link:
            effects.append(fx.Close(peer.link))
            self._by_link.pop(peer.link, None)
        self.repair.linked.discard(peer.origin)
        if peer.link is not None:
            self.settlement.left(peer.origin, peer.link)
        peer.incarnation, peer.away = message.incarnation, False
        peer.link, peer.positioned, peer.heard = link, False, now
        peer.holds = message.cursor if message.cursor is not None and self._has_cursor(message) else 0
        peer.backoff.reset()
        self._by_link[link] = peer
        wanted = self._where_to_begin(now, message)
        sequence = max(wanted, self._origin.log.first - 1)
        if sequence > wanted and not self._has_cursor(message):  # then it can't know what it has missed
            gap = {"origin": self._origin.name, "from": wanted + 1, "to": sequence, "peer": peer.id}
            effects.append(fx.Report("mesh_gap", gap))
        return [
            *effects,
            fx.Trust(link),
            fx.Send(link, p.ServerPosition(self._origin.name, sequence)),
            fx.Follow(link, self._origin.log, self._origin.log.position_after(sequence)),
            fx.Report("mesh_linked", {"peer": peer.id, "from": sequence}),
        ]

    def _where_to_begin(self, now: float, hello: p.ServerHello) -> int:
        """The sequence after which the own log is read on to this peer: its cursor, or when it began to serve."""
        log = self._origin.log
        if hello.cursor is not None and self._has_cursor(hello):
            return min(hello.cursor, log.last)
        if hello.since:
            began = now - hello.since - timing.HEARTBEAT
            return max((sequence for at, sequence in self._marks if at <= began), default=0)
        return self._copies.released  # what nobody has been shown yet, it is to hold, too

    def _has_cursor(self, hello: p.ServerHello) -> bool:
        """Does the peer hold anything of this lifetime's log?"""
        return hello.of == self._incarnation and hello.cursor is not None

    def position(self, link: int, message: p.ServerPosition) -> Effects:
        """The peer says after which sequence it goes on."""
        peer = self._by_link[link]
        if message.origin != peer.origin:
            return refuse(link, InvalidMessage(f"{message.origin} is not your origin", "wrong_origin"))
        effects: Effects = []
        missed = self._holdings.begin(peer.origin, message.sequence)
        if missed is not None:
            gap = {"origin": peer.origin, "from": missed, "to": message.sequence}
            effects.append(fx.Report("mesh_gap", gap))
        peer.position, peer.positioned = message.sequence, True
        self.repair.linked.add(peer.origin)
        self.settlement.links[peer.origin] = link
        return [*effects, *self._tell_positions()]

    # -- the life of a link -------------------------------------------------------------------------------------

    def receive(self, now: float, link: int, block: bytes) -> list[Chunk] | None:
        """The new activities in what has come: the peer's next, and what it supplies of others. None if these are not
        what can come now."""
        peer = self._by_link.get(link)
        if peer is None or not peer.positioned:
            return None
        peer.heard = now
        run = origins.check_run(block, peer.origin, peer.position)
        chunks = origins.runs(block) if run is None else [run]
        new = []
        for chunk in chunks or []:
            if chunk.origin == peer.origin:
                if chunk.first != peer.position + 1:
                    return None
                peer.position = chunk.last
            part = self._holdings.take(chunk)
            if part is None:
                return None
            if part.count:
                new.append(part)
        return None if chunks is None else new

    def acknowledgements(self, links: set[int]) -> Effects:
        """Tell these peers, from which something has come in this turn, how far it is held."""
        return [
            fx.Send(link, p.Acknowledge(self._by_link[link].position))
            for link in sorted(links)
            if link in self._by_link
        ]

    def acknowledged(self, link: int, message: p.Acknowledge) -> None:
        """A peer holds that much of this server's log."""
        peer = self._by_link[link]
        peer.holds = max(peer.holds, min(message.sequence, self._origin.log.last))

    def released(self, now: float) -> list[Chunk]:
        """Own activities that enough others hold by now."""
        held = [peer.holds for peer in self.peers.values() if peer.positioned]
        awaited = sum(self._is_awaited(now, peer) for peer in self.peers.values())
        return self._copies.release(held, awaited)

    def _is_awaited(self, now: float, peer: Peer) -> bool:
        """Was it here a moment ago, and may be here again in a moment?"""
        return (
            not peer.positioned and not peer.away and peer.lost_at is not None and now - peer.lost_at < timing.SUSPICION
        )

    def lost(self, now: float, link: int) -> Effects:
        """The link is gone."""
        if link in self._greeting:
            return self.redial(now, self._greeting.pop(link)[0])
        peer = self._by_link.pop(link, None)
        if peer is None:
            return []
        peer.link, peer.positioned, peer.removed_at, peer.lost_at = None, False, now, now
        self.repair.linked.discard(peer.origin)
        self.settlement.left(peer.origin, link)
        looked_for = self.redial(now, peer.id) if self._id < peer.id else [fx.Dial(peer.address, f"probe:{peer.id}")]
        return [fx.Report("mesh_lost", {"peer": peer.id}), *self._tell_positions(), *looked_for]

    def absent(self, id: str) -> None:
        """Nobody answers where that server listened: it is not to be waited for."""
        if id in self.peers:
            self.peers[id].away = True

    def _tell_positions(self) -> Effects:
        positions = self.repair.positions
        return [
            fx.Send(peer.link, positions) for peer in self.peers.values() if peer.link is not None and peer.positioned
        ]

    def beat(self, now: float, slept: bool) -> Effects:
        """Once a heartbeat: show life, act on silence."""
        self._mark(now)
        effects: Effects = []
        for peer in self.peers.values():
            if slept:
                peer.heard = now
            if peer.link is None:
                continue
            if now - peer.heard >= timing.SUSPICION:
                effects += [fx.Report("peer_silent", {"peer": peer.id}), fx.Close(peer.link, at_once=True)]
            else:
                effects.append(fx.Send(peer.link, n.Heartbeat()))
        if self.repair.positions.lost:
            effects += self._tell_positions()
        for link, (_, since) in self._greeting.items():
            if now - since >= timing.SUSPICION:
                effects.append(fx.Close(link, at_once=True))
        return effects

    def _mark(self, now: float) -> None:
        """Remember how far the own log is now, for as long as it holds that."""
        log = self._origin.log
        if not self._marks or self._marks[-1][1] < log.last:
            self._marks.append((now, log.last))
        while len(self._marks) > 1 and self._marks[1][1] < log.first:
            self._marks.popleft()

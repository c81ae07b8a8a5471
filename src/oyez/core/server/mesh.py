"""The mesh: one link with every other server, and a cursor into each other's log (DESIGN section 4).

The server with the smaller id dials. Each side says how far it holds the other's log; the other reads on from there,
so a link that was reset loses and doubles nothing. A server that holds nothing of it begins with what is retained; one
that joins is complete once it has that of every other server.

Guarantees: what `receive` returns continues an origin's log without a hole or a repetition, or the hole has been
told. Knows nothing of clients.
"""

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import origin as origins
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.refusal import refuse
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.copies import TWO
from oyez.core.server.past import Marks
from oyez.core.server.repair import Missed, Repair
from oyez.log import Chunk
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.messages import Address, AuthenticationFail, InvalidMessage

if TYPE_CHECKING:
    from random import Random

FORGET = 30.0
"""Seconds for which a server that was removed, and whose link is lost, is still dialed: it may only be cut off."""


@dataclass(slots=True)
class Peer:
    """Another server, of whose lifetime `incarnation` the log is read. `position` is how far it has come on this link,
    which is less than what is held where it repeats that; `last` is how far it was when the link was made. `holds` is
    how far it holds this server's own log, and `goal` how far that was then. It is `away` once nobody answers where it
    listened.
    """

    id: str
    address: Address
    backoff: timing.Backoff
    incarnation: int = -1
    position: int = 0
    last: int = 0
    holds: int = 0
    goal: int = 0
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

    @property
    def current(self) -> bool:
        """Has it caught up since the link was made? Until then nobody is to wait for what it holds."""
        return self.positioned and self.holds >= self.goal


class Mesh:
    """The other servers, as this one knows them."""

    def __init__(
        self,
        id: str,
        incarnation: int,
        secret: str,
        broadcast: Broadcast,
        entropy: "Random",
    ) -> None:
        self.peers: dict[str, Peer] = {}
        self.serving_since: float | None = None
        self.repair = Repair(broadcast.holdings)
        self._id = id
        self._incarnation = incarnation
        self._secret = secret
        self._origin = broadcast.origin
        self._copies = broadcast.copies
        self._withheld = broadcast.withheld
        self._holdings = broadcast.holdings
        self._entropy = entropy
        self._by_link: dict[int, Peer] = {}
        self._marks = Marks()
        self._past_of_others = broadcast.past
        self._greeting: dict[int, tuple[str, float]] = {}  # dialed links whose other end has not answered yet

    @property
    def complete(self) -> bool:
        """Is there a working link with every server of the network, and all that they had when it was made?"""
        listed = [peer for peer in self.peers.values() if peer.listed]
        return all(peer.positioned and peer.position >= peer.last for peer in listed) and self.repair.complete

    @property
    def alone(self) -> bool:
        """Is there no other server in the network?"""
        return not any(peer.listed for peer in self.peers.values())

    def holds(self, link: int) -> Peer | None:
        """The peer at the end of this link."""
        return self._by_link.get(link)

    def knows(self, link: int) -> bool:
        """Is another server at the end of this link, or has been dialed over it?"""
        return link in self._by_link or link in self._greeting

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
        if id in self.peers:
            self.peers[id].listed, self.peers[id].removed_at = False, now
        return []

    def dial(self, id: str) -> Effects:
        """Connect, where it is this side's turn."""
        peer = self.peers.get(id)
        turn = peer is not None and peer.link is None and self._id < id
        return [fx.Dial(peer.address, f"peer:{id}")] if peer is not None and turn else []

    def redial(self, now: float, id: str) -> Effects:
        """The link was lost, or could not be made: try again in a while, unless the server is gone."""
        peer = self.peers.get(id)
        if peer is None or self._id > id or (not peer.listed and now - peer.removed_at > FORGET):
            return []  # how far its log is held is kept: it may come back yet, with the same log
        return [fx.SetTimer(f"peer:{id}", peer.backoff.next())]

    # -- linking ------------------------------------------------------------------------------------------------

    def hello(self, now: float, id: str) -> p.ServerHello:
        """How this server greets that one."""
        peer = self.peers.get(id)
        position = None if peer is None else self._holdings.position(peer.origin)
        of = None if peer is None or position is None else peer.incarnation
        since = 0.0 if self.serving_since is None else max(now - self.serving_since, 0.001)
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
            effects += [fx.Close(peer.link), fx.Report("mesh_lost", {"peer": peer.id})]
            self._by_link.pop(peer.link, None)
            effects += self._left(peer.link)
            peer.lost_at = now
        if message.incarnation != peer.incarnation:
            peer.lost_at = None  # nobody waits for what one that begins anew holds
        peer.incarnation, peer.away = message.incarnation, False
        peer.link, peer.positioned, peer.heard = link, False, now
        peer.holds = message.cursor if message.cursor is not None and self._has_cursor(message) else 0
        peer.goal = self._origin.log.last
        peer.backoff.reset()
        self._by_link[link] = peer
        sequence = self._where_to_begin(message)
        return [
            *effects,
            fx.Trust(link),
            fx.Send(link, self._position(sequence, self._past(now, message))),
            fx.Follow(link, self._origin.log, self._origin.log.position_after(sequence)),
            fx.Report("mesh_linked", {"peer": peer.id, "from": sequence}),
        ]

    def _where_to_begin(self, hello: p.ServerHello) -> int:
        """The sequence after which the own log is read on to this peer: its cursor, or what is still retained."""
        log = self._origin.log
        cursor = hello.cursor if self._has_cursor(hello) and hello.cursor is not None else 0
        return max(min(cursor, log.last), log.first - 1)

    def _has_cursor(self, hello: p.ServerHello) -> bool:
        """Does the peer hold anything of this lifetime's log?"""
        return hello.of == self._incarnation and hello.cursor is not None

    def _past(self, now: float, hello: p.ServerHello) -> int:
        """How far the own log was when the peer began to serve; 0 where that is of no importance."""
        if not hello.since or self._has_cursor(hello):
            return 0
        return self._marks.at(now - hello.since - timing.HEARTBEAT)

    def _position(self, sequence: int, past: int) -> p.ServerPosition:
        withheld = self._copies.wanted > TWO
        return p.ServerPosition(self._origin.name, sequence, self._origin.log.last, past, withheld)

    def position(self, link: int, message: p.ServerPosition) -> tuple[Effects, Missed]:
        """The peer says after which sequence it goes on."""
        peer = self._by_link[link]
        if message.origin != peer.origin:
            return refuse(link, InvalidMessage(f"{message.origin} is not your origin", "wrong_origin")), []
        known = self._holdings.position(peer.origin) is not None  # then all that comes is new to those who are here
        past = 0 if known else message.past
        missed = self._holdings.begin(peer.origin, message.sequence)
        if message.withheld:
            self._withheld.begin(peer.origin)
        self._past_of_others.begin(peer.origin, message.sequence, past)
        peer.position, peer.last, peer.positioned = message.sequence, message.last, True
        effects = self.repair.joined(link, peer.origin)
        if self._copies.wanted > TWO:
            effects.append(fx.Send(link, p.Released(self._copies.released)))
        if missed is None or missed[1] <= past:
            return effects, []
        return effects, [(peer.origin, max(missed[0], past + 1), missed[1])]

    # -- the life of a link -------------------------------------------------------------------------------------

    def receive(self, now: float, link: int, block: bytes) -> tuple[list[Chunk], bool]:
        """The new activities in what has come: the peer's next, and what it supplies of others. False: not all of it is
        what can come now."""
        peer = self._by_link.get(link)
        if peer is None or not peer.positioned:
            return [], False
        peer.heard = now
        run = origins.check_run(block, peer.origin, peer.position)
        chunks = origins.runs(block) if run is None else [run]
        new: list[Chunk] = []
        for chunk in chunks or []:
            if chunk.origin == peer.origin:
                if chunk.first != peer.position + 1:
                    return new, False
                peer.position = chunk.last
            part = self._holdings.take(chunk)
            if part is not None and part.count:  # else it is held, or was asked for before it was given up
                new.append(part)
        return new, chunks is not None

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

    def held_by_all(self, now: float) -> int:
        """How far all hold the own log who are there, or may be back any moment; but not who is still catching up."""
        held = [peer.holds for peer in self.peers.values() if peer.current or self._is_awaited(now, peer)]
        return min([self._origin.sequence, *held])

    def alive(self, since: float) -> bool:
        """Has every linked server shown life since then?"""
        return all(peer.heard >= since for peer in self._by_link.values())

    def awaits(self, now: float) -> bool:
        """May somebody be back any moment?"""
        return any(self._is_awaited(now, peer) for peer in self.peers.values())

    def is_beyond(self, origin: str, sequence: int) -> bool:
        """Has the server of this linked origin never numbered such an activity, as far as can be known?"""
        if origin == self._origin.name:
            return sequence > self._origin.sequence
        peer = next((peer for peer in self._by_link.values() if peer.origin == origin), None)
        return peer is not None and peer.positioned and sequence > peer.position >= peer.last

    @property
    def behind(self) -> bool:
        """Is anything still to come, or to be released, that was there before a link was made?"""
        peers = [peer for peer in self.peers.values() if peer.positioned]
        waits, repair = self._withheld.waits, self.repair
        late = any(peer.position < peer.last or waits(peer.origin, peer.last) for peer in peers)
        return late or any(waits(origin) for origin in repair.lost) or not repair.complete or repair.lacks_a_link

    def released(self, now: float) -> tuple[list[Chunk], Effects]:
        """Own activities that enough others hold by now, and what the others are to be told of that."""
        if not self._copies:
            return [], []
        held = [peer.holds for peer in self.peers.values() if peer.current]
        awaited = sum(self._is_awaited(now, peer) for peer in self.peers.values())
        chunks = self._copies.release(held, awaited)
        if not chunks or self._copies.wanted <= TWO:
            return chunks, []
        news = p.Released(self._copies.released)
        return chunks, [fx.Send(link, news) for link, peer in self._by_link.items() if peer.positioned]

    def released_by(self, link: int, message: p.Released) -> None:
        """Enough servers hold that much of a peer's log."""
        self._withheld.allow(self._by_link[link].origin, message.sequence)

    def release_lost(self) -> None:
        """Where origins are lost, the survivors decide."""
        if not self._withheld.origins:
            return  # two copies: nothing is ever withheld, and this is asked in every turn
        for origin in self.repair.lost:
            if origin in self._withheld:
                through = self.repair.enough(origin, self._copies.wanted)
                self._withheld.allow(origin, self.repair.position(origin) if through is None else through)

    def _is_awaited(self, now: float, peer: Peer) -> bool:
        """Was it here a moment ago, and may be here again in a moment?"""
        return not peer.current and not peer.away and peer.lost_at is not None and now - peer.lost_at < timing.SUSPICION

    def lost(self, now: float, link: int) -> Effects:
        """The link is gone."""
        if link in self._greeting:
            return self.redial(now, self._greeting.pop(link)[0])
        peer = self._by_link.pop(link, None)
        if peer is None:
            return []
        peer.link, peer.positioned, peer.removed_at, peer.lost_at = None, False, now, now
        looked_for = self.redial(now, peer.id) if self._id < peer.id else [fx.Dial(peer.address, f"probe:{peer.id}")]
        return [fx.Report("mesh_lost", {"peer": peer.id}), *self._left(link), *looked_for]

    def absent(self, id: str) -> None:
        """Nobody answers where that server listened: it is not to be waited for."""
        if id in self.peers and self.peers[id].link is None:
            self.peers[id].away = True

    def told(self, now: float, link: int, message: p.Positions) -> tuple[Effects, Missed]:
        """A peer says how things stand there."""
        effects, missed = self.repair.positions(now, link, message)
        self._holdings.keep(self.repair.unsettled)
        return effects, missed

    def supplied(self, now: float, message: p.ActivitiesSupplied) -> Effects:
        """All that was asked for has come."""
        effects = self.repair.supplied(now, message)
        self._holdings.keep(self.repair.unsettled)
        return effects

    def _left(self, link: int) -> Effects:
        effects = self.repair.left(link)
        self._holdings.keep(self.repair.unsettled)
        return effects

    def beat(self, now: float, slept: bool) -> Effects:
        """Once a heartbeat: show life, act on silence."""
        self._marks.mark(now, self._origin.log)
        effects: Effects = [*self.repair.ask(now), *self.repair.tell()]
        self._holdings.keep(self.repair.unsettled)
        for origin in self._holdings.prune(self.repair.spare):
            self._withheld.forget(origin)
            self._past_of_others.forget(origin)
        for peer in self.peers.values():
            if slept:
                peer.heard = now
            if peer.link is None:
                continue
            if now - peer.heard >= timing.SUSPICION:
                peer.away = True  # it has been waited for
                effects += [fx.Report("peer_silent", {"peer": peer.id}), fx.Close(peer.link, at_once=True)]
            else:
                effects.append(fx.Send(peer.link, n.Heartbeat()))
        for link, (_, since) in self._greeting.items():
            if now - since >= timing.SUSPICION:
                effects.append(fx.Close(link, at_once=True))
        return effects

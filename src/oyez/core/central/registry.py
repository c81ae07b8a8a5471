"""The main's servers: who has joined, how loaded they are, who is gone (DESIGN sections 3 and 4).

Guarantees: a server is placed only once it has announced itself; one that is lost keeps its record for the time of
suspicion, in case it comes back, then the others are told. What changes goes through `append` to the directory log.
Knows no clients, and nothing of how entries are replicated.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.directory import Directory, Server
from oyez.core.central.placement import Placement
from oyez.core.effects import Effects
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from oyez.core.central.entries import EntryRecord

Append = Callable[[float, "EntryRecord"], Effects]


class Registry:
    """The servers of one main. `links` are those of connected servers."""

    def __init__(self, directory: Directory, placement: Placement, append: Append) -> None:
        self.links: dict[int, Server] = {}
        self._directory = directory
        self._placement = placement
        self._append = append

    # -- joining ------------------------------------------------------------------------------------------------

    def objection(self, message: n.Authenticate) -> m.AuthenticationFail | None:
        """Why this server can't join, with the right secret."""
        known = self._directory.servers.get(message.id)
        if known is None or message.incarnation > known.incarnation:
            return None
        if message.incarnation < known.incarnation:
            return m.AuthenticationFail(f"a later server with the id {message.id} has joined", "id_in_use")
        if m.Address(message.hostname, message.port) != known.address:  # no process has two
            return m.AuthenticationFail(f"the server with the id {message.id} is at another address", "id_in_use")
        return None

    def join(self, now: float, link: int, message: n.Authenticate, welcome: n.AuthenticateSuccess) -> Effects:
        """Take it in; `welcome` lacks only the other servers."""
        record = fx.ServerRecord(message.id, message.hostname, message.port, message.incarnation)
        known = self._directory.servers.get(message.id)
        news = known is None or known.record != record
        effects = [] if known is None or known.link is None else self._displaced(known)
        self._directory.apply(record)
        server = self._directory.servers[message.id]
        self.links[link] = server
        server.link, server.heard, server.load, server.counted_at = link, now, message.load, 0.0
        server.leaving, server.lag = False, 0
        server.sessions.clear()
        others = [other for other in self._directory.servers.values() if other is not server]
        welcome.servers = [other.listing for other in others]
        at = server.listing
        new = n.SynchronisedNewServer(at.id, at.hostname, at.port, at.incarnation, welcome.term)
        return [
            *effects,
            *(self._append(now, record) if news else []),
            fx.Send(link, welcome),
            *[fx.Send(other.link, new) for other in others if other.link is not None],
            fx.Report("server_joined", {"server": server.id, "address": str(server.address)}),
        ]

    # -- leaving ------------------------------------------------------------------------------------------------

    def lost(self, now: float, link: int, term: int) -> Effects:
        """Its link is gone: it has until suspicion to come back before the others are told; if it was leaving and has
        nobody left, it has said goodbye."""
        server = self.links.pop(link, None)
        if server is None or server.link != link:
            return []
        server.link, server.ready, server.heard = None, False, now
        self._placement.forget(server.id)
        if server.leaving and server.load == 0:
            return [fx.Report("server_left", {"server": server.id}), *self._remove(now, server, term)]
        return [fx.Report("server_lost", {"server": server.id})]

    def _displaced(self, server: Server) -> Effects:
        """It has come a second time: since its link was lost, or somebody else uses its id."""
        return [*self._detach(server), fx.Report("server_displaced", {"server": server.id})]

    def _detach(self, server: Server, silent: bool = False) -> Effects:
        """Its old link is superseded, or of no use; if it is `silent`, it won't take last words either."""
        assert server.link is not None
        link = server.link
        del self.links[link]
        server.link, server.ready = None, False
        return [fx.Close(link, at_once=silent)]

    def _remove(self, now: float, server: Server, term: int) -> Effects:
        effects = [] if server.link is None else self._detach(server, silent=True)
        self._directory.apply(fx.ServerGone(server.id))
        self._placement.forget(server.id)
        gone = n.RemoveServer(server.id, term)
        return [
            *effects,
            fx.Report("server_removed", {"server": server.id}),
            *self._append(now, fx.ServerGone(server.id)),  # first: who waits for the disk hears of it after that
            *[fx.Send(link, gone) for link in self.links],
        ]

    def abandon(self) -> list[int]:
        """This central is main no more: forget the links, which are returned."""
        links = list(self.links)
        for server in self.links.values():
            server.link, server.ready = None, False
        self.links.clear()
        return links

    def expect(self, now: float) -> None:
        """From now on each server has the time of suspicion to show itself: after a start, an election, a sleep."""
        for server in self._directory.servers.values():
            server.heard = now

    def beat(self, now: float, term: int) -> Effects:
        """Once a heartbeat: show life, act on silence."""
        effects: Effects = []
        removals: Effects = []
        for server in list(self._directory.servers.values()):
            if now - server.heard >= timing.SUSPICION:
                removals += self._remove(now, server, term)
            elif server.link is not None:
                effects.append(fx.Send(server.link, n.Heartbeat(term)))
        return [*effects, *removals]  # in this order: what follows a removal waits for the disk

    # -- what they say ------------------------------------------------------------------------------------------

    def announced(self, now: float, server: Server, message: n.ServerAnnounce) -> Effects:
        """Its absolute load, which is the truth."""
        effects: Effects = [] if server.ready else [fx.Report("server_ready", {"server": server.id})]
        server.announced(now, message)
        self._placement.arrived(server.id, message.arrived, message.redeemed)
        return effects

    @property
    def voters(self) -> tuple[str, ...]:
        """Origins of the servers that are part of the network."""
        return tuple(sorted(server.origin for server in self._directory.servers.values()))

    @property
    def status(self) -> list[m.ServerStatus]:
        """Each server, as it is known here."""
        return [server.status(self._placement.reserved(server.id)) for server in self._directory.servers.values()]

    @property
    def loads(self) -> dict[str, int]:
        """Connected and expected, by server: for the backups."""
        return {server.id: server.load for server in self._directory.servers.values()}

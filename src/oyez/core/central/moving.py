"""The main's half of moving sessions from server to server: rebalance and drain (DESIGN section 4, ADR 9.8).

Guarantees: a session that is sent elsewhere has a place there and a ticket for it; between MOVE and DE_LOAD, while it
is expected there and still counted here, it is not taken for two; a server that leaves gives away all sessions as long
as another is open. Knows no clients, and nothing of how servers choose who moves.
"""

from collections import Counter, deque

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.balance import Balance
from oyez.core.central.directory import Directory, Server
from oyez.core.central.permits import Permits
from oyez.core.central.placement import KEPT, Placement, Reservation
from oyez.core.effects import Effects
from oyez.protocol import nodes as n

ON_THE_WAY = 10.0
"""Seconds within which a session that was told to move is elsewhere; else it has ended, or stays."""

QUIET = 2.5 * timing.HEARTBEAT
"""Seconds without a word from a server after which nobody is moved: it may be frozen, and not be suspected yet."""


class Moving:
    """Of one central, while it is main."""

    def __init__(self, directory: Directory, placement: Placement, permits: Permits) -> None:
        self.balance = Balance()
        self._directory = directory
        self._placement = placement
        self._permits = permits
        self._told: dict[tuple[str, str], deque[float]] = {}  # to move, by server and username, and not gone yet: when
        self._departing: Counter[str] = Counter()  # how many these are, by server

    def begin(self) -> None:
        """This central is main now: what it asked for in an earlier reign is void."""
        self.balance = Balance()
        self._told.clear()
        self._departing.clear()

    # -- loads --------------------------------------------------------------------------------------------------

    def loads(self) -> dict[str, int]:
        """Who is, or is expected, at each open server."""
        return {
            id: load + self._placement.reserved(id) - self._departing[id]
            for id, load in self._directory.open_servers().items()
        }

    def left(self, server: str, username: str) -> None:
        """A session of this user is not there any more."""
        if (server, username) in self._told:
            self._gone(server, username)

    def forget(self, server: str) -> None:
        """Its link is gone: it will tell its load anew."""
        for id, username in list(self._told):
            if id == server:
                del self._told[id, username]
        del self._departing[server]

    def _gone(self, server: str, username: str) -> None:
        times = self._told[server, username]
        times.popleft()
        self._departing[server] -= 1
        if not times:
            del self._told[server, username]

    def _expire(self, now: float) -> None:
        for (server, username), times in list(self._told.items()):
            for _ in [since for since in times if now - since >= ON_THE_WAY]:
                self._gone(server, username)

    # -- rebalance ----------------------------------------------------------------------------------------------

    def tick(self, now: float) -> Effects:
        """Once a heartbeat: see whether sessions should move."""
        self._expire(now)
        return self._ask(now)

    def _ask(self, now: float) -> Effects:
        if self._is_in_doubt(now):
            return []
        effects: Effects = []
        for id, count in self.balance.questions(now, self.loads()).items():
            link = self._directory.servers[id].link
            if link is not None:
                effects.append(fx.Send(link, n.Rebalance(count)))
        return effects

    def _is_in_doubt(self, now: float) -> bool:
        """Has a server fallen silent? What it has is not known then, and it may take nobody."""
        silent = [server for server in self._directory.servers.values() if now - server.heard > QUIET]
        return any(server.ready and not server.leaving for server in silent)

    def movable(self, now: float, server: Server, message: n.Movable) -> Effects:
        """The server says who may move: say where to."""
        assert server.link is not None
        if server.leaving:
            destinations = self._from_leaving(now, message.usernames)
        else:
            asked = self.balance.answered(server.id)
            destinations = self._from_full(now, server.id, message.usernames[:asked])
        effects: Effects = [fx.Send(server.link, n.Move(destinations))]
        if not destinations:
            return effects
        moved = fx.Report("moved", {"server": server.id, "sessions": len(destinations)})
        return [*effects, moved, *self._ask(now)]

    def _from_full(self, now: float, source: str, usernames: list[str]) -> list[n.Destination]:
        destinations = []
        loads = self.loads()
        for username in usernames if source in loads and not self._is_in_doubt(now) else ():
            chosen = self._placement.least(self.balance.destinations(source, loads))
            if chosen is None:
                break
            loads[source] -= 1
            loads[chosen] += 1
            self._told.setdefault((source, username), deque()).append(now)
            self._departing[source] += 1
            destinations.append(self._place(now, username, chosen))
        return destinations

    # -- drain --------------------------------------------------------------------------------------------------

    def drain(self, id: str) -> Effects | n.DrainServerFailed:
        """Have this server leave; or why not."""
        server = self._directory.servers.get(id)
        if server is None:
            return n.DrainServerFailed(f"there is no server {id}", "unknown_server")
        if server.link is None:
            return n.DrainServerFailed(f"{id} is not connected now, try again", "server_away")
        if not server.leaving:
            if not any(other != id for other in self._directory.open_servers()):
                info = f"there is no other server that could take the sessions of {id}"
                return n.DrainServerFailed(info, "no_other_server")
            server.leaving = True
            self._placement.forget(id)
        return [fx.Send(server.link, n.Drain()), fx.Report("draining", {"server": id})]

    def _from_leaving(self, now: float, usernames: list[str]) -> list[n.Destination]:
        destinations = []
        for username in usernames:
            chosen = self._placement.choose(self._directory.open_servers())
            if chosen is None:
                break
            destinations.append(self._place(now, username, chosen))
        return destinations

    def _place(self, now: float, username: str, server: str) -> n.Destination:
        # While a new secret is not settled, the session is one of before: it must not become one of after by moving.
        since = 0 if username in self._directory.unsettled else self._directory.good_since(username)
        ticket, nonce = self._permits.for_server(username, server, now, since)
        self._placement.reserve(nonce, Reservation(server, username, now + KEPT))
        address = self._directory.servers[server].address
        return n.Destination(username, address.hostname, address.port, ticket)

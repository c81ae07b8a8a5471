"""The directory: who is registered, which servers there are, and how loaded they are.

A plain data structure with the rules of how it changes; the main central is its only writer. Guarantees: a username
is one user's until that one is removed; a server id has one record, whose incarnation never goes back. Knows no links
but as numbers.
"""

from collections import Counter
from dataclasses import dataclass, field

from oyez.core import origin as origins
from oyez.core.effects import Replacement, Revocation, ServerGone, ServerRecord, UserRecord
from oyez.protocol.messages import Address, Presence, ServerStatus
from oyez.protocol.nodes import ServerAddress, ServerAnnounce


@dataclass(slots=True)
class Server:
    """One server as the central sees it. `link` is None while it is away, `ready` says that it may be given clients,
    unless it is `leaving`."""

    id: str
    address: Address
    incarnation: int
    link: int | None = None
    ready: bool = False
    leaving: bool = False
    heard: float = 0.0
    load: int = 0
    sessions: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    delivered: int = 0
    counted_at: float = 0.0
    accepted_rate: float = 0.0
    delivered_rate: float = 0.0
    lag: int = 0

    def announced(self, now: float, announce: ServerAnnounce) -> None:
        """Take over what the server says of itself: its count is the truth."""
        self.ready = True
        self.leaving = self.leaving or announce.leaving  # who has been told to leave does not come back to stay
        self.load = announce.load
        self.lag = announce.lag
        self.sessions.update(announce.arrived)
        elapsed = now - self.counted_at
        if elapsed < 0.5 and self.counted_at:
            return  # too short for a rate: arrivals are announced between the heartbeats
        if self.counted_at:
            self.accepted_rate = round((announce.accepted - self.accepted) / elapsed, 1)
            self.delivered_rate = round((announce.delivered - self.delivered) / elapsed, 1)
        self.accepted, self.delivered, self.counted_at = announce.accepted, announce.delivered, now

    def left(self, username: str) -> None:
        """One session less."""
        self.load = max(0, self.load - 1)
        if self.sessions[username] > 1:
            self.sessions[username] -= 1
        else:
            del self.sessions[username]

    def status(self, reserved: int) -> ServerStatus:
        """For STATUS_REPORT."""
        return ServerStatus(
            id=self.id,
            hostname=self.address.hostname,
            port=self.address.port,
            load=self.load,
            reserved=reserved,
            ready=self.ready,
            accepted_rate=self.accepted_rate,
            delivered_rate=self.delivered_rate,
            leaving=self.leaving,
            lag=self.lag,
        )

    @property
    def record(self) -> ServerRecord:
        """For the disk."""
        return ServerRecord(self.id, self.address.hostname, self.address.port, self.incarnation)

    @property
    def origin(self) -> str:
        """Its name as a voter, and of its log."""
        return origins.name(self.id, self.incarnation)

    @property
    def listing(self) -> ServerAddress:
        """For the other servers."""
        return ServerAddress(self.id, self.address.hostname, self.address.port, self.incarnation)


class Directory:
    """Users and servers. `unsettled` are the users whose registration, or new secret, is not known to be acknowledged,
    by index; `since` is the entry that set each one's secret, 0 where it is not there."""

    def __init__(
        self,
        users: dict[str, str],
        unsettled: dict[str, int],
        servers: list[ServerRecord],
        since: dict[str, int] | None = None,
        revoked: dict[str, Revocation] | None = None,
    ) -> None:
        self.users = users
        self.unsettled = unsettled
        self.since = since or {}
        self.revoked = revoked or {}
        self.watchers: list[set[str]] = []
        """Each gets the name of every user of whom anything changes."""
        self.servers: dict[str, Server] = {}
        for record in servers:
            self.apply(record)

    def apply(self, record: UserRecord | Revocation | ServerRecord | ServerGone) -> None:
        """One entry of the directory log."""
        match record:
            case UserRecord(name, hash, index):
                self.users[name] = hash
                self.since[name] = record.set_at
                if index:
                    self.unsettled[name] = index
                self._changed(name)
            case Revocation(name, removed=removed):
                self.revoked[name] = record
                if removed:
                    for known in (self.users, self.since, self.unsettled):
                        known.pop(name, None)
                self._changed(name)
            case ServerRecord(id, hostname, port, incarnation):
                server = self.servers.setdefault(id, Server(id, Address(hostname, port), incarnation))
                server.address, server.incarnation = Address(hostname, port), incarnation
            case ServerGone(id):
                self.servers.pop(id, None)

    def _changed(self, name: str) -> None:
        for watcher in self.watchers:
            watcher.add(name)

    def replace(self, replacement: Replacement) -> None:
        """From now on this is all there is."""
        for kept in (self.users, self.since, self.unsettled, self.revoked, self.servers):
            kept.clear()
        for user in replacement.users:
            self.apply(user)
        for server in replacement.servers:
            self.apply(server)
        self.revoked.update({one.username: one for one in replacement.revoked})

    def good_since(self, name: str) -> int:
        """The entry before which nothing that this user was given is good: the one that set the secret, or a revocation
        behind which the new secret never came, because the main died between the two."""
        revoked = self.revoked.get(name)
        return max(self.since.get(name, 0), 0 if revoked is None else revoked.since)

    def forget_revocations(self, now: float) -> bool:
        """Those whose time is over; whether there were any."""
        over = [name for name, revoked in self.revoked.items() if revoked.until <= now]
        for name in over:
            del self.revoked[name]
        return bool(over)

    def settled(self, committed: int) -> None:
        """Everything up to this entry is acknowledged."""
        for name in [name for name, index in self.unsettled.items() if index <= committed]:
            del self.unsettled[name]

    def acknowledged(self, committed: int) -> int:
        """Up to which entry every registration is known to have been acknowledged, of those that are committed."""
        return min([committed, *[index - 1 for index in self.unsettled.values()]])

    def open_servers(self) -> dict[str, int]:
        """Load by id, of the servers that may be given clients."""
        return {server.id: server.load for server in self.servers.values() if server.ready and not server.leaving}

    def presence(self) -> list[Presence]:
        """Who is connected where, by name."""
        return sorted(
            (
                Presence(username, server.id, sessions)
                for server in self.servers.values()
                for username, sessions in server.sessions.items()
            ),
            key=lambda presence: (presence.username, presence.server),
        )

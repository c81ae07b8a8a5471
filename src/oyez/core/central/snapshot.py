"""The whole directory for a backup that can't continue from its cursor, in bounded parts (DESIGN section 3).

The main sends a few parts and goes on as they are acknowledged, so that neither its other work nor its memory suffers.
The backup collects them, and takes them over as a whole once the last has come: a snapshot that broke off leaves what
was there. Knows no disk and no election.
"""

from oyez.core import effects as fx
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries
from oyez.core.effects import Effects
from oyez.protocol import nodes as n

PART = 500
"""Users in one part."""

WINDOW = 4
"""Parts on the way at once."""


class Outgoing:
    """One snapshot on its way to the backup on `link`."""

    def __init__(self, directory: Directory, entries: Entries, term: int, link: int, size: int = PART) -> None:
        self.done = False
        self.through = 0  # the entry up to which it goes, once it is done
        self._directory = directory
        self._entries = entries
        self._term = term
        self._link = link
        self._size = size
        self._names: list[str] = []
        self._sent = 0
        self._part = 0

    def begin(self) -> Effects:
        """The servers, and the first parts."""
        self._names = list(self._directory.users)
        loads = {server.id: server.load for server in self._directory.servers.values()}
        effects: Effects = [
            self._addresses(),
            fx.Send(self._link, n.SynchroniseServerLoad(loads, self._term)),
        ]
        for _ in range(WINDOW):
            effects += self.next()
        return effects

    def next(self) -> Effects:
        """One more part; the last one brings what was registered meanwhile, and ends at the log's present end."""
        if self.done:
            return []
        names = self._names[self._sent : self._sent + self._size]
        self._sent += len(names)
        self._part += 1
        users = self._directory.users
        if self._sent < len(self._names):
            part = n.SynchroniseUserStore({name: users[name] for name in names}, self._term, part=self._part)
            return [fx.Send(self._link, part)]
        self.done = True
        self.through = self._entries.last
        names += list(users)[len(self._names) :]
        last = n.SynchroniseUserStore(
            {name: users[name] for name in names},
            self._term,
            self._entries.last,
            self._entries.last_term,
            self._part,
            last=True,
            committed=self._entries.acknowledged,
            unsettled=dict(self._directory.unsettled),
        )
        return [self._addresses(), fx.Send(self._link, last)]  # servers may have come or gone

    def _addresses(self) -> fx.Send:
        servers = [server.listing for server in self._directory.servers.values()]
        return fx.Send(self._link, n.SynchroniseServerAddresses(servers, self._term))


class Incoming:
    """The parts of a snapshot that have come."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.servers: list[fx.ServerRecord] = []

    def addresses(self, message: n.SynchroniseServerAddresses) -> None:
        """The servers."""
        self.servers = [fx.ServerRecord(s.id, s.hostname, s.port, s.incarnation) for s in message.servers]

    def part(self, message: n.SynchroniseUserStore) -> None:
        """Some users."""
        self.users.update(message.users)

    def replacement(self, last: n.SynchroniseUserStore) -> fx.Replacement:
        """All of it, for the disk."""
        users = [fx.UserRecord(name, hash, last.unsettled.get(name, 0)) for name, hash in self.users.items()]
        return fx.Replacement(tuple(users), tuple(self.servers))

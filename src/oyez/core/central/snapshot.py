"""The whole directory for a backup that can't continue from its cursor, in bounded parts (DESIGN section 3).

The main sends a few parts and goes on as they are acknowledged, so that neither its other work nor its memory suffers.
Whoever registers, changes a secret or is removed meanwhile comes (again) in a later part.
The backup collects them, and takes them over as a whole once the last has come: a snapshot that broke off leaves what
was there. Knows no disk and no election.
"""

from oyez.core import effects as fx
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries, revocation
from oyez.core.effects import Effects
from oyez.protocol import nodes as n
from oyez.protocol.users import Revoked

PART = 500
"""Users in one part, with those who are removed or revoked."""

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
        self._changed: set[str] = set()  # of whom anything has changed since they were to be sent
        self._names: list[str] = []
        self._sent = 0
        self._revoked: list[str] = []
        self._part = 0

    def begin(self) -> Effects:
        """The servers, and the first parts."""
        self._names = list(self._directory.users)
        self._revoked = list(self._directory.revoked)
        self._directory.watchers.append(self._changed)
        loads = {server.id: server.load for server in self._directory.servers.values()}
        effects: Effects = [
            self._addresses(),
            fx.Send(self._link, n.SynchroniseServerLoad(loads, self._term)),
        ]
        for _ in range(WINDOW):
            effects += self.next()
        return effects

    def next(self) -> Effects:
        """One more part; the last one ends at the log's present end."""
        if self.done:
            return []
        self._part += 1
        part = n.SynchroniseUserStore({}, self._term, part=self._part)
        self._fill(part, self._size)
        if self._sent == len(self._names):
            self._names, self._sent = list(self._changed), 0
            self._changed.clear()
            self._revoked += [name for name in self._names if name in self._directory.revoked]
            self._fill(part, PART)
        if self._sent < len(self._names) or self._revoked:
            return [fx.Send(self._link, part)]
        self.end()
        self.through = part.index = self._entries.last
        part.entry_term = self._entries.last_term
        part.last, part.committed = True, self._entries.acknowledged
        return [self._addresses(), fx.Send(self._link, part)]  # servers may have come or gone

    def _fill(self, part: n.SynchroniseUserStore, most: int) -> None:
        """Until it names so many: then it fits into a line, whatever the names are made of."""
        directory = self._directory
        names = self._names[self._sent : self._sent + most - len(part.users) - len(part.removed) - len(part.revoked)]
        self._sent += len(names)
        for name in names:
            if name not in directory.users:
                part.removed.append(name)
                continue
            part.users[name] = directory.users[name]
            if name in directory.unsettled:
                part.unsettled[name] = directory.unsettled[name]
            elif directory.since.get(name):
                part.since[name] = directory.since[name]
        room = most - len(part.users) - len(part.removed) - len(part.revoked)
        revoked, self._revoked = self._revoked[:room], self._revoked[room:]
        for one in [directory.revoked[name] for name in revoked if name in directory.revoked]:
            part.revoked.append(Revoked(one.username, one.since, one.until, one.removed))

    def end(self) -> None:
        """There is no more of it to be sent."""
        self.done = True
        watchers = self._directory.watchers
        watchers[:] = [watcher for watcher in watchers if watcher is not self._changed]

    def _addresses(self) -> fx.Send:
        servers = [server.listing for server in self._directory.servers.values()]
        return fx.Send(self._link, n.SynchroniseServerAddresses(servers, self._term))


class Incoming:
    """The parts of a snapshot that have come."""

    def __init__(self) -> None:
        self.users: dict[str, fx.UserRecord] = {}
        self.revoked: dict[str, fx.Revocation] = {}
        self.servers: list[fx.ServerRecord] = []

    def addresses(self, message: n.SynchroniseServerAddresses) -> None:
        """The servers."""
        self.servers = [fx.ServerRecord(s.id, s.hostname, s.port, s.incarnation) for s in message.servers]

    def part(self, message: n.SynchroniseUserStore) -> None:
        """Some users."""
        for name, hash in message.users.items():
            index = message.unsettled.get(name, 0)
            self.users[name] = fx.UserRecord(name, hash, index, 0 if index else message.since.get(name, 0))
        for name in message.removed:
            self.users.pop(name, None)
        self.revoked.update({one.username: revocation(one) for one in message.revoked})

    def replacement(self) -> fx.Replacement:
        """All of it, for the disk."""
        return fx.Replacement(tuple(self.users.values()), tuple(self.servers), tuple(self.revoked.values()))

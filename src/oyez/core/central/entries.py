"""The directory log: what changes the directory, numbered; the main is its only writer (DESIGN section 1).

Holds where it ends and the newest entries, for backups that are a little behind. An index and the term in which its
entry was made name the entry: two logs with the same entry at an index are the same up to it. Knows no links.
"""

from collections import deque
from dataclasses import dataclass

from oyez.core import effects as fx
from oyez.protocol import nodes as n
from oyez.protocol.users import Revoke, Revoked

KEPT = 10_000
"""Entries held for backups that come back: one that is further behind gets a snapshot."""

EntryMessage = n.SynchroniseUserStore | n.SynchronisedNewServer | n.RemoveServer | Revoke
EntryRecord = fx.UserRecord | fx.ServerRecord | fx.ServerGone | fx.Revocation


@dataclass(slots=True, frozen=True)
class Entry:
    """One change, as it goes to disk; made by the main of `term`."""

    index: int
    term: int
    record: EntryRecord

    def message(self, term: int) -> EntryMessage:
        """As the main of `term` sends it to backups."""
        match self.record:
            case fx.UserRecord(name, hash, index, since):
                older = {} if index else {name: since}  # the secret is the same, hashed anew
                return n.SynchroniseUserStore({name: hash}, term, self.index, self.term, since=older)
            case fx.Revocation(name, since, until, removed):
                return Revoke([Revoked(name, since, until, removed)], term, self.index, self.term)
            case fx.ServerRecord(id, hostname, port, incarnation):
                return n.SynchronisedNewServer(id, hostname, port, incarnation, term, self.index, self.term)
            case fx.ServerGone(id):
                return n.RemoveServer(id, term, self.index, self.term)


def received(message: EntryMessage) -> Entry:
    """The entry that a main has sent."""
    index = message.index
    match message:
        case n.SynchroniseUserStore(users=users):
            [(name, hash)] = users.items()
            since = message.since.get(name)
            user = fx.UserRecord(name, hash, index) if since is None else fx.UserRecord(name, hash, 0, since)
            return Entry(index, message.entry_term, user)
        case Revoke(revoked=revoked):
            [one] = revoked
            return Entry(index, message.entry_term, revocation(one))
        case n.RemoveServer(id=id):
            return Entry(index, message.entry_term, fx.ServerGone(id))
        case n.SynchronisedNewServer(id=id, hostname=hostname, port=port, incarnation=incarnation):
            return Entry(index, message.entry_term, fx.ServerRecord(id, hostname, port, incarnation))


def revocation(revoked: Revoked) -> fx.Revocation:
    """As it is kept."""
    return fx.Revocation(revoked.username, revoked.since, revoked.until, revoked.removed)


class Entries:
    """The end of the directory log; `position` as it was stored. `most` is how many entries are held."""

    def __init__(self, position: fx.Position) -> None:
        self.last = position.index
        self.last_term = position.term
        self.committed = self.acknowledged = position.committed
        self.most = KEPT
        self._kept: deque[Entry] = deque()
        self._unwritten: list[fx.Record] = []
        self._base = (position.index, position.term)  # the entry before the first that is kept

    @property
    def position(self) -> fx.Position:
        """Where the log ends."""
        return fx.Position(self.last, self.last_term, self.acknowledged)

    @property
    def kept(self) -> fx.Current:
        """For the disk: all that was not written by then, and where the log ends."""
        return fx.Current(self._take)

    def _take(self) -> tuple[fx.Record, ...]:
        unwritten, self._unwritten = self._unwritten, []
        return (*unwritten, self.position)

    def append(self, entry: Entry) -> None:
        """The next entry, made here or received."""
        assert entry.index == self.last + 1
        self.last, self.last_term = entry.index, entry.term
        self._kept.append(entry)
        self._unwritten.append(entry.record)
        if len(self._kept) > self.most:
            oldest = self._kept.popleft()
            self._base = (oldest.index, oldest.term)

    def restart(self, position: fx.Position, replacement: fx.Replacement) -> None:
        """The directory was replaced as a whole."""
        self._unwritten = [replacement]
        self.last, self.last_term = position.index, position.term
        self.committed = self.acknowledged = position.committed
        self._kept.clear()
        self._base = (position.index, position.term)

    def between(self, index: int, last: int) -> list[Entry] | None:
        """The entries behind `index` up to `last`; None where they are no longer held."""
        start = index - self._base[0]
        if start < 0:
            return None
        return [self._kept[at] for at in range(start, min(last - self._base[0], len(self._kept)))]

    def knows(self, index: int, term: int) -> bool:
        """Is that the entry here, too, at that index?"""
        if (index, term) == self._base:
            return True
        place = index - self._base[0] - 1
        return 0 <= place < len(self._kept) and self._kept[place].term == term

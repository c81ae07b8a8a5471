"""The backup's side of replication: the directory as the main writes it (ADR 8, DESIGN sections 3 and 4).

Guarantees: entries are taken in order, from the main of the current term alone, and acknowledged once they are on
disk; a snapshot replaces everything at once; what this central had and the main has not is reported, never dropped
silently. Knows no clients and no election.
"""

from collections.abc import Callable

from oyez.core import effects as fx
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries, EntryMessage, received
from oyez.core.central.snapshot import Incoming
from oyez.core.effects import Effects
from oyez.core.refusal import refuse
from oyez.protocol import nodes as n
from oyez.protocol.messages import InvalidMessage, Message
from oyez.protocol.users import Revoke

Refused = str
"""Why a command was not taken: the link to the main is to be closed."""


class Following:
    """One backup's view of the main on its link, whose term is `term`."""

    def __init__(self, directory: Directory, entries: Entries, term: int, snapshot: bool) -> None:
        self.term = term
        self._directory = directory
        self._entries = entries
        self._incoming = Incoming() if snapshot else None

    def take(self, link: int, message: Message) -> Effects:
        """Whatever the main says to bring this backup up to date."""
        result = SYNCHRONISE[type(message)](self, link, message)
        if isinstance(result, str):
            return refuse(link, InvalidMessage(result, "not_synchronised"))
        return result

    def users(self, link: int, message: n.SynchroniseUserStore) -> Effects | Refused:
        """A registration, or a part of a snapshot."""
        if not message.part:
            return self.entry(link, message) if len(message.users) == 1 else "an increment has one user"
        if self._incoming is None or message.term != self.term:
            return "no snapshot was announced"
        self._incoming.part(message)
        if not message.last:
            return [fx.Send(link, n.Synchronised(part=message.part))]
        incoming, self._incoming = self._incoming, None
        return self._replace(link, incoming, message)

    def _replace(self, link: int, incoming: Incoming, last: n.SynchroniseUserStore) -> Effects:
        for name, index in last.unsettled.items():  # an older main says all of them at the end
            if name in incoming.users:
                incoming.users[name] = fx.UserRecord(name, incoming.users[name].hash, index)
        replacement = incoming.replacement()
        lost = [name for name in self._directory.users if self._is_lost(name, incoming)]
        lost += [name for name in self._directory.revoked if self._is_back(name, incoming)]
        self._directory.replace(replacement)
        position = fx.Position(last.index, last.entry_term, last.committed)
        self._entries.restart(position, replacement)
        reports: Effects = [fx.Report("unacknowledged_discarded", {"usernames": ", ".join(lost)})] if lost else []
        return [
            *reports,
            fx.Persist((self._entries.kept,)),
            fx.Send(link, n.Synchronised(last.index)),
            fx.Report("synchronised", {"users": len(replacement.users), "index": last.index}),
        ]

    def _is_lost(self, name: str, incoming: Incoming) -> bool:
        """Has the main another user of this name, or none, though nobody has removed this one or changed the secret?"""
        since = self._directory.since.get(name, 0)
        if name in incoming.revoked and incoming.revoked[name].since > since:
            return False
        there = incoming.users.get(name)
        if there is None or there.set_at != since:
            return True
        return name in self._directory.unsettled and there.hash != self._directory.users[name]

    def _is_back(self, name: str, incoming: Incoming) -> bool:
        """Was this user removed here, and has the main one of before, whom nobody has removed there?"""
        removed, there, known = self._directory.revoked[name], incoming.users.get(name), incoming.revoked.get(name)
        if not removed.removed or there is None or name in self._directory.users:
            return False
        return there.set_at < removed.since and (known is None or known.since < removed.since)

    def addresses(self, link: int, message: n.SynchroniseServerAddresses) -> Effects | Refused:
        """The servers of a snapshot."""
        if self._incoming is None or message.term != self.term:
            return "no snapshot was announced"
        self._incoming.addresses(message)
        return []

    def entry(self, link: int, message: EntryMessage) -> Effects | Refused:
        """The next entry."""
        if message.term != self.term or self._incoming is not None:
            return "entries of another term, or before the snapshot is complete"
        if message.index != self._entries.last + 1:
            return f"entry {message.index} does not follow {self._entries.last}"
        entry = received(message)
        self._entries.append(entry)
        self._directory.apply(entry.record)
        return [
            fx.Persist((self._entries.kept,)),
            fx.Send(link, n.Synchronised(entry.index)),
        ]

    def revoked(self, link: int, message: Revoke) -> Effects | Refused:
        """A revocation."""
        return self.entry(link, message) if len(message.revoked) == 1 else "an increment revokes one user's"

    def loads(self, link: int, message: n.SynchroniseServerLoad) -> Effects | Refused:
        """How loaded the servers are, and how far everything is acknowledged."""
        if message.term != self.term:
            return "loads of another term"
        for id, load in message.loads.items():
            server = self._directory.servers.get(id)
            if server is not None:
                server.load = load
        if self._incoming is None and self._entries.committed < message.index <= self._entries.last:
            self._entries.committed = self._entries.acknowledged = message.index
            self._directory.settled(message.index)
            return [fx.Persist((self._entries.kept,))]
        return []


SYNCHRONISE: dict[type, Callable[..., "Effects | Refused"]] = {
    n.SynchroniseUserStore: Following.users,
    n.SynchroniseServerAddresses: Following.addresses,
    n.SynchroniseServerLoad: Following.loads,
    n.SynchronisedNewServer: Following.entry,
    n.RemoveServer: Following.entry,
    Revoke: Following.revoked,
}
"""What a main may say to bring a backup up to date."""

"""What a store holds: what it begins with, and how records add up.

Guarantees: what `stored` gives depends on the beginning, the records and their order alone. Must not know: disks, and
what a record is for.
"""

import os
from dataclasses import dataclass, field

from oyez.core.central.stored import Stored
from oyez.core.effects import (
    Key,
    Position,
    Record,
    Replacement,
    Revocation,
    RevocationsOver,
    ServerGone,
    ServerRecord,
    UserRecord,
)
from oyez.core.voter import VoterState


def new_key() -> bytes:
    """A network's key."""
    return os.urandom(32)


def new_id() -> str:
    """A central's id: one of four thousand million."""
    return f"c-{os.urandom(4).hex()}"


@dataclass(slots=True)
class Content:
    """In memory. `key` and `id` are what the store was made with."""

    key: bytes
    id: str
    position: Position = field(default_factory=lambda: Position(0, 0, 0))
    voter: VoterState = field(default_factory=VoterState)
    users: dict[str, UserRecord] = field(default_factory=dict)
    servers: dict[str, ServerRecord] = field(default_factory=dict)
    revoked: dict[str, Revocation] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """One more record."""
        match record:
            case UserRecord():
                self.users[record.username] = record
            case Revocation():
                self.revoked[record.username] = record
                if record.removed:
                    self.users.pop(record.username, None)
            case RevocationsOver(until):
                self.revoked = {name: one for name, one in self.revoked.items() if one.until > until}
            case ServerRecord():
                self.servers[record.id] = record
            case ServerGone():
                self.servers.pop(record.id, None)
            case Replacement():
                self.users = {user.username: user for user in record.users}
                self.servers = {server.id: server for server in record.servers}
                self.revoked = {revoked.username: revoked for revoked in record.revoked}
            case Position():
                self.position = record
            case Key():
                self.key = record.key
            case VoterState():
                self.voter = record

    def stored(self) -> Stored:
        """What a process starts from; a copy."""
        committed = self.position.committed
        return Stored(
            self.key,
            self.id,
            {name: user.hash for name, user in self.users.items()},
            {name: user.index for name, user in self.users.items() if user.index > committed},
            [self.servers[id] for id in sorted(self.servers)],
            self.position,
            self.voter,
            {name: user.set_at for name, user in self.users.items()},
            dict(self.revoked),
        )

"""What a central starts from: the content of its store (the port is `storage.port`)."""

from dataclasses import dataclass, field

from oyez.core.effects import Position, Revocation, ServerRecord
from oyez.core.voter import VoterState


@dataclass(slots=True)
class Stored:
    """Everything that a central has put on disk."""

    key: bytes
    """32 random bytes, made when the store was, or the network's; tickets are signed with keys derived from it."""
    id: str
    """This central's id, made when the store was."""
    users: dict[str, str] = field(default_factory=dict)
    """Hash of the secret by username."""
    unsettled: dict[str, int] = field(default_factory=dict)
    """Index by username, of the registrations that are not known to be acknowledged."""
    servers: list[ServerRecord] = field(default_factory=list)
    """The servers that were part of the network."""
    position: Position = field(default_factory=lambda: Position(0, 0, 0))
    """The end of the directory log."""
    voter: VoterState = field(default_factory=VoterState)
    """What this central has promised, and the newest configuration."""
    since: dict[str, int] = field(default_factory=dict)
    """The entry that set the secret, by username; 0 where it is not there."""
    revoked: dict[str, Revocation] = field(default_factory=dict)
    """The revocations whose time may not be over, by username."""

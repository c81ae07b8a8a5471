"""The commands about users who are there already: secrets are changed, users listed and removed, tickets revoked.

CHANGE_SECRET is a client's, REVOKE is spoken between nodes, the others are an operator's, who knows the cluster's
secret (docs/protocol.md; ADR 12). Guarantees and limits are those of `messages`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from oyez.protocol import limits
from oyez.protocol.messages import Count, Message, Name, Refusal, Secret


class ChangeSecret(Message, tag="CHANGE_SECRET"):
    """Client to central: from now on this is my secret; `secret` is the present one."""

    username: Name
    secret: Secret
    new_secret: Secret


class SetSecret(Message, tag="SET_SECRET"):
    """Operator to main: from now on this is the user's secret. `secret` is the cluster's."""

    secret: Secret
    username: Name
    new_secret: Secret


class ChangeSecretSuccess(Message, tag="CHANGE_SECRET_SUCCESS"):
    """Main to client or operator: it is committed, and the servers have been told."""

    info: str


class ChangeSecretFailed(Refusal, tag="CHANGE_SECRET_FAILED"):
    """Central to client or operator: not changed, or not known to be; the link closes."""


class RemoveUser(Message, tag="REMOVE_USER"):
    """Operator to main: nobody has this name any more. `secret` is the cluster's."""

    secret: Secret
    username: Name


class RemoveUserSuccess(Message, tag="REMOVE_USER_SUCCESS"):
    """Main to operator: it is committed, and the servers have been told."""

    info: str


class RemoveUserFailed(Refusal, tag="REMOVE_USER_FAILED"):
    """Central to operator: not removed, or not known to be; the link closes."""


class ListUsers(Message, tag="LIST_USERS"):
    """Operator to main: who is registered, of those whose names come `after` this one? `secret` is the cluster's."""

    secret: Secret
    after: Annotated[str, Meta(max_length=limits.USERNAME)] = ""


class UserStatus(Struct, omit_defaults=True):
    """One user in a LIST_USERS_SUCCESS, with as many `sessions` as are open under that name."""

    username: str
    sessions: int = 0


class ListUsersSuccess(Message, tag="LIST_USERS_SUCCESS"):
    """Main to operator: so many users, by name; `more` follow behind the last."""

    users: list[UserStatus]
    more: bool = False


class ListUsersFailed(Refusal, tag="LIST_USERS_FAILED"):
    """Central to operator: not told; the link closes."""


class Revoked(Struct, frozen=True, omit_defaults=True):
    """What was given to `username` before entry `since` is good no more. By `until` (seconds since 1970) nothing of
    that is good anyhow. `removed`: nor is there such a user."""

    username: str
    since: Count
    until: float
    removed: bool = False


class Revoke(Message, tag="REVOKE"):
    """Main to servers: end these users' older sessions, and take no older tickets. Main to backups: one of them, as an
    entry, with its index."""

    revoked: list[Revoked]
    term: Count = 0
    index: Count = 0
    entry_term: Count = 0


UserMessage = (
    ChangeSecret
    | SetSecret
    | ChangeSecretSuccess
    | ChangeSecretFailed
    | RemoveUser
    | RemoveUserSuccess
    | RemoveUserFailed
    | ListUsers
    | ListUsersSuccess
    | ListUsersFailed
    | Revoke
)

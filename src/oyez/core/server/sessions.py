"""The client sessions of one server: who is logged in on which link.

Guarantees: the count is exact at every moment, and every arrival and leaving is told once. Keeps no secret, only
keyed digests to compare with. Knows nothing of the log.
"""

import hashlib
import hmac
from collections.abc import Sequence

from oyez.core.credentials import digest
from oyez.protocol import activity
from oyez.protocol.messages import ActivityMessage


class Session:
    """One client, logged in on `link`."""

    __slots__ = ("aware", "key", "last", "link", "opening", "resumed", "secret", "since", "tag", "username")

    def __init__(
        self, link: int, username: str, secret: bytes | None, tag: str, aware: bool, last: Sequence[str] = ()
    ) -> None:
        self.aware = aware  # of GAP and HEARTBEAT
        self.since = 0  # the entry that had set the user's secret when it logged in
        self.resumed = False  # with a cursor that it has got elsewhere, or here before
        self.last = last  # origins of the servers that it has come from
        self.link = link
        self.username = username
        self.secret = secret  # digest; None where a ticket (or nothing) opened the session
        self.tag = tag
        self.key = tag.encode()  # as it stands in lines
        self.opening = activity.opening(username)

    def opening_for(self, post: int | None) -> bytes:
        """What stands between the id and the members of an activity of this session."""
        if post is None:
            return self.opening
        return b'"post":"%b-%d",%b' % (self.key, post, self.opening)


def tag_of(username: str, session: str) -> str:
    """The public name of a client-chosen session string: nobody can find the string from it."""
    text = f"{username}\0{session}".encode()
    return hashlib.blake2b(text, digest_size=8, person=b"oyez session").hexdigest()


class Sessions:
    """All sessions of a server; `key` is random, of this process alone."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.by_link: dict[int, Session] = {}
        self._by_tag: dict[str, int] = {}
        self._by_username: dict[str, dict[int, None]] = {}
        self._arrived: list[str] = []
        self._redeemed: list[str] = []

    def __len__(self) -> int:
        return len(self.by_link)

    def get(self, link: int) -> Session | None:
        """The session on this link."""
        return self.by_link.get(link)

    @property
    def links(self) -> list[int]:
        """The links of all sessions."""
        return list(self.by_link)

    def open(
        self,
        link: int,
        username: str,
        secret: str | None,
        tag: str,
        nonce: str | None,
        aware: bool = False,
        last: Sequence[str] = (),
    ) -> Session:
        """A client has logged in; `nonce` is of the ticket that it came with."""
        kept = None if secret is None else digest(self._key, secret)
        session = self.by_link[link] = Session(link, username, kept, tag, aware, last)
        self._by_tag[tag] = link
        self._by_username.setdefault(username, {})[link] = None
        self._arrived.append(username)
        if nonce is not None:
            self._redeemed.append(nonce)
        return session

    def close(self, link: int) -> Session | None:
        """It is gone; returns who it was, the first time."""
        session = self.by_link.pop(link, None)
        if session is None:
            return None
        if self._by_tag.get(session.tag) == link:
            del self._by_tag[session.tag]
        links = self._by_username[session.username]
        del links[link]
        if not links:
            del self._by_username[session.username]
        return session

    def count(self, username: str) -> int:
        """How many this user has."""
        return len(self._by_username.get(username, ()))

    def link_of(self, tag: str) -> int | None:
        """Where this session is."""
        return self._by_tag.get(tag)

    @property
    def aware(self) -> list[int]:
        """Links of the sessions that know GAP and HEARTBEAT."""
        return [session.link for session in self.by_link.values() if session.aware]

    def older(self, username: str, since: int) -> list[int]:
        """Links of the sessions of this user that were opened with what was given before that entry."""
        return [link for link in self._by_username.get(username, {}) if self.by_link[link].since < since]

    def age(self) -> None:
        """All are older than any entry that the main has, whatever number the one had that set their user's secret."""
        for session in self.by_link.values():
            session.since = 0

    def movable(self, username: str, behind: set[int]) -> int | None:
        """The link of a session of this user: the one that loses least by moving."""
        links = self._by_username.get(username, {})
        return min(links, key=lambda link: self._loses(self.by_link[link], behind), default=None)

    def usernames(self, behind: set[int], unharmed: bool = False) -> list[str]:
        """Of all sessions, those first that lose least by moving; `unharmed`: without those that would lose what they
        have still to read. `behind` are the links of those who do not keep up."""
        ordered = sorted(self.by_link.values(), key=lambda session: self._loses(session, behind))
        return [session.username for session in ordered if not unharmed or self._loses(session, behind) < 2]

    @staticmethod
    def _loses(session: Session, behind: set[int]) -> int:
        """What it loses when it is sent elsewhere: nothing with a cursor, else what is posted meanwhile, or more."""
        return 0 if session.aware else 2 if session.link in behind else 1

    def may_post(self, session: Session, message: ActivityMessage) -> bool:
        """Are the credentials in the message the session's? A session opened by ticket has no secret to compare."""
        if message.username != session.username:
            return False
        if session.secret is None:
            return True
        return message.secret is not None and hmac.compare_digest(session.secret, digest(self._key, message.secret))

    def arrivals(self) -> tuple[list[str], list[str]]:
        """Usernames that arrived and nonces that were redeemed since the last call."""
        arrived, self._arrived = self._arrived, []
        redeemed, self._redeemed = self._redeemed, []
        return arrived, redeemed

    @property
    def unannounced(self) -> bool:
        """Has anybody arrived since the last `arrivals`?"""
        return bool(self._arrived)

    def announce_all(self) -> None:
        """The next `arrivals` are to name everyone who is here: for a central that knows nobody yet."""
        self._arrived = [session.username for session in self.by_link.values()]
        self._redeemed = []

    def retract(self, username: str) -> None:
        """One who left again before the arrival could be told."""
        if username in self._arrived:
            self._arrived.remove(username)

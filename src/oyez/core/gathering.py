"""Candidates that wait for each other bring their voters together at one of them (ADR 8).

Each node waits at one candidate. Where there are several, the voters may be spread so that none ever has enough; then
those that have waited for a while are sent to the candidate that comes first, once: it may be out of their reach.
Decides nothing that matters for safety. Knows links by number, nodes by id.
"""

from collections.abc import Mapping

from oyez.protocol import nodes as n

PATIENCE = 1.5
"""Seconds that a server waits before it is sent on: longer than an election takes that can be won."""

ONCE = 30.0
"""Seconds in which no server is sent on twice."""


class Gathering:
    """At one candidate."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._sent: dict[str, float] = {}

    def due(self, now: float, waiting: Mapping[int, n.Authenticate | n.BackupAuthenticate]) -> list[int]:
        """Links of the servers that are to be sent on now. To be asked once a heartbeat."""
        self._since = {link: self._since.get(link, now) for link in waiting}
        self._sent = {id: at for id, at in self._sent.items() if now - at < ONCE}
        due = []
        for link, message in waiting.items():
            waits = now - self._since[link]
            if isinstance(message, n.Authenticate) and waits >= PATIENCE and message.id not in self._sent:
                self._sent[message.id] = now
                due.append(link)
        return due

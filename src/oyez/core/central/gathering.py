"""Who waits at a candidate, and for how long; candidates bring their voters together at one of them (ADR 8).

Each node waits at one candidate. Where there are several, the voters may be spread so that none ever has enough; then
those that have waited for a while are sent to the candidate that comes first, once: it may be out of their reach.
One that says nothing is waited for no more: it may be gone, and must not be taken in when this candidate is elected.
Decides nothing that matters for safety. Knows links by number, nodes by id.
"""

from collections.abc import Mapping

from oyez.core import timing
from oyez.protocol import nodes as n

PATIENCE = 1.5
"""Seconds that a server waits before it is sent on: longer than an election takes that can be won."""

ONCE = 30.0
"""Seconds in which no server is sent on twice."""


class Gathering:
    """At one candidate."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._heard: dict[int, float] = {}
        self._looked = 0.0  # for silence
        self._sent: dict[str, float] = {}

    def heard(self, now: float, link: int) -> None:
        """Who waits there has said something."""
        self._heard[link] = now

    def silent(self, now: float, waiting: Mapping[int, n.Authenticate | n.BackupAuthenticate]) -> list[int]:
        """Links of those that have said nothing for too long. To be asked once a heartbeat: if it was not, it was
        this process that slept, and everyone gets a new chance."""
        slept, self._looked = now - self._looked > timing.SUSPICION, now
        self._heard = {link: now if slept else self._heard.get(link, now) for link in waiting}
        return [link for link, heard in self._heard.items() if now - heard >= timing.SUSPICION]

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

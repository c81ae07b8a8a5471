"""The server's half of leaving the network: it gives its sessions away, and knows when it may end (ADR 9.8).

Begun by DRAIN or by the operator's SIGTERM. Guarantees: sessions are offered in batches, one at a time, as long as
somebody takes them; the server ends once it has none and every linked server holds what it holds, or when waiting any
longer is of no use. Knows sessions by username alone: who calls says who is there, and sends them where MOVE says.
"""

from collections.abc import Sequence

from oyez.core.effects import Effects
from oyez.core.uplink import Uplink
from oyez.protocol import nodes as n

BATCH = 200
"""Sessions offered at a time: the answer is one line."""

AGAIN = 1.0
"""Seconds after which sessions are offered again, where there was no answer, or one that took nobody."""

NOBODY = 3.0
"""Seconds without a central that takes anybody, after which the rest is left to find its way by itself; and without
a link to another server, though there are some: one that has died may be back."""

PATIENCE = 30.0
"""Seconds after which the server ends in any case."""


class Leaving:
    """Of one server. `over`: end now, and send whoever is still here to a central."""

    def __init__(self, uplink: Uplink) -> None:
        self.begun = False
        self.over = False
        self._uplink = uplink
        self.since = 0.0  # when it began
        self._taken = 0.0  # when sessions were last taken
        self._linked = 0.0  # when another server was there last
        self._offered: float | None = None  # when; None: the last batch has been carried out

    def begin(self, now: float) -> None:
        """From now on. To be announced to the main: see ServerAnnounce.leaving."""
        if not self.begun:
            self.begun = True
            self.since = self._taken = self._linked = now

    def review(self, now: float, present: Sequence[str], alone: bool, linked: bool, held: bool) -> Effects:
        """Go on: at each heartbeat, after each MOVE, and when the last session has ended.

        `present`: the usernames of all sessions, those first that should move first. `alone`: there is no other server
        in the network. `linked`: there is a link with one. `held`: every linked server holds what this one does, and
        has shown life since this began: it may have died unnoticed.
        """
        if not self.begun or self.over:
            return []
        if linked:
            self._linked = now
        if alone or now - self.since >= PATIENCE:
            self.over = True
        elif not present:
            self.over = held if linked else now - self._linked >= NOBODY
        elif now - self._taken >= NOBODY:
            self.over = True
        elif self._uplink.joined and (self._offered is None or now - self._offered >= AGAIN):
            self._offered = now
            return self._uplink.send(n.Movable(list(present[:BATCH])))
        return []

    def moved(self, now: float, message: n.Move) -> None:
        """A batch has been carried out; one that took nobody is offered again a while later."""
        if message.destinations:
            self._taken, self._offered = now, None

"""Sessions that come from another server: when they may read here, and when they may post (ADR 9).

A session may read once this server has shown all that its cursor covers; else it would see things twice. It may post
once its last servers' logs are settled: if such a server is linked, once it has ended the session there and all whom
it is linked with hold what it had accepted; if not, once all linked servers hold the same of its log. Then a post that
the session repeats is known, and what it posts next overtakes nothing. Guarantees: whoever waits gets an answer within
`AHEAD`, and may post within `PATIENCE`. Knows clients by link and tag, servers by link and origin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.refusal import refuse
from oyez.core.server.mesh import Mesh
from oyez.protocol import messages as m
from oyez.protocol import peers as p

PATIENCE = 5.0
"""Seconds after which a session may post though its last server's log is not settled: longer than suspicion."""

AHEAD = 8.0
"""Seconds for which a cursor may be beyond the log of a linked server: what it covers may be on its way. Less than a
client waits for an answer."""

_AHEAD = m.InvalidMessage("the cursor is ahead of everything that this network has", "cursor_ahead")

Open = Callable[[float], Effects]


@dataclass(slots=True)
class Arrival:
    """A session that waits on `link`, on which nothing more is read meanwhile. `asked` are those of its `last` servers
    that are linked, by the link over which each was asked; `through` is how far the log of each of them must be shown.
    """

    link: int
    tag: str
    held: Mapping[str, int]
    last: tuple[str, ...]
    since: float
    open: Open
    lacking: list[str] = field(default_factory=list)
    opened: bool = False
    closed: bool = False
    asked: dict[str, int] = field(default_factory=dict)
    through: dict[str, int] = field(default_factory=dict)


class Arrivals:
    """`own` is this server's origin; `shown` tells how far it has shown each origin."""

    def __init__(self, own: str, shown: Mapping[str, int], mesh: Mesh) -> None:
        self._own = own
        self._shown = shown
        self._mesh = mesh
        self._repair = mesh.repair
        self._waiting: dict[int, Arrival] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def arrive(self, now: float, link: int, tag: str, resume: m.Resume, open: Open) -> Effects:
        """Go on with `open` once the session may read; then let it post once it may."""
        arrival = Arrival(link, tag, resume.origins, tuple(resume.last), now, open, list(resume.origins))
        self._waiting[link] = arrival
        effects, released = self._review(now, arrival)
        return [*([] if released else [fx.Hold(link)]), *effects]

    def links_of(self, tag: str, other_than: str) -> list[int]:
        """Where this session waits, unless it has come from that origin."""
        return [one.link for one in self._waiting.values() if one.tag == tag and other_than not in one.last]

    def has(self, link: int) -> bool:
        """Does a session wait on this link?"""
        return link in self._waiting

    def gone(self, link: int) -> None:
        """It has not waited."""
        arrival = self._waiting.pop(link, None)
        if arrival is not None:
            arrival.closed = True

    def review(self, now: float) -> Effects:
        """Something has changed."""
        effects: Effects = []
        released: Effects = []
        for arrival in list(self._waiting.values()):
            more, last = self._review(now, arrival)
            effects += more
            released += last
        return [*effects, *released]  # in this order: what a client said meanwhile is heard at its release

    def _review(self, now: float, arrival: Arrival) -> tuple[Effects, Effects]:
        """What is to be done about it, and what comes behind that."""
        effects: Effects = []
        if not arrival.opened:
            arrival.lacking = [origin for origin in arrival.lacking if self._lacks(origin, arrival.held[origin])]
            if arrival.lacking and now - arrival.since < AHEAD:
                return [], []
            if any(self._mesh.is_beyond(origin, arrival.held[origin]) for origin in arrival.lacking):
                del self._waiting[arrival.link]
                return refuse(arrival.link, _AHEAD), [fx.Release(arrival.link)]
            arrival.opened = True
            effects.append(fx.Then(lambda now: [] if arrival.closed else arrival.open(now)))
        for origin in arrival.last:
            link = self._linked(origin)
            if link is not None and arrival.asked.get(origin) != link:
                arrival.asked[origin] = link
                arrival.through.pop(origin, None)
                effects.append(fx.Send(link, p.Settle(arrival.link, arrival.tag)))
        waited = now - arrival.since >= PATIENCE
        if not waited and not all(self._is_settled(now, arrival, origin) for origin in arrival.last):
            return effects, []
        del self._waiting[arrival.link]
        return effects, [fx.Release(arrival.link)]

    def _linked(self, origin: str) -> int | None:
        return next((link for link, linked in self._repair.linked.items() if linked == origin), None)

    def _lacks(self, origin: str, sequence: int) -> bool:
        """Has what is covered not been shown here, though it may be? What nobody has any more can't be waited for."""
        if self._shown.get(origin, 0) >= sequence:
            return False
        return origin == self._own or self._linked(origin) is not None or not self._repair.settled(origin)

    def _is_settled(self, now: float, arrival: Arrival, origin: str) -> bool:
        if origin == self._own:
            return True
        shown = self._shown.get(origin, 0)
        if self._linked(origin) is not None:
            return origin in arrival.through and shown >= arrival.through[origin]
        if self._mesh.awaits(now) or not self._repair.settled(origin, joining=False):
            return False
        return shown >= self._repair.position(origin)

    def settled(self, now: float, link: int, message: p.Settled) -> Effects:
        """One of its last servers has answered."""
        arrival = self._waiting.get(message.request)
        if arrival is None:
            return []
        for origin, asked in arrival.asked.items():
            if asked == link:
                arrival.through[origin] = message.sequence
        effects, released = self._review(now, arrival)
        return [*effects, *released]

"""When a server has died: the survivors fill each other's gaps in its log (DESIGN section 4, ADR 9).

Each tells the others which origins it has lost and what it holds of them; who holds less asks one who holds more, a
bounded piece at a time. A newcomer asks for everything. Guarantees: what any survivor holds of an origin, every
survivor that is linked with it will hold, and none forgets it before. Knows the others by link, and nothing of how
links are made.
"""

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.server.copies import enough
from oyez.core.server.holdings import Holdings
from oyez.protocol import peers as p

PIECES = 4
"""Most that one server is asked for at once: what it supplies waits in memory for the link."""

ANSWER = 1.0
"""Seconds after which a server that has not answered, or another, is asked again."""

POLL = 1.0
"""Seconds after which one is asked again that is linked with an origin which this server alone has lost."""

Missed = list[tuple[str, int, int]]
"""Origin, first and last sequence of what nobody can supply any more."""


class Repair:
    """The questions of one server. `linked` are the origins that come over a link of their own, by link; `told` is what
    the server at the end of each of these links has said."""

    def __init__(self, holdings: Holdings) -> None:
        self.linked: dict[int, str] = {}
        self.told: dict[int, p.Positions] = {}
        self._holdings = holdings
        self._asked: dict[str, tuple[int, float, int]] = {}  # whom, when, behind what, by origin, until it is answered
        self._answered: dict[str, float] = {}  # those of which there was no more, and when
        self._said: p.Positions | None = None

    # -- links --------------------------------------------------------------------------------------------------

    def joined(self, link: int, origin: str) -> Effects:
        """A server is there, and its own log comes over this link."""
        self.linked[link] = origin
        self._answered = {}  # its own log may follow what is not in these answers
        self._said = None  # to it, nothing has been
        return self.tell()

    def left(self, link: int) -> Effects:
        """It is not there any more."""
        self.linked.pop(link, None)
        self.told.pop(link, None)
        self._asked = {origin: asked for origin, asked in self._asked.items() if asked[0] != link}
        self._answered = {}
        return self.tell()

    def tell(self) -> Effects:
        """Tell the others how things stand here, if that has changed."""
        lost = {origin: self._holdings.held(origin) for origin in self.lost}
        positions = p.Positions(lost, sorted(set(self.linked.values())), self._holdings.begun)
        if positions == self._said:
            return []
        self._said = positions
        return [fx.Send(link, positions) for link in self.linked]

    # -- asking -------------------------------------------------------------------------------------------------

    def positions(self, now: float, link: int, message: p.Positions) -> tuple[Effects, Missed]:
        """Another server says how things stand there."""
        self.told[link] = message
        missed: Missed = []
        if all(other in self.told for other in self.linked):  # else somebody may have what is missing
            for origin in sorted({origin for told in self.told.values() for origin in told.lost}):
                hole = self._hole(origin)
                if hole is not None:
                    missed.append((origin, *hole))
        return [*self.tell(), *self.ask(now)], missed

    def _hole(self, origin: str) -> tuple[int, int] | None:
        """Skip to where the others' holdings begin, if nobody has what comes before."""
        if origin in self.linked.values() or self._holdings.is_past(origin):
            return None
        held = [told.lost[origin] for told in self.told.values() if origin in told.lost]
        position = self._holdings.position(origin)
        asks = self._holdings.begun or position is not None
        if asks and any(origin in told.linked for told in self.told.values()):
            return None  # that server may have it
        more = [one.first for one in held if one.last > (position or 0)]
        if position is None:
            return self._holdings.begin(origin, min(more, default=1) - 1)
        return self._holdings.begin(origin, min(more) - 1) if more and min(more) > position + 1 else None

    def ask(self, now: float) -> Effects:
        """Ask for what others hold of lost origins, and this server does not; and, now and then, those that are linked
        with an origin that this server alone has lost."""
        effects: Effects = []
        for link, told in self.told.items():
            room = PIECES - sum(asked == link for asked, since, _ in self._asked.values() if now - since < ANSWER)
            due = [origin for origin in self._wanted(told) if self._may_ask(now, origin)]
            for origin in due[: max(0, room)]:
                self._asked[origin] = (link, now, self.position(origin))
                effects.append(fx.Send(link, p.RequestActivities(origin, self.position(origin))))
        return effects

    def _wanted(self, told: p.Positions) -> list[str]:
        here = {*self.linked.values(), self._holdings.own}
        lost = [origin for origin, held in told.lost.items() if origin not in here and self._lacks(origin, held)]
        there = [origin for origin in told.linked if origin not in here]
        return [*lost, *[origin for origin in there if self._holdings.position(origin) is not None]]

    def _lacks(self, origin: str, held: p.Held) -> bool:
        position = self._holdings.position(origin)
        return position is not None and held.first <= position + 1 <= held.last

    def _may_ask(self, now: float, origin: str) -> bool:
        if now - self._answered.get(origin, -POLL) < POLL:
            return False
        return origin not in self._asked or now - self._asked[origin][1] >= ANSWER

    def requested(self, link: int, message: p.RequestActivities) -> Effects:
        """Another server asks for what this one holds."""
        lines, through = self._holdings.after(message.origin, message.after)
        supplied = p.ActivitiesSupplied(message.origin, through, self.position(message.origin))
        return [*([fx.Relay(link, lines)] if lines else []), fx.Send(link, supplied)]

    def supplied(self, now: float, message: p.ActivitiesSupplied) -> Effects:
        """All that was asked for has come; there may be more."""
        _, _, behind = self._asked.pop(message.origin, (0, 0.0, 0))
        polled = message.through >= message.held and any(message.origin in told.linked for told in self.told.values())
        if polled or message.through <= behind:
            self._answered[message.origin] = now  # there is no more to be had at once
        position = self._holdings.position(message.origin)
        report = fx.Report("repaired", {"origin": message.origin, "through": position})
        return [*([report] if message.through > behind else []), *self.ask(now), *self.tell()]

    # -- what follows -------------------------------------------------------------------------------------------

    def position(self, origin: str) -> int:
        """How far it is held here; 0 where nothing is known of it."""
        return self._holdings.position(origin) or 0

    @property
    def lost(self) -> list[str]:
        """Known origins that no link brings."""
        linked = set(self.linked.values())
        return [origin for origin in self._holdings.origins if origin not in linked]

    def held(self, origin: str) -> list[int]:
        """How far each linked server holds a lost origin; one that has not lost it does not count."""
        lost = [told.lost.get(origin) for link in self.linked if (told := self.told.get(link)) is not None]
        return [0 if held is None else held.last for held in lost] + [0] * (len(self.linked) - len(lost))

    def settled(self, origin: str, joining: bool = True) -> bool:
        """Do all linked servers (`joining`: also those that have no clients yet) hold the same of this lost origin as
        this one, and know that it is lost?"""
        position = self.position(origin)
        for link in self.linked:
            told = self.told.get(link)
            if told is None or origin in told.linked:
                return False
            if not told.serves and not joining:
                continue
            held = told.lost.get(origin)
            if (0 if held is None else held.last) != position and not self._holdings.is_past(origin):
                return False
        return True

    @property
    def unsettled(self) -> set[str]:
        """Of which nothing may be forgotten."""
        return {origin for origin in self.lost if not self.settled(origin)}

    @property
    def entrusted(self) -> bool:
        """Does every linked server hold as much of each lost origin as this one, or get it from that origin itself?"""
        return all(self._is_held(origin, link) for origin in self.lost for link in self.linked)

    def _is_held(self, origin: str, link: int) -> bool:
        told = self.told.get(link)
        if told is None:
            return False
        held = told.lost.get(origin)
        there = 0 if held is None else held.last
        return origin in told.linked or there >= self.position(origin) or self._holdings.is_past(origin)

    @property
    def spare(self) -> list[str]:
        """Lost origins of which nothing can come any more."""
        return [
            origin
            for origin in self.lost
            if not any(self._lacks(origin, told.lost[origin]) for told in self.told.values() if origin in told.lost)
        ]

    @property
    def complete(self) -> bool:
        """Does this server hold all that the linked ones have said they hold of lost origins?"""
        linked = set(self.linked.values())
        return all(link in self.told for link in self.linked) and not any(
            held.last > self.position(origin)
            for told in self.told.values()
            for origin, held in told.lost.items()
            if origin not in linked and not self._holdings.is_past(origin)
        )

    @property
    def lacks_a_link(self) -> bool:
        """Is another server linked with an origin that this one is not, and has not asked for since the last link was
        made? What that server accepts may follow what comes from there."""
        here = {*self.linked.values(), self._holdings.own, *self._answered}
        return any(origin not in here for told in self.told.values() for origin in told.linked)

    def enough(self, origin: str, copies: int) -> int | None:
        """How far enough of the survivors, this one counted, hold a lost origin."""
        return enough(self.held(origin), min(copies - 1, len(self.linked)))

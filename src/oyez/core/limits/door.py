"""The links of those who have come, until they have shown who they are; and how many there are of all (ADR 11).

A stranger is a link on which nobody has logged in yet, nor authenticated as a node. Guarantees: strangers are bounded
in number, for each address and in all, and in time; when there are too many, one that has said nothing makes room, or
the one that was silent longest, so that those who hold links can't keep others out; nobody takes all links alone, and
beyond the most for clients there is still room for nodes. Each refusal says why. Knows nothing of what is said, but who
has said something.
"""

from collections import Counter
from collections.abc import Callable
from math import ceil

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.limits import addresses
from oyez.core.limits.buckets import Buckets
from oyez.core.limits.settings import DoorLimits
from oyez.core.peer import HERE, From
from oyez.core.refusal import refuse
from oyez.protocol import messages as m

PROVISIONAL = 2.0
"""Seconds that a link beyond the most for clients has to show that it is a node's."""

_FULL = m.InvalidMessage("this node has as many links as it can: try again later, or elsewhere", "full")
_CROWDED = m.InvalidMessage(
    "too many links are waiting to log in, and this one has been silent: connect again, and log in at once", "crowded"
)


def too_many_connects(who: From, wait: float) -> m.InvalidMessage:
    """What somebody is told who connects too often, and may do so again in `wait` seconds."""
    info = f"too many connections from {who.address}: try again in {ceil(wait)} s"
    return m.InvalidMessage(info, "too_many_connects")


class Door:
    """Of one node."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._connects = Buckets(limits.connects)
        self._who: dict[int, From] = {}  # all that were accepted, until they are closed
        self._nodes: set[int] = set()
        self._strangers: dict[int, float] = {}  # when each was last heard, longest ago first
        self._provisional: dict[int, float] = {}  # those that may stay if they are nodes, longest ago first
        self._silent: dict[int, None] = {}  # those of them that have said nothing, longest here first
        self._each: Counter[str] = Counter()  # strangers by address, where that is limited
        self._links_each: Counter[str] = Counter()  # and all links

    def __len__(self) -> int:
        return len(self._who)

    def who(self, link: int) -> From:
        """Who is at the other end of a link that was accepted."""
        return self._who.get(link, HERE)

    # -- coming -------------------------------------------------------------------------------------------------

    def opened(self, now: float, link: int, who: From) -> Effects:
        """Somebody has connected: what is to be done about it, nothing mostly."""
        self._who[link] = who
        limits = self._limits
        limited = addresses.limited(who, limits.loopback)
        key = addresses.key(who) if limited else ""
        if limited:
            self._links_each[key] += 1
            wait = self._connects.take(now, key)
            if wait:
                return self._turn_away(link, too_many_connects(who, wait))
            if limits.links_each and self._links_each[key] > limits.links_each:
                info = f"too many links from {who.address}: close some of them"
                return self._turn_away(link, m.InvalidMessage(info, "too_many_links"))
            if limits.strangers_each and self._each[key] >= limits.strangers_each:
                info = f"too many links from {who.address} have not logged in: log in on those, or close them"
                return self._turn_away(link, m.InvalidMessage(info, "too_many_links"))
        made_room = self._make_room(link)
        if made_room is None:
            return self._turn_away(link, _FULL)
        if limited:
            self._each[key] += 1
        if self._beyond > 0:
            self._provisional[link] = now
        self._strangers[link] = now
        self._silent[link] = None
        return made_room

    @property
    def _beyond(self) -> int:
        """How many links of clients, or of strangers, there are more than there may be of clients."""
        return len(self._who) - len(self._nodes) - self._limits.links if self._limits.links else 0

    def _make_room(self, link: int) -> Effects | None:
        """For one more: nothing to be done, somebody else to be closed, or None where there is nobody."""
        limits = self._limits
        if limits.links and self._beyond > limits.reserve:
            oldest = next(iter(self._provisional), None)
            return None if oldest is None else self._turn_away(oldest, _FULL)
        if limits.strangers and len(self._strangers) >= limits.strangers:
            oldest = next(iter(self._silent), None)
            if oldest is None:  # they all have spoken: who did so longest ago
                oldest = next(iter(self._strangers))
            return self._turn_away(oldest, _CROWDED)
        return []

    def _turn_away(self, link: int, refusal: m.InvalidMessage) -> Effects:
        """Refuse. Where descriptors are short there is no time to wait until the other side has read it."""
        self._forget(link)
        effects = refuse(link, refusal, self.who(link))
        if self._limits.links and self._beyond > self._limits.reserve // 2:
            effects[1] = fx.Close(link, at_once=True)
        return effects

    # -- while they are strangers -------------------------------------------------------------------------------

    def heard(self, now: float, link: int, as_node: bool) -> Effects:
        """A stranger has said something; `as_node`: what only nodes and operators say. A refusal, where only nodes may
        come now; no effects for all others."""
        if link not in self._strangers:
            return []
        if link in self._provisional and not as_node:
            if self._beyond > 0:
                return self._turn_away(link, _FULL)
            del self._provisional[link]  # others have left meanwhile
        self._silent.pop(link, None)
        del self._strangers[link]
        self._strangers[link] = now
        return []

    def admitted(self, link: int, as_node: bool = False) -> None:
        """It is a session now, or a node's."""
        self._forget(link)
        if as_node and link in self._who:
            self._nodes.add(link)

    def tick(self, now: float, waits: Callable[[int], bool], slept: bool = False) -> Effects:
        """Once a heartbeat: close those who say nothing. `waits`: is an answer to this one being prepared? `slept`: it
        was this process that did not listen, so everybody gets a new chance."""
        if slept:
            self._strangers = dict.fromkeys(self._strangers, now)
            self._provisional = dict.fromkeys(self._provisional, now)
        effects: Effects = []
        for link, since in list(self._provisional.items()):
            if now - since < PROVISIONAL:
                break
            effects += self._turn_away(link, _FULL)
        patience = self._limits.patience
        overdue = []
        for link, since in self._strangers.items():
            if not patience or now - since < patience:
                break
            overdue.append(link)
        for link in overdue:
            if waits(link):
                del self._strangers[link]
                self._strangers[link] = now
            else:
                info = f"nothing was said here for {patience:g} s: connect again when there is something to say"
                effects += self._turn_away(link, m.InvalidMessage(info, "too_late"))
        return effects

    # -- going --------------------------------------------------------------------------------------------------

    def gone(self, link: int) -> None:
        """The link is closed."""
        self._forget(link)
        self._nodes.discard(link)
        who = self._who.pop(link, None)
        if who is not None:
            self._one_less(self._links_each, who)

    def _forget(self, link: int) -> None:
        """It is no stranger any more."""
        if self._strangers.pop(link, None) is None:
            return
        self._provisional.pop(link, None)
        self._silent.pop(link, None)
        self._one_less(self._each, self._who[link])

    def _one_less(self, counted: Counter[str], who: From) -> None:
        if addresses.limited(who, self._limits.loopback):
            key = addresses.key(who)
            counted[key] -= 1
            if not counted[key]:
                del counted[key]

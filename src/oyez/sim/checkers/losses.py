"""Not a checker: what may be lost in spite of all promises, because too many servers that held it were gone at once.

An activity that was shown is held by `copies` servers, or by all that there were (ADR 9). It can be lost where more
than `copies - 1` died within the time that repair takes, or where a server died that the others could not reach.
This is judged from the history alone, and rather too often than too seldom: what is not excused here has no excuse.
"""

from dataclasses import dataclass
from functools import cached_property
from math import inf

from oyez.sim.checkers.reading import kept
from oyez.sim.history import Began, Died, Fault, History, Posted, Reported, Started, is_central

REPAIR = 5.0
"""Seconds in which survivors have filled each other's gaps, if they can reach each other."""

UNNOTICED = 0.8
"""Seconds for which two servers may be parted without any of them acting on it; several such faults may add up."""

AFTERMATH = 8.0
"""Seconds after a parting in which it may still be noticed, and put right."""

PLENTY = 1 << 25
"""A retention that no history exhausts, in bytes."""

LEFT = "stopped"
"""How the end of a server is told that has handed everything over."""


@dataclass(slots=True)
class Life:
    """One process of a server."""

    node: str
    origin: str
    ready: float = inf
    died: float = inf
    leaving: bool = False
    parted: float = inf
    """When another one, or the central, lost it, since it was leaving."""
    left: bool = False
    """In good order: all others had what it had."""

    @property
    def gone(self) -> float:
        """Since when the others get nothing from it: one that leaves may still serve slow readers for a while."""
        return min(self.parted, self.died) if self.left else self.died


@dataclass(slots=True, frozen=True)
class Parting:
    """Some could not reach others; nobody in `other` stands for everybody."""

    begin: float
    end: float
    one: tuple[str, ...]
    other: tuple[str, ...]

    def concerns(self, node: str, peer: str) -> bool:
        """Whether it was between these two."""
        for one, other in ((node, peer), (peer, node)):
            if one in self.one and (not self.other or other in self.other):
                return True
        return False


class Losses:
    """Of one history."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.lives: dict[str, Life] = {}
        self.copies = 2
        running: dict[str, Life] = {}
        for entry in history:
            match entry:
                case Began():
                    self.copies = entry.copies
                case Started() if not is_central(entry.node):
                    origin = f"{entry.node}.{entry.incarnation}"
                    running[entry.node] = self.lives[origin] = Life(entry.node, origin)
                case Reported(event="ready") if entry.node in running:
                    running[entry.node].ready = entry.at
                case Reported(event="leaving") if entry.node in running:
                    running[entry.node].leaving = True
                case Reported(event="mesh_lost" | "server_lost", fields=fields):
                    peer = running.get(str(fields.get("peer") or fields["server"]))
                    if peer is not None and peer.leaving:
                        peer.parted = min(peer.parted, entry.at)
                case Died() if entry.node in running:
                    life = running.pop(entry.node)
                    life.died, life.left = entry.at, entry.how == LEFT
                case _:
                    pass

    @cached_property
    def partings(self) -> list[Parting]:
        """When servers could not reach each other, for longer than nobody notices; or did not know of each other, as
        one had lost the central, or slept, and been removed, when the other came."""
        servers = {life.node for life in self.lives.values()}
        found = []
        for fault in self._noticed:
            end = fault.until + AFTERMATH
            if servers.intersection(fault.one) and (not fault.other or servers.intersection(fault.other)):
                found.append(Parting(fault.at, end, fault.one, fault.other))
            concerned = (*fault.one, *fault.other)
            if not fault.other or any(map(is_central, concerned)):
                removed = [
                    (at, node)
                    for at, node, by in self._removals
                    # A main that slept has lost all of its servers.
                    if fault.at <= at <= end and (node in concerned or (by in fault.one and not fault.other))
                ]
                came = [life for life in self.lives.values() if fault.at <= life.ready <= end]
                found += [
                    Parting(life.ready, end, (node,), (life.node,))
                    for at, node in removed
                    for life in came
                    if at <= life.ready
                ]
        return found

    @cached_property
    def _noticed(self) -> list[Fault]:
        """Faults that lasted for long enough to be acted on."""
        faults = [entry for entry in self._history if isinstance(entry, Fault)]
        return [fault for fault in faults if fault.until - fault.at >= UNNOTICED]

    @cached_property
    def _removals(self) -> list[tuple[float, str, str]]:
        """When a main has given up which server, and which main."""
        return [
            (entry.at, str(entry.fields["server"]), entry.node)
            for entry in self._history
            if isinstance(entry, Reported) and entry.event == "server_removed"
        ]

    @cached_property
    def dangers(self) -> list[float]:
        """Deaths of servers with which something may have been lost."""
        deaths = sorted([life for life in self.lives.values() if life.died < inf], key=lambda life: life.died)
        return [life.died for life in deaths if self._dangerous(life, deaths)]

    def _dangerous(self, life: Life, deaths: list[Life]) -> bool:
        begin = self._repaired_before(life.died)
        peers = min(self._peers(one, begin) for one in [life, *_crashed(deaths, begin, life.died)])
        if life.left:
            return peers == 0
        return len(_crashed(deaths, begin, life.died)) > min(self.copies - 1, peers)

    def _repaired_before(self, at: float) -> float:
        """What had happened before this moment was put right at the other one."""
        begin = at - REPAIR
        for parting in sorted(self.partings, key=lambda parting: -parting.end):
            if parting.begin < at and parting.end > begin:
                begin = min(begin, parting.begin - REPAIR)
        return begin

    def _peers(self, life: Life, begin: float) -> int:
        """How many others it could reach since then, until it died; those that left meanwhile are of no use, nor to one
        that leaves those that have died. Who is ready holds what the others hold."""
        return sum(
            peer.ready < life.gone
            and peer.gone > (life.gone if peer.left or life.left else begin)
            and not any(
                parting.concerns(life.node, peer.node) and parting.begin < life.died and parting.end > begin
                for parting in self.partings
            )
            for peer in self.lives.values()
            if peer is not life
        )

    def excuse(self, id: str, posted: float) -> bool:
        """May the activity of this id, posted then, be lost to some?"""
        life = self.lives.get(id.rpartition("-")[0])
        return life is not None and any(danger >= max(posted, life.gone) for danger in self.dangers)

    def ever(self, since: float, until: float = inf) -> bool:
        """May anything have been lost by then that was posted then?"""
        return any(since <= danger <= until for danger in self.dangers)

    @cached_property
    def forgotten(self) -> bool:
        """Has a server told that it could not get everything of another one's log, as little is retained? Its sessions
        without a cursor have a hole there that nobody tells them of."""
        gaps = any(isinstance(entry, Reported) and entry.event == "mesh_gap" for entry in self._history)
        return gaps and not all_retained(self._history)

    def parted(self, begin: float, end: float) -> bool:
        """Could some servers not reach each other at some time between?"""
        return any(parting.begin < end and begin < parting.end for parting in self.partings)

    def cut_off(self, node: str, begin: float, end: float) -> bool:
        """Could this node not be reached by some others, centrals among them, at some time between, or not be known to
        them?"""
        unreached = any(
            fault.at < end and begin < fault.until + AFTERMATH
            for fault in self._noticed
            if node in (*fault.one, *fault.other)
        )
        return unreached or any(
            parting.begin < end and begin < parting.end and node in (*parting.one, *parting.other)
            for parting in self.partings
        )


def _crashed(deaths: list[Life], begin: float, end: float) -> list[Life]:
    return [life for life in deaths if begin <= life.died <= end and not life.left]


def all_retained(history: History) -> bool:
    """Whether no log can have forgotten anything: then there is no excuse for a gap."""
    return all(entry.retention >= PLENTY for entry in history if isinstance(entry, Began))


@kept
def losses_of(history: History) -> Losses:
    """Of this history."""
    return Losses(history)


@kept
def posted(history: History) -> dict[tuple[str, int], float]:
    """When each activity was posted."""
    return {(entry.session, entry.number): entry.at for entry in history if isinstance(entry, Posted)}

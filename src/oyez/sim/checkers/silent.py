"""Promise 5, never silent: a session that cannot get everything since its cursor is told exactly what it missed.

Of each origin, a lasting session sees one sequence after the other; where it does not, it was told so, or what is left
out repeats what it has seen, or was told that it misses, under another id. It is not told of what it gets or got, nor
of what its first cursor covers: what its server had shown, in the same lifetime, when it came, and what was seen
anywhere long enough before, unless one of the two servers could not be reached then, or the other was dead, and not
everybody had noticed.
"""

from bisect import bisect_right
from dataclasses import dataclass
from math import inf

from oyez.sim.checkers.delivered import MOST
from oyez.sim.checkers.losses import REPAIR, Losses, all_retained, losses_of, posted
from oyez.sim.checkers.stays import Stay, stays
from oyez.sim.history import History, Reported, Started


def check(history: History) -> list[str]:
    """Holes that a session was not told of, and what it was told without need."""
    sessions, losses = stays(history), losses_of(history)
    times = posted(history)
    content = {one.id: (one.by, one.number) for stay in sessions.values() for one in stay.saw}
    lasting = [stay for stay in sessions.values() if stay.lasting]
    found = [one for stay in lasting for one in _holes(stay, losses, content, times)]
    shown = _shown(history, sessions)
    found += [one for stay in lasting for one in _needless(stay, losses, shown)]
    if all_retained(history):
        found += [f"{one.session} was told of a gap in {one.origin}" for s in lasting for one in s.missed][:MOST]
    return found[:MOST]


def _holes(
    stay: Stay, losses: Losses, content: dict[str, tuple[str, int]], times: dict[tuple[str, int], float]
) -> list[str]:
    known = {(one.by, one.number) for one in stay.saw}
    known |= {content[id] for id in stay.told_ids if id in content}
    unseen = stay.told_unseen(content)
    place: dict[str, int] = {}
    found = []
    for one in stay.saw:
        origin, _, text = one.id.rpartition("-")
        sequence = int(text)
        for left_out in range(place.get(origin, sequence) + 1, sequence):
            id = f"{origin}-{left_out}"
            post = content.get(id)
            if stay.told(origin, left_out) or post in known:
                continue
            if post is not None and times.get(post, 0.0) < stay.begin:
                continue  # accepted again, since what was before had been lost
            if (post is None or unseen) and losses.parted(stay.begin, one.at):
                continue  # it may repeat something that was seen elsewhere, or that it was told of
            if not losses.excuse(id, 0.0 if post is None else times.get(post, 0.0)):
                found.append(f"{stay.session} was not told that it misses {id}, and saw {one.id} at {one.at:.4f}")
                break
        place[origin] = max(place.get(origin, 0), sequence)
    return found


@dataclass(slots=True, frozen=True)
class _Shown:
    """When each id was first seen, and when at which server's lifetime; when sessions were opened, by server and user;
    and when each server was started."""

    first: dict[str, float]
    there: dict[tuple[str, str], float]
    opened: dict[tuple[str, str], list[float]]
    starts: dict[str, list[float]]

    def life(self, node: str, at: float) -> str:
        """Which lifetime of this server it was then."""
        return f"{node}.{bisect_right(self.starts.get(node, []), at)}"

    def begin(self, stay: Stay) -> float:
        """When this session's first server opened it, of which it heard later."""
        opened = self.opened.get((stay.entered.node, stay.entered.username), [])
        return max((at for at in opened if at <= stay.begin), default=stay.begin)


def _shown(history: History, sessions: dict[str, Stay]) -> _Shown:
    shown = _Shown({}, {}, {}, {})
    for entry in history:
        if isinstance(entry, Started):
            shown.starts.setdefault(entry.node, []).append(entry.at)
    for stay in sessions.values():
        places = iter([*stay.servers, (inf, "")])
        node, (until, after) = "", next(places)
        for one in stay.saw:
            while one.at >= until:
                node, (until, after) = after, next(places)
            shown.first[one.id] = min(one.at, shown.first.get(one.id, one.at))
            life = shown.life(node, one.at)
            shown.there[one.id, life] = min(one.at, shown.there.get((one.id, life), one.at))
    for entry in history:
        if isinstance(entry, Reported) and entry.event == "session_opened":
            shown.opened.setdefault((entry.node, str(entry.fields["username"])), []).append(entry.at)
    return shown


def _needless(stay: Stay, losses: Losses, shown: _Shown) -> list[str]:
    found = []
    got = {one.id: one for one in stay.saw}
    begin, server = shown.begin(stay), stay.entered.node
    for gap in stay.missed:
        origin, life = gap.origin.partition(".")[0], losses.lives.get(gap.origin)
        unnoticed = life is not None and begin - REPAIR <= life.died <= gap.at
        for sequence in range(gap.first, gap.last + 1):
            id = f"{gap.origin}-{sequence}"
            if id in got:
                found.append(f"{stay.session} was told that it misses {id}, which it saw at {got[id].at:.4f}")
                break
            at = shown.first.get(id, begin)
            apart = unnoticed or any(losses.cut_off(node, at, gap.at) for node in (origin, server))
            if shown.there.get((id, shown.life(server, begin)), begin) < begin or (at < begin - REPAIR and not apart):
                found.append(f"{stay.session} was told that it misses {id}, which was shown before it came")
                break
        if gap.first > gap.last:
            found.append(f"{stay.session} was told of a gap of nothing, {gap.origin}-{gap.first} to {gap.last}")
    return found

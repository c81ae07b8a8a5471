"""Promise 5, never silent: a session that cannot get everything since its cursor is told exactly what it missed.

Of each origin, a lasting session sees one sequence after the other; where it does not, it was told so, or what is left
out repeats what it has seen under another id. It is not told of what it gets or got, nor of what was before its time,
unless that server could not be reached then: nobody knows whether it would have come.
"""

from oyez.sim.checkers.delivered import MOST
from oyez.sim.checkers.losses import Losses, all_retained, losses_of, posted
from oyez.sim.checkers.stays import Stay, stays
from oyez.sim.history import History


def check(history: History) -> list[str]:
    """Holes that a session was not told of, and what it was told without need."""
    sessions, losses = stays(history), losses_of(history)
    times = posted(history)
    content = {one.id: (one.by, one.number) for stay in sessions.values() for one in stay.saw}
    lasting = [stay for stay in sessions.values() if stay.lasting]
    found = [one for stay in lasting for one in _holes(stay, losses, content, times)]
    found += [one for stay in lasting for one in _needless(stay, losses, content, times)]
    if all_retained(history):
        found += [f"{one.session} was told of a gap in {one.origin}" for s in lasting for one in s.missed][:MOST]
    return found[:MOST]


def _holes(
    stay: Stay, losses: Losses, content: dict[str, tuple[str, int]], times: dict[tuple[str, int], float]
) -> list[str]:
    got = {(one.by, one.number) for one in stay.saw}
    place: dict[str, int] = {}
    found = []
    for one in stay.saw:
        origin, _, text = one.id.rpartition("-")
        sequence = int(text)
        for left_out in range(place.get(origin, sequence) + 1, sequence):
            id = f"{origin}-{left_out}"
            post = content.get(id)
            if stay.told(origin, left_out) or post in got:
                continue
            if post is not None and times.get(post, 0.0) < stay.begin:
                continue  # accepted again, since what was before had been lost
            if post is None and losses.parted(stay.begin, one.at):
                continue  # it may repeat something that was seen elsewhere
            if not losses.excuse(id, 0.0 if post is None else times.get(post, 0.0)):
                found.append(f"{stay.session} was not told that it misses {id}, and saw {one.id} at {one.at:.4f}")
                break
        place[origin] = max(place.get(origin, 0), sequence)
    return found


def _needless(
    stay: Stay, losses: Losses, content: dict[str, tuple[str, int]], times: dict[tuple[str, int], float]
) -> list[str]:
    found = []
    got = {one.id: one for one in stay.saw}
    for gap in stay.missed:
        for sequence in range(gap.first, gap.last + 1):
            id = f"{gap.origin}-{sequence}"
            if id in got:
                found.append(f"{stay.session} was told that it misses {id}, which it saw at {got[id].at:.4f}")
                break
            post = content.get(id)
            at = stay.begin if post is None else times.get(post, stay.begin)
            if at < stay.begin and not losses.cut_off(gap.origin.partition(".")[0], at, gap.at):
                found.append(f"{stay.session} was told that it misses {id}, which was posted before it came")
                break
        if gap.first > gap.last:
            found.append(f"{stay.session} was told of a gap of nothing, {gap.origin}-{gap.first} to {gap.last}")
    return found

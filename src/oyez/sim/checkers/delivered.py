"""Promise 4, delivered: what one has seen, every session gets that was in and stays; once, in the sender's order.

Where servers could not reach each other, a session that has moved from the ones to the others may be seen out of order.
A lasting session stays through the death, drain or restart of its server; one without a cursor as long as it is on the
same. What may be lost in spite of it is in `losses`; what a session was told that it misses is `silent`'s affair.
"""

from math import inf

from oyez.sim.checkers.losses import Losses, losses_of, posted
from oyez.sim.checkers.stays import Stay, stays
from oyez.sim.history import History, Phase, Saw

MOST = 5
"""Violations of one kind that are told."""


def check(history: History) -> list[str]:
    """Activities that came twice, out of order, with one missing before them, or not at all."""
    sessions, losses = stays(history), losses_of(history)
    over = any(isinstance(entry, Phase) and entry.name == "over" for entry in history)
    times, ids = posted(history), _ids(sessions)
    found = [one for stay in sessions.values() for one in _disordered(stay, losses, times, ids)]
    if over:
        found += [*_missing(sessions, losses, times, ids), *_dropped(history, sessions, losses, times)]
    return found[:MOST]


_Ids = dict[tuple[str, int], list[str]]
"""Under which ids an activity was seen by anybody: one, but where servers were parted."""


def _ids(sessions: dict[str, Stay]) -> _Ids:
    ids: dict[tuple[str, int], dict[str, None]] = {}
    for stay in sessions.values():
        for one in stay.saw:
            ids.setdefault((one.by, one.number), {})[one.id] = None
    return {post: list(those) for post, those in ids.items()}


def _disordered(stay: Stay, losses: Losses, times: dict[tuple[str, int], float], ids: _Ids) -> list[str]:
    found = []
    last: dict[str, int] = {}
    origins: dict[str, Saw] = {}
    got: set[tuple[str, int]] = set()
    all_of_it = {(one.by, one.number) for one in stay.saw}
    for one in stay.saw:
        post, before = (one.by, one.number), last.get(one.by, one.number - 1)
        parted = losses.parted(times.get(post, 0.0), one.at)
        if post in got:
            found.append(f"{stay.session} saw {one.by} #{one.number} twice, again at {one.at:.4f}")
        elif one.number <= before and not parted:
            found.append(f"{stay.session} saw {one.by} #{one.number} too late, at {one.at:.4f}")
        for number in range(before + 1, one.number):
            other = (one.by, number)
            late = other in all_of_it and losses.parted(times.get(other, 0.0), one.at)
            if not late and times.get(other, 0.0) > stay.begin and not _excused(stay, losses, other, times, ids):
                found.append(
                    f"{stay.session} saw {one.by} #{one.number} though it had not seen #{number}, at {one.at:.4f}"
                )
                break
        got.add(post)
        last[one.by] = max(before, one.number)
        origin, _, sequence = one.id.rpartition("-")
        earlier = origins.get(origin)
        if earlier is not None and int(sequence) <= int(earlier.id.rpartition("-")[2]):
            found.append(f"{stay.session} saw {one.id} behind {earlier.id}, at {one.at:.4f}")
        origins[origin] = one
    return found


def _excused(stay: Stay, losses: Losses, post: tuple[str, int], times: dict[tuple[str, int], float], ids: _Ids) -> bool:
    """Whether the session need not have seen this, as far as its servers could know."""
    at = times.get(post, 0.0)
    if not stay.lasting and losses.forgotten:
        return True
    known = ids.get(post, [])
    if not known:
        return bool(stay.missed) or losses.ever(at)
    for id in known:
        origin, _, sequence = id.rpartition("-")
        if losses.excuse(id, at) or stay.told(origin, int(sequence)):
            return True
    return False


def _missing(sessions: dict[str, Stay], losses: Losses, times: dict[tuple[str, int], float], ids: _Ids) -> list[str]:
    """What anybody saw, and has not reached everybody who was in when it was posted, and still is."""
    found = []
    first: dict[tuple[str, int], Saw] = {}
    for stay in sessions.values():
        for one in stay.saw:
            first.setdefault((one.by, one.number), one)
    for stay in sessions.values():
        if stay.until < inf or not (stay.entered.prompt or stay.lasting):
            continue
        got = {(one.by, one.number) for one in stay.saw}
        for post, one in first.items():
            missing = post not in got and times.get(post, 0.0) > stay.begin
            if missing and not _excused(stay, losses, post, times, ids):
                what = f"{one.by} #{one.number} ({one.id})"
                found.append(f"{stay.session} never saw {what}, which {one.session} saw at {one.at:.4f}")
                break
    return found


def _dropped(
    history: History, sessions: dict[str, Stay], losses: Losses, times: dict[tuple[str, int], float]
) -> list[str]:
    """What a lasting session posted, and has never seen come back: it sends it until it does."""
    if not any(isinstance(entry, Phase) and entry.name == "final" for entry in history):
        return []  # it may still be on the way to a network that is not whole again
    found = []
    for stay in sessions.values():
        if stay.lasting and stay.until == inf and not stay.missed:
            got = {one.number for one in stay.saw if one.by == stay.session}
            own = [number for by, number in times if by == stay.session]
            lost = [number for number in own if number not in got and not losses.ever(times[stay.session, number])]
            found += [f"{stay.session} never saw its own #{number} come back" for number in lost[:1]]
    return found


def missing(history: History) -> list[str]:
    """What has not come to everybody yet."""
    sessions = stays(history)
    return _missing(sessions, losses_of(history), posted(history), _ids(sessions))

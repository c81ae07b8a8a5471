"""Promise 4, delivered: what one has seen, every session gets that was in and stays; once, in the sender's order.

A lasting session stays through the death, drain or restart of its server; one without a cursor as long as it is on the
same. Where servers could not reach each other, a session that has moved from the ones to the others may be seen out of
order. What may be lost in spite of it is in `losses`; what a session was told that it misses is `silent`'s affair.
"""

from math import inf

from oyez.sim.checkers.losses import Losses, losses_of, posted
from oyez.sim.checkers.stays import Stay, stays
from oyez.sim.history import History, Phase, Saw

MOST = 5
"""Violations of one kind that are told."""

Post = tuple[str, int]
"""Who posted, and the number."""


def check(history: History) -> list[str]:
    """Activities that came twice, out of order, with one missing before them, or not at all."""
    deliveries = _Deliveries(history)
    found = [one for stay in deliveries.sessions.values() for one in deliveries.disordered(stay)]
    phases = {entry.name for entry in history if isinstance(entry, Phase)}
    if "over" in phases:
        found += deliveries.missing()
    if "final" in phases:  # else it may still be on the way to a network that is not whole again
        found += deliveries.dropped()
    return found[:MOST]


def missing(history: History) -> list[str]:
    """What has not come to everybody yet."""
    return _Deliveries(history).missing()


class _Deliveries:
    """Of one history. `_ids`: under which ids an activity was seen by anybody; one, but where servers were parted."""

    def __init__(self, history: History) -> None:
        self.sessions = stays(history)
        self._losses: Losses = losses_of(history)
        self._times = posted(history)
        ids: dict[Post, dict[str, Saw]] = {}
        for stay in self.sessions.values():
            for one in stay.saw:
                ids.setdefault((one.by, one.number), {}).setdefault(one.id, one)
        self._ids = ids
        self._seen = {id for under in ids.values() for id in under}

    def disordered(self, stay: Stay) -> list[str]:
        """What this session saw twice, too late, or too early."""
        found = []
        last: dict[str, int] = {}
        origins: dict[str, Saw] = {}
        before: set[Post] = set()
        all_of_it = {(one.by, one.number) for one in stay.saw}
        for one in stay.saw:
            post, highest = (one.by, one.number), last.get(one.by, one.number - 1)
            if post in before:
                found.append(f"{stay.session} saw {one.by} #{one.number} twice, again at {one.at:.4f}")
            elif one.number <= highest and not self._reordered(post, one.at):
                found.append(f"{stay.session} saw {one.by} #{one.number} too late, at {one.at:.4f}")
            for number in range(highest + 1, one.number):
                other = (one.by, number)
                if (other in all_of_it or stay.until < inf) and self._reordered(other, one.at):
                    continue  # it came late, or would have, had the session stayed
                if self._is_due(stay, other) and not self._excused(stay, other):
                    what = f"{one.by} #{one.number} though it had not seen #{number}"
                    found.append(f"{stay.session} saw {what}, at {one.at:.4f}")
                    break
            before.add(post)
            last[one.by] = max(highest, one.number)
            origin, _, sequence = one.id.rpartition("-")
            earlier = origins.get(origin)
            if earlier is not None and int(sequence) <= int(earlier.id.rpartition("-")[2]):
                found.append(f"{stay.session} saw {one.id} behind {earlier.id}, at {one.at:.4f}")
            origins[origin] = one
        return found

    def missing(self) -> list[str]:
        """What anybody saw, and has not reached everybody who was in when it was posted, and still is."""
        found = []
        for stay in self.sessions.values():
            if stay.until < inf or not (stay.entered.prompt or stay.lasting):
                continue
            got = {(one.by, one.number) for one in stay.saw}
            for post, ids in self._ids.items():
                if post not in got and self._is_due(stay, post) and not self._excused(stay, post):
                    one = next(iter(ids.values()))
                    what = f"{one.by} #{one.number} ({one.id})"
                    found.append(f"{stay.session} never saw {what}, which {one.session} saw at {one.at:.4f}")
                    break
        return found

    def dropped(self) -> list[str]:
        """What a lasting session posted, and has never seen come back: it sends it until it does, or says so."""
        found = []
        for stay in self.sessions.values():
            if not stay.lasting or stay.until < inf or stay.missed:
                continue
            got = {one.number for one in stay.saw if one.by == stay.session} | stay.doubted
            own = [(number, at) for (by, number), at in self._times.items() if by == stay.session]
            lost = [number for number, at in own if number not in got and not self._losses.ever(at)]
            found += [f"{stay.session} never saw its own #{number} come back" for number in lost[:1]]
        return found

    def _is_due(self, stay: Stay, post: Post) -> bool:
        """Was the session in when this was posted?"""
        return self._times.get(post, 0.0) > stay.begin

    def _reordered(self, post: Post, at: float) -> bool:
        """May this come late: as servers could not reach each other, or as it was lost, and has been sent again?"""
        begin = self._times.get(post, 0.0)
        return self._losses.parted(begin, at) or self._losses.ever(begin, at)

    def _excused(self, stay: Stay, post: Post) -> bool:
        """Whether the session need not have seen this, as far as its servers could know."""
        at = self._times.get(post, 0.0)
        if not stay.lasting and self._losses.forgotten:
            return True
        if self._losses.parted(at, inf) and stay.told_unseen(self._seen):
            return True  # it may be what it was told of
        ids = self._ids.get(post)
        if ids is None:
            by, number = post
            doubted = by in self.sessions and number in self.sessions[by].doubted
            return doubted or bool(stay.missed) or self._losses.ever(at)
        for id in ids:
            origin, _, sequence = id.rpartition("-")
            if self._losses.excuse(id, at) or stay.told(origin, int(sequence)):
                return True
        return False

"""Promise 4, for senders: what is sent again after a crash is known again, and accepted once.

No session sees an activity under two ids, or two activities under one. Nobody at all sees the same post under two ids,
unless servers could not reach each other meanwhile, or what had been accepted was lost (`losses`), or its sender was
told that it misses it, and so could not know.
"""

from oyez.sim.checkers.delivered import MOST
from oyez.sim.checkers.losses import losses_of, posted
from oyez.sim.checkers.stays import stays
from oyez.sim.history import History, Saw


def check(history: History) -> list[str]:
    """Posts with two ids, and ids with two posts."""
    losses, times, sessions = losses_of(history), posted(history), stays(history)
    first: dict[tuple[str, int], Saw] = {}
    meaning: dict[str, Saw] = {}
    own: dict[tuple[str, str, int], Saw] = {}
    found: dict[str, None] = {}
    for entry in history:
        if not isinstance(entry, Saw):
            continue
        post = (entry.by, entry.number)
        here = own.setdefault((entry.session, *post), entry)
        if here.id != entry.id:
            found[f"{entry.session} saw {entry.by} #{entry.number} as {here.id} and as {entry.id}"] = None
        other = first.setdefault(post, entry)
        at = times.get(post, 0.0)
        origin, _, sequence = other.id.rpartition("-")
        unknown = entry.by in sessions and sessions[entry.by].told(origin, int(sequence))
        if other.id != entry.id and not unknown and not losses.parted(at, entry.at) and not losses.ever(at):
            found[f"{entry.by} #{entry.number} was accepted as {other.id} and as {entry.id}"] = None
        meant = meaning.setdefault(entry.id, entry)
        if (meant.by, meant.number) != post:
            found[f"{entry.id} is {meant.by} #{meant.number} and {entry.by} #{entry.number}"] = None
    return list(found)[:MOST]

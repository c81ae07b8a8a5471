"""Promise 4, delivered: every activity reaches every session that stayed exactly once, in its sender's order.

As far as it holds while nothing but the sender's own server keeps an activity: what a server had accepted when it
died need not reach the others (but never with a hole), and where retention is small, a gap that a server has reported
is no surprise.
"""

from oyez.sim.history import Began, Died, Ended, Entered, History, Phase, Posted, Reported, Saw

PLENTY = 1 << 25
"""A retention that no history exhausts, in bytes."""

_Seen = dict[str, dict[str, list[Saw]]]
"""What was seen, by who saw it and who posted it."""


def check(history: History) -> list[str]:
    """Activities that came twice, out of order, with one missing before them, or not at all."""
    seen = _seen(history)
    gaps = [entry for entry in history if isinstance(entry, Reported) and entry.event == "mesh_gap"]
    if gaps and not _all_retained(history):
        return _ordered(seen, holes=True)
    over = any(isinstance(entry, Phase) and entry.name == "over" for entry in history)
    return _ordered(seen, holes=False) + (missing(history) if over else [])


def _all_retained(history: History) -> bool:
    """Whether no log can have forgotten anything: then there is no excuse for a gap."""
    return all(entry.retention >= PLENTY for entry in history if isinstance(entry, Began))


def _seen(history: History) -> _Seen:
    seen: _Seen = {}
    for entry in history:
        if isinstance(entry, Saw):
            seen.setdefault(entry.session, {}).setdefault(entry.by, []).append(entry)
    return seen


def _ordered(seen: _Seen, holes: bool) -> list[str]:
    found = []
    for session, senders in seen.items():
        for by, ones in senders.items():
            last = ones[0].number - 1
            for one in ones:
                if one.number == last + 1 or (holes and one.number > last):
                    last = one.number
                    continue
                what = "twice or too late" if one.number <= last else f"though it had not seen #{last + 1}"
                found.append(f"{session} saw {by} #{one.number} {what}, at {one.at:.4f}")
                break
    return found


def missing(history: History) -> list[str]:
    """What its sender saw come back, and has not reached everybody who was in when it was posted, and still is."""
    seen = _seen(history)
    stayed: dict[str, Entered] = {}
    posted: dict[tuple[str, int], float] = {}
    dead: set[str] = set()
    for entry in history:
        match entry:
            case Entered():
                stayed[entry.session] = entry
            case Ended(session=session):
                stayed.pop(session, None)
            case Posted():
                posted[entry.session, entry.number] = entry.at
            case Died():
                dead.add(f"{entry.node}.{entry.incarnation}")  # and its sessions with it, though they may not know yet
                stayed = {session: one for session, one in stayed.items() if one.node != entry.node}
    settled = [
        one
        for senders in seen.values()
        for one in [one for by, ones in senders.items() for one in ones if by == one.session]
        if one.id.rpartition("-")[0] not in dead
    ]
    found = []
    for session, entered in stayed.items():
        if not entered.prompt:
            continue
        senders = seen.get(session, {})
        got = {by: {one.number for one in ones} for by, ones in senders.items()}
        for one in settled:
            if posted[one.by, one.number] > entered.at and one.number not in got.get(one.by, ()):
                found.append(f"{session} never saw {one.by} #{one.number}, which its sender saw at {one.at:.4f}")
                break
    return found

"""Promise 9, bounded: a slow, silent or malicious reader costs a bounded amount of memory, and slows nobody else.

No outbox and no log grows beyond its limit; a link on which nothing moves is closed in time; and while no fault is at
work, an activity is with every session that reads what it is sent within a second, whoever else does not read.
"""

from oyez.sim.history import (
    Back,
    Began,
    Died,
    Ended,
    Entered,
    Fault,
    History,
    Measured,
    Posted,
    Promoted,
    Reported,
    Saw,
    Stuck,
)

TURN = 512 * 1024
"""Bytes that one turn of a loop may add to a log before the oldest are forgotten."""

PROMPTLY = 1.0
"""Seconds within which an activity is everywhere, without faults."""

AFTERMATH = 8.0
"""Seconds after a fault in which nothing is expected yet: suspicion, and all that follows it."""

DIALING = 10.0
"""Seconds more, where a server may try other centrals, in vain, before it is back with the main."""

CLOSING = 9.0
"""Seconds, above its patience, after which a node has closed a session that takes nothing: it looks once a second, its
clock may be slow, and the last word has five seconds."""

KERNEL = 40.0
"""Seconds after which any link that takes nothing is over: what no role watches, the kernel does."""

Span = tuple[float, float]


def check(history: History) -> list[str]:
    """What grew beyond its limit, was left stuck, or came late."""
    began = next((entry for entry in history if isinstance(entry, Began)), None)
    if began is None:
        return []
    troubled = _troubled(history)
    return _memory(history, began, troubled) + _stuck(history, began, troubled) + _late(history, troubled)


def _memory(history: History, began: Began, troubled: list[Span]) -> list[str]:
    found = []
    for entry in history:
        if isinstance(entry, Measured):
            if entry.outbox > began.outbox + TURN:
                found.append(f"{entry.node} kept {entry.outbox} bytes for one link at {entry.at:.4f}")
            # What waits for its second copy is in the own log until those that are silent are given up.
            waiting = any(begin < entry.at < end for begin, end in troubled)
            held = max(entry.logs[:1] if waiting else entry.logs, default=0)
            if held > began.retention + TURN:
                found.append(f"a log of {entry.node} held {held} bytes at {entry.at:.4f}")
    return found


def _stuck(history: History, began: Began, troubled: list[Span]) -> list[str]:
    sessions = {entry.link for entry in history if isinstance(entry, Entered)}
    found = {}
    for entry in history:
        if isinstance(entry, Stuck):
            limit = min(KERNEL, began.patience + CLOSING) if entry.link in sessions else KERNEL
            since = entry.at - entry.seconds
            if entry.seconds > limit and not any(begin < entry.at and since < end for begin, end in troubled):
                found[entry.link] = f"{entry.node} kept link {entry.link}, which took nothing for {entry.seconds:.1f} s"
    return list(found.values())


def _troubled(history: History) -> list[Span]:
    """When faults were at work, with what follows from them. Where only the operator could make a main, the servers
    begin to find it when that has been done, some of them in the middle of a dial in vain."""
    backups = any(isinstance(entry, Began) and entry.centrals > 1 for entry in history)
    aftermath = AFTERMATH + (DIALING if backups else 0.0)
    spans = [(entry.at, entry.until + aftermath) for entry in history if isinstance(entry, Fault)]
    spans += [(entry.at, entry.at + aftermath) for entry in history if isinstance(entry, Died | Promoted)]
    peers = ("peer_stalled", "mesh_gap")  # a server that fell out of a small retention: noticed within a tick or two
    fallen = [entry.at for entry in history if isinstance(entry, Reported) and entry.event in peers]
    return spans + [(at - 2.5, at + aftermath) for at in fallen]


def _late(history: History, troubled: list[Span]) -> list[str]:
    posted: dict[tuple[str, int], float] = {}
    since: dict[str, float] = {}  # when each session that reads at once has come, or come back
    dawdlers: set[str] = set()
    found = []
    for entry in history:
        match entry:
            case Entered() if entry.prompt:
                since[entry.session] = entry.at
            case Entered(lasting=True):
                dawdlers.add(entry.session)  # they may not have read yet that their link is over
            case Back() if entry.session in since:
                since[entry.session] = entry.at
            case Ended():
                since.pop(entry.session, None)
            case Posted():
                posted[entry.session, entry.number] = entry.at
            case Saw() if entry.by not in dawdlers:
                asked, come = posted.get((entry.by, entry.number), entry.at), since.get(entry.session, entry.at)
                late = entry.at - max(asked, come, since.get(entry.by, 0.0)) > PROMPTLY
                if late and not any(begin < entry.at and asked < end for begin, end in troubled):
                    found.append(
                        f"{entry.session} saw {entry.by} #{entry.number} {entry.at - asked:.2f} s after it was posted"
                    )
    return found[:3]

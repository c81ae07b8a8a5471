"""The voter's rule (ADR 8): one vote a term, nothing in a term below one that was promised; and what a central promises
is on its disk before it says so.

A central is one voter in all its lifetimes; a server that restarts is another.
"""

from oyez.sim.history import Confirmed, History, Voted


def check(history: History) -> list[str]:
    """Voters that broke a promise, or gave one that they may forget."""
    votes: dict[tuple[str, int], str] = {}
    promised: dict[str, int] = {}
    found = []
    for entry in history:
        if not isinstance(entry, Voted | Confirmed):
            continue
        if not entry.kept:
            found.append(f"at {entry.at:.4f} {entry.told()}, which is not on its disk")
        if isinstance(entry, Confirmed):
            if entry.term < promised.get(entry.voter, 0):
                found.append(f"at {entry.at:.4f} {entry.told()}, and has promised term {promised[entry.voter]}")
            continue
        if entry.term < promised.get(entry.voter, 0):
            found.append(f"at {entry.at:.4f} {entry.told()}, and has promised term {promised[entry.voter]}")
        first = votes.setdefault((entry.voter, entry.term), entry.candidate)
        if first != entry.candidate:
            found.append(f"at {entry.at:.4f} {entry.told()}, and has voted for {first} in it")
        promised[entry.voter] = max(promised.get(entry.voter, 0), entry.term)
    return found

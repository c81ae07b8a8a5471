"""Promise 2, kept: an acknowledged registration is on disk at the main and at every in-sync backup.

Judged at the moment of the acknowledgement, by looking at the disks. (That nothing is forgotten later is `kept`'s.)
"""

from oyez.sim.history import Acknowledged, History


def check(history: History) -> list[str]:
    """Acknowledgements of what was not on some disk that it had to be on."""
    found = []
    for entry in history:
        if isinstance(entry, Acknowledged):
            missing = sorted({entry.node, *entry.wanted}.difference(entry.disks))
            if missing:
                found.append(
                    f"{entry.node} acknowledged {entry.username} at {entry.at:.4f}, which was not on disk at"
                    f" {', '.join(missing)}"
                )
    return found

"""Promise 3, no clock in the proof: after a registration was on the main's disk, half of the voters have confirmed its
term, or all centrals have, before it is acknowledged.

Read off the confirmations themselves: the main counts itself, and a confirmation that was given before the entry was on
disk counts for nothing.
"""

from oyez.sim.history import Acknowledged, Confirmed, History


def check(history: History) -> list[str]:
    """Acknowledgements that too few voters stood behind."""
    confirmed: list[Confirmed] = []
    found = []
    for entry in history:
        if isinstance(entry, Confirmed):
            confirmed.append(entry)
        elif isinstance(entry, Acknowledged):
            behind = {one.voter for one in confirmed if one.term == entry.term and one.at >= entry.kept}
            behind.add(entry.node)
            halves = all(2 * len(behind.intersection(group)) >= len(group) for group in entry.groups)
            if not halves and not behind.issuperset(entry.centrals):
                voters = " and ".join(", ".join(group) for group in entry.groups)
                found.append(
                    f"{entry.node} acknowledged {entry.username} at {entry.at:.4f} in term {entry.term}, and of"
                    f" {voters} only {', '.join(sorted(behind))} stood behind it after {entry.kept:.4f}"
                )
    return found

"""Promise 3, one main: at most one central reigns in a term, and no main knows less than was acknowledged before it.

Stated so that it needs no clock (ADR 8): whatever a main of some term has acknowledged, at whatever time, is in the
directory of each main of a higher term at the moment of its election. A main whose confirmations came late may say so
after the next one has been elected; the next one has to know all the same.
"""

from oyez.sim.history import Acknowledged, Elected, History, Promoted


def risked(history: History) -> bool:
    """Has the operator promoted a central that may lack something? Then what it lacks is lost."""
    return any(isinstance(entry, Promoted) and not entry.lossless for entry in history)


def check(history: History) -> list[str]:
    """Terms with two mains, and mains that lacked something."""
    elected: list[Elected] = []
    acknowledged: list[Acknowledged] = []
    found = []
    reigns: dict[int, Elected] = {}
    for entry in history:
        if isinstance(entry, Elected):
            elected.append(entry)
            first = reigns.setdefault(entry.term, entry)
            if first is not entry:
                found.append(
                    f"term {entry.term} has two mains: {first.node} at {first.at:.4f}, {entry.node} at {entry.at:.4f}"
                )
        elif isinstance(entry, Acknowledged):
            acknowledged.append(entry)
            main = reigns.get(entry.term)
            if main is None or (main.node, main.incarnation) != (entry.node, entry.incarnation):
                found.append(f"{entry.node} acknowledged {entry.username} in term {entry.term}, which it never won")
    if risked(history):
        return found
    for one in acknowledged:
        for main in elected:
            if main.term > one.term and main.users.get(one.username) != one.hash:
                found.append(
                    f"{one.node} acknowledged {one.username} at {one.at:.4f} in term {one.term}, and {main.node} did"
                    f" not know it when it became main of term {main.term} at {main.at:.4f}"
                )
                break
    return found

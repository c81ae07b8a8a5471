"""Heal, then demand: once every fault is over, a fresh login works and everybody who is in hears everybody.

No node ever gives up. The rest is judged from the phase "healed" on: every client that starts then gets in; and what
is posted in the phase "final" reaches every session that is in at its beginning and stays.
"""

from oyez.sim.history import Died, Ended, Entered, Expected, History, Missed, Phase, Posted, Reported, Said, Saw

PROBE = "probe"
"""How the names of the clients begin that start once all is healed."""


def check(history: History) -> list[str]:
    """Who gave up, who did not get in, and what did not arrive."""
    people = {entry.client for entry in history if isinstance(entry, Said)}
    quitters = [entry for entry in history if isinstance(entry, Died) and entry.how.startswith("gave up")]
    found = [f"{entry.node} {entry.how}, at {entry.at:.4f}" for entry in quitters if entry.node not in people]
    if found:
        return found
    gaps = [entry for entry in history if isinstance(entry, Reported) and entry.event == "mesh_gap"]
    phases = {entry.name: entry.at for entry in history if isinstance(entry, Phase)}
    if "over" not in phases:
        return []
    if any(isinstance(entry, Expected) and (entry.hopeless or not entry.servers) for entry in history):
        return []  # `reunited` judges that
    if "final" not in phases:
        return ["after all was healed, a fresh client did not get in"]
    if gaps:
        return []  # some log could not keep everything until all was healed (`delivered` says whether it should have)
    stayed: dict[str, Entered] = {}
    posted: dict[tuple[str, int], None] = {}
    seen: set[tuple[str, str, int]] = set()
    for entry in history:
        match entry:
            case Entered(at=at) if at <= phases["final"] and entry.prompt:
                stayed[entry.session] = entry
            case Ended() | Missed():
                stayed.pop(entry.session, None)
            case Died():
                stayed = {name: one for name, one in stayed.items() if one.lasting or one.node != entry.node}
            case Posted(at=at) if at >= phases["final"]:
                posted[entry.session, entry.number] = None
            case Saw():
                seen.add((entry.session, entry.by, entry.number))
    return [
        f"after all was healed, {session} did not see {by} #{number}"
        for session in stayed
        for by, number in posted
        if by in stayed and (session, by, number) not in seen
    ][:3]

"""Heal, then demand: once every fault is over there is one main, all other centrals are its backups and in sync, all
servers are with it, and everybody agrees; or, where too few are left for that by the rules, everybody is told so.
"""

from oyez.sim.checkers.one_main import risked
from oyez.sim.checkers.progress import PROBE
from oyez.sim.history import Entered, Expected, Heard, History, Phase, Promoted, Said, Standing

NEWCOMER = f"{PROBE}0"
"""The one who registers."""

_TOLD = ("no_main", "unsettled")


def check(history: History) -> list[str]:
    """Who is main, who should be, and who thinks otherwise; before and after a promotion."""
    if not any(isinstance(entry, Phase) and entry.name == "over" for entry in history):
        return []
    promoted = next((place for place, entry in enumerate(history) if isinstance(entry, Promoted)), None)
    if promoted is None:
        return _check(history, history)
    found = _check(history, history[:promoted]) + _check(history, history[promoted:])
    inside = {entry.client for entry in history if isinstance(entry, Entered)}
    clients = {entry.client for entry in history if isinstance(entry, Said) and entry.client.startswith(PROBE)}
    if not any(entry.servers for entry in history[promoted:] if isinstance(entry, Expected)):
        return found  # there is no server left that knows where to go
    if risked(history):
        clients.intersection_update([NEWCOMER])  # the others may be lost
    return found + [f"{client} did not get in after the promotion" for client in sorted(clients - inside)]


def _check(history: History, part: History) -> list[str]:
    expected = next((entry for entry in part if isinstance(entry, Expected)), None)
    if expected is None:
        return []
    standings = {entry.node: entry for entry in part if isinstance(entry, Standing)}
    if expected.hopeless:
        return _told(history, expected, list(standings.values()))
    found = [f"{node} did not tell how it stands" for node in expected.centrals if node not in standings]
    if found:
        return found
    mains = [one for one in standings.values() if one.role == "main"]
    if len(mains) != 1:
        roles = ", ".join(f"{one.node} is {one.role} in term {one.term}" for one in standings.values())
        return [f"after all was healed there are {len(mains)} mains: {roles}"]
    main = mains[0]
    for one in standings.values():
        if one is not main and (one.role, one.main, one.term) != ("backup", main.node, main.term):
            found.append(f"{one.node} is {one.role} of {one.main or 'nobody'} in term {one.term}, not of {main.node}")
    absent = sorted(set(expected.centrals).difference(main.in_sync))
    if absent:
        found.append(f"{', '.join(absent)} did not get in sync with {main.node}")
    if sorted(expected.servers) != sorted(main.ready):
        found.append(f"{main.node} has the servers {', '.join(main.ready)}, not {', '.join(expected.servers)}")
    if not main.acknowledging:
        found.append(f"{main.node} can't acknowledge anything")
    return found


def _told(history: History, expected: Expected, standings: list[Standing]) -> list[str]:
    sure = [f"{one.node} claims to be a main that can acknowledge" for one in standings if _acknowledges(one)]
    if sure:
        return [f"{expected.hopeless}, and {sure[0]}"]
    healed = next(entry.at for entry in history if isinstance(entry, Phase) and entry.name == "healed")
    late = [entry for entry in history if isinstance(entry, Heard | Said) and entry.at > healed]
    asked = any(isinstance(entry, Said) and entry.command == "REGISTER" and entry.at > healed + 5 for entry in late)
    told = any(isinstance(entry, Heard) and entry.reason in _TOLD for entry in late)
    return [f"{expected.hopeless}, and nobody was told so"] if asked and not told else []


def _acknowledges(standing: Standing) -> bool:
    return standing.role == "main" and standing.acknowledging

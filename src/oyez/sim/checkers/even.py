"""Promise 6, even: sessions per server differ by at most 1 after logins, and by max(1, 10 %) soon after any churn.

The first is judged while nothing but logins has happened (phase "calm"), at each moment at which nobody is on the way
from the central to a server: then what was reserved has been taken up. The second at the end of the phase "level", in
which there is time enough, by what the servers themselves have reported.
"""

from oyez.sim.history import Died, Ended, Entered, Heard, History, Phase, Reported, Said, Unreachable, is_central

SHARE = 0.1
"""By how much of the mean the fullest and the emptiest may differ."""


def check(history: History) -> list[str]:
    """Moments at which the servers were uneven."""
    return _calm(history) + _levelled(history)


def uneven(sessions: dict[str, int]) -> bool:
    """Do they differ by more than is allowed after churn?"""
    if len(sessions) < 2:
        return False
    allowed = max(1.0, SHARE * sum(sessions.values()) / len(sessions))
    return max(sessions.values()) - min(sessions.values()) > allowed


def _spread(sessions: dict[str, int]) -> str:
    return ", ".join(f"{count} on {server}" for server, count in sessions.items())


def _levelled(history: History) -> list[str]:
    sessions: dict[str, int] = {}
    level = False
    for entry in history:
        match entry:
            case Reported(event="ready", node=node) if not is_central(node):
                sessions[node] = 0
            case Reported(event="session_opened") if entry.node in sessions:
                sessions[entry.node] += 1
            case Reported(event="session_closed") if entry.node in sessions:
                sessions[entry.node] -= 1
            case Died() | Reported(event="leaving"):
                sessions.pop(entry.node, None)
            case Phase():
                if level and uneven(sessions):
                    return [f"at {entry.at:.4f} sessions were still uneven: {_spread(sessions)}"]
                level = entry.name == "level"
    return []


def _calm(history: History) -> list[str]:
    sessions: dict[str, int] = {}
    on_the_way: dict[str, None] = {}
    calm = False
    for entry in history:
        match entry:
            case Reported(event="ready", node=node) if not is_central(node):
                sessions[node] = 0
            case Phase(name=name):
                calm = name == "calm"
                if not calm and sessions:
                    return []
            case Said(command="LOGIN", client=client) if calm:
                on_the_way[client] = None
            case Heard(command="LOGIN_FAILED", client=client) if calm:
                on_the_way.pop(client, None)
            case Entered(node=node, client=client) if calm:
                on_the_way.pop(client, None)
                sessions[node] = sessions.get(node, 0) + 1
                if not on_the_way and max(sessions.values()) - min(sessions.values()) > 1:
                    return [f"at {entry.at:.4f} sessions were uneven: {_spread(sessions)}"]
            case Ended(session=session) if calm and session:
                return []
            case Unreachable() if calm:
                return []
    return []

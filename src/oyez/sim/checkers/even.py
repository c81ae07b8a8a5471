"""Promise 6, even: with no churn, sessions per server differ by at most 1 after logins.

Judged while nothing but logins has happened (phase "calm"), at each moment at which nobody is on the way from the
central to a server: then what was reserved has been taken up.
"""

from oyez.sim.history import Ended, Entered, Heard, History, Phase, Reported, Said, Unreachable, is_central


def check(history: History) -> list[str]:
    """Moments of the calm at which the servers were uneven."""
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
                    spread = ", ".join(f"{count} on {server}" for server, count in sessions.items())
                    return [f"at {entry.at:.4f} sessions were uneven: {spread}"]
            case Ended(session=session) if calm and session:
                return []
            case Unreachable() if calm:
                return []
    return []

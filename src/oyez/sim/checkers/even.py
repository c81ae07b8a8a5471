"""Promise 6, even: sessions per server differ by at most 1 after logins, and by max(1, 10 %) soon after any churn.

The first is judged while nothing but logins has happened (phase "calm"), at each moment at which nobody is on the way
from the central to a server: then what was reserved has been taken up. The second at the end of the phase "level", in
which there is time enough, by what the servers themselves have reported. A session that was closed a moment ago, and
has not been opened elsewhere since, may have been sent somewhere: the main keeps a place for it, and is even where it
would be even with it. That its user has come back by way of the central does not tell the main that it is the same.
"""

from collections.abc import Mapping

from oyez.sim.history import Died, Ended, Entered, Heard, History, Phase, Reported, Said, Unreachable, is_central

SHARE = 0.1
"""By how much of the mean the fullest and the emptiest may differ."""

ON_THE_WAY = 12.0
"""Seconds after which the main counts on a session no more that it has sent elsewhere and that has not come: it keeps
the place for 10, asks for others once a second, and they have to move."""


def check(history: History) -> list[str]:
    """Moments at which the servers were uneven."""
    return _calm(history) + _levelled(history)


def uneven(sessions: Mapping[str, int]) -> bool:
    """Do they differ by more than is allowed after churn?"""
    if len(sessions) < 2:
        return False
    allowed = max(1.0, SHARE * sum(sessions.values()) / len(sessions))
    return max(sessions.values()) - min(sessions.values()) > allowed


def _spread(sessions: dict[str, int]) -> str:
    return ", ".join(f"{count} on {server}" for server, count in sessions.items())


def _with(sessions: Mapping[str, int], more: int) -> dict[str, int]:
    """The same, when so many more have come to where there is least."""
    filled = dict(sessions)
    for _ in range(more if filled else 0):
        filled[min(filled, key=lambda server: filled[server])] += 1
    return filled


def _levelled(history: History) -> list[str]:
    sessions: dict[str, int] = {}
    sent: list[tuple[object, float]] = []  # whose session was closed, and when
    placed: list[tuple[object, object]] = []  # users that the central has sent to a server, and which
    level = False
    for entry in history:
        match entry:
            case Reported(event="ready", node=node) if not is_central(node):
                sessions[node] = 0
            case Reported(event="placed", fields=fields):
                placed.append((fields["username"], fields["server"]))
            case Reported(event="session_opened", fields=fields) if entry.node in sessions:
                sessions[entry.node] += 1
                user = fields["username"]
                if (user, entry.node) in placed:
                    placed.remove((user, entry.node))
                else:
                    _take_first(sent, user)
            case Reported(event="session_closed", fields=fields) if entry.node in sessions:
                sessions[entry.node] -= 1
                sent.append((fields["username"], entry.at))
            case Died() | Reported(event="leaving"):
                sessions.pop(entry.node, None)
            case Phase():
                moving = sum(at > entry.at - ON_THE_WAY for _, at in sent)
                if level and uneven(_with(sessions, moving)):
                    on_the_way = f", and {moving} on the way" if moving else ""
                    return [f"at {entry.at:.4f} sessions were still uneven: {_spread(sessions)}{on_the_way}"]
                level = entry.name == "level"
            case _:
                pass
    return []


def _take_first(sent: list[tuple[object, float]], user: object) -> None:
    """One of them has come."""
    first = next((one for one in sent if one[0] == user), None)
    if first is not None:
        sent.remove(first)


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
            case Reported(event="session_closed", node=node) if calm and node in sessions:
                sessions[node] -= 1  # of which the client need not know yet
            case Unreachable() if calm:
                return []
    return []

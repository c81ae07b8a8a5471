"""Counted (DESIGN section 4): the server's own count is the truth, and the central comes to know it.

What the central tells of loads and presence is what the servers have reported of their sessions, wherever nothing has
changed for a while: clients that left, servers that died and announcements that were lost leave no trace. And a server
counts nobody whose link is over.
"""

from collections import Counter

from oyez.sim.history import Accepted, Counted, Died, Ended, History, Phase, Reported, Started

SETTLED = 2.5
"""Seconds after which the central knows: an announcement a second, by a clock that may be slow."""


def check(history: History) -> list[str]:
    """What the central believes, and is not so."""
    sessions: dict[str, Counter[str]] = {}
    changed: dict[str, float] = {}
    found: list[str] = []
    for entry in history:
        match entry:
            case Started():
                changed[entry.node] = entry.at
            case Reported(event="ready"):
                sessions[entry.node] = Counter()
                changed[entry.node] = entry.at
            case Reported(event="session_opened" | "session_closed" | "joined"):
                if entry.event != "joined":
                    one = 1 if entry.event == "session_opened" else -1
                    sessions[entry.node][str(entry.fields["username"])] += one
                changed[entry.node] = entry.at
            case Died():
                sessions.pop(entry.node, None)
                changed[entry.node] = entry.at
            case Counted():
                settled = {node: users for node, users in sessions.items() if entry.at - changed[node] > SETTLED}
                found += _compare(entry, settled)
    return found + _ghosts(history)


def _ghosts(history: History) -> list[str]:
    """Sessions that a server still counts though their clients hung up, or lost their links, long ago."""
    links: dict[tuple[str, int], int] = {}
    sessions: dict[tuple[str, int], str] = {}
    over: dict[int, float] = {}
    healed = 0.0
    found: list[str] = []
    for entry in history:
        match entry:
            case Phase(name="healed"):
                healed = entry.at
            case Accepted():
                links[entry.node, entry.local] = entry.link
            case Reported(event="session_opened", fields={"link": int(local), "username": username}):
                sessions[entry.node, local] = str(username)
            case Reported(event="session_closed", fields={"link": int(local)}):
                sessions.pop((entry.node, local), None)
            case Died():
                sessions = {place: user for place, user in sessions.items() if place[0] != entry.node}
            case Ended() if entry.why != "vanished":
                over[entry.link] = entry.at
            case Counted() if entry.at - healed > SETTLED:
                for place, username in sessions.items():
                    ended = over.get(links.get(place, 0), entry.at)
                    if entry.at - ended > SETTLED:
                        found.append(f"{place[0]} still counts {username}, whose link was over at {ended:.4f}")
    return found


def _compare(counted: Counted, sessions: dict[str, Counter[str]]) -> list[str]:
    found = []
    for node, users in sessions.items():
        load = counted.loads.get(node)
        if load != users.total():
            found.append(
                f"at {counted.at:.4f} {counted.node} counts {load} sessions on {node}, where {users.total()} are"
            )
        believed = {user: number for user, number in _of(counted, node).items() if number}
        if believed != {user: number for user, number in users.items() if number}:
            found.append(f"at {counted.at:.4f} {counted.node} has {believed} on {node}, where {dict(users)} are")
    return found


def _of(counted: Counted, node: str) -> dict[str, int]:
    names = {key.rpartition("@"): number for key, number in counted.present.items()}
    return {user: number for (user, _, server), number in names.items() if server == node}

"""Promise 2, kept: an acknowledged registration is never forgotten, whatever dies and restarts.

So after REGISTER_SUCCESS its secret is never called wrong, and the name is not given out again; and nothing else than
the right secret is ever right.
"""

from oyez.sim.checkers.one_main import risked
from oyez.sim.history import Heard, History, Said

_WRONG = ("LOGIN_FAILED", "wrong_credentials")


def check(history: History) -> list[str]:
    """Registrations that were forgotten, and logins with a secret that was never registered."""
    if risked(history):
        return []
    asked: dict[int, Said] = {}
    registered: dict[str, tuple[str, float]] = {}
    tried: set[tuple[str, str]] = set()
    found = []
    for entry in history:
        if isinstance(entry, Said) and entry.command in ("REGISTER", "LOGIN"):
            asked[entry.link] = entry
            if entry.command == "REGISTER":
                tried.add((entry.username, entry.secret))
        elif isinstance(entry, Heard):
            said = asked.get(entry.link)
            if said is None or said.username == "anonymous":
                continue
            kept = registered.get(said.username)
            if entry.command == "REGISTER_SUCCESS":
                registered.setdefault(said.username, (said.secret, entry.at))
            elif (
                kept is not None
                and (entry.command, entry.reason) == _WRONG
                and kept[0] == said.secret
                and kept[1] <= said.at  # a login that was asked for before may be refused after it
            ):
                found.append(
                    f"{said.username} was registered at {kept[1]:.4f}, and {entry.node} calls its secret wrong"
                    f" at {entry.at:.4f}"
                )
            elif entry.command == "LOGIN_SUCCESS" and (said.username, said.secret) not in tried:
                found.append(f"{said.username} was let in at {entry.at:.4f} with a secret that it never registered")
    return found

"""Promise 1, unique: an acknowledged username is never acknowledged to anyone else.

An acknowledgement is REGISTER_SUCCESS. The same client may get a second one for the same name and secret, where the
first never arrived. LOGIN_SUCCESS acknowledges as well that the name belongs to whoever knows that secret.
"""

from oyez.sim.checkers.one_main import risked
from oyez.sim.history import Heard, History, Said

ANONYMOUS = "anonymous"


def check(history: History) -> list[str]:
    """Names that were acknowledged with two secrets."""
    if risked(history):
        return []
    asked: dict[tuple[int, str], Said] = {}
    owner: dict[str, Said] = {}
    found = []
    for entry in history:
        if isinstance(entry, Said) and entry.command in ("REGISTER", "LOGIN"):
            asked[entry.link, entry.command] = entry
        elif isinstance(entry, Heard) and entry.command in ("REGISTER_SUCCESS", "LOGIN_SUCCESS"):
            said = asked.get((entry.link, entry.command.removesuffix("_SUCCESS")))
            if said is None or said.username == ANONYMOUS:
                continue
            first = owner.setdefault(said.username, said)
            if first.secret != said.secret:
                found.append(
                    f"{said.username} was acknowledged to {first.client} at {first.at:.4f}"
                    f" and with another secret to {said.client} at {entry.at:.4f} ({entry.command})"
                )
    return found

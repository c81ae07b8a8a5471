"""Unsettled (ADR 8): a registration that could not be confirmed may be repeated with the same secret, and is never
called somebody else's; and whoever was acknowledged can log in at the end.

A client whose REGISTER was answered "unsettled" repeats it. As long as nobody else has asked for that name, and none of
its own attempts was left without any answer, it must not hear that the name is taken.
"""

from oyez.sim.history import Heard, History, Phase, Said
from oyez.sim.inspector import AUDITOR

_TAKEN = ("REGISTER_FAILED", "already_registered")
_UNSETTLED = ("REGISTER_FAILED", "unsettled")


def check(history: History) -> list[str]:
    """Attempts that were called taken, and acknowledged users who could not log in at the end."""
    return _taken(history) + _locked_out(history)


def _taken(history: History) -> list[str]:
    asked: dict[int, Said] = {}
    open_: dict[str, set[int]] = {}
    secrets: dict[str, set[str]] = {}
    unsettled: dict[str, float] = {}
    found = []
    for entry in history:
        if isinstance(entry, Said) and entry.command == "REGISTER":
            asked[entry.link] = entry
            secrets.setdefault(entry.username, set()).add(entry.secret)
            open_.setdefault(entry.username, set()).add(entry.link)
        elif isinstance(entry, Heard) and entry.link in asked and entry.command.startswith("REGISTER"):
            said = asked[entry.link]
            open_[said.username].discard(entry.link)
            if (entry.command, entry.reason) == _UNSETTLED:
                unsettled[said.username] = entry.at
            elif entry.command == "REGISTER_SUCCESS":
                unsettled.pop(said.username, None)
            elif (entry.command, entry.reason) == _TAKEN and said.username in unsettled:
                alone = len(secrets[said.username]) == 1 and not open_[said.username]
                if alone:
                    found.append(
                        f"{said.username} was unsettled at {unsettled[said.username]:.4f}, and when it was asked for"
                        f" again {entry.node} said at {entry.at:.4f} that it was taken"
                    )
    return found


def _locked_out(history: History) -> list[str]:
    final = next((entry.at for entry in history if isinstance(entry, Phase) and entry.name == "final"), None)
    if final is None:
        return []
    registered: dict[str, str] = {}
    asked: dict[int, Said] = {}
    let_in: set[str] = set()
    for entry in history:
        if isinstance(entry, Said):
            asked[entry.link] = entry
        elif isinstance(entry, Heard) and entry.link in asked:
            said = asked[entry.link]
            if entry.command == "REGISTER_SUCCESS" and entry.at <= final:
                registered[said.username] = entry.client
            elif entry.command == "LOGIN_SUCCESS" and entry.client == AUDITOR:
                let_in.add(said.username)
    return [
        f"{username} was registered by {client}, and could not log in at the end"
        for username, client in registered.items()
        if username not in let_in
    ]

"""Promise 10, told: every refusal says why, and no node closes a link without a word.

Its word is a refusal or a REDIRECT; none is owed to a client that said LOGOUT, nor to one that is not logged in by a
node that is being stopped. A word that could not get through (the client did not read, the network failed) must at
least have been given to the operator.
"""

from math import inf

from oyez.sim.history import Accepted, Died, Ended, Fault, Heard, History, Reported, Said

REFUSALS = ("REGISTER_FAILED", "LOGIN_FAILED", "AUTHENTICATION_FAIL", "INVALID_MESSAGE")

_TROUBLE = 5.0
"""Seconds before the end of a link in which a fault may have kept a word from its client."""

_LAST_WORD = 8.0
"""Seconds for which a node waits for a client to take its last word, and to hang up."""


def check(history: History) -> list[str]:
    """Refusals without an info, and links that ended in silence."""
    found: list[str] = []
    last: dict[int, str] = {}
    no_word_due: set[int] = set()
    links: dict[tuple[str, int], int] = {}
    reported: set[int] = set()
    troubled = -_TROUBLE
    stopping: dict[str, float] = {}
    moved: dict[str, float] = {}
    for entry in history:
        match entry:
            case Heard():
                last[entry.link] = entry.command
                if entry.command in REFUSALS and not entry.info:
                    found.append(f"{entry.client} got a {entry.command} without an info at {entry.at:.4f}")
            case Said(command="LOGOUT"):
                no_word_due.add(entry.link)
            case Accepted():
                links[entry.node, entry.local] = entry.link
            case Reported(event="refused" | "placed"):
                local = entry.fields["link"]
                assert isinstance(local, int)
                reported.add(links.get((entry.node, local), 0))
            case Reported(event="moved"):
                moved[str(entry.fields["server"])] = entry.at + _LAST_WORD
            case Died():
                links = {key: link for key, link in links.items() if key[0] != entry.node}
                if entry.node in stopping:
                    stopping[entry.node] = entry.at + _TROUBLE
            case Fault(kind="stop" | "drain"):
                stopping[entry.target] = inf
            case Fault():
                troubled = max(troubled, entry.until)
            case Ended(by="node") if entry.link not in no_word_due:
                word = last.get(entry.link) in (*REFUSALS, "REDIRECT")
                hindered = entry.unread or entry.at - troubled <= _TROUBLE
                if hindered and entry.at <= moved.get(entry.node, -1):
                    excused = True  # it had been told where to go, and that did not get through, or was not read
                elif entry.at <= stopping.get(entry.node, -1):
                    excused = hindered or not entry.session
                else:
                    excused = hindered and entry.link in reported
                if not word and not excused:
                    found.append(
                        f"{entry.node} ended the link {entry.link} of {entry.session or entry.client}"
                        f" at {entry.at:.4f} without a word ({entry.why})"
                    )
    return found

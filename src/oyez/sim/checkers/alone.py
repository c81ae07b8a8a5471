"""Promise 7, the data plane stands alone: with every central dead, connected clients go on posting and receiving.

Judged while no central runs and nothing else is wrong: what a session posts then is with every session that was in
before, and stays, within a second.
"""

from math import inf

from oyez.sim.checkers.bounded import AFTERMATH, PROMPTLY
from oyez.sim.history import Died, Ended, Entered, Fault, History, Phase, Posted, Saw, Started, is_central

Span = tuple[float, float]


def check(history: History) -> list[str]:
    """Activities that did not get through while there was no central."""
    spans = _without_centrals(history)
    if not spans:
        return []
    troubled = _troubled(history)
    posted = [
        entry
        for entry in history
        if isinstance(entry, Posted)
        and any(begin < entry.at and entry.at + PROMPTLY < end for begin, end in spans)
        and not any(begin < entry.at + PROMPTLY and entry.at < end for begin, end in troubled)
    ]
    seen = {(entry.session, entry.by, entry.number): entry.at for entry in history if isinstance(entry, Saw)}
    stays = _stays(history)
    found = []
    for post in posted:
        for session, (begin, end) in stays.items():
            there = begin < post.at and post.at + PROMPTLY < end
            if (
                there
                and post.session in stays
                and seen.get((session, post.session, post.number), inf) > post.at + PROMPTLY
            ):
                found.append(f"without a central, {session} did not see {post.session} #{post.number} ({post.at:.4f})")
    return found[:3]


def _without_centrals(history: History) -> list[Span]:
    """When none was running."""
    running: set[str] = set()
    since: float | None = None
    spans = []
    for entry in history:
        if isinstance(entry, Started) and is_central(entry.node):
            if since is not None:
                spans.append((since, entry.at))
            since = None
            running.add(entry.node)
        elif isinstance(entry, Died) and is_central(entry.node):
            running.discard(entry.node)
            if not running:
                since = entry.at
        elif isinstance(entry, Phase) and entry.name == "over" and since is not None:
            spans.append((since, entry.at))
    return spans


def _troubled(history: History) -> list[Span]:
    """When something was wrong with anything else than centrals, with what follows from it."""
    spans = []
    for entry in history:
        if isinstance(entry, Fault) and not _of_a_central(entry.target):
            spans.append((entry.at, entry.until + AFTERMATH))
        elif isinstance(entry, Died | Started) and not is_central(entry.node):
            spans.append((entry.at, entry.at + AFTERMATH))
    return spans


def _of_a_central(target: str) -> bool:
    return is_central(target) and "|" not in target


def _stays(history: History) -> dict[str, Span]:
    """From when to when a session was in that reads whatever comes."""
    stays: dict[str, Span] = {}
    for entry in history:
        if isinstance(entry, Entered) and entry.prompt:
            stays[entry.session] = (entry.at, inf)
        elif isinstance(entry, Ended) and entry.session in stays:
            stays[entry.session] = (stays[entry.session][0], entry.at)
    return stays

"""Promise 7, the data plane stands alone: with every central dead, connected clients go on posting and receiving.

Judged while no central runs and nothing else is wrong: what a session posts then is with every session that was in
before, and stays, within a second. And a lasting session whose server dies then is on another one in time, by what it
holds already, if there is one that it was given.
"""

from math import inf

from oyez.sim.checkers.bounded import AFTERMATH, PROMPTLY
from oyez.sim.checkers.losses import losses_of
from oyez.sim.checkers.stays import Stay, stays
from oyez.sim.history import Died, Elected, Fault, History, Missed, Phase, Posted, Saw, Started, is_central

ALTERNATES = 2
"""Other servers at least for which a client has tickets, where there are as many."""

MOVING = 10.0
"""Seconds within which a session is on another server: it may try others first, in vain, and a central."""

GATHERING = 5.0
"""Seconds in which another main has all servers again: alternates are those that it has when somebody logs in."""

Span = tuple[float, float]


def check(history: History) -> list[str]:
    """Activities that did not get through while there was no central."""
    spans = _without_centrals(history)
    if not spans:
        return []
    return _silenced(history, spans) + _stranded(history, spans)


def _silenced(history: History, spans: list[Span]) -> list[str]:
    """What was posted, and did not come through."""
    troubled = _troubled(history)
    posted = [
        entry
        for entry in history
        if isinstance(entry, Posted)
        and any(begin < entry.at and entry.at + PROMPTLY < end for begin, end in spans)
        and not any(begin < entry.at + PROMPTLY and entry.at < end for begin, end in troubled)
    ]
    seen = {(entry.session, entry.by, entry.number): entry.at for entry in history if isinstance(entry, Saw)}
    told = {entry.session for entry in history if isinstance(entry, Missed)}
    everyone = stays(history)
    prompt = [stay for stay in everyone.values() if stay.entered.prompt]
    spent = {stay.session: (stay.begin, stay.until) for stay in prompt if stay.session not in told}
    found = []
    for post in posted:
        for session, (begin, end) in spent.items():
            there = begin < post.at and post.at + PROMPTLY < end and _has_server(everyone[session], post.at)
            if (
                there
                and post.session in spent
                and post.at + PROMPTLY < spent[post.session][1]  # else it may have gone before its post had
                and _has_server(everyone[post.session], post.at)
                and seen.get((session, post.session, post.number), inf) > post.at + PROMPTLY
            ):
                found.append(f"without a central, {session} did not see {post.session} #{post.number} ({post.at:.4f})")
    return found[:3]


def _has_server(stay: Stay, at: float) -> bool:
    """Was the session on a server then? It may have lost its own, and there may be none that could take it."""
    where = [server for since, server in stay.servers if since <= at]
    return not stay.lasting or bool(where and where[-1])


def _stranded(history: History, spans: list[Span]) -> list[str]:
    """Lasting sessions that found no other server."""
    lives = losses_of(history).lives.values()
    faults = [entry for entry in history if isinstance(entry, Fault) and not _of_a_central(entry.target)]
    elections = [entry.at for entry in history if isinstance(entry, Elected)][1:]
    found = []
    for stay in stays(history).values():
        if any(at <= stay.begin < at + GATHERING for at in elections):
            continue
        for at, server in _lost(stay, history) if stay.lasting else []:
            end = at + MOVING
            if not any(begin < at and end < over for begin, over in spans) or stay.until < end:
                continue
            if any(fault.at < end and fault.until + AFTERMATH > at and fault.target != server for fault in faults):
                continue
            known = [life for life in lives if life.node != server and life.ready < stay.begin]
            able = [life for life in known if life.died > end]
            back = any(at < when < end and where not in ("", server) for when, where in stay.servers)
            if able and len(known) - len(able) < ALTERNATES and not back:
                found.append(
                    f"without a central, {stay.session} did not get from {server} to another server ({at:.4f})"
                )
    return found[:3]


def _lost(stay: Stay, history: History) -> list[tuple[float, str]]:
    """When which server died on which the session was."""
    lost = []
    for entry in history:
        if isinstance(entry, Died) and stay.begin < entry.at < stay.until:
            where = [server for at, server in stay.servers if at < entry.at]
            if where and where[-1] == entry.node:
                lost.append((entry.at, entry.node))
    return lost


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
    begun = False
    for entry in history:
        begun = begun or isinstance(entry, Phase)
        if isinstance(entry, Fault) and not _of_a_central(entry.target):
            spans.append((entry.at, entry.until + AFTERMATH))
        elif isinstance(entry, Died | Started) and begun and not is_central(entry.node):
            spans.append((entry.at, entry.at + AFTERMATH))
    return spans


def _of_a_central(target: str) -> bool:
    return is_central(target) and "|" not in target

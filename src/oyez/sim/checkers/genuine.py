"""Genuine (DESIGN section 3): an activity arrives as it was posted, under the name of whoever posted it.

Only what somebody posted arrives, and `authenticated_user` is the session's user, whatever the sender claimed.
"""

from oyez.sim.history import Entered, History, Posted, Saw


def check(history: History) -> list[str]:
    """Activities that nobody posted, that changed on the way, or that came under a wrong name."""
    users: dict[str, str] = {}
    posted: dict[str, int] = {}
    found = []
    for entry in history:
        if isinstance(entry, Saw):
            if entry.number > posted.get(entry.by, 0) or entry.number < 1:
                found.append(f"{entry.session} saw {entry.by} #{entry.number}, which nobody posted")
            elif not entry.intact:
                found.append(f"{entry.session} saw {entry.by} #{entry.number} altered")
            elif entry.user != users[entry.by]:
                found.append(f"{entry.session} saw {entry.by} #{entry.number} under the name of {entry.user}")
        elif isinstance(entry, Posted):
            posted[entry.session] = entry.number
        elif isinstance(entry, Entered):
            users[entry.session] = entry.username
    return found

"""One checker for each promise (DESIGN section 5): each reads a recorded history, and nothing else.

A checker is a function from a history to the list of its violations, one sentence each; none: the promise was kept.
"""

from collections.abc import Callable

from oyez.sim.checkers import (
    alone,
    ballots,
    bounded,
    consent,
    counted,
    delivered,
    durable,
    even,
    genuine,
    kept,
    once,
    one_main,
    progress,
    reunited,
    settled,
    silent,
    told,
    unique,
)
from oyez.sim.history import History

Checker = Callable[[History], list[str]]

CHECKERS: dict[str, Checker] = {
    "unique": unique.check,
    "kept": kept.check,
    "durable": durable.check,
    "one main": one_main.check,
    "consent": consent.check,
    "ballots": ballots.check,
    "settled": settled.check,
    "delivered": delivered.check,
    "once": once.check,
    "silent": silent.check,
    "genuine": genuine.check,
    "even": even.check,
    "counted": counted.check,
    "bounded": bounded.check,
    "told": told.check,
    "alone": alone.check,
    "reunited": reunited.check,
    "progress": progress.check,
}


def violations(history: History) -> list[str]:
    """What all checkers have to say."""
    return [f"{name}: {violation}" for name, check in CHECKERS.items() for violation in check(history)]

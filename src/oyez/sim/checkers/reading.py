"""Not a checker: keeps what was read out of a history for the next checker that reads the same.

Guarantees: the last history alone is kept, and read anew once it has grown. Whoever gets the result must not change it.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from oyez.sim.history import History

T = TypeVar("T")


def kept(read: Callable[[History], T]) -> Callable[[History], T]:
    """`read`, but for the same history only once."""
    last: list[tuple[History, int, T]] = []

    @wraps(read)
    def once(history: History) -> T:
        if not last or last[0][0] is not history or last[0][1] != len(history):
            last[:] = [(history, len(history), read(history))]
        return last[0][2]

    return once

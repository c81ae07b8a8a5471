"""Everybody who comes to a central, until they are known to be a node: clients stay strangers here (ADR 11).

Guarantees: they are bounded as `limits` says, in number, in time, and in how much they may ask. Knows nothing of the
answers.
"""

from collections.abc import Callable

from oyez.core import effects as fx
from oyez.core.central.caution import Caution
from oyez.core.effects import Effects
from oyez.core.limits.buckets import UNLIMITED
from oyez.core.limits.door import Door
from oyez.core.limits.pace import Pace
from oyez.core.limits.settings import CentralLimits
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import users as u

_OF_NODES = (
    n.Authenticate,
    n.BackupAuthenticate,
    n.Promote,
    n.DrainServer,
    u.SetSecret,
    u.RemoveUser,
    u.ListUsers,
    m.Status,
)
"""What nodes and operators say first."""

_COSTS: dict[type, int] = {m.Status: 1, m.Who: 10}
"""Questions that are answered at once, and what each takes of what a link may ask."""


class Strangers:
    """Of one central."""

    def __init__(self, limits: CentralLimits) -> None:
        self.door = Door(limits.door)
        self.caution = Caution(limits, self.door.who)
        self._questions = Pace(limits.questions, UNLIMITED)

    def heard(self, now: float, link: int, message: m.Message) -> Effects:
        """One has said this: a refusal, where it is one too many."""
        return self.door.heard(now, link, isinstance(message, _OF_NODES))

    def answered(self, now: float, link: int, message: m.Message, answer: Effects) -> Effects:
        """This is the answer; whoever asks too much is not heard again for a while."""
        cost = _COSTS.get(type(message), 0)
        if not cost or not self._questions.limited or fx.Hold(link) in answer:
            return answer
        return [*answer, *self._questions.posted(now, link, "", cost, 0)]

    def tick(self, now: float, waits: Callable[[int], bool], slept: bool) -> Effects:
        """Once a heartbeat: see `Door.tick`."""
        return self.door.tick(now, waits, slept)

    def timer(self, key: str) -> Effects | None:
        """Somebody may ask again; None where the timer is another's."""
        return self._questions.timer(key)

    def gone(self, link: int) -> None:
        """The link is closed."""
        self.door.gone(link)
        self._questions.gone(link)

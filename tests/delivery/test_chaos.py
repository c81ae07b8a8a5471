"""Servers and mains are killed, frozen, drained and told to end while library clients post: nobody misses anything.

At the end every client has every message that was acknowledged to its sender, once, in the sender's order. A failure
comes when the network is whole: what one failure must not cost is promised for one at a time. What is printed (with
`-s`, or where it fails) says what happened.
"""

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.delivery.conftest import Gather
from tests.delivery.crowd import Counts, Crowd
from tests.delivery.fleet import Fleet
from tests.failover.conftest import ROUNDS

TROUBLES = 3 * ROUNDS
"""In a soak: some five seconds each."""


class Trouble:
    """What can happen, by name; each leaves the network whole."""

    def __init__(self, fleet: Fleet, crowd: Crowd, chance: random.Random) -> None:
        self.happened = Counter[str]()
        self._fleet = fleet
        self._crowd = crowd
        self._chance = chance
        self.kinds: dict[str, Callable[[], None]] = {
            "server killed": lambda: self._killed(self._server()),
            "main killed": lambda: self._killed(self._main()),
            "main and server killed": lambda: self._killed(self._main(), self._server()),
            "server frozen": lambda: self._frozen(self._server()),
            "main frozen": lambda: self._frozen(self._main()),
            "server drained": lambda: self._left(self._fleet.drain),
            "server terminated": lambda: self._left(self._fleet.terminate),
        }

    def happen(self, kind: str) -> None:
        self._fleet.wait_until_whole()
        self._crowd.wait_for_more()
        self.kinds[kind]()
        self.happened[kind] += 1

    def _server(self) -> str:
        return self._chance.choice(sorted(self._fleet.servers))

    def _main(self) -> str:
        return self._fleet.wait_for_main()

    def _killed(self, *names: str) -> None:
        self._fleet.kill_together(names)
        self._crowd.wait_for_more(self._chance.randint(0, 80))  # it comes back at once, or when all have got over it
        for name in sorted(names):  # the central first
            self._fleet.bring_back(name) if name in self._fleet.servers else self._fleet.start_central(name)

    def _frozen(self, name: str) -> None:
        """For less than what makes it suspect, or for longer."""
        self._fleet.freeze(name)
        time.sleep(self._chance.choice([self._chance.uniform(0.1, 2.5), self._chance.uniform(3.5, 7.0)]))
        self._fleet.wake(name)

    def _left(self, leave: Callable[[str], None]) -> None:
        name = self._server()
        leave(name)
        self._crowd.wait_for_more(self._chance.randint(0, 40))
        self._fleet.bring_back(name)


def report(trouble: Trouble, counts: Counts, seconds: float) -> None:
    shown = {name: value for name, value in counts.items() if name not in ("wrong", "complaints", "failed")}
    print(f"\n{seconds:.0f} s; " + ", ".join(f"{kind}: {count}" for kind, count in sorted(trouble.happened.items())))
    print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in shown.items()))


def test_nobody_misses_anything_whatever_fails(fleet: Fleet, gather: Gather) -> None:
    crowd = gather(fleet, clients=40, rate=40, named=4)
    began, trouble = time.monotonic(), Trouble(fleet, crowd, random.Random(4))
    for kind in ("server killed", "server drained", "main killed", "server frozen"):
        trouble.happen(kind)
    fleet.wait_until_whole()
    counts = crowd.finish()
    report(trouble, counts, time.monotonic() - began)
    assert not counts["failed"], counts


@pytest.mark.soak
def test_nobody_misses_anything_for_minutes(fleet: Fleet, gather: Gather) -> None:
    """Each kind of trouble in turn, in a new order each time round."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"\nseed {seed}")
    crowd = gather(fleet, clients=200, rate=40, named=20)
    began, chance = time.monotonic(), random.Random(seed)
    trouble = Trouble(fleet, crowd, chance)
    order: list[str] = []
    for _ in range(TROUBLES):
        order = order or chance.sample(sorted(trouble.kinds), len(trouble.kinds))
        trouble.happen(order.pop())
    fleet.wait_until_whole()
    counts = crowd.finish()
    report(trouble, counts, time.monotonic() - began)
    assert not counts["failed"], counts

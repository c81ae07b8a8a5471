"""Many histories, one seed after the other, on several processors.

Guarantees: outcomes come in the order of the seeds, whatever processor ran them; each can be repeated by its seed.
"""

import gc
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from oyez.sim.plan import ANY, Topology
from oyez.sim.verdict import Broken, simulate

BATCH = 20
"""Histories that a processor is given at once."""


@dataclass(slots=True, frozen=True)
class Outcome:
    """What became of one seed: how long its history was, and what was broken in it."""

    seed: int
    events: int
    seconds: float
    broken: tuple[str, ...]


def outcome(seed: int, steps: int, topology: Topology = ANY) -> Outcome:
    """Run the history of this seed."""
    try:
        verdict = simulate(seed, steps, topology)
    except Broken as error:
        cause = "".join(traceback.format_exception(error.__cause__))
        return Outcome(seed, len(error.history), error.history[-1].at, (f"a node raised\n{cause}",))
    return Outcome(seed, len(verdict.history), verdict.history[-1].at, tuple(verdict.violations))


def soak(histories: int, first: int, processes: int, steps: int, topology: Topology = ANY) -> Iterator[Outcome]:
    """The outcomes of so many seeds from `first` on."""
    seeds = range(first, first + histories)
    if processes == 1:
        yield from (outcome(seed, steps, topology) for seed in seeds)
        return
    with ProcessPoolExecutor(processes, initializer=_spare_the_collector) as pool:
        yield from pool.map(partial(outcome, steps=steps, topology=topology), seeds, chunksize=BATCH)


def _spare_the_collector() -> None:
    """A history makes hundreds of thousands of objects, and nearly all of them live until it has been judged."""
    gc.set_threshold(200_000, 50, 1000)

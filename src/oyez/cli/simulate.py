"""`oyez simulate`: histories of a simulated network, and whether it kept its promises in them."""

import os
import sys
import time
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli.failing import fail

if TYPE_CHECKING:
    from oyez.sim.plan import Topology
    from oyez.sim.soak import Outcome

MOST_TOLD = 20
"""Broken histories of many that are described; the rest are counted."""


def simulate(
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Run the one history of this seed, and tell it.")
    ] = None,
    histories: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Run so many histories, and tell of the broken ones.")
    ] = None,
    first: Annotated[int, typer.Option(metavar="SEED", help="With --histories: the seed of the first.")] = 0,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default="60", help="Posts, logins and faults in a history, about."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default="all processors", help="With --histories: processors to use."),
    ] = None,
    centrals: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=3, show_default="by seed", help="Centrals at first: a main and backups."),
    ] = None,
    servers: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=5, show_default="by seed", help="Servers at first.")
    ] = None,
    activities: Annotated[
        bool, typer.Option("--activities/--no-activities", help="With --seed: tell each activity, too.")
    ] = True,
) -> None:
    """Simulate whole networks, with everything that can go wrong, and check their promises.

    A seed gives one history, always the same. Nothing is started and no time passes: links, clocks, disks and
    crashes are simulated, the nodes are the real ones. The exit code is 1 where a promise was broken.

    \b
    Example:
      oyez simulate --seed 7
      oyez simulate --histories 1000 --first 5000
      oyez simulate --histories 1000 --centrals 3
    """
    if (seed is None) == (histories is None):
        raise typer.BadParameter("give either --seed or --histories", param_hint="'--seed'")
    from oyez.sim.plan import STEPS, Topology

    topology = Topology(centrals, servers)
    if seed is not None:
        kept = _tell(seed, steps or STEPS, topology, activities)
    else:
        kept = _soak(histories or 0, first, processes or os.cpu_count() or 1, steps or STEPS, topology)
    raise typer.Exit(0 if kept else 1)


def _tell(seed: int, steps: int, topology: "Topology", activities: bool) -> bool:
    """One history. Whether every promise was kept."""
    from oyez.sim import Broken, simulate
    from oyez.sim.story import narrate

    try:
        verdict = simulate(seed, steps, topology)
    except Broken as error:
        for line in narrate(error.history, activities):
            print(line)
        traceback.print_exception(error.__cause__)
        raise fail(error) from error
    print(verdict.told(activities))
    return verdict.ok


def _soak(histories: int, first: int, processes: int, steps: int, topology: "Topology") -> bool:
    """Many histories. Whether every promise was kept in all of them."""
    from oyez.sim.soak import soak

    began = time.monotonic()
    broken = events = 0
    virtual = 0.0
    for outcome in _watched(soak(histories, first, processes, steps, topology), histories):
        events += outcome.events
        virtual += outcome.seconds
        if outcome.broken:
            broken += 1
            if broken <= MOST_TOLD:
                again = f"oyez simulate --seed {outcome.seed}{topology.options}"
                print(f"seed {outcome.seed} ({again}):", *outcome.broken, sep="\n  ")
    took = time.monotonic() - began
    print(
        f"{histories:,} histories from seed {first} on, {broken:,} broken; {events:,} events in"
        f" {virtual / 3600:.1f} virtual hours; took {took:.1f} s, {histories / took:.0f} histories per second"
    )
    return not broken


def _watched(outcomes: "Iterable[Outcome]", total: int) -> "Iterable[Outcome]":
    """The same, with a progress bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        return outcomes
    from rich.console import Console
    from rich.progress import track

    return track(outcomes, "Simulating", total, console=Console(stderr=True))

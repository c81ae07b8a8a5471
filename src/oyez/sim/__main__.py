"""`python -m oyez.sim --histories N`: runs many histories, tells of each that broke a promise, and how fast it went."""

import argparse
import os
import sys
import time

from oyez.sim.plan import STEPS, Topology
from oyez.sim.soak import soak

MOST_TOLD = 20
"""Failures that are described; the rest is counted."""


def main() -> int:
    """Exit status 1 where any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m oyez.sim", description="Run many simulated histories.")
    parser.add_argument("--histories", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="processors to use")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"things that happen in each (default {STEPS})")
    parser.add_argument("--centrals", type=int, help="how many there are at first (default: as the seed has it)")
    parser.add_argument("--servers", type=int, help="the same")
    given = parser.parse_args()
    topology = Topology(given.centrals, given.servers)
    began = time.monotonic()
    broken = events = 0
    virtual = 0.0
    for outcome in soak(given.histories, given.first, given.processes, given.steps, topology):
        events += outcome.events
        virtual += outcome.seconds
        broken += bool(outcome.broken)
        if outcome.broken and broken <= MOST_TOLD:
            told = "\n  ".join(outcome.broken)
            sys.stdout.write(
                f"seed {outcome.seed} (oyez simulate --seed {outcome.seed}{topology.options}):\n  {told}\n"
            )
            sys.stdout.flush()
    took = time.monotonic() - began
    sys.stdout.write(
        f"{given.histories} histories from seed {given.first} on, {broken} broken; {events:,} events and"
        f" {virtual / 3600:.1f} virtual hours in {took:.1f} s: {given.histories / took:.0f} histories per second\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

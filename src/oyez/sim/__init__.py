"""A deterministic world: whole networks of the real roles in virtual time, with every fault, and checkers.

The roles, the host, the codec and the log are the real ones; the clocks, disks, links and old client programs around
them are simulated. One seed gives one history, under any PYTHONHASHSEED (ADR 3).
"""

from oyez.sim.verdict import Broken, Verdict, judge, simulate

__all__ = ["Broken", "Verdict", "judge", "simulate"]

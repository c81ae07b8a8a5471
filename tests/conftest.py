"""What every test runs under: the loop of the nodes, and Hypothesis without chance or clock.

The profile `ci` (the default) draws the same examples on each run and keeps none on disk, so a failure on one
machine is a failure on all. `soak` (chosen with `--hypothesis-profile=soak`) draws new ones, and many more.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import uvloop
from hypothesis import HealthCheck, settings

# No health check may time anything either: two workers on a busy machine are slow without being wrong.
UNTIMED = [HealthCheck.too_slow]

settings.register_profile("ci", derandomize=True, deadline=None, database=None, suppress_health_check=UNTIMED)
settings.register_profile(
    "soak", max_examples=5000, deadline=None, database=None, print_blob=True, suppress_health_check=UNTIMED
)
settings.load_profile("ci")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Coroutine tests run on the loop that the nodes run on."""
    return {"uvloop": uvloop.new_event_loop}

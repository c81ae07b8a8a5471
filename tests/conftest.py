"""What every test runs under: the loop of the nodes, and Hypothesis without chance or clock.

The profile `ci` (the default) draws the same examples on each run and keeps none on disk, so a failure on one
machine is a failure on all. `soak` (chosen with `--hypothesis-profile=soak`) draws new ones, and many more.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator, Mapping
from typing import Protocol, runtime_checkable

import pytest
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


@runtime_checkable
class Logging(Protocol):
    """What a test uses that keeps the logs of nodes."""

    def logs(self) -> str:
        """The ends of all of them."""
        ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the nodes' logs with every failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, used in item.funcargs.items():
            if isinstance(used, Logging):
                report.sections.append((f"logs of the {name.replace('_', ' ')}", used.logs()))
    return report

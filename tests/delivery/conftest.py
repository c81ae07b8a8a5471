"""Fixtures of the delivery tests: networks whose servers die and leave; the logs of all nodes where a test fails."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.delivery.crowd import Crowd
from tests.delivery.fleet import SERVERS, Fleet

Gather = Callable[..., Crowd]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A main, a backup and four servers."""
    with Fleet(tmp_path, servers=SERVERS) as fleet:
        yield fleet


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Fleet]:
    """A main, a backup and two servers."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def gather(tmp_path: Path) -> Iterator[Gather]:
    """`gather(fleet, clients=…, rate=…)`: clients that post and check, gone when the test ends."""
    with ExitStack() as stack:

        def gather(fleet: Fleet, *, clients: int, rate: float, named: int = 0) -> Crowd:
            crowd = Crowd(fleet.centrals.values(), tmp_path, clients=clients, rate=rate, named=named)
            return stack.enter_context(crowd)

        yield gather

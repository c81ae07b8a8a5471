"""Fixtures of the failover tests: networks whose centrals die, and the logs of all nodes where a test fails."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.failover.cluster import Cluster
from tests.failover.load import Load

ROUNDS = int(os.environ.get("OYEZ_SOAK_ROUNDS", "20"))
"""How often what is marked `soak` happens."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A main, a backup and two servers."""
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The same, shared by all tests that kill nothing."""
    with Cluster(tmp_path_factory.mktemp("calm")) as cluster:
        yield cluster


@pytest.fixture
def load(cluster: Cluster) -> Iterator[Load]:
    """People who register, log in and talk from now on; at the end, what they were told has to be so."""
    with Load(cluster.centrals, cluster.servers) as load:
        yield load


def rounds(few: int) -> list[object]:
    """Parameters for a test that is repeated: a few times in the suite, `ROUNDS` times in a soak."""
    return [few, pytest.param(ROUNDS, marks=pytest.mark.soak, id=f"soak-{ROUNDS}")]

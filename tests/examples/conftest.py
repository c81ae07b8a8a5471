"""A network of real processes for the examples, and a session beside them that sees what they do."""

from collections.abc import Iterator

import pytest

import oyez
import oyez.sync
from tests.blackbox.processes import Network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A central and the servers s1 and s2; ada is registered."""
    with Network(tmp_path_factory.mktemp("network")) as network:
        oyez.sync.register("ada", "red anchor", str(network.central))
        yield network


@pytest.fixture
def beside(network: Network) -> Iterator[oyez.sync.Network]:
    with oyez.sync.connect(str(network.central), timeout=30) as beside:
        yield beside

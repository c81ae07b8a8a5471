"""One network of real processes for the tests of this package that kill nothing."""

from collections.abc import Iterator

import pytest

from tests.blackbox.processes import Network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A central and the servers s1 and s2."""
    with Network(tmp_path_factory.mktemp("network")) as network:
        yield network


@pytest.fixture
def central(network: Network) -> list[str]:
    """The option that says where the network is."""
    return ["--central", str(network.central)]

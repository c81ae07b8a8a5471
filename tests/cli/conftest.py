"""One network of real processes for the tests of this package that kill nothing."""

import os
from collections.abc import Iterator

import pytest

from tests.blackbox.processes import Network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A central and the servers s1 and s2."""
    with Network(tmp_path_factory.mktemp("network")) as network:
        yield network


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a file and variables of their own."""
    for name in [name for name in os.environ if name.startswith("OYEZ_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OYEZ_CONFIG", os.devnull)


@pytest.fixture
def central(network: Network) -> list[str]:
    """The option that says where the network is."""
    return ["--central", str(network.central)]

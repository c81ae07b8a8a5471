"""One network with limits that a test can reach, and the honest who use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import assert_no_tracebacks, registered
from tests.blackbox.people import Person
from tests.blackbox.processes import Network
from tests.hostile.strangers import Honest

COMMON = (
    *("--limit-loopback", "--limit-connects", "50"),
    *("--limit-strangers", "150", "--limit-strangers-each", "60"),
    *("--login-patience", "2", "--line-patience", "2", "--limit-unfinished", "1MiB"),
)
CENTRAL = (
    *COMMON,
    *("--limit-registrations-each", "1", "--limit-guesses", "3"),
    *("--limit-hashing", "40", "--limit-hashing-each", "10", "--limit-questions", "5"),
)
SERVER = (*COMMON, "--limit-activities", "500", "--limit-sessions", "100")


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with Network(folder, central_options=CENTRAL, server_options=SERVER) as network:
        yield network


@pytest.fixture(scope="session")
def people(network: Network) -> list[Person]:
    return [registered(network, "alice"), registered(network, "bob")]


@pytest.fixture
def honest(network: Network, people: list[Person]) -> Iterator[Honest]:
    """They speak before the attack and after it, and nothing may have been lost or doubled. A traceback in a node's log
    is a bug of the node, whatever was sent."""
    honest = Honest(network, people)
    try:
        honest.go_on()
        yield honest
        honest.go_on()
        honest.leave()
    finally:
        honest.close()
    assert_no_tracebacks(network)

"""A network that lets in nobody without a name of their own."""

from collections.abc import Iterator

import pytest

from tests.blackbox.conftest import Dial, registered
from tests.blackbox.people import ANONYMOUS, log_in, redirect
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("no-anonymous")
    with Network(folder, servers=1, central_options=("--no-anonymous",)) as network:
        yield network


@pytest.mark.parametrize("where", ["central", "s1"])
def test_anonymous_is_refused(network: Network, dial: Dial, where: str) -> None:
    peer = dial(network.central if where == "central" else network.servers[where])
    peer.send(ANONYMOUS.login())
    assert peer.expect_refusal("LOGIN_FAILED")["reason"] == "anonymous_off"


def test_everybody_else_is_let_in(network: Network, dial: Dial) -> None:
    person = registered(network, "somebody")
    answer = redirect(dial(network.central), person)
    session = dial(Address(answer["hostname"], answer["port"]))
    log_in(session, person)
    session.send(person.post({"n": 1}))
    assert session.expect_activity() == {"authenticated_user": person.username, "n": 1}

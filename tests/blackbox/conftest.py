"""Fixtures of the black-box tests: one shared network per test process, private ones, and links that get closed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.people import Conversation, Person, log_in, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, Peer

Dial = Callable[..., Peer]


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A central and the servers s1 and s2, shared by all tests that kill nothing."""
    with Network(tmp_path_factory.mktemp("network")) as network:
        yield network


@pytest.fixture
def private_network(tmp_path: Path) -> Iterator[Network]:
    """The same for one test alone, which may count its sessions."""
    with Network(tmp_path) as network:
        yield network
        assert_no_tracebacks(network)


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Open raw links that are closed when the test ends."""
    opened: list[Peer] = []

    def dial(address: Address, *, receive_buffer: int | None = None) -> Peer:
        peer = Peer(address, receive_buffer=receive_buffer)
        opened.append(peer)
        return peer

    yield dial
    for peer in opened:
        peer.close()


@pytest.fixture(scope="session")
def alice(network: Network) -> Person:
    """Registered on the shared network."""
    return registered(network, "alice")


@pytest.fixture(scope="session")
def bob(network: Network) -> Person:
    """Registered on the shared network."""
    return registered(network, "bob")


@pytest.fixture
def guessed(network: Network) -> Person:
    """Registered for one test alone, for whom wrong secrets may be tried: after a few of them, whoever comes next under
    that name has to wait."""
    return registered(network, "guessed")


def registered(network: Network, stem: str) -> Person:
    """A new person, registered at the network's central."""
    person = somebody(stem)
    peer = Peer(network.central)
    try:
        register(peer, person)
    finally:
        peer.close()
    return person


@pytest.fixture
def bystanders(network: Network, alice: Person, bob: Person) -> Iterator[Conversation]:
    """Two sessions, alice at s1 and bob at s2, that hear each other whatever the test does to others.

    They speak before the test; when it ends they speak once more, and nothing may have been lost or doubled.
    """
    conversation = Conversation()
    peers = [Peer(network.servers["s1"]), Peer(network.servers["s2"])]
    try:
        for peer, person in zip(peers, (alice, bob), strict=True):
            log_in(peer, person)
            conversation.join(peer, person)
        conversation.say()
        conversation.check()
        yield conversation
        conversation.say()
        conversation.leave()
    finally:
        for peer in peers:
            peer.close()


@pytest.fixture(autouse=True)
def no_traceback(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test sends: a traceback in a node's log is a bug of the node."""
    shared = request.getfixturevalue("network") if "network" in request.fixturenames else None
    yield
    if shared is not None:
        assert_no_tracebacks(shared)


def assert_no_tracebacks(network: Network) -> None:
    found = network.new_tracebacks()
    assert not found, "\n".join(found)

"""More links than there are file descriptors: clients are told so, nodes still come in, those who are in go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.people import ANONYMOUS, Conversation, log_in
from tests.blackbox.processes import Network, Process
from tests.blackbox.wire import Address, Peer, eventually
from tests.hostile.strangers import attack, enters

FEW = 128
"""Descriptors of the server that is attacked: 80 links of clients, 16 for nodes, and 32 for everything else."""


@pytest.fixture
def small(network: Network, tmp_path: Path) -> Iterator[tuple[Process, Address]]:
    """A server that may have few descriptors, soft and hard."""
    arguments = ["server", "--central", str(network.central), "--id", "t5"]
    prefix = ["sh", "-c", f'ulimit -n {FEW} && exec "$@"', "sh"]
    process = Process("t5", arguments, tmp_path, {"OYEZ_SECRET": network.secret}, prefix)
    try:
        address = process.ready("server")
        eventually(lambda: "t5" in network.loads(), "the small server takes clients", seconds=30)
        yield process, address
    finally:
        wrong = process.stop()
    assert not wrong, "\n".join([*wrong, process.log()])
    assert process.new_traceback() is None


def test_more_links_than_descriptors(network: Network, small: tuple[Process, Address], tmp_path: Path) -> None:
    process, address = small
    conversation = Conversation()
    inside = [Peer(address), Peer(network.servers["s1"])]
    for peer in inside:
        log_in(peer, ANONYMOUS)
        conversation.join(peer, ANONYMOUS)
    with attack("127.0.11.1") as attacker:
        found = [enters(attacker.connects(address), aware=True) for _ in range(3 * FEW)]
        assert found[:79] == ["LOGIN_SUCCESS"] * 79, "one is somebody else's"
        assert found.count("full") >= FEW
        silent = [attacker.connects(address) for _ in range(FEW)]
        conversation.say(2)
        conversation.check()
        late = Process(
            "t4", ["server", "--central", str(network.central), "--id", "t4"], tmp_path, {"OYEZ_SECRET": network.secret}
        )
        try:
            late.ready("server")  # it is ready when it is linked with every server, the full one too
            conversation.say(2)
            conversation.check()
        finally:
            assert late.stop() == []
        for link in silent:
            link.close()
    eventually(lambda: network.loads().get("t5", 9) <= 1, "the attacker's sessions are over")
    newcomer = Peer(address)
    assert enters(newcomer) == "LOGIN_SUCCESS"
    newcomer.close()
    assert "accepting_paused" not in process.errors.read_text()
    conversation.leave()
    for peer in inside:
        peer.close()

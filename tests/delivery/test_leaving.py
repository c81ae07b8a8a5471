"""A server leaves, by `oyez drain` or SIGTERM: library clients and older programs are sent elsewhere."""

import pytest

from tests.blackbox.people import Person, log_in, redirect, register, somebody
from tests.blackbox.wire import Address, Peer, eventually
from tests.delivery.conftest import Gather
from tests.delivery.fleet import Fleet
from tests.failover.cluster import SETTLED


class OldClient:
    """A program that knows no tickets: it logs in with username and secret wherever it is sent."""

    def __init__(self, fleet: Fleet) -> None:
        self.person: Person = somebody("old")
        central = Peer(fleet.centrals["c1"])
        register(central, self.person)
        told = redirect(central, self.person)
        central.close()
        self._sent_to(told["hostname"], told["port"])

    def _sent_to(self, hostname: str, port: int) -> None:
        self.at = Address(hostname, port)
        self.peer = Peer(self.at)
        log_in(self.peer, self.person)

    def follow(self) -> None:
        """The REDIRECT that comes now, after whatever was on its way before it."""
        message = self.peer.receive()
        while message is not None and message["command"] == "ACTIVITY_BROADCAST":
            message = self.peer.receive()
        assert message is not None, "closed without a word"
        assert message["command"] == "REDIRECT", message
        assert isinstance(message["port"], int)
        self.peer.expect_close()
        self.peer.close()
        self._sent_to(message["hostname"], message["port"])

    def say(self, text: str) -> None:
        """Post it, and have it back."""
        self.peer.send(self.person.post({"type": "Note", "content": text}))
        while (said := self.peer.expect_activity()).get("content") != text:
            pass
        assert said["authenticated_user"] == self.person.username


@pytest.mark.parametrize("how", ["oyez drain", "SIGTERM"])
def test_an_older_client_is_sent_to_another_server(pair: Fleet, how: str) -> None:
    old = OldClient(pair)
    home = next(name for name, at in pair.servers.items() if at == old.at)
    other = next(name for name in pair.servers if name != home)
    eventually(lambda: pair.loads() == {home: 1, other: 0}, "it is counted, by STATUS", seconds=SETTLED)
    old.say("here")
    if how == "SIGTERM":
        pair.terminate(home)
    else:
        pair.drain(home)
    old.follow()
    assert old.at == pair.servers[other]
    old.say("there")
    pair.bring_back(home)
    old.peer.close()


def test_a_server_leaves_under_load(fleet: Fleet, gather: Gather) -> None:
    crowd = gather(fleet, clients=40, rate=40, named=4)
    crowd.wait_for_more()
    fleet.drain("s1")
    assert "s1" not in fleet.loads(), "the main has let it go when the command ends"
    eventually(lambda: sum(fleet.loads().values()) == 40, "all of them are at others, by STATUS", seconds=SETTLED)
    crowd.wait_for_more()
    fleet.bring_back("s1")
    fleet.wait_until_even(40)
    counts = crowd.finish()
    assert counts["failed"] == []
    assert counts["moved"] > 0
    assert counts["came_back"] == 0, "nobody lost a link"


def test_drain_wants_the_secret_and_a_server(pair: Fleet) -> None:
    wrong = pair.command("drain", "s1", secret="a guess")
    assert wrong.code == 1
    assert "secret" in wrong.sentence
    nobody = pair.command("drain", "s9")
    assert nobody.code == 1
    assert "s9" in nobody.sentence
    assert set(pair.loads()) == {"s1", "s2"}


def test_the_last_server_leaves_at_once(pair: Fleet) -> None:
    """There is nobody to take its sessions: they are sent to the central, which says so."""
    pair.terminate("s1")
    pair.wait_until_gone("s1")
    old = OldClient(pair)
    pair.terminate("s2")
    pair.start_all(["s1", "s2"])
    message = old.peer.receive()
    assert message is None or message["command"] == "REDIRECT", message
    old.peer.close()

"""A server that freezes and thaws: its clients stay connected and find everything that was posted meanwhile."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.blackbox.conftest import Dial, registered
from tests.blackbox.people import Conversation, log_in
from tests.blackbox.processes import Network
from tests.blackbox.wire import eventually


@contextmanager
def frozen(network: Network, name: str) -> Iterator[None]:
    """SIGSTOP and, at the end, SIGCONT: to everyone else a node that answers nothing on links that stay open."""
    network.processes[name].signal(signal.SIGSTOP)
    try:
        yield
    finally:
        network.processes[name].signal(signal.SIGCONT)


def gather(network: Network, dial: Dial) -> Conversation:
    """Two people at each server."""
    talk = Conversation()
    for address in (*network.servers.values(), *network.servers.values()):
        person = registered(network, "talker")
        session = dial(address)
        log_in(session, person)
        talk.join(session, person)
    return talk


def test_a_moments_freeze_loses_nothing(private_network: Network, dial: Dial) -> None:
    talk = gather(private_network, dial)
    with frozen(private_network, "s2"):
        talk.say(200)
    talk.check()
    talk.say(5)
    talk.leave()


def test_a_freeze_that_makes_the_others_give_it_up_loses_nothing(private_network: Network, dial: Dial) -> None:
    """Long enough for suspicion: the links between the nodes are closed and made anew, the clients' links are not."""
    talk = gather(private_network, dial)
    talk.say(5)
    talk.check()
    with frozen(private_network, "s2"):
        talk.say(200)
        eventually(lambda: set(private_network.loads()) == {"s1"}, "s2 is given up, by STATUS", seconds=30)
        talk.say(200)
    eventually(lambda: set(private_network.loads()) == {"s1", "s2"}, "s2 is back, by STATUS", seconds=30)
    talk.say(5)
    talk.leave()


def test_a_frozen_central_disturbs_no_connected_client(private_network: Network, dial: Dial) -> None:
    talk = gather(private_network, dial)
    with frozen(private_network, "central"):
        for _ in range(5):
            talk.say(10)
            talk.check()
    eventually(lambda: set(private_network.loads()) == {"s1", "s2"}, "both are at the central", seconds=30)
    talk.leave()

"""Every central is dead: connected clients go on posting and receiving; when one comes back, the counts are right."""

from collections.abc import Iterator

import pytest

from tests.blackbox.people import ANONYMOUS, Conversation, log_in
from tests.blackbox.wire import Peer, eventually
from tests.failover.cluster import SETTLED, Cluster


@pytest.fixture
def talk(cluster: Cluster) -> Iterator[Conversation]:
    """Two sessions at each server."""
    conversation = Conversation()
    for address in (*cluster.servers.values(), *cluster.servers.values()):
        peer = Peer(address)
        log_in(peer, ANONYMOUS)
        conversation.join(peer, ANONYMOUS)
    everyone = list(conversation.speakers)
    yield conversation
    for speaker in everyone:
        speaker.peer.close()


def test_the_connected_talk_on_without_any_central(cluster: Cluster, talk: Conversation) -> None:
    talk.say(5)
    eventually(lambda: cluster.loads() == {"s1": 2, "s2": 2}, "two sessions each, by STATUS", seconds=SETTLED)
    for name in cluster.centrals:
        cluster.kill(name)
    for _ in range(5):
        talk.say(20)
        talk.check()
    gone = talk.speakers.pop()  # while nobody counts
    gone.peer.log_out()
    talk.say(5)
    talk.check()
    cluster.start_all(list(cluster.centrals))
    talk.say(20)
    assert cluster.wait_until_whole()
    expected = {"s1": 2, "s2": 1}
    eventually(lambda: cluster.loads() == expected, "the counts come from the servers, by STATUS", seconds=SETTLED)
    talk.say(20)
    talk.leave()


def test_one_central_of_two_comes_back_while_the_servers_still_vote(cluster: Cluster, talk: Conversation) -> None:
    """The servers have not died, so the one that was in sync is elected without the other."""
    cluster.kill_together(list(cluster.centrals))
    talk.say(10)
    talk.check()
    cluster.start_central("c1")
    assert cluster.wait_for_main() == "c1"
    eventually(lambda: cluster.loads() == {"s1": 2, "s2": 2}, "the counts are right, by STATUS", seconds=SETTLED)
    talk.say(10)
    talk.leave()

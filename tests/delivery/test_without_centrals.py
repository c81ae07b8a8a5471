"""Every central is dead, and then a server dies: its clients go on at others, with what they hold."""

from tests.blackbox.people import ANONYMOUS, log_in
from tests.blackbox.wire import Peer
from tests.delivery.conftest import Gather
from tests.delivery.fleet import Fleet


def test_clients_of_a_server_that_dies_find_another_without_a_central(fleet: Fleet, gather: Gather) -> None:
    crowd = gather(fleet, clients=40, rate=40, named=4)
    crowd.wait_for_more()
    fleet.kill_together(list(fleet.centrals))
    crowd.wait_for_more()
    before = crowd.progress()["came_back"]
    fleet.kill("s1")
    crowd.wait_for_more(200)
    assert crowd.progress()["came_back"] > before
    fleet.start_all(list(fleet.centrals))
    fleet.bring_back("s1")
    fleet.wait_until_even(40)
    counts = crowd.finish()
    assert counts["failed"] == []


def test_who_logged_in_by_itself_at_a_server_stays_there(pair: Fleet) -> None:
    """A program without tickets and cursors talks on as long as its server lives."""
    peer = Peer(pair.servers["s2"])
    log_in(peer, ANONYMOUS)
    pair.kill_together([*pair.centrals, "s1"])
    peer.send(ANONYMOUS.post({"type": "Note", "content": "still here"}))
    assert peer.expect_activity()["content"] == "still here"
    peer.close()
    pair.start_all([*pair.centrals, "s1"])

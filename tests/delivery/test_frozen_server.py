"""A server is frozen for longer than the others wait for it, and wakes up behind all of them."""

import signal

from tests.blackbox.wire import eventually
from tests.delivery.conftest import Gather
from tests.delivery.fleet import Fleet
from tests.failover.cluster import SETTLED


def test_a_server_that_wakes_up_shows_everything_in_order(fleet: Fleet, gather: Gather) -> None:
    """Two servers leave before the main knows that a third one is frozen: some of their sessions are sent there, and
    wait. When it wakes up, it lacks what those of the second server posted there, and then elsewhere: two logs."""
    crowd = gather(fleet, clients=120, rate=120)
    crowd.wait_for_more()
    fleet.freeze("s3")
    fleet.processes["s1"].signal(signal.SIGTERM)
    crowd.wait_for_more(30)
    fleet.processes["s4"].signal(signal.SIGTERM)
    eventually(lambda: fleet.logged("s2", "peer_silent") > 0, "s2 has given it up", seconds=SETTLED)
    crowd.wait_for_more(60)
    fleet.wake("s3")
    fleet.terminate("s1")
    fleet.terminate("s4")
    fleet.start_all(["s1", "s4"])
    fleet.wait_until_whole()
    assert crowd.finish()["failed"] == []

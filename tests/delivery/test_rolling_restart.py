"""Every server is restarted, one after the other, under load: nothing is lost, no post fails, and it ends even."""

from tests.delivery.conftest import Gather
from tests.delivery.fleet import Fleet

CLIENTS = 60


def test_a_rolling_restart_is_not_noticed(fleet: Fleet, gather: Gather) -> None:
    crowd = gather(fleet, clients=CLIENTS, rate=40, named=6)
    for name in fleet.servers:
        crowd.wait_for_more()
        fleet.terminate(name)
        fleet.bring_back(name)
    fleet.wait_until_even(CLIENTS)
    crowd.wait_for_more()
    counts = crowd.finish()
    assert counts["failed"] == []
    assert counts["moved"] >= CLIENTS, "everybody was sent away at least once"
    assert counts["came_back"] == 0, "nobody lost a link"

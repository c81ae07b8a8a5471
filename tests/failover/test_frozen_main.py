"""The main stops in the middle of anything, is replaced, and wakes up: it has acknowledged nothing meanwhile."""

import pytest

from tests.blackbox.people import somebody
from tests.failover.cluster import SETTLED, Cluster
from tests.failover.conftest import rounds
from tests.failover.line import Line, Lost
from tests.failover.load import Load


@pytest.mark.parametrize("times", rounds(1))
def test_a_main_that_slept_wakes_up_as_a_backup(cluster: Cluster, load: Load, times: int) -> None:
    main = cluster.wait_until_whole()
    for _ in range(times):
        load.wait_for_more()
        with Line(cluster.centrals[main], SETTLED) as early, Line(cluster.centrals[main], SETTLED) as late:
            early.send({"command": "STATUS"})
            early.receive()
            cluster.freeze(main)
            for line in (early, late):  # one that it has accepted, one that only the kernel has
                line.send(somebody("sleeper").registration())
            new = cluster.wait_for_main(but=main)
            load.wait_for_more()
            cluster.wake(main)
            for line in (early, late):
                assert answer(line) != "REGISTER_SUCCESS", "it was main no more, and has acknowledged a registration"
        assert cluster.wait_until_whole() == new
        main = new
    load.everybody_can_log_in()


def answer(line: Line) -> str:
    """What it says, or how it ends."""
    try:
        return str(line.receive()["command"])
    except Lost:
        return "lost"

"""The main is killed while people register, log in and talk: nobody connected notices, and nothing is lost."""

import pytest

from tests.failover.cluster import Cluster
from tests.failover.conftest import rounds
from tests.failover.load import Load


@pytest.mark.parametrize("times", rounds(2))
def test_a_backup_takes_over_and_the_old_main_comes_back_as_one(cluster: Cluster, load: Load, times: int) -> None:
    main = cluster.wait_until_whole()
    for _ in range(times):
        load.wait_for_more()
        cluster.kill(main)
        new = cluster.wait_for_main(but=main)
        load.wait_for_more()
        cluster.start_central(main)
        assert cluster.wait_until_whole() == new
        main = new
    load.everybody_can_log_in()

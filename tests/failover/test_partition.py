"""The main is cut off from its backup and its servers, but not from its clients: one main acknowledges, not two."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.blackbox.people import somebody
from tests.blackbox.wire import Address
from tests.failover import namespaces
from tests.failover.cluster import SETTLED, Cluster
from tests.failover.conftest import rounds
from tests.failover.line import Line, Lost
from tests.failover.load import Load
from tests.failover.namespaces import Machines

WHY_NOT = namespaces.why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


class Spread(Cluster):
    """Each node on a machine of its own."""

    def __init__(self, folder: Path, machines: Machines) -> None:
        self.machines = machines
        super().__init__(folder)

    def place(self, name: str) -> Address:
        return Address(self.machines.address(name), 3780)

    def prefix(self, name: str) -> Sequence[str]:
        return self.machines.enter(name)

    def options(self, name: str) -> Sequence[str]:
        """All clients come from this one machine, which is another than the nodes'."""
        unlimited = ["--limit-registrations-each", "0", "--limit-connects", "0", "--limit-hashing-each", "0"]
        return ["--insecure-plaintext", *(unlimited if name in self.centrals else ["--limit-connects", "0"])]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Machines(["c1", "c2", "s1", "s2"]) as machines, Spread(tmp_path, machines) as cluster:
        yield cluster


@pytest.mark.parametrize("times", rounds(1))
def test_a_main_that_is_cut_off_acknowledges_nothing(cluster: Spread, load: Load, times: int) -> None:
    main = cluster.wait_until_whole()
    for _ in range(times):
        load.wait_for_more()
        cluster.machines.cut_off(main)
        with Line(cluster.centrals[main], SETTLED) as line:
            line.send(somebody("hermit").registration())
            said = answer(line)
        assert said != "REGISTER_SUCCESS", "nobody confirmed it"
        new = cluster.wait_for_main(but=main)
        load.wait_for_more()
        cluster.machines.heal()
        assert cluster.wait_until_whole() == new
        main = new
    load.everybody_can_log_in()


def test_a_backup_that_is_cut_off_changes_nothing(cluster: Spread, load: Load) -> None:
    load.wait_for_more()
    cluster.machines.cut_off("c2")
    load.wait_for_more()
    assert cluster.main() == "c1"
    cluster.machines.heal()
    assert cluster.wait_until_whole() == "c1"
    load.everybody_can_log_in()


def test_a_main_with_half_of_the_voters_goes_on_alone(cluster: Spread) -> None:
    """Cut off with one server of two: half confirm it, and half are not enough to elect another."""
    with Load(cluster.centrals, {}) as load:
        load.wait_for_more()
        cluster.machines.cut_off("c1", "s1")
        load.wait_for_more()
        assert cluster.main() == "c1"
        cluster.machines.heal()
        assert cluster.wait_until_whole() == "c1"
        load.everybody_can_log_in()


def answer(line: Line) -> str:
    """What it says, or how it ends."""
    try:
        return str(line.receive()["command"])
    except Lost:
        return "lost"

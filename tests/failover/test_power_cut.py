"""Everything dies at once: what was acknowledged is there when it comes back, by itself or by the operator's hand."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.blackbox.commands import oyez
from tests.blackbox.people import Person, somebody
from tests.blackbox.processes import CLUSTER_SECRET
from tests.blackbox.wire import eventually
from tests.failover.cluster import SETTLED, Cluster
from tests.failover.load import Load, attempt

SECRET: Mapping[str, str] = {"OYEZ_SECRET": CLUSTER_SECRET}


def register(cluster: Cluster, central: str = "c1") -> Person:
    person = somebody()
    answer = attempt(cluster.centrals[central], person.registration())
    assert answer is not None
    assert answer["command"] == "REGISTER_SUCCESS", answer
    return person


def test_all_centrals_of_the_last_configuration_come_back_by_themselves(cluster: Cluster) -> None:
    with Load(cluster.centrals, {}) as load:
        load.wait_for_more(20)
        cluster.kill("c1")
        cluster.wait_for_main(but="c1")
        load.wait_for_more()
        cluster.start_central("c1")
        cluster.wait_until_whole()
        cluster.kill_all()
        cluster.start_all([*cluster.centrals, *cluster.servers])
        cluster.wait_until_whole()
        load.wait_for_more()
        load.everybody_can_log_in()


def test_with_one_missing_it_waits_and_says_so_until_the_operator_decides(cluster: Cluster) -> None:
    person = register(cluster)
    cluster.kill_all()
    cluster.start_central("c2", ready=False)
    eventually(lambda: cluster.logged("c2", "not_ready_yet") > 0, "it says that it waits", seconds=SETTLED)
    report = cluster.report("c2")
    assert report is not None
    assert report["role"] == "candidate"
    away = [one["port"] for one in report["centrals"] if one["role"] == "away"]
    assert away == [cluster.centrals["c1"].port]
    refusal = attempt(cluster.centrals["c2"], somebody().registration(), patience=SETTLED)
    assert refusal is not None
    assert (refusal["command"], refusal["reason"]) == ("REGISTER_FAILED", "no_main")

    promoted = promote(cluster, "--yes")
    assert promoted.code == 0, promoted
    assert "lost" in promoted.errors, "it says what it risks"
    assert cluster.wait_for_main() == "c2"
    cluster.start_all(list(cluster.servers))
    answer = attempt(cluster.centrals["c2"], person.login())
    assert answer is not None
    assert answer["command"] == "REDIRECT", answer
    late = register(cluster, "c2")

    cluster.start_central("c1")
    assert cluster.wait_until_whole() == "c2"
    cluster.kill("c2")
    cluster.wait_for_main(but="c2")
    answer = attempt(cluster.centrals["c1"], late.login())
    assert answer is not None
    assert answer["command"] == "REDIRECT", answer


def test_a_single_central_always_starts(tmp_path: Path) -> None:
    with Cluster(tmp_path, centrals=1) as cluster:
        person = register(cluster)
        cluster.kill_all()
        cluster.start_central("c1")
        cluster.start_all(list(cluster.servers))
        cluster.wait_until_whole()
        answer = attempt(cluster.centrals["c1"], person.login())
        assert answer is not None
        assert answer["command"] == "REDIRECT", answer


def test_a_folder_from_before_there_were_backups_is_a_backups(tmp_path: Path) -> None:
    """Its central remembers a network of its own, where nobody else had a vote: it must not be main at once."""
    with Cluster(tmp_path, centrals=1, servers=1) as cluster:
        cluster.kill("c1")
        shutil.copytree(tmp_path / "c1", tmp_path / "old")
        cluster.start_central("c1")
        cluster.centrals["c2"] = cluster.place("c2")
        cluster.start_central("c2")
        cluster.wait_until_whole()
        person = register(cluster)
        cluster.kill("c1")
        assert cluster.wait_for_main(but="c1") == "c2"
        shutil.rmtree(tmp_path / "c1")
        shutil.copytree(tmp_path / "old", tmp_path / "c1")
        cluster.start_central("c1")
        assert cluster.wait_until_whole() == "c2"
        cluster.kill("c2")
        assert cluster.wait_for_main(but="c2") == "c1"
        answer = attempt(cluster.centrals["c1"], person.login())
        assert answer is not None
        assert answer["command"] == "REDIRECT", answer


def test_a_main_is_not_promoted(cluster: Cluster) -> None:
    cluster.kill("c1")
    assert cluster.wait_for_main() == "c2"
    outcome = promote(cluster, "--yes")
    assert outcome.code == 1
    assert "is the main already" in outcome.errors


def test_promote_wants_the_secret_and_a_yes(cluster: Cluster) -> None:
    wrong = oyez("promote", "--yes", "--central", str(cluster.centrals["c2"]), variables={"OYEZ_SECRET": "a guess"})
    assert wrong.code == 1
    assert "the cluster secret is wrong" in wrong.errors
    unsure = promote(cluster, given="n\n")
    assert unsure.code == 1
    assert cluster.wait_until_whole() == "c1"


def promote(cluster: Cluster, *arguments: str, given: str = ""):
    return oyez("promote", "--central", str(cluster.centrals["c2"]), *arguments, variables=SECRET, given=given)

"""Backups that come, die and stall; who may be one, and what may be said on its link."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.commands import oyez, running
from tests.blackbox.people import somebody
from tests.blackbox.processes import CLUSTER_SECRET
from tests.blackbox.wire import Message, eventually
from tests.failover.cluster import SETTLED, Cluster
from tests.failover.line import Line, Lost, ask
from tests.failover.load import Load, attempt

_ports = itertools.count(1)


def introduction(**changes: object) -> Message:
    return {
        "command": "BACKUP_AUTHENTICATE",
        "secret": CLUSTER_SECRET,
        "id": "c-toy",
        "hostname": "127.0.0.1",
        "port": 9,
    } | changes


def test_registrations_go_on_when_a_backup_dies(cluster: Cluster, load: Load) -> None:
    load.wait_for_more()
    cluster.kill("c2")
    load.wait_for_more()
    cluster.start_central("c2")
    assert cluster.wait_until_whole() == "c1"
    load.everybody_can_log_in()


def test_registrations_go_on_when_a_backup_stalls(cluster: Cluster, load: Load) -> None:
    load.wait_for_more()
    cluster.freeze("c2")
    load.wait_for_more()
    cluster.wake("c2")
    assert cluster.wait_until_whole() == "c1"
    load.everybody_can_log_in()


def test_a_main_without_its_voters_says_so_to_everyone(cluster: Cluster) -> None:
    """One of four voters: nothing is acknowledged, until there are two again."""
    cluster.kill_together(["c2", "s1", "s2"])
    person = somebody()
    answer = attempt(cluster.centrals["c1"], person.registration(), patience=SETTLED)
    assert answer is not None
    assert (answer["command"], answer["reason"]) == ("REGISTER_FAILED", "unsettled")
    eventually(lambda: not reported(cluster)["acknowledging"], "it says so by STATUS", seconds=SETTLED)
    eventually(lambda: cluster.logged("c1", "cannot_acknowledge") > 0, "it says so in its log", seconds=SETTLED)
    cluster.start_all(["c2", "s1", "s2"])
    assert cluster.wait_until_whole() == "c1"
    answer = attempt(cluster.centrals["c1"], person.registration())
    assert answer is not None
    assert answer["command"] == "REGISTER_SUCCESS", "the same name and secret, once more"


@pytest.mark.parametrize("secret", ["a guess", CLUSTER_SECRET + " "])
def test_a_backup_with_the_wrong_secret_is_refused(calm: Cluster, secret: str) -> None:
    with Line(calm.centrals["c1"]) as line:
        line.send(introduction(secret=secret))
        refusal = line.receive()
        assert refusal["command"] == "BACKUP_AUTHENTICATION_FAIL"
        assert refusal["info"]
        with pytest.raises(Lost):
            line.receive()
    assert len(reported(calm)["centrals"]) == 2


def test_a_central_with_the_wrong_secret_ends_with_a_sentence(calm: Cluster, tmp_path: Path) -> None:
    outcome = oyez(
        *("central", "--port", "0", "--data", str(tmp_path / "c9"), "--backup-of", str(calm.centrals["c1"])),
        variables={"OYEZ_SECRET": "a guess"},
    )
    assert outcome.code == 1
    assert "the cluster secret is wrong" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_a_central_with_a_network_of_its_own_does_not_join_another(calm: Cluster, tmp_path: Path) -> None:
    """It would not need anybody's vote, and be a second main at once."""
    secret = {"OYEZ_SECRET": CLUSTER_SECRET}
    data = str(tmp_path / "own")
    with running("central", "--port", "0", "--data", data, variables=secret) as founder:
        assert founder.stdout is not None
        assert founder.stdout.readline().startswith(b"ready central ")
        founder.terminate()
        founder.communicate()
    outcome = oyez("central", "--port", "0", "--data", data, "--backup-of", str(calm.centrals["c1"]), variables=secret)
    assert outcome.code == 1, outcome
    assert "a network of its own with 0 users" in outcome.sentence
    assert len(reported(calm)["centrals"]) == 2


def test_a_second_introduction_on_a_link_is_malformed(cluster: Cluster) -> None:
    with Line(cluster.centrals["c1"]) as line:
        line.send(introduction())
        assert line.receive()["command"] == "BACKUP_AUTHENTICATION_SUCCESS"
        line.send(introduction())
        assert until(line, "INVALID_MESSAGE")["info"]


@pytest.mark.parametrize(
    "message",
    [
        {"command": "SYNCHRONISE_USER_STORE", "users": {"eve": "hash"}, "term": 1, "index": 1},
        {"command": "SYNCHRONISE_SERVER_LOAD", "loads": {"s1": 0}, "term": 1},
        {"command": "SYNCHRONISE_SERVER_ADDRESSES", "servers": [], "term": 1},
        {"command": "SYNCHRONISED_NEW_SERVER", "id": "s9", "hostname": "h", "port": 9, "term": 1, "index": 1},
        {"command": "REMOVE_SERVER", "id": "s1", "term": 1, "index": 1},
    ],
    ids=lambda message: message["command"],
)
@pytest.mark.parametrize("name", ["c1", "c2"])
def test_a_stranger_synchronises_nobody(calm: Cluster, name: str, message: dict[str, Any]) -> None:
    before = reported(calm)
    assert ask(calm.centrals[name], message)["command"] == "INVALID_MESSAGE"
    after = reported(calm)
    assert after["users"] == before["users"]
    assert [one["id"] for one in after["servers"]] == [one["id"] for one in before["servers"]]


def test_a_new_backup_gets_everything_and_can_take_over(cluster: Cluster, load: Load) -> None:
    """One that has never been there: it comes under load, the others die, and it has all of it."""
    load.wait_for_more(20)
    cluster.centrals["c3"] = cluster.place("c3")
    cluster.start_central("c3")
    main = cluster.wait_until_whole()
    for _ in range(2):
        load.wait_for_more()
        cluster.kill(main)
        main = cluster.wait_for_main(but=main)
        eventually(
            lambda: in_sync_ones(cluster) == len(cluster.processes) - 2, "who is left is in sync", seconds=SETTLED
        )
    load.wait_for_more()
    assert main == "c3" or len(cluster.reports()) == 1
    load.everybody_can_log_in()
    cluster.start_all([name for name in cluster.centrals if name not in cluster.processes])
    cluster.wait_until_whole()


def test_a_backup_sends_clients_to_the_main(calm: Cluster) -> None:
    person = somebody()
    for question in (person.registration(), person.login()):
        assert ask(calm.centrals["c2"], question)["command"] == "REDIRECT"
    answer = attempt(calm.centrals["c2"], person.registration())
    assert answer is not None
    assert answer["command"] == "REGISTER_SUCCESS"


def reported(cluster: Cluster) -> dict[str, Any]:
    report = cluster.report("c1")
    assert report is not None
    return report


def in_sync_ones(cluster: Cluster) -> int:
    main = cluster.main()
    report = None if main is None else cluster.report(main)
    return 0 if report is None else sum(one.get("in_sync", True) for one in report["centrals"] if one["role"] != "away")


def until(line: Line, command: str) -> Message:
    """The next message of this kind."""
    for _ in range(100):
        message = line.receive()
        if message["command"] == command:
            return message
    raise AssertionError(f"a hundred other messages and no {command}")

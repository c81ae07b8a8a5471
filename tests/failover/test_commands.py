"""Commands and programs find the main from any central that they are told of, and outlive the one they were told of."""

import json
from collections.abc import Mapping

import pytest

from tests.blackbox.commands import Outcome, oyez, running
from tests.blackbox.people import Person, somebody
from tests.blackbox.wire import Address, eventually
from tests.failover.cluster import SETTLED, Cluster


def run(*arguments: str, at: Address | list[Address], person: Person | None = None) -> Outcome:
    centrals = at if isinstance(at, list) else [at]
    variables: Mapping[str, str] = {} if person is None else {"OYEZ_USER_SECRET": str(person.secret)}
    outcome = oyez(*arguments, "--central", ",".join(map(str, centrals)), variables=variables)
    assert outcome.code == 0, outcome
    return outcome


def test_every_command_works_at_a_backup(cluster: Cluster) -> None:
    backup, person = cluster.centrals["c2"], somebody()
    run("register", person.username, at=backup, person=person)
    assert run("post", "hear ye", "--user", person.username, at=backup, person=person).output.startswith("s")
    assert "Connected" in run("who", at=backup).output
    report = json.loads(run("status", "--json", at=backup).output)
    assert report["role"] == "main", "asked for the network, a backup's caller is told by the main"
    assert report["users"] == 1
    roles = {one["port"]: one["role"] for one in report["centrals"]}
    assert roles == {cluster.centrals["c1"].port: "main", backup.port: "backup"}


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_every_command_works_when_the_first_central_is_gone(cluster: Cluster, how: str) -> None:
    everyone = list(cluster.centrals.values())
    if how == "killed":
        cluster.kill("c1")
    else:
        cluster.freeze("c1")
        cluster.wait_for_main(but="c1")
    person = somebody()
    run("register", person.username, at=everyone, person=person)
    assert run("post", "hear ye", "--user", person.username, at=everyone, person=person).output.startswith("s")
    assert json.loads(run("status", "--json", at=everyone).output)["users"] == 1
    if how == "frozen":
        cluster.wake("c1")


def test_a_feed_goes_on_through_the_death_of_the_main_and_then_of_its_server(cluster: Cluster) -> None:
    """Told of one central only, it learns the others: it finds its way when that one is dead."""
    with running("tail", "--central", str(cluster.centrals["c1"])) as tail:
        assert tail.stdout is not None

        def hears(text: str) -> None:
            run("post", text, at=cluster.centrals["c2"])
            assert tail.stdout is not None
            assert json.loads(tail.stdout.readline())["content"] == text

        eventually(lambda: sum(cluster.loads().values()) == 1, "the feed is there, by STATUS", seconds=SETTLED)
        hears("one")
        cluster.kill("c1")
        assert cluster.wait_for_main(but="c1") == "c2"
        hears("two")
        [home] = [name for name, load in cluster.loads().items() if load]
        cluster.kill(home)
        other = next(name for name in cluster.servers if name != home)
        eventually(lambda: cluster.loads().get(other) == 1, "the feed is back, by STATUS", seconds=SETTLED)
        hears("three")

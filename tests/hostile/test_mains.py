"""A fake main: where a main was, somebody listens who says that it still is one, of a term that is over.

It speaks to a server and to a central as if they were its own. Nothing that it says is believed, and everybody who is
in goes on. (In a plain network whoever listens where a node did is told the cluster's secret: SECURITY.md says so.)
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.people import Person, register, somebody
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK
from tests.blackbox.wire import Address, Message, Peer, eventually
from tests.failover.cluster import SETTLED, Cluster
from tests.hostile.impostor import Impostor
from tests.hostile.strangers import Honest

NOWHERE: Message = {"hostname": LOOPBACK, "port": 9}
OLD = 1
"""The term that is over. The one that is known by then is the second."""

KEY = "A" * 43 + "="
CONFIGURATION: Message = {
    "term": OLD,
    "version": 1000,
    "main": "c-false",
    "in_sync": ["c-false"],
    "centrals": [{"id": "c-false", **NOWHERE}],
    "servers": [],
}
"""In which the fake was main, alone, and somewhere else."""


def orders(alice: Person) -> list[Message]:
    """What a main may tell a server, to its harm."""
    return [
        {"command": "DRAIN"},
        {"command": "REVOKE", "revoked": [{"username": alice.username, "since": 2**50, "until": 2**50}], "term": OLD},
        {"command": "MOVE", "destinations": [{"username": alice.username, **NOWHERE, "ticket": "x"}]},
        {"command": "SYNCHRONISED_NEW_SERVER", "id": "s2", **NOWHERE, "incarnation": 2**53, "term": OLD},
        {"command": "VERIFY_LOGIN_SUCCESS", "request": 1},
    ]


CANDIDATE = {"command": "REQUEST_VOTE", "term": OLD, "candidate": "c-false", "configuration": CONFIGURATION}
TO_VOTERS: list[Message] = [
    {"command": "HEARTBEAT", "term": OLD},
    {"command": "CONFIGURE", "configuration": CONFIGURATION},
    {"command": "CONFIRM_TERM", "round": 1, "term": OLD, "version": 1000},
    CANDIDATE | {"trial": True},
    CANDIDATE,
    CANDIDATE | {"term": OLD + 1},
    CANDIDATE | {"term": 2**50},
    {"command": "NOT_MAIN", "info": "look there", "reason": "not_main", "main": NOWHERE, "centrals": [NOWHERE]},
]
"""What any central may say to a voter."""

WELCOME: Message = {
    "command": "AUTHENTICATE_SUCCESS",
    "info": "welcome",
    "term": OLD,
    "centrals": [NOWHERE],
    "servers": [],
    "ticket_keys": {"1": KEY},
    "network": "0" * 16,
}


def to_servers(alice: Person) -> list[list[Message]]:
    """One list a link."""
    return [*([order] for order in orders(alice)), [WELCOME, *orders(alice)], TO_VOTERS]


def to_backups(alice: Person) -> list[list[Message]]:
    """One list a link."""
    welcome: Message = {
        "command": "BACKUP_AUTHENTICATION_SUCCESS",
        "info": "welcome",
        "term": OLD,
        "key": KEY,
        "snapshot": True,
        "configuration": CONFIGURATION,
    }
    snapshot: list[Message] = [
        {"command": "SYNCHRONISE_SERVER_ADDRESSES", "servers": [], "term": OLD},
        {"command": "SYNCHRONISE_USER_STORE", "users": {}, "term": OLD, "index": 1, "part": 1, "last": True},
    ]
    gone = {"username": alice.username, "since": 2**50, "until": 2**50, "removed": True}
    entry: Message = {"command": "REVOKE", "revoked": [gone], "term": OLD, "index": 1, "entry_term": OLD}
    return [snapshot, [entry], [welcome, *snapshot], TO_VOTERS]


class Town(Cluster):
    """Of which c1 has died, and c2 is main, of the second term."""

    @property
    def central(self) -> Address:
        return self.centrals["c2"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, servers=1) as town:
        town.kill("c1")
        town.wait_for_main("c1")
        eventually(lambda: len(town.loads()) == 1, "the server has found it", seconds=SETTLED)
        yield town


def granted(talks: list[list[Message]]) -> list[Message]:
    """What was given to the fake that only a main of the present may have."""
    lines = [line for talk in talks for line in talk[1:]]
    return [line for line in lines if line["command"] == "TERM_CONFIRMED" or line.get("granted")]


def heard(talks: list[list[Message]]) -> set[str]:
    return {line["command"] for talk in talks for line in talk[1:]}


def test_a_main_of_a_term_that_is_over_is_not_believed(town: Town) -> None:
    alice, link = somebody("alice"), Peer(town.central)
    register(link, alice)
    link.close()
    honest = Honest(town, [alice])
    honest.go_on()
    script = {
        "AUTHENTICATE": to_servers(alice),
        "BACKUP_AUTHENTICATE": to_backups(alice),
        "STATUS": [[{"command": "STATUS_REPORT", "term": OLD, "users": 0, "centrals": [], "servers": []}]],
    }
    with Impostor(town.centrals["c1"], script) as fake:
        town.kill("c2")
        eventually(
            lambda: len(fake.said("AUTHENTICATE")) >= len(script["AUTHENTICATE"]),
            "the server has heard all of it",
            seconds=SETTLED,
        )
        by_server = fake.said("AUTHENTICATE")
        assert [talk[-1].get("reason") for talk in by_server[: len(orders(alice))]] == ["not_allowed"] * 5
        assert granted(by_server) == []
        assert heard(by_server) >= {"TERM_REFUSED", "VOTE"}
        honest.go_on()

        town.freeze("s1")  # so that nobody votes for c2 before it has heard the fake
        town.start_central("c2", ready=False)
        eventually(
            lambda: len(fake.said("BACKUP_AUTHENTICATE")) >= len(script["BACKUP_AUTHENTICATE"]),
            "the central has heard all of it",
            seconds=SETTLED,
        )
        by_central = fake.said("BACKUP_AUTHENTICATE")
        assert [talk[-1].get("reason") for talk in by_central[:2]] == ["not_allowed"] * 2
        assert granted(by_central) == []
        assert heard(by_central) >= {"TERM_REFUSED", "VOTE"}

        town.wake("s1")
        assert town.processes["c2"].ready("central") == town.central
        eventually(lambda: town.loads() == {"s1": 1}, "the server has found its main", seconds=SETTLED)
        status = (town.report("c2") or {})["term"]
        looked = len(fake.said("STATUS"))
        eventually(lambda: len(fake.said("STATUS")) > looked, "the main has looked at the fake", seconds=SETTLED)
        report = town.report("c2") or {}
        assert (report["term"], report.get("role", "main"), report["users"]) == (status, "main", 1)
        honest.go_on()
        honest.come()
        honest.leave()
    told = [line for talk in fake.heard for line in talk if line.get("secret") == CLUSTER_SECRET]
    assert told, "a plain network tells its secret to whoever listens where a node did: SECURITY.md has to say so"

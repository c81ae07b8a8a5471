"""`oyez who` and `oyez status` are right again soon after a server has crashed."""

import json
from typing import Any

import pytest

from tests.blackbox.wire import eventually
from tests.delivery.conftest import Gather
from tests.delivery.fleet import Fleet
from tests.failover.cluster import SETTLED

CLIENTS = 12


def asked(fleet: Fleet, command: str) -> dict[str, Any]:
    outcome = fleet.command(command, "--json")
    assert outcome.code == 0, outcome
    return dict(json.loads(outcome.output))


def sessions(fleet: Fleet) -> dict[str, int]:
    """By server, as `oyez who` tells them."""
    found = dict.fromkeys(fleet.servers, 0)
    for one in asked(fleet, "who")["users"]:
        found[one["server"]] += one["sessions"]
    return found


def loads(fleet: Fleet) -> dict[str, int]:
    """By server, as `oyez status` tells them."""
    return dict.fromkeys(fleet.servers, 0) | {one["id"]: one["load"] for one in asked(fleet, "status")["servers"]}


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_who_and_status_are_right_after_a_crash(pair: Fleet, gather: Gather, how: str) -> None:
    crowd = gather(pair, clients=CLIENTS, rate=20, named=3)
    names = {one["username"] for one in asked(pair, "who")["users"]}
    assert len(names) == 4, "three people, and anonymous"
    half = {"s1": CLIENTS // 2, "s2": CLIENTS // 2}
    eventually(lambda: sessions(pair) == loads(pair) == half, "half of them each", seconds=SETTLED)
    if how == "killed":
        pair.kill("s1")
    else:
        pair.freeze("s1")
    everybody = {"s1": 0, "s2": CLIENTS}
    eventually(lambda: sessions(pair) == loads(pair) == everybody, "all of them at s2", seconds=SETTLED)
    assert {one["username"] for one in asked(pair, "who")["users"]} == names
    if how == "frozen":
        pair.wake("s1")
        eventually(lambda: sessions(pair) == loads(pair) == half, "half of them each again", seconds=SETTLED)
    assert crowd.finish()["failed"] == []

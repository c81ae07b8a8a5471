"""What running nodes tell over HTTP: whether they are well, their metrics, and the way of a login and an activity."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, log_in, redirect, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.web import Answer, Feed, ask
from tests.blackbox.wire import Address, eventually
from tests.docs.markdown import DOCS, read

DEBUG = ("--log-level", "debug")


def metrics(address: Address) -> dict[tuple[str, ...], float]:
    """By name, and the values of the labels."""
    answer = ask(address, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


def ready(address: Address) -> tuple[int, str]:
    answer = ask(address, "/readyz")
    return answer.status, answer.body.strip()


# -- health ---------------------------------------------------------------------------------------------------------


def test_all_nodes_of_a_whole_network_are_alive_and_ready(network: Network) -> None:
    for address in (network.central, *network.servers.values()):
        assert ask(address, "/healthz").body == "alive\n"
        eventually(lambda address=address: ready(address) == (200, "ready"), f"{address} is ready")  # type: ignore[misc]


def test_a_server_that_misses_another_is_alive_and_not_ready(private_network: Network) -> None:
    """As long as the main sleeps, nobody can tell it that the other is gone for good."""
    first, central = private_network.servers["s1"], private_network.processes["central"]
    eventually(lambda: ready(first) == (200, "ready"), "s1 is ready")
    central.signal(signal.SIGSTOP)
    try:
        private_network.kill("s2")
        missing = (503, "not ready: it has no link with s2")
        eventually(lambda: ready(first) == missing, "s1 misses s2", seconds=30)
        assert ask(first, "/healthz") == Answer(200, ask(first, "/healthz").headers, "alive\n")
    finally:
        central.signal(signal.SIGCONT)
    eventually(lambda: ready(first) == (200, "ready"), "s1 is ready alone", seconds=30)


# -- metrics --------------------------------------------------------------------------------------------------------


def test_the_metrics_count_what_happens(private_network: Network, dial: Dial) -> None:
    first, second = private_network.servers["s1"], private_network.servers["s2"]
    person = somebody()
    register(dial(private_network.central), person)
    sender = dial(first)
    log_in(sender, person)
    log_in(dial(second), ANONYMOUS)
    feed = Feed(second)
    for number in range(5):
        sender.send(person.post({"n": number}))
    for _ in range(5):
        sender.expect_activity()
        assert feed.activity() is not None
    here, there, central = metrics(first), metrics(second), metrics(private_network.central)
    assert here["oyez_activities_accepted_total",] == here["oyez_deliveries_total",] == 5
    assert there["oyez_activities_accepted_total",] == 0
    assert there["oyez_deliveries_total",] == 10
    assert there["oyez_shown_bytes_total",] == here["oyez_accepted_bytes_total",] > 0
    assert there["oyez_delivered_bytes_total",] == 2 * there["oyez_shown_bytes_total",]
    assert (here["oyez_sessions", "lines"], there["oyez_sessions", "lines"]) == (1, 1)
    assert (here["oyez_sessions", "events"], there["oyez_sessions", "events"]) == (0, 1)
    eventually(lambda: metrics(first)["oyez_peer_lag_activities", "s2"] == 0, "s2 holds all")
    assert here["oyez_peer_connected", "s2"] == there["oyez_peer_connected", "s1"] == 1
    assert central["oyez_registrations_total",] == central["oyez_users",] == 1
    assert central["oyez_can_acknowledge",] == 1
    assert central["oyez_argon2_seconds_count",] == 1  # the login was by what had just been verified
    assert central["oyez_commit_seconds_count",] >= 1
    eventually(lambda: metrics(first)["oyez_loop_lag_seconds_count",] > 0, "somebody has looked at the lag")
    for found in (here, there, central):
        assert found["process_resident_memory_bytes",] > 1 << 20
        assert found["process_open_fds",] > 3
        assert found["process_cpu_seconds_total",] > 0
    feed.close()


def test_refusals_are_counted_by_reason(private_network: Network, dial: Dial) -> None:
    server = private_network.servers["s1"]
    refused = dial(server)
    refused.send({"command": "ACTIVITY_MESSAGE", "username": "anonymous", "activity": {}})
    reason = refused.expect_refusal("AUTHENTICATION_FAIL")["reason"]
    assert metrics(server)["oyez_refusals_total", reason] == 1


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Without metrics."""
    folder, options = tmp_path_factory.mktemp("closed"), ("--metrics-for", "none")
    with Network(folder, servers=1, central_options=options, server_options=options) as network:
        yield network


def test_they_may_be_switched_off(closed: Network) -> None:
    for address in (closed.central, closed.servers["s1"]):
        assert ask(address, "/metrics").status == 404
        assert ask(address, "/healthz").status == 200


# -- the way of a login, and of an activity -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with Network(tmp_path_factory.mktemp("traced"), central_options=DEBUG, server_options=DEBUG) as network:
        yield network


def logged(network: Network, event: str) -> list[dict[str, object]]:
    lines = [line for file in network.folder.glob("*.stderr") for line in file.read_text().splitlines()]
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


def test_a_login_has_one_name_at_all_nodes(traced: Network, dial: Dial) -> None:
    answer = redirect(dial(traced.central), ANONYMOUS)
    session = dial(Address(answer["hostname"], answer["port"]))
    session.send({"command": "LOGIN", "username": "anonymous", "ticket": answer["ticket"]})
    session.expect("LOGIN_SUCCESS")
    [placed] = [entry for entry in logged(traced, "placed") if entry["login"]]
    eventually(lambda: bool(logged(traced, "session_opened")), "the session is in the log")
    [opened] = [entry for entry in logged(traced, "session_opened") if entry["login"] == placed["login"]]
    assert re.fullmatch("[0-9a-f]{8}", str(placed["login"]))
    assert (opened["node"], opened["username"]) == (placed["server"], "anonymous")
    assert answer["ticket"] not in "".join(file.read_text() for file in traced.folder.glob("*.stderr"))


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_way_of_an_activity_is_found_as_the_page_says(traced: Network, dial: Dial) -> None:
    sender, reader = dial(traced.servers["s1"]), dial(traced.servers["s2"])
    for peer in (sender, reader):
        log_in(peer, ANONYMOUS)
    for number in range(20):
        sender.send(ANONYMOUS.post({"n": number}))
    ids = [(sender.expect("ACTIVITY_BROADCAST")["id"], reader.expect("ACTIVITY_BROADCAST")["id"]) for _ in range(20)]
    assert all(here == there for here, there in ids)
    origin, _, sequence = ids[13][0].rpartition("-")
    for name, way in (("s1", ["accepted", "shown"]), ("s2", ["held", "shown"])):
        eventually(lambda name=name, way=way: events(traced, name, origin, sequence) == way, f"the way at {name}")  # type: ignore[misc]
    found = traced_way(traced, origin, sequence)
    assert sorted(found) == [["s1", "accepted"], ["s1", "shown"], ["s2", "held"], ["s2", "shown"]]
    assert traced_way(traced, origin, "1000000") == []


def events(network: Network, node: str, origin: str, sequence: str) -> list[str]:
    return [event for at, event in traced_way(network, origin, sequence) if at == node]


def traced_way(network: Network, origin: str, sequence: str) -> list[list[str]]:
    """Node and event, by the command on the page."""
    command = re.search(r"<!-- trace -->\n```console\n\$ (.*?)\n```", read(DOCS / "operations.md"), re.DOTALL)
    assert command is not None
    text = command[1].replace("s1.1763893512345", origin).replace("57", sequence).replace("*.log", "*.stderr")
    done = subprocess.run(text, shell=True, cwd=network.folder, capture_output=True, text=True, check=True)
    return [json.loads(line)[1:] for line in done.stdout.splitlines()]


def test_nobody_tells_the_way_unasked(private_network: Network, dial: Dial) -> None:
    peer = dial(private_network.servers["s1"])
    log_in(peer, ANONYMOUS)
    peer.send(ANONYMOUS.post({"n": 1}))
    peer.expect_activity()
    found = metrics(private_network.servers["s1"])
    assert found["oyez_activities_accepted_total",] == 1
    assert not {name[1] for name in found if name[0] == "oyez_events_total"} & {"accepted", "held", "shown"}

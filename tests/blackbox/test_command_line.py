"""The commands as a user types them: help, mistakes, and each one's work against a real network."""

import json
import select
import signal
from collections.abc import Callable

import pytest

from tests.blackbox.commands import oyez, running
from tests.blackbox.conftest import Dial
from tests.blackbox.people import ANONYMOUS, Person, log_in, somebody
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network, free_port
from tests.blackbox.wire import Peer, eventually

COMMANDS = ["up", "central", "server", "register", "post", "tail", "status", "client", "simulate"]


def as_user(person: Person) -> dict[str, str]:
    return {"OYEZ_USER_SECRET": str(person.secret)}


@pytest.fixture
def central(network: Network) -> list[str]:
    """The option that says where the network is."""
    return ["--central", str(network.central)]


@pytest.fixture
def listener(network: Network, dial: Dial) -> Peer:
    peer = dial(network.servers["s1"])
    log_in(peer, ANONYMOUS)
    return peer


# Help and mistakes


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    outcome = oyez(command, "--help")
    assert outcome.code == 0
    assert f"oyez {command}" in outcome.output
    assert "example" in outcome.output.lower()


def test_the_help_names_every_command() -> None:
    outcome = oyez("--help")
    assert outcome.code == 0
    assert all(command in outcome.output for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["central", "--no-such-option"],
        ["central", "--port", "many"],
        ["central", "--port", "70000"],
        ["server"],
        ["server", "--central", "127.0.0.1"],
        ["server", "--central", "127.0.0.1:many"],
        ["register"],
        ["post", "--central", "nowhere", "hello"],
        ["tail", "--count", "few"],
        ["status", "--central", ":"],
        ["simulate", "--seed", "red"],
        ["up", "--servers", "-1"],
    ],
    ids=" ".join,
)
def test_a_usage_error_exits_with_2(arguments: list[str]) -> None:
    outcome = oyez(*arguments, variables={"OYEZ_SECRET": CLUSTER_SECRET})
    assert outcome.code == 2, outcome
    assert outcome.output == ""
    assert "Traceback" not in outcome.errors
    assert outcome.errors.strip()


@pytest.mark.parametrize(
    "arguments", [["status"], ["post", "hello"], ["tail", "--count", "1"], ["register", "bob"]], ids=" ".join
)
def test_where_nobody_listens_a_command_says_so_in_one_sentence(arguments: list[str]) -> None:
    address = f"{LOOPBACK}:{free_port()}"
    outcome = oyez(*arguments, "--central", address, variables={"OYEZ_USER_SECRET": "a secret"})
    assert outcome.code == 1, outcome
    assert outcome.output == ""
    assert address in outcome.sentence


def test_a_node_without_the_clusters_secret_says_how_to_give_it() -> None:
    for arguments in (["central", "--port", "0"], ["server", "--central", f"{LOOPBACK}:9"]):
        outcome = oyez(*arguments)
        assert outcome.code in (1, 2), outcome
        assert "OYEZ_SECRET" in outcome.errors
        assert "Traceback" not in outcome.errors


def test_a_server_with_the_wrong_secret_says_so(network: Network, central: list[str]) -> None:
    outcome = oyez("server", *central, variables={"OYEZ_SECRET": "a guess"})
    assert outcome.code == 1, outcome
    assert outcome.output == ""
    assert "Traceback" not in outcome.errors
    assert "secret" in outcome.errors


def test_a_central_on_a_taken_port_says_so(network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    port, data = str(network.central.port), str(tmp_path_factory.mktemp("data"))
    outcome = oyez("central", "--port", port, "--data", data, variables={"OYEZ_SECRET": CLUSTER_SECRET})
    assert outcome.code == 1, outcome
    assert outcome.output == ""
    assert port in outcome.errors
    assert "Traceback" not in outcome.errors


# register


def test_register_then_post_as_that_user(network: Network, central: list[str], listener: Peer) -> None:
    person = somebody()
    outcome = oyez("register", person.username, *central, variables=as_user(person))
    assert outcome.code == 0, outcome
    outcome = oyez("post", "hear ye", *central, "--user", person.username, variables=as_user(person))
    assert outcome.code == 0, outcome
    activity = listener.expect_activity()
    assert activity["authenticated_user"] == person.username
    assert activity["content"] == "hear ye"
    assert activity["type"] == "Note"


def test_register_with_a_secret_from_a_file(
    network: Network, central: list[str], tmp_path_factory: pytest.TempPathFactory, dial: Dial
) -> None:
    person = somebody()
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_text(f"{person.secret}\n")
    outcome = oyez("register", person.username, *central, "--user-secret-file", str(file))
    assert outcome.code == 0, outcome
    log_in(dial(network.servers["s1"]), person)  # the line's end is no part of the secret


def test_registering_a_taken_name_says_so(network: Network, central: list[str], alice: Person) -> None:
    outcome = oyez("register", alice.username, *central, variables={"OYEZ_USER_SECRET": "another secret"})
    assert outcome.code == 1, outcome
    assert "already registered" in outcome.sentence


def test_a_wrong_secret_is_told_in_one_sentence(network: Network, central: list[str], alice: Person) -> None:
    for command in (["post", "hello"], ["tail", "--count", "1"]):
        wrong = {"OYEZ_USER_SECRET": "a guess"}
        outcome = oyez(*command, *central, "--user", alice.username, variables=wrong)
        assert outcome.code == 1, outcome
        assert outcome.output == ""
        assert outcome.sentence


# post


def test_post_takes_an_object_as_the_activity(network: Network, central: list[str], listener: Peer) -> None:
    outcome = oyez("post", '{"type":"Like","object":{"id":"urn:x","n":1.0}}', *central)
    assert outcome.code == 0, outcome
    assert listener.expect_activity() == {
        "authenticated_user": "anonymous",
        "type": "Like",
        "object": {"id": "urn:x", "n": 1.0},
    }


def test_post_reads_json_lines_from_standard_input(network: Network, central: list[str], listener: Peer) -> None:
    lines = "".join(json.dumps({"type": "Note", "n": number}) + "\n" for number in range(50))
    outcome = oyez("post", "-", *central, given=lines)
    assert outcome.code == 0, outcome
    assert [listener.expect_activity()["n"] for _ in range(50)] == list(range(50))


@pytest.mark.parametrize("text", ['{"type":', '{"type":"Note"} and more'])
def test_post_refuses_a_broken_object(network: Network, central: list[str], listener: Peer, text: str) -> None:
    outcome = oyez("post", text, *central)
    assert outcome.code in (1, 2), outcome
    assert "Traceback" not in outcome.errors
    listener.send(ANONYMOUS.post({"content": "the next"}))
    assert listener.expect_activity()["content"] == "the next"


def test_the_central_may_come_from_the_environment(network: Network, listener: Peer) -> None:
    outcome = oyez("post", "from afar", variables={"OYEZ_CENTRAL": str(network.central)})
    assert outcome.code == 0, outcome
    assert listener.expect_activity()["content"] == "from afar"


# tail


def post_until(network: Network, done: Callable[[], bool]) -> None:
    """Keep posting numbered activities until a tail somewhere has had enough."""
    poster = Peer(network.servers["s2"])
    try:
        log_in(poster, ANONYMOUS)
        number = 0

        def satisfied() -> bool:
            nonlocal number
            number += 1
            poster.send(ANONYMOUS.post({"n": number}))
            poster.expect_activity()
            return done()

        eventually(satisfied, "tail has had enough", seconds=60)
    finally:
        poster.close()


def test_tail_prints_one_activity_a_line_and_stops_after_the_count(network: Network, central: list[str]) -> None:
    with running("tail", *central, "--count", "3") as tail:
        post_until(network, lambda: tail.poll() is not None)
        output, _ = tail.communicate()
    assert tail.returncode == 0
    activities = [json.loads(line) for line in output.splitlines()]
    first = activities[0]["n"]
    assert activities == [{"authenticated_user": "anonymous", "n": number} for number in range(first, first + 3)]


def test_tail_flushes_every_line(network: Network, central: list[str]) -> None:
    with running("tail", *central) as tail:
        assert tail.stdout is not None
        loads = sum(network.loads().values())
        eventually(lambda: sum(network.loads().values()) > loads, "tail is logged in", seconds=30)
        poster = Peer(network.servers["s1"])
        try:
            log_in(poster, ANONYMOUS)
            for number in range(3):
                poster.send(ANONYMOUS.post({"n": number}))
                assert json.loads(tail.stdout.readline())["n"] == number
        finally:
            poster.close()
        tail.send_signal(signal.SIGTERM)
        assert tail.wait(20) == 0


def test_tail_ends_cleanly_when_its_reader_has_gone(network: Network, central: list[str]) -> None:
    """As in `oyez tail | head -1`."""
    with running("tail", *central) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        output = tail.stdout

        def has_said_something() -> bool:
            return bool(select.select([output], [], [], 0)[0])

        post_until(network, has_said_something)
        assert output.readline().endswith(b"}\n")
        output.close()
        post_until(network, lambda: tail.poll() is not None)
        assert tail.returncode == 0
        assert tail.stderr.read() == b""


# status


def test_status_as_json(network: Network, central: list[str]) -> None:
    outcome = oyez("status", "--json", *central)
    assert outcome.code == 0, outcome
    report = json.loads(outcome.output)
    assert {one["id"]: one["port"] for one in report["servers"]} == {
        name: address.port for name, address in network.servers.items()
    }
    assert "term" in report
    assert report["centrals"]


def test_status_as_a_table(network: Network, central: list[str]) -> None:
    outcome = oyez("status", *central)
    assert outcome.code == 0, outcome
    for name, address in network.servers.items():
        (row,) = [line for line in outcome.output.splitlines() if str(address) in line]
        assert name in row
    assert str(network.central) in outcome.output

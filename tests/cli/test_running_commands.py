"""The commands against real nodes, beyond what the black-box tests ask of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oyez.client import cursors
from tests.blackbox.commands import oyez, running
from tests.blackbox.people import ANONYMOUS, log_in, somebody
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network, environment, free_port
from tests.blackbox.wire import Peer, eventually
from tests.certificates import Authority, options_of

# Nodes


def test_a_server_that_finds_no_central_says_so_in_its_log_and_keeps_trying(tmp_path: Path) -> None:
    port = free_port()
    secret = {"OYEZ_SECRET": CLUSTER_SECRET}
    with running("server", "--central", f"{LOOPBACK}:{port}", variables=secret, folder=tmp_path) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        entries = (json.loads(line) for line in server.stderr)
        assert next(entry for entry in entries if entry["event"] == "not_ready_yet")["central"] == f"{LOOPBACK}:{port}"
        arguments = ["central", "--port", str(port), "--data", str(tmp_path / "data")]
        with running(*arguments, variables=secret, folder=tmp_path) as central:
            assert server.stdout.readline().startswith(b"ready server ")
            for node in (server, central):
                node.send_signal(signal.SIGINT)
                assert node.wait(20) == 0


def test_a_node_on_every_address_tells_others_its_name(tmp_path: Path) -> None:
    secret = {"OYEZ_SECRET": CLUSTER_SECRET}
    authority = Authority(tmp_path / "ca")
    encrypted = options_of(authority.issue("node", ["localhost"]))  # by its name alone
    everywhere = ["--host", "0.0.0.0", "--advertise", "localhost", *encrypted]
    arguments = ["central", "--port", "0", "--data", str(tmp_path / "data"), *everywhere]
    with running(*arguments, variables=secret, folder=tmp_path) as central:
        assert central.stdout is not None
        _, _, address = central.stdout.readline().decode().split()
        assert address.startswith("localhost:")
        with running("server", "--central", address, *everywhere, variables=secret, folder=tmp_path) as server:
            assert server.stdout is not None
            assert server.stdout.readline().startswith(b"ready server localhost:")
            outcome = oyez("post", "hear ye", "--central", address, "--tls-ca", str(authority.file))
            assert outcome.code == 0, outcome


def test_anonymous_logins_can_be_switched_off(tmp_path: Path) -> None:
    with Network(tmp_path, servers=1, central_options=("--no-anonymous",)) as network:
        outcome = oyez("post", "hear ye", "--central", str(network.central))
        assert (outcome.code, outcome.output) == (1, "")
        assert "anonymous logins are switched off" in outcome.sentence


def test_the_default_data_folder_is_the_users(tmp_path: Path) -> None:
    variables = {"OYEZ_SECRET": CLUSTER_SECRET, "XDG_DATA_HOME": str(tmp_path / "xdg")}
    with running("central", "--port", "0", variables=variables, folder=tmp_path) as central:
        assert central.stdout is not None
        assert central.stdout.readline().startswith(b"ready central ")
        assert (tmp_path / "xdg" / "oyez" / "central.sqlite").exists()
        second = oyez("central", "--port", "0", variables=variables)
        assert second.code == 1
        assert "in use by another process" in second.sentence


def test_a_child_ends_when_its_input_does(tmp_path: Path) -> None:
    arguments = ["central", "--port", "0", "--data", str(tmp_path / "data"), "--until-eof"]
    with subprocess.Popen(
        [sys.executable, "-m", "oyez", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment({"OYEZ_SECRET": CLUSTER_SECRET}),
    ) as central:
        assert central.stdin is not None
        assert central.stdout is not None
        assert central.stdout.readline().startswith(b"ready central ")
        central.stdin.write(b"this is no end\n")
        central.stdin.flush()
        central.stdin.close()
        assert central.wait(20) == 0


# post


def test_post_prints_the_id_of_each_activity(central: list[str]) -> None:
    outcome = oyez("post", "hear", "ye", *central)
    assert outcome.code == 0, outcome
    assert outcome.output.count("\n") == 1
    origin, _, number = outcome.output.strip().rpartition("-")
    assert origin.startswith("s")
    assert int(number) > 0


def test_post_names_the_bad_lines_and_posts_the_good_ones(network: Network, central: list[str]) -> None:
    listener = Peer(network.servers["s1"])
    try:
        log_in(listener, ANONYMOUS)
        lines = ['{"n":1}', "", "no object", '{"n":2}', "[]", '{"n":3}']
        outcome = oyez("post", "-", *central, given="\n".join(lines))  # the last line has no end
        assert outcome.code == 1
        assert outcome.output.count("\n") == 3
        assert [line[:13] for line in outcome.errors.splitlines()] == ["oyez: line 3:", "oyez: line 5:"]
        assert [listener.expect_activity()["n"] for _ in range(3)] == [1, 2, 3]
    finally:
        listener.close()


def test_post_keeps_many_on_their_way_and_in_order(network: Network, central: list[str]) -> None:
    listener = Peer(network.servers["s2"])
    try:
        log_in(listener, ANONYMOUS)
        outcome = oyez("post", "-", *central, given="".join(f'{{"n":{n}}}\n' for n in range(5000)))
        assert outcome.code == 0, outcome.errors
        assert len(set(outcome.output.split())) == 5000
        assert [listener.expect_activity()["n"] for _ in range(5000)] == list(range(5000))
    finally:
        listener.close()


def test_post_goes_on_when_nobody_reads_the_ids(network: Network, central: list[str]) -> None:
    listener = Peer(network.servers["s1"])
    try:
        log_in(listener, ANONYMOUS)
        with subprocess.Popen(
            [sys.executable, "-m", "oyez", "post", "-", *central],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        ) as post:
            assert post.stdin is not None
            assert post.stdout is not None
            post.stdin.write(b'{"n":0}\n')
            post.stdin.flush()
            assert post.stdout.readline()
            post.stdout.close()
            post.stdin.write(b"".join(b'{"n":%d}\n' % n for n in range(1, 100)))
            post.stdin.close()
            assert post.wait(60) == 0
        assert [listener.expect_activity()["n"] for _ in range(100)] == list(range(100))
    finally:
        listener.close()


# tail, who


def test_tail_survives_its_server_and_says_so(tmp_path: Path) -> None:
    with Network(tmp_path, servers=2) as network, running("tail", "--central", str(network.central)) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        network.wait_for_loads(1)
        name = next(name for name, load in network.loads().items() if load)
        network.kill(name)
        assert b"trying to come back" in tail.stderr.readline()
        assert b"connected again" in tail.stderr.readline()
        outcome = oyez("post", "still here?", "--central", str(network.central))
        assert outcome.code == 0, outcome
        assert json.loads(tail.stdout.readline())["content"] == "still here?"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(20) == 0


def test_tail_goes_on_where_its_cursor_file_says(central: list[str], tmp_path: Path) -> None:
    file = tmp_path / "feed.cursor"
    with running("tail", *central, "--cursor-file", str(file)) as tail:
        assert tail.stdout is not None
        eventually(file.exists, "the cursor of the present")
        before = file.read_text()
        assert oyez("post", '{"n": 1}', *central).code == 0
        assert json.loads(tail.stdout.readline())["n"] == 1
        eventually(lambda: file.read_text() != before, "the cursor while nothing else comes")
        assert oyez("post", '{"n": 2}', *central).code == 0
        assert json.loads(tail.stdout.readline())["n"] == 2
        tail.send_signal(signal.SIGTERM)
        assert tail.wait(20) == 0
    for number in (3, 4, 5):
        assert oyez("post", json.dumps({"n": number}), *central).code == 0
    for expected in ([3, 4], [5]):
        outcome = oyez("tail", *central, "--cursor-file", str(file), "--count", str(len(expected)))
        assert outcome.code == 0, outcome
        assert [json.loads(line)["n"] for line in outcome.output.splitlines()] == expected
    assert [path.name for path in tmp_path.iterdir()] == ["feed.cursor"]  # and no drafts


def test_a_cursor_file_that_will_not_do_is_named(central: list[str], tmp_path: Path) -> None:
    garbage, foreign, binary = tmp_path / "garbage", tmp_path / "foreign", tmp_path / "binary"
    garbage.write_text("hello")
    foreign.write_text(cursors.encode("another", {}))
    binary.write_bytes(b"\xff")
    nowhere = tmp_path / "none" / "feed.cursor"
    for file, said in {
        garbage: "not a cursor",
        foreign: "another network",
        binary: "no text",
        nowhere: "can't be kept",
    }.items():
        outcome = oyez("tail", *central, "--cursor-file", str(file), "--count", "1")
        assert (outcome.code, outcome.output) == (1, ""), outcome
        assert str(file) in outcome.sentence
        assert said in outcome.sentence
    assert garbage.read_text() == "hello"


def test_who_is_there(network: Network, central: list[str]) -> None:
    person = somebody()
    secret = {"OYEZ_USER_SECRET": str(person.secret)}
    assert oyez("register", person.username, *central, variables=secret).code == 0
    with running("tail", *central, "--user", person.username, variables=secret):

        def here() -> bool:
            outcome = oyez("who", "--json", *central)
            assert outcome.code == 0, outcome
            return person.username in [one["username"] for one in json.loads(outcome.output)["users"]]

        eventually(here, "the person is listed", seconds=60)
        table = oyez("who", *central, "--user", person.username, variables=secret)
        assert table.code == 0
        assert any(line.split()[0] == person.username for line in table.output.splitlines() if line)
    wrong = oyez("who", *central, "--user", person.username, variables={"OYEZ_USER_SECRET": "a guess"})
    assert wrong.code == 1
    assert "wrong" in wrong.sentence


def test_without_a_terminal_a_missing_secret_is_one_sentence(central: list[str]) -> None:
    with running(
        "tail", *central, "--user", "alice"
    ) as tail:  # in a session of its own: there is no terminal to ask on
        output, errors = tail.communicate(timeout=60)
    assert (tail.returncode, output) == (1, b"")
    assert b"OYEZ_USER_SECRET" in errors
    assert errors.count(b"\n") == 1


# simulate


def test_simulate_tells_one_history_and_counts_many() -> None:
    one = oyez("simulate", "--seed", "7", "--steps", "20")
    assert one.code == 0, one
    assert "every promise was kept" in one.output
    assert one.output == oyez("simulate", "--seed", "7", "--steps", "20", variables={"PYTHONHASHSEED": "3"}).output
    many = oyez("simulate", "--histories", "3", "--first", "5", "--steps", "20", "--processes", "1")
    assert many.code == 0, many
    assert many.output.startswith("3 histories from seed 5 on, 0 broken")


# up


@pytest.fixture
def up_arguments(tmp_path: Path) -> list[str]:
    return ["up", "--port", "0", "--servers", "1", "--backups", "0", "--data", str(tmp_path / "data")]


def children_of(pid: int) -> dict[str, int]:
    """Process id by name of node."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        arguments = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        name = arguments[arguments.index(b"--id") + 1] if b"--id" in arguments else b"c1"
        found[name.decode()] = int(child)
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the children in /proc")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@needs_proc
def test_up_starts_again_what_dies(up_arguments: list[str], tmp_path: Path) -> None:
    with running(*up_arguments, "--log-format", "human", folder=tmp_path) as up:
        assert up.stdout is not None
        assert up.stderr is not None
        address = next(line.split()[1].decode() for line in up.stdout if line.startswith(b"  central "))
        for name in ("s1", "c1"):
            os.kill(children_of(up.pid)[name], signal.SIGKILL)
            said = [line.decode() for line in lines_until(up.stderr, f"oyez: {name} is back".encode())]
            assert any(line.startswith(f"oyez: {name} was ended by SIGKILL") for line in said)
            assert any(line.startswith(f"{name:>7} | ") for line in said)
        outcome = oyez("status", "--central", address)
        assert outcome.code == 0, outcome
        up.send_signal(signal.SIGTERM)
        output, errors = up.communicate(timeout=60)
        assert up.returncode == 0, errors
    secret = tmp_path / "data" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().strip() not in (output + errors).decode()


def lines_until(stream: object, start: bytes) -> list[bytes]:
    lines: list[bytes] = []
    for line in stream:  # type: ignore[attr-defined]
        lines.append(line)
        if line.startswith(start):
            return lines
    raise AssertionError(f"{start!r} was never said: {lines}")


@needs_proc
def test_no_child_outlives_up(up_arguments: list[str], tmp_path: Path) -> None:
    with running(*up_arguments, folder=tmp_path) as up:
        assert up.stdout is not None
        assert any(line.startswith(b"Ctrl-C") for line in up.stdout)
        children = children_of(up.pid)
        assert set(children) == {"c1", "s1"}
        up.kill()
        up.wait(20)
        eventually(lambda: all(is_gone(pid) for pid in children.values()), "all children are gone", seconds=30)


def test_up_logs_json_lines_where_there_is_no_terminal(up_arguments: list[str], tmp_path: Path) -> None:
    with running(*up_arguments, folder=tmp_path) as up:
        assert up.stdout is not None
        assert any(line.startswith(b"Ctrl-C") for line in up.stdout)
        up.send_signal(signal.SIGINT)
        _, errors = up.communicate(timeout=60)
        assert up.returncode == 0
    central, server = sorted({json.loads(line)["node"] for line in errors.splitlines()})
    assert server == "s1"
    assert central.startswith("c-")


def test_up_takes_its_settings_from_a_file_and_its_nodes_do_not(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{CLUSTER_SECRET}\n")
    file = tmp_path / "oyez.toml"
    mine = 'port = 0\nservers = 2\nbackups = 0\ndata = "kept"\nsecret-file = "secret"\n'
    file.write_text(
        f"[up]\n{mine}[common]\nlimit-links = -1\n[server]\nport = 1\n[central]\nhost = 'nowhere.invalid'\n"
    )
    variables = {"OYEZ_CONFIG": str(file), "OYEZ_ADVERTISE": "nowhere.invalid", "OYEZ_LIMIT_HASHING": "no number"}
    with running("up", variables=variables, folder=tmp_path) as up:
        assert up.stdout is not None
        said = [line.decode() for line in lines_until(up.stdout, b"Ctrl-C stops it all.")]
        assert any(line.startswith("Oyez is up: a central and 2 servers.") for line in said)
        assert any(f"--secret-file {tmp_path / 'secret'} s1" in line for line in said)
        assert (tmp_path / "kept" / "central.sqlite").exists()
        assert not (tmp_path / "kept" / "secret").exists()
        up.send_signal(signal.SIGINT)
        assert up.wait(40) == 0

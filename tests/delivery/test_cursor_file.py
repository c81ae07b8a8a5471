"""`oyez tail --cursor-file` goes on where it left off, and says so where it can't."""

import json
import signal
import subprocess
from pathlib import Path

from tests.blackbox.commands import Outcome, oyez, running
from tests.blackbox.processes import free_port
from tests.blackbox.wire import eventually
from tests.delivery.fleet import Fleet
from tests.failover.cluster import SETTLED


def post(fleet: Fleet, *texts: str) -> None:
    for text in texts:
        outcome = fleet.command("post", text)
        assert outcome.code == 0, outcome


def tail(fleet: Fleet, file: Path, count: int) -> list[str]:
    """The next activities' texts."""
    outcome = fleet.command("tail", "--cursor-file", str(file), "--count", str(count))
    assert outcome.code == 0, outcome
    return [json.loads(line)["content"] for line in outcome.output.splitlines()]


def begin(fleet: Fleet, file: Path) -> None:
    """A first run, that is ended by Ctrl-C with nothing seen."""
    with running("tail", "--cursor-file", str(file), "--central", fleet.known) as command:
        eventually(file.exists, "it keeps where it begins", seconds=SETTLED)
        interrupt(command)


def interrupt(command: subprocess.Popen[bytes]) -> None:
    command.send_signal(signal.SIGINT)
    command.wait(SETTLED)


def test_it_goes_on_where_it_left_off(pair: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "feed.cursor"
    begin(pair, file)
    post(pair, "one", "two", "three")
    assert tail(pair, file, 2) == ["one", "two"]
    post(pair, "four")
    assert tail(pair, file, 2) == ["three", "four"]
    post(pair, "five")
    assert tail(pair, file, 1) == ["five"]


def test_it_goes_on_after_the_death_of_a_server_and_of_the_main(pair: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "feed.cursor"
    begin(pair, file)
    post(pair, *"abcdef")
    pair.kill("c1")
    pair.wait_for_main(but="c1")
    pair.kill("s1")
    pair.wait_until_gone("s1")
    post(pair, "g")
    assert sorted(tail(pair, file, 7)) == list("abcdefg"), "each post is a session of its own, in any order"
    pair.start_central("c1")
    pair.bring_back("s1")
    post(pair, "h")
    assert tail(pair, file, 1) == ["h"]


def test_a_cursor_of_another_network_is_refused(pair: Fleet, tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "feed.cursor", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Fleet(elsewhere, centrals=1, servers=1) as other:
        begin(other, file)
    kept = file.read_text()
    outcome = pair.command("tail", "--cursor-file", str(file))
    assert outcome.code == 1
    assert outcome.output == ""
    assert str(file) in outcome.sentence
    assert "network" in outcome.sentence
    assert file.read_text() == kept


def test_a_file_that_holds_no_cursor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "feed.cursor"
    file.write_text("a shopping list\n")
    outcome: Outcome = oyez("tail", "--cursor-file", str(file), "--central", f"127.0.0.1:{free_port()}")
    assert outcome.code == 1
    assert "is not a cursor" in outcome.sentence
    assert file.read_text() == "a shopping list\n"

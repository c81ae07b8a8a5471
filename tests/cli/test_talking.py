"""`oyez client`, through pipes and on a terminal; and secrets that are asked for."""

import subprocess
import sys
from pathlib import Path

from tests.blackbox.commands import oyez
from tests.blackbox.people import ANONYMOUS, log_in, somebody
from tests.blackbox.processes import Network, environment
from tests.blackbox.wire import Peer
from tests.cli.screens import on_a_terminal


def test_a_conversation_through_pipes(network: Network, central: list[str]) -> None:
    person = somebody()
    lines = [
        "/help",
        "hear ye",
        f"/register {person.username}",
        '{"type":"Like","object":"urn:x"}',
        '{"type":',
        "/nonsense",
        "/login",
        "/who",
        "/status",
        "/login anonymous",
        "me again",
        "/logout",
        "nobody hears this",
        "/who",
        f"/login {person.username}",
        "/quit",
        "never read",
    ]
    secret = {"OYEZ_USER_SECRET": str(person.secret)}
    outcome = oyez("client", *central, given="\n".join(lines), variables=secret)
    assert outcome.code == 0, outcome
    output = outcome.output.splitlines()
    assert "anonymous: hear ye" in output
    assert f'{person.username}: {{"type":"Like","object":"urn:x"}}' in output
    assert "anonymous: me again" in output
    assert any(str(network.central) in line for line in output)  # the table of /status
    assert "nobody hears this" not in outcome.output
    errors = outcome.errors.splitlines()
    assert all(line.startswith("-- ") for line in errors)
    for said in (
        "/register USER",
        "not posted: not JSON",
        "there is no /nonsense",
        "say which name",
        f"{person.username} is registered",
        "logged out",
        "not posted, because you are not logged in",
        "log in first",
    ):
        assert any(said in line for line in errors), said


def test_refusals_do_not_end_the_conversation(central: list[str]) -> None:
    person = somebody()
    lines = [f"/login {person.username}", f"/register {person.username}", f"/register {person.username}", "still here"]
    secret = {"OYEZ_USER_SECRET": str(person.secret)}
    outcome = oyez("client", *central, given="\n".join(lines), variables=secret)
    assert outcome.code == 0, outcome
    assert f"{person.username}: still here" in outcome.output.splitlines()
    assert "wrong" in outcome.errors
    assert "already registered" in outcome.errors


def test_a_conversation_survives_the_death_of_its_server(tmp_path: Path) -> None:
    with (
        Network(tmp_path, servers=2) as network,
        subprocess.Popen(
            [sys.executable, "-m", "oyez", "client", "--central", str(network.central)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as client,
    ):
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        client.stdin.write(b"before\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"anonymous: before\n"
        place = client.stderr.readline().decode()
        network.kill(place.partition("at server ")[2].partition(";")[0])
        assert b"the server is gone" in client.stderr.readline()
        client.stdin.write(b"after\n")
        client.stdin.close()
        assert client.stdout.readline() == b"anonymous: after\n"
        assert b"connected again" in client.stderr.readline()
        assert client.wait(60) == 0


def test_what_others_write_cannot_steer_the_terminal(network: Network, central: list[str]) -> None:
    listener = Peer(network.servers["s1"])
    try:
        log_in(listener, ANONYMOUS)
        posted = '{"type":"Note","content":"two\\nlines \\u001b[31m"}'
        outcome = oyez("client", *central, given=posted)
        assert outcome.output == "anonymous: two\n    lines ·[31m\n"
    finally:
        listener.close()


def test_on_a_terminal_the_feed_runs_above_the_prompt(network: Network, central: list[str], tmp_path: Path) -> None:
    with on_a_terminal("client", *central, folder=tmp_path) as screen:
        screen.wait_for("anonymous>")
        screen.type("hear ye\r")
        screen.wait_for("anonymous: hear ye")
        screen.wait_for("anonymous>")
        assert oyez("post", "from outside", *central).code == 0
        screen.wait_for("anonymous: from outside")
        screen.type("/status\r")
        screen.wait_for("delivered/s")
        screen.wait_for("registered user")
        screen.wait_for("anonymous>")
        screen.type("\x04")  # Ctrl-D
        assert screen.wait_for_end() == 0
        assert "Traceback" not in screen.shown


def test_secrets_are_asked_for_and_not_shown(central: list[str], tmp_path: Path) -> None:
    person = somebody()
    secret = str(person.secret)
    with on_a_terminal("register", person.username, *central, folder=tmp_path) as screen:
        screen.wait_for(f"Secret for {person.username}:")
        screen.type(f"{secret}\r")
        screen.wait_for("The same again:")
        screen.type("something else\r")
        assert screen.wait_for_end() == 1
        assert "two different secrets" in screen.shown
    with on_a_terminal("register", person.username, *central, folder=tmp_path) as screen:
        for question in (f"Secret for {person.username}:", "The same again:"):
            screen.wait_for(question)
            screen.type(f"{secret}\r")
        assert screen.wait_for_end() == 0
        assert secret not in screen.shown
    with on_a_terminal("client", "--user", person.username, *central, folder=tmp_path) as screen:
        screen.wait_for(f"Secret for {person.username}:")
        screen.type(f"{secret}\r")
        screen.wait_for(f"{person.username}>")
        other = somebody()
        screen.type(f"/register {other.username}\r")
        for question in (f"Secret for {other.username}:", "The same again:"):
            screen.wait_for(question)
            screen.type(f"{other.secret}\r")
        screen.wait_for(f"{other.username}>")
        screen.type("/quit\r")
        assert screen.wait_for_end() == 0
        assert secret not in screen.shown
        assert str(other.secret) not in screen.shown

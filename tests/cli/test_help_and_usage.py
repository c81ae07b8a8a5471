"""What the commands say of themselves, and how they take mistakes. Nothing is started here."""

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from oyez.cli import app

group = typer.main.get_command(app)
COMMANDS: list[str] = list(group.commands)  # type: ignore[attr-defined]


def run(*arguments: str, **variables: str | None) -> tuple[int, str, str]:
    blank = {"OYEZ_CENTRAL": None, "OYEZ_SECRET": None, "OYEZ_USER_SECRET": None, "COLUMNS": "100"}
    result = CliRunner().invoke(app, arguments, env=blank | variables, prog_name="oyez")
    return result.exit_code, result.stdout, result.stderr


def test_all_commands_are_there() -> None:
    assert {"up", "central", "server", "register", "post", "tail", "client", "status", "who", "simulate"} <= set(
        COMMANDS
    )


def examples(command: str) -> list[list[str]]:
    """The arguments of the calls of `oyez` under "Example:", as a shell would give them."""
    code, help, _ = run(command, "--help")
    assert code == 0
    _, found, below = help.partition("Example:\n")
    assert found, f"oyez {command} --help has no example"
    lines = [line.strip() for line in below.partition("\n\n")[0].splitlines()]
    calls = [re.split(r"\s[|<>]\s", line)[0] for line in lines if line]
    words = [[word for word in shlex.split(call) if not re.match(r"[A-Z_]+=", word)] for call in calls]
    assert words
    assert all(call[:1] == ["oyez"] for call in words)
    return [call[1:] for call in words]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_can_be_typed_as_it_stands(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OYEZ_CENTRAL", raising=False)
    calls = examples(command)
    for call in calls:
        assert call[0] == command
        group.commands[command].make_context(command, call[1:])  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command: str) -> None:
    for parameter in group.commands[command].params:  # type: ignore[attr-defined]
        assert getattr(parameter, "hidden", False) or parameter.help, parameter.name


def test_without_a_command_the_help_is_shown() -> None:
    code, output, errors = run()
    assert code == 2
    assert all(command in output + errors for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["central", "--port", "70000"], "--port"),
        (["central", "--host", "0.0.0.0"], "--advertise"),
        (["server", "--central", "127.0.0.1:3780", "--host", "::"], "--advertise"),
        (["server"], "--central"),
        (["server", "--central", "127.0.0.1"], "HOST:PORT"),
        (["server", "--central", "127.0.0.1:0"], "1 to 65535"),
        (["server", "--central", "127.0.0.1:3780", "--id", "a.b"], "'a.b'"),
        (["server", "--central", "127.0.0.1:3780", "--id", "x" * 65], "1 to 64"),
        (["server", "--central", "127.0.0.1:3780", "--retention", "much"], "64MiB"),
        (["server", "--central", "127.0.0.1:3780", "--retention", "5 kB"], "64MiB"),
        (["server", "--central", "127.0.0.1:3780", "--patience", "0"], "--patience"),
        (["server", "--central", "127.0.0.1:3780", "--copies", "0"], "--copies"),
        (["server", "--central", "127.0.0.1:3780", "--copies", "10"], "--copies"),
        (["server", "--central", "127.0.0.1:3780", "--retention-age", "0"], "--retention-age"),
        (["up", "--copies", "0"], "--copies"),
        (["up", "--retention", "lots"], "64MiB"),
        (["up", "--retention-age", "soon"], "--retention-age"),
        (["up", "--backups", "-1"], "--backups"),
        (["up", "--servers", "0"], "from 1 to 64"),
        (["up", "--servers", "65"], "from 1 to 64"),
        (["up", "--servers", "many"], "not auto"),
        (["register"], "USER"),
        (["register", "anonymous"], "can't be registered"),
        (["register", "x" * 129], "1 to 128"),
        (["register", ""], "1 to 128"),
        (["passwd"], "USER"),
        (["passwd", "anonymous"], "has no secret"),
        (["user", "remove"], "USER"),
        (["user", "remove", "x" * 129], "1 to 128"),
        (["backup"], "FILE"),
        (["restore"], "FILE"),
        (["post"], "TEXT|JSON|-"),
        (["tail", "--count", "0"], "--count"),
        (["tail", "--user", ""], "1 to 128"),
        (["status", "--central", "a:1,b"], "'b' is not HOST:PORT"),
        (["status", "--central", "::1:3780"], "[::1]:3780"),
        (["simulate"], "--histories"),
        (["simulate", "--seed", "1", "--histories", "2"], "--histories"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_in_the_usage_is_named(arguments: list[str], said: str) -> None:
    code, output, errors = run(*arguments, OYEZ_SECRET="a secret")
    assert code == 2
    assert output == ""
    assert said in errors


def test_a_wrong_address_in_the_environment_is_named() -> None:
    code, _, errors = run("status", OYEZ_CENTRAL="nowhere")
    assert code == 2
    assert "OYEZ_CENTRAL" in errors


@pytest.mark.parametrize("command", [["central"], ["server", "--central", "127.0.0.1:1"]], ids=" ".join)
def test_a_missing_or_odd_cluster_secret_is_one_sentence(
    command: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "empty").write_text("\n")
    (folder / "latin-1").write_bytes(b"caf\xe9")
    (folder / "long").write_text("x" * 1025)
    assert run(*command) == (1, "", "oyez: the cluster's secret is missing: set OYEZ_SECRET, or give --secret-file\n")
    for file, said in {"empty": "0 characters", "latin-1": "UTF-8", "long": "1025", "none": "No such file"}.items():
        code, output, errors = run(*command, "--secret-file", str(folder / file))
        assert (code, output, errors.count("\n")) == (1, "", 1)
        assert said in errors
        assert str(folder / file) in errors


def test_a_data_folder_that_is_none_is_one_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("data") / "central.sqlite"
    file.write_text("this is no database, but somebody's letter, which must not be touched")
    code, output, errors = run("central", "--data", str(file.parent), OYEZ_SECRET="a secret")
    assert (code, output, errors.count("\n")) == (1, "", 1)
    assert str(file) in errors
    assert "letter" in file.read_text()

"""One setting, three names: flags, the environment and the file say the same, in this order, and mistakes are told."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.core import TyperCommand
from typer.testing import CliRunner

from oyez.cli import app, config_file, up
from oyez.cli.config_file import ConfigFile
from oyez.cli.configured import CONFIG, Configured
from oyez.cli.effective import Effective, effective
from oyez.cli.secrets import VARIABLES, cluster_secret, given_user_secret
from oyez.cli.settings import APART, COMMON, FLAGS_ALONE, Kind, Setting, kinds_of, tables_of
from tests.blackbox.commands import oyez
from tests.blackbox.processes import CLUSTER_SECRET, Network

ROOT: Any = typer.main.get_command(app)
ALL = dict(tables_of(ROOT))
COMMANDS = {table: one for table, one in ALL.items() if isinstance(one, Configured) and one.settings}
SETTINGS = [(table, name) for table, one in COMMANDS.items() for name in one.settings]
OPTIONS = [(table, name) for table, name in SETTINGS if COMMANDS[table].settings[name].option is not None]
KNOWN = {table: frozenset(one.settings) for table, one in COMMANDS.items()}
KINDS = {table: kinds_of(one) for table, one in COMMANDS.items()}
SECRET = "a secret that nobody is shown"


def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", **variables}, prog_name="oyez")
    return result.exit_code, result.stdout, result.stderr


def written(folder: Path, text: str, mode: int = 0o644) -> Path:
    file = folder / "oyez.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def of(table: str, name: str) -> Setting:
    return COMMANDS[table].settings[name]


def found(table: str, name: str, file: ConfigFile | None, *arguments: str, **variables: str) -> Effective:
    """The setting, as it is then."""
    with mock.patch.dict(os.environ, variables):
        return next(one for one in effective(COMMANDS[table], file, arguments) if one.name == name)


# Names


def test_every_command_takes_its_settings_from_all_places() -> None:
    assert {table for table, one in ALL.items() if not isinstance(one, Configured)} == {"config.show"}
    assert set(ALL) - set(COMMANDS) == {"config.show", "certs.init"}, "these alone have no options"


@pytest.mark.parametrize("table", ALL)
def test_every_option_has_its_three_names(table: str) -> None:
    if table == "config.show":
        return
    alone = set()
    for parameter in ALL[table].params:
        option: Any = parameter
        if option.param_type_name != "option" or option.hidden:
            continue
        name = max(option.opts, key=len).removeprefix("--")
        if name in FLAGS_ALONE:
            alone.add(name)
            continue
        words = f"{table}_{name}" if table in APART else name
        variable = "OYEZ_" + re.sub("[.-]", "_", words).upper()
        assert (option.envvar, of(table, name).variable) == (variable, variable)
        assert of(table, name).option is option
        assert variable in ALL[table].get_help(typer.Context(ALL[table]))
    assert alone <= {"config", "yes", "new-key"}


def test_every_switch_can_be_put_back_by_a_flag() -> None:
    switches = [of(*one).option for one in OPTIONS if KINDS[one[0]][one[1]] is Kind.TRUTH]
    assert len(switches) > 10
    assert [option.opts for option in switches if option and not option.secondary_opts] == []


def test_one_name_means_one_thing_in_all_commands() -> None:
    kinds: dict[str, set[Kind]] = {}
    for table, name in SETTINGS:
        kinds.setdefault(of(table, name).variable, set()).add(KINDS[table][name])
    assert {name: kinds for name, kinds in kinds.items() if len(kinds) > 1} == {}


def test_every_secret_can_be_given_where_its_file_can() -> None:
    for table, command in COMMANDS.items():
        for name, variable in VARIABLES.items():
            assert (name in command.settings) == (f"{name}-file" in command.settings), table
            assert name not in command.settings or of(table, name).variable == variable


# The same value from everywhere

WORDS = {"log-format": ["auto", "human", "json"], "log-level": ["debug", "info", "warning"]}


@st.composite
def said(draw: st.DrawFn) -> tuple[str, str, list[str], str, str]:
    """A command, the name of an option, and a value as flags, as a variable, and in TOML."""
    table, name = draw(st.sampled_from(OPTIONS))
    kind = KINDS[table][name]
    value: Any
    if kind is Kind.TRUTH:
        value = draw(st.booleans())
        return table, name, [f"--{'' if value else 'no-'}{name}"], str(value), json.dumps(value)
    if kind is Kind.WHOLE:
        value = draw(st.integers(1, 3))
    elif kind is Kind.NUMBER:
        value = draw(st.one_of(st.integers(1, 1000), st.floats(1, 1e6)))
    elif kind is Kind.SIZE:
        value = draw(st.one_of(st.integers(1, 2**40), st.sampled_from(["64KiB", "1 MiB", "7GiB"])))
    elif kind is Kind.COUNT:
        value = draw(st.one_of(st.integers(1, 64), st.just("auto")))
    elif kind is Kind.TEXTS:
        values = draw(st.lists(st.integers(1, 9).map("a{0}.example:{0}".format), min_size=1, max_size=3, unique=True))
        of_one = of(table, name).option
        typed = (
            [f"--{name}={value}" for value in values]
            if of_one and of_one.multiple
            else [f"--{name}={','.join(values)}"]
        )
        joined = " ".join(values) if of_one and of_one.multiple else ",".join(values)
        return table, name, typed, joined, json.dumps(values)
    elif kind is Kind.FILE:
        value = "/nowhere/" + draw(st.sampled_from(["a", "b c", "ä.pem"]))
    else:
        value = draw(st.sampled_from(WORDS.get(name, ["alice", "s-1", "example"])))
    return table, name, [f"--{name}={value}"], str(value), json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration")


@given(said())
def test_a_value_is_the_same_from_each_place(folder: Path, said: tuple[str, str, list[str], str, str]) -> None:
    table, name, flags, text, toml = said
    variable = of(table, name).variable
    tables = [table] if table in APART else [table, COMMON]
    files = [ConfigFile(written(folder, f"[{one}]\n{name} = {toml}\n"), KNOWN) for one in tables]
    typed = found(table, name, None, *flags)
    others = [found(table, name, None, **{variable: text}), *[found(table, name, file) for file in files]]
    assert typed.value is not None
    assert [(one.value, one.shown) for one in others] == [(typed.value, typed.shown)] * len(others)
    assert (typed.source, others[0].source) == ("flag", "environment")
    assert (typed.where, others[0].where) == (f"--{name}", variable)
    assert [one.where for one in others[1:]] == [
        f"{file.path}:2: {name} of [{one}]" for file, one in zip(files, tables, strict=True)
    ]


def called(*arguments: str) -> Mapping[str, Any]:
    """What the function of the command would be called with."""
    seen: list[Mapping[str, Any]] = []
    with mock.patch.object(TyperCommand, "invoke", lambda _, context: seen.append(context.params)):
        ROOT.main([*arguments[0].split("."), *arguments[1:]], standalone_mode=False)
    return seen[0]


@pytest.mark.parametrize(
    ("table", "arguments", "text", "variables"),
    [
        ("central", ["--limit-connects", "7", "--no-anonymous"], "limit-connects = 7\nanonymous = false", {}),
        ("central", ["--backup-of", "a:1,b:2", "--backup-of", "c:3"], 'backup-of = ["a:1,b:2", "c:3"]', {}),
        ("server", ["--central", "a:1,b:2", "--retention", "5MiB"], 'central = ["a:1", "b:2"]\nretention = "5MiB"', {}),
        ("user.list", ["--json", "--tls"], "json = true\ntls = true", {"OYEZ_JSON": "1", "OYEZ_TLS": "yes"}),
        ("certs.issue", ["--host", "a", "--host", "b"], 'host = ["a", "b"]', {"OYEZ_CERTS_ISSUE_HOST": "a b"}),
        ("simulate", ["--seed", "5"], "seed = 5", {"OYEZ_SIMULATE_SEED": "5"}),
    ],
)
def test_the_command_itself_gets_it(
    table: str, arguments: list[str], text: str, variables: dict[str, str], tmp_path: Path
) -> None:
    words = ["x", "y"] if table == "certs.issue" else []
    file = written(tmp_path, f"[{table}]\n{text}\n")
    expected = called(table, *words, *arguments)
    assert called(table, *words, "--config", str(file)) == expected
    with mock.patch.dict(os.environ, variables or {CONFIG: str(file)}):
        assert called(table, *words) == expected


def test_the_order_is_flag_environment_table_common_default(tmp_path: Path) -> None:
    everything = "[common]\nlimit-connects = 2\n[central]\nlimit-connects = 3\n"
    common, both = (ConfigFile(written(tmp_path, text), KNOWN) for text in (everything.partition("[ce")[0], everything))
    variable = {"OYEZ_LIMIT_CONNECTS": "4"}
    values = [
        found("central", "limit-connects", None),
        found("central", "limit-connects", common),
        found("central", "limit-connects", both),
        found("server", "limit-connects", both),
        found("central", "limit-connects", both, **variable),
        found("central", "limit-connects", both, "--limit-connects", "5", **variable),
    ]
    assert [one.value for one in values] == [50, 2, 3, 2, 4, 5]
    assert [one.source for one in values] == ["default", "file", "file", "file", "environment", "flag"]


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    file = ConfigFile(written(tmp_path, "[common]\nport = 7\n"), KNOWN)
    assert found("central", "port", file, OYEZ_PORT="").value == 7


def test_a_file_that_is_named_is_looked_for_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    file = ConfigFile(written(tmp_path, '[common]\ntls-ca = "ca.pem"\ntls-key = "~/key"\ntls-cert = "/c"\n'), KNOWN)
    values = [found("central", name, file).value for name in ("tls-ca", "tls-key", "tls-cert")]
    assert values == [str(tmp_path / "ca.pem"), "/home/alice/key", "/c"]


# Mistakes


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("[central]\nlimit_links = 5\n", [":2: limit_links: oyez central has none such; did you mean limit-links?"]),
        ("[common]\ncentra = 'a:1'\n", [":2: centra: no command has such an option; did you mean central?"]),
        ("[common]\nyes = true\n", [":2: yes: no command has such an option"]),
        ("[common]\nseed = 1\n", [":2: seed: no command has such an option: it belongs under [simulate]"]),
        ("[status]\nuser = 'a'\n", [":2: user: oyez status has none such: it belongs under [post], [tail]"]),
        ("[cental]\n", [":1: [cental] is the table of no command; did you mean [central]?"]),
        ("[user.lst]\nx = 1\n", [":1: [user.lst] is the table of no command; did you mean [user.list]?"]),
        ("port = 1\n", [":1: port stands in no table of a command: put it under [common]"]),
        ("[user]\njson = true\n", [":2: json stands in no table of a command"]),
        ("[central]\na = 1\n[server]\nb = 2\n", [":2: a: oyez central", ":4: b: oyez server"]),
        ("[central]\nport = 1\nport = 2\n", [":3: this name stands in the file twice"]),
        ("[central]\n[server]\n[central]\n", [":3: this name stands in the file twice"]),
        ("[central]\nport =\n", [":2: invalid value"]),
        ("[central", [": expected ']'"]),
        ("[central]\nport = 'x'\n", [":2: port of [central] has to be a whole number"]),
        ("[central]\nport = true\n", [":2: port of [central] has to be a whole number"]),
        ("[central]\nport = 1.0\n", [":2: port of [central] has to be a whole number"]),
        ("[central]\n'port' = 70000\n", [":2: port of [central]: "]),
        ("[central]\nlimit-connects = '5'\n", [":2: limit-connects of [central] has to be a number"]),
        ("[central]\nlimit-unfinished = 1.5\n", [" has to be a whole number, or a text such as 64MiB"]),
        ("[central]\nlimit-unfinished = 'much'\n", [":2: limit-unfinished of [central]: 'much' is not a number of by"]),
        ("[central]\nanonymous = 'no'\n", [":2: anonymous of [central] has to be true or false"]),
        ("[central]\nbackup-of = [1]\n", [":2: backup-of of [central] has to be a text, or a list of texts"]),
        ("[central]\nbackup-of = ['a']\n", [":2: backup-of of [central]: 'a' is not HOST:PORT"]),
        ("[central]\nlog-level = ['info']\n", [":2: log-level of [central] has to be a text"]),
        ("[common]\nlog-level = 'loud'\n", [":2: log-level of [common]: "]),
        ("[central]\ndata = 5\n", [":2: data of [central] has to be a text that names a file or folder"]),
        ("[central]\nadvertise = ''\n", [":2: advertise of [central] is empty"]),
        ("[central]\nhost = 1979-05-27\n", [":2: host of [central] has to be a text"]),
        ("[central]\nsecret = 5\n", [":2: secret of [central] has to be a text"]),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_with_its_place(text: str, sentences: list[str], tmp_path: Path) -> None:
    file = written(tmp_path, text, 0o600)
    for arguments in (["central"], ["config", "show"], ["config", "show", "central"]):
        code, output, errors = run(*arguments, "--config", str(file), OYEZ_USER="alice")
        assert (code, output) == (2, "")
        lines = errors.splitlines()
        assert len(lines) == len(sentences)
        for line, sentence in zip(lines, sentences, strict=True):
            assert line.startswith(f"oyez: {file}")
            assert sentence in line


def test_a_mistake_among_the_values_of_others_stops_nobody(tmp_path: Path) -> None:
    """But a name that nothing has does: it may have been meant for everybody."""
    file = written(tmp_path, "[central]\nport = 70000\n")
    assert run("simulate", "--config", str(file))[2].startswith("Usage: ")  # it has got as far as its own mistake
    assert run("config", "show", "--config", str(file))[0] == 2


def test_a_wrong_value_in_the_environment_is_one_sentence() -> None:
    code, output, errors = run("central", OYEZ_PORT="x")
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("oyez: OYEZ_PORT: ")


def test_a_file_that_is_not_there_is_told_if_it_was_named(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    sentence = f"oyez: {file}: cannot read the configuration: No such file or directory\n"
    assert run("status", "--config", str(file)) == (2, "", sentence)
    assert run("status", OYEZ_CONFIG=str(file)) == (2, "", sentence)
    file.write_bytes(b"\xff")
    assert run("status", "--config", str(file)) == (2, "", f"oyez: {file}: this is not UTF-8\n")


def test_help_is_there_whatever_the_file_is(tmp_path: Path) -> None:
    assert run("status", "--help", OYEZ_CONFIG=str(tmp_path / "none"))[0] == 0


def test_a_variable_that_nothing_reads_is_told() -> None:
    code, _, errors = run("config", "show", OYEZ_LIMT_LINKS="5")
    assert (code, errors) == (
        0,
        "oyez: OYEZ_LIMT_LINKS is the variable of no option, and nothing reads it; did you mean OYEZ_LIMIT_LINKS?\n",
    )


# Where it is


def test_the_users_file_goes_before_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {name: tmp_path / name for name in ("xdg", "home", "etc", "here")}
    monkeypatch.setenv("HOME", str(places["home"]))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv(CONFIG)
    monkeypatch.setattr(config_file, "SYSTEM", places["etc"])
    places["here"].mkdir()
    monkeypatch.chdir(places["here"])
    written(places["here"], "[common]\ncentral = 'evil.example:1'\n")
    assert config_file.search() is None, "not even one in the current folder"
    assert "configuration file: none" in run("config", "show")[1]
    expected = {"etc": places["etc"], "home": places["home"] / ".config" / "oyez", "xdg": places["xdg"] / "oyez"}
    for number, (name, folder) in enumerate(expected.items(), 1):
        folder.mkdir(parents=True)
        written(folder, f"[common]\nport = {number}\n")
        if name == "xdg":
            monkeypatch.setenv("XDG_CONFIG_HOME", str(places["xdg"]))
        assert config_file.search() == folder / "oyez.toml"
        assert called("central")["port"] == number
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative, which the rules forbid")
    assert config_file.search() == expected["home"] / "oyez.toml"


def test_a_link_to_nothing_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIG)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "oyez").mkdir()
    (tmp_path / "oyez" / "oyez.toml").symlink_to("gone")
    assert run("central")[0] == 2


def test_a_file_that_anybody_may_write_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "", 0o646)
    assert "anybody may write to this file (mode 646)" in run("status", "--config", str(file))[2]
    assert run("config", "show", "--config", os.devnull)[0] == 0


def test_the_nodes_of_up_read_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OYEZ_PORT", "5")
    monkeypatch.setenv("OYEZ_CONFIG", "/etc/oyez/oyez.toml")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("LANG", "C")
    inherited = up.environment()
    assert {name for name in inherited if name.startswith(("OYEZ_", "NOTIFY"))} == {"OYEZ_CONFIG"}
    assert (inherited["OYEZ_CONFIG"], inherited["LANG"]) == (os.devnull, "C")


# Secrets


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
@pytest.mark.parametrize("name", VARIABLES)
def test_a_secret_in_a_file_that_others_can_read_is_refused(mode: int, name: str, tmp_path: Path) -> None:
    file = written(tmp_path, f'[passwd]\n{name} = "{SECRET}"\n', mode)
    code, output, errors = run("status", "--config", str(file))
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith(f"oyez: {file}:2: {name}: a secret stands here")
    assert SECRET not in errors
    file.chmod(0o600)
    assert run("config", "show", "--config", str(file))[0] == 0


def secrets_of(*arguments: str) -> list[str | None]:
    """The cluster's and the user's, as `oyez passwd` gets them; none where it ends for the lack of the first."""
    seen: list[str | None] = []

    def passwd(_: object, context: typer.Context) -> None:
        seen.append(cluster_secret(context.params["secret_file"]))
        seen.append(given_user_secret(context.params["user_secret_file"]))

    with mock.patch.object(TyperCommand, "invoke", passwd):
        ROOT.main(["passwd", "alice", *arguments], standalone_mode=False)
    return seen


def test_the_secret_that_was_said_nearest_to_the_call_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flag", "variable", "table", "common"):
        (tmp_path / name).write_text(f"from the file of the {name}\n")
    both = '[common]\nsecret = "of all"\nuser-secret = "hers"\n[passwd]\nsecret-file = "table"\n'
    file = written(tmp_path, both, 0o600)
    monkeypatch.setenv(CONFIG, str(file))
    assert secrets_of() == ["from the file of the table", "hers"]
    file.write_text('[common]\nsecret-file = "common"\nuser-secret = "hers"\n[passwd]\nsecret = "its own"\n')
    assert secrets_of() == ["its own", "hers"]
    monkeypatch.setenv("OYEZ_SECRET_FILE", str(tmp_path / "variable"))
    monkeypatch.setenv("OYEZ_USER_SECRET", "of the variable")
    assert secrets_of() == ["from the file of the variable", "of the variable"]
    monkeypatch.delenv("OYEZ_SECRET_FILE")
    monkeypatch.setenv("OYEZ_SECRET", "of the environment")
    assert secrets_of()[0] == "of the environment"
    assert secrets_of("--secret-file", str(tmp_path / "flag"))[0] == "from the file of the flag"
    monkeypatch.delenv("OYEZ_SECRET")
    monkeypatch.setenv(CONFIG, os.devnull)
    assert secrets_of() == [], "nothing is left of the file of before"


def test_a_secret_and_its_file_in_one_place_are_a_mistake(tmp_path: Path) -> None:
    code, _, errors = run("drain", "s1", OYEZ_SECRET=SECRET, OYEZ_SECRET_FILE="/x")
    assert (code, errors) == (
        2,
        "oyez: OYEZ_SECRET and OYEZ_SECRET_FILE both say what the secret is: leave one out\n",
    )
    file = written(tmp_path, f'[common]\nsecret = "{SECRET}"\nsecret-file = "/x"\n', 0o600)
    for arguments in (["drain", "s1"], ["config", "show", "drain"]):
        code, _, errors = run(*arguments, "--config", str(file))
        assert (code, errors.count("\n")) == (2, 1)
        assert SECRET not in errors


@pytest.mark.parametrize("options", [[], ["--json"], ["--toml"]], ids=str)
@pytest.mark.parametrize("command", [[], ["passwd"]], ids=str)
def test_no_secret_is_shown(options: list[str], command: list[str], tmp_path: Path) -> None:
    file = written(
        tmp_path, "[common]\n" + "".join(f'{name} = "{SECRET}"\n' for name in ("secret", "user-secret")), 0o600
    )
    code, output, errors = run("config", "show", *command, *options, "--config", str(file), OYEZ_NEW_SECRET=SECRET)
    assert (code, errors) == (0, "")
    assert SECRET not in output
    if not options:
        rows = [line.split()[:2] for line in output.splitlines()]
        assert all([name, "(set)"] in rows for name in VARIABLES)
    if options == ["--json"]:
        settings = json.loads(output)["commands"]["passwd"]
        assert {name: (settings[name]["value"], settings[name]["from"]) for name in VARIABLES} == {
            "secret": (True, "file"),
            "user-secret": (True, "file"),
            "new-secret": (True, "environment"),
        }


def test_an_overruled_secret_is_shown_as_such(tmp_path: Path) -> None:
    file = ConfigFile(written(tmp_path, '[common]\nsecret = "s"\n', 0o600), KNOWN)
    shown = [found("drain", name, file, OYEZ_SECRET_FILE="/x") for name in ("secret", "secret-file")]
    assert [(one.shown, one.value) for one in shown] == [("(overruled)", False), ("/x", "/x")]


# oyez config show


def test_show_says_what_is_and_who_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, '[common]\nlog-level = "warning"\n[server]\nretention = "128MiB"\n')
    arguments = ["server", "--id", "s7", "--config", str(file)]
    code, output, _ = run("config", "show", *arguments, OYEZ_COPIES="3")
    rows = {words[0]: words[1:] for line in output.splitlines() if (words := re.split(r" {3,}", line.strip()))}
    assert code == 0
    assert rows["retention"] == ["128MiB", f"{file}:4: retention of [server]"]
    assert rows["log-level"] == ["warning", f"{file}:2: log-level of [common]"]
    assert rows["id"] == ["s7", "--id"]
    assert rows["copies"] == ["3", "OYEZ_COPIES"]
    assert rows["patience"] == ["30", "default"]
    assert rows["central"] == ["(required)", "default"]
    assert set(rows) >= set(COMMANDS["server"].settings)
    code, output, _ = run("config", "show", *arguments, "--json", OYEZ_COPIES="3")
    told = json.loads(output)
    assert (code, told["file"], list(told["commands"])) == (0, str(file), ["server"])
    assert told["commands"]["server"]["retention"] == {
        "value": 128 * 1024**2,
        "from": "file",
        "where": f"{file}:4: retention of [server]",
    }
    assert set(told["commands"]["server"]) == set(COMMANDS["server"].settings)


def test_show_of_all_says_what_is_not_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, '[common]\nlog-level = "warning"\nhost = "::1"\n[server]\npatience = 5\n')
    code, output, _ = run("config", "show", "--config", str(file))
    rows = [re.split(r" {3,}", line.strip()) for line in output.splitlines()]
    assert code == 0
    assert ["log-level", "warning", f"{file}:2: log-level of [common]", "all that have it"] in rows
    assert ["host", "::1", f"{file}:3: host of [common]", "all that have it"] in rows, "certs issue has another --host"
    assert ["patience", "5", f"{file}:5: patience of [server]", "server"] in rows
    assert len(rows) == 8  # these, two lines above, two below and an empty one
    assert set(json.loads(run("config", "show", "--json")[1])["commands"]) == set(COMMANDS)
    assert "everything is as it is by default" in run("config", "show")[1]


def test_show_names_a_command_that_there_is_not() -> None:
    code, _, errors = run("config", "show", "lst")
    assert code == 2
    assert "'lst'" in errors
    assert "user list" in errors


def test_the_template_has_every_setting_and_sets_none(tmp_path: Path) -> None:
    code, output, _ = run("config", "show", "--toml")
    assert code == 0
    parsed = tomllib.loads(output)
    assert all(parsed[table] == {} for table in ("common", "central", "server"))
    ConfigFile(written(tmp_path, output), KNOWN)  # its tables are those of commands
    offered: dict[str, set[str]] = {}
    table = ""
    for line in output.splitlines():
        table = line.strip("[]") if line.startswith("[") else table
        if line.startswith("#") and not line.startswith("# ") and len(line) > 1:
            offered.setdefault(table, set()).add(line[1:].partition(" = ")[0])
    for table, command in COMMANDS.items():
        shared = set() if table in APART else offered[COMMON]
        assert set(command.settings) <= offered.get(table, set()) | shared, table


def test_the_defaults_in_the_template_are_the_defaults(tmp_path: Path) -> None:
    """Each line that has one, without its #."""
    output = run("config", "show", "--toml")[1]
    metavars = {f'"{one.metavar}"' for command in COMMANDS.values() for one in command.params if one.metavar}
    lines = []
    for line in output.splitlines():
        value = line.partition(" = ")[2]
        is_setting = line.startswith("#") and not line.startswith("# ") and value
        if is_setting and value not in metavars and "…" not in value:
            line = line[1:]
        lines.append(line)
    text = "\n".join(lines)
    file = ConfigFile(written(tmp_path, text), KNOWN)
    set_by_it = 0
    for command in COMMANDS.values():
        before = {one.name: one for one in effective(command, None)}
        for one in effective(command, file):
            set_by_it += one.source == "file"
            expected = before[one.name]
            if expected.shown != "(required)":
                assert one.value == expected.value, (command.table, one)
    assert set_by_it > 60


# For real


def test_commands_find_the_network_in_the_file(network: Network, tmp_path: Path) -> None:
    text = f'[common]\ncentral = "{network.central}"\n[user.list]\nsecret = "{CLUSTER_SECRET}"\njson = true\n'
    variables = {"OYEZ_CONFIG": str(written(tmp_path, text, 0o600))}
    assert oyez("post", "hear ye", variables=variables).code == 0
    listed = oyez("user", "list", variables=variables)
    assert (listed.code, listed.errors) == (0, "")
    refused = oyez("drain", "s1", variables=variables)  # the secret is for another command
    assert (refused.code, refused.sentence.partition(":")[0]) == (1, "oyez")

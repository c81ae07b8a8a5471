"""The parts that commands are made of."""

import asyncio
import io
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
import typer
from hypothesis import given
from hypothesis import strategies as st

from oyez.cli import app, logs, options, printing, streams, up
from oyez.cli.conversation import Conversation
from oyez.cli.secrets import cluster_secret, new_user_secret, user_secret
from oyez.cli.tail import Announcer
from oyez.client.events import Connected, Disconnected, Gap, Moved
from oyez.core.server.server import Server
from oyez.protocol.messages import Address, Range

PATIENCE = 30.0

# Options


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("65536", 65536), ("64KiB", 65536), ("1 MiB", 1024**2), ("2GiB", 2 * 1024**3)],
)
def test_sizes(text: str, size: int) -> None:
    assert options.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MiB", "1MB", "1 M", "1KiBiB", "²"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        options.parse_size(text)


def test_the_data_folder_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert options.data_directory() == tmp_path / ".local" / "share" / "oyez"
    monkeypatch.setenv("XDG_DATA_HOME", "relative, which the rules forbid")
    assert options.data_directory() == tmp_path / ".local" / "share" / "oyez"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert options.data_directory() == tmp_path / "xdg" / "oyez"


def test_what_others_are_told_to_connect_to() -> None:
    assert options.reachable("127.0.0.1", None) == "127.0.0.1"
    assert options.reachable("0.0.0.0", "oyez.example.org") == "oyez.example.org"
    with pytest.raises(typer.BadParameter):
        options.reachable("0.0.0.0", None)


# What a gap looks like


def test_a_gap_is_told_by_tail_and_a_move_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    announcer = Announcer()
    for event in (
        Connected("s1"),
        Moved("s2"),
        Gap((Range("s1.7", 5, 9), Range("s2.4", 1, 1))),
        Gap((Range("s1.7", 10, 10),)),
        Disconnected("the link was lost"),
        Connected("s1"),
        Connected("s1"),
    ):
        announcer(event)
    output, errors = capsys.readouterr()
    assert output == ""
    assert [line.partition(":")[2].split(" ")[1:5] for line in errors.splitlines()] == [
        ["6", "activities", "were", "missed:"],
        ["1", "activity", "was", "missed:"],
        ["the", "link", "was", "lost;"],
        ["connected", "again,", "at", "server"],
    ]


class Words:
    """A `conversation.Screen` that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def activity(self, user: str, text: str) -> None:
        pass

    def info(self, text: str) -> None:
        self.told.append(text)

    async def secret(self, user: str, *, new: bool) -> str | None:
        return None


def test_a_conversation_tells_of_gaps_and_moves() -> None:
    screen = Words()
    conversation = Conversation(["127.0.0.1:1"], screen)
    conversation._happened(Moved("s2"))
    conversation._happened(Gap((Range("s1.7", 1, 3),)))
    assert [said.partition(":")[0] for said in screen.told] == ["moved to server s2", "3 activities were missed"]


class Started:
    """Takes the place of what a command would run."""

    def __init__(self) -> None:
        self.role: Server | None = None

    def node(self, make_role: Callable[[Address], Server], address: Address, **_: object) -> object:
        self.role = make_role(address)
        return self

    def run(self, *_: object) -> None:
        assert self.role is not None


def role_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Server:
    """The role that `oyez server` runs with these arguments."""
    started = Started()
    monkeypatch.setenv("OYEZ_SECRET", "a secret")
    monkeypatch.setattr("oyez.net.node.Node", started.node)
    monkeypatch.setattr("oyez.cli.nodes.run", started.run)
    monkeypatch.setattr("oyez.cli.logs.configure", lambda *_, **__: None)
    typer.main.get_command(app).main(["server", "--central", "127.0.0.1:3780", *arguments], standalone_mode=False)
    assert started.role is not None
    return started.role


def test_a_server_is_given_its_copies_and_its_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    role = role_of(monkeypatch)
    assert (role.broadcast.copies.wanted, role.merged.retention, role.broadcast.age) == (2, 64 * 1024**2, None)
    role = role_of(monkeypatch, "--copies", "3", "--retention", "1MiB", "--retention-age", "600")
    assert (role.broadcast.copies.wanted, role.merged.retention, role.broadcast.age) == (3, 1024**2, 600.0)


def test_up_gives_its_servers_what_it_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert up._server_options(2, 64 * 1024**2, None) == ["--copies", "2", "--retention", "67108864"]
    options = up._server_options(3, 5, 2.5)
    assert options == ["--copies", "3", "--retention", "5", "--retention-age", "2.5"]
    network = up.LocalNetwork(
        {"c1": (1, tmp_path)}, 1, tmp_path, "s", up._Logs(logs.Format.JSON, logs.Level.INFO), options
    )
    arguments = network._server_arguments("s1")
    role = role_of(monkeypatch, *arguments[1:])
    assert (role.broadcast.copies.wanted, role.merged.retention, role.broadcast.age) == (3, 5, 2.5)


@pytest.mark.parametrize(("processors", "servers"), [(1, 2), (2, 2), (5, 5), (500, 64)])
def test_up_starts_a_server_for_each_processor(monkeypatch: pytest.MonkeyPatch, processors: int, servers: int) -> None:
    monkeypatch.setattr(up, "processors", lambda: processors)
    assert up.parse_servers("auto") == servers
    assert up.parse_servers("3") == 3


# Secrets


def test_a_secret_file_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OYEZ_SECRET", "of the environment")
    assert cluster_secret(None) == "of the environment"
    file = tmp_path / "secret"
    for end in ("", "\n", "\r\n"):
        file.write_text(f" with blanks {end}", newline="")
        assert cluster_secret(file) == " with blanks "


def test_up_keeps_a_secret_for_its_owner_alone_and_finds_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    secret = up._kept_secret(folder)
    assert len(secret) == 43, "32 random bytes"
    assert up._kept_secret(folder) == secret
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert up._kept_secret(tmp_path / "other") != secret


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_up_refuses_a_secret_that_others_may_read_or_write(
    tmp_path: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = up._kept_secret(tmp_path)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(typer.Exit):
        up._kept_secret(tmp_path)
    said = capsys.readouterr().err
    assert f"(mode {mode:o})" in said
    assert "chmod 600" in said
    assert secret not in said
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == mode, "whether somebody has read it, the owner knows"


def test_a_new_secret_has_a_variable_and_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OYEZ_USER_SECRET", "the present one")
    monkeypatch.setenv("OYEZ_NEW_SECRET", "the new one")
    assert user_secret("alice", None) == "the present one"
    assert new_user_secret("alice", None) == "the new one"
    (tmp_path / "new").write_text("of the file\n")
    assert new_user_secret("alice", tmp_path / "new") == "of the file"


def test_what_is_not_utf_8_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A message could not hold it."""
    monkeypatch.setenv("OYEZ_SECRET", os.fsdecode(b"caf\xe9"))
    with pytest.raises(typer.Exit):
        cluster_secret(None)
    assert capsys.readouterr().err == "oyez: the secret in OYEZ_SECRET is not UTF-8\n"
    assert options.parse_user("café") == "café"
    with pytest.raises(ValueError, match="UTF-8"):
        options.parse_user(os.fsdecode(b"caf\xe9"))


def test_anonymous_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OYEZ_USER_SECRET", "unused")
    assert user_secret("anonymous", None) is None
    assert user_secret("alice", None) == "unused"


# Printing


@given(st.text())
def test_nothing_that_is_printed_steers_a_terminal(text: str) -> None:
    shown = printing.printable(text)
    assert len(shown) == len(text)
    assert all(char.isprintable() or char == "\u200d" for char in shown)


def test_what_people_write_stays() -> None:
    assert printing.printable("Grüße 👩‍🚀 [bold]") == "Grüße 👩‍🚀 [bold]"
    assert printing.printable("\x1b[31m\u202ered\n") == "·[31m·red·"


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["[red]a\x1b", 1, 12.34], ["b", 1234, 123456.7]]
    printing.table("Title", ["name", "count", "rate"], rows, caption="the end")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Title"
    assert lines[1].split() == ["name", "count", "rate"]
    assert [line.split() for line in lines[3:5]] == [["[red]a·", "1", "12.3"], ["b", "1234", "123,457"]]
    assert lines[5] == "the end"


@pytest.mark.parametrize(("count", "said"), [(0, "0 sessions"), (1, "1 session"), (2, "2 sessions")])
def test_one_is_not_several(count: int, said: str) -> None:
    assert printing.counted(count, "session") == said


# Streams


async def test_lines_of_a_pipe_come_as_they_are_written() -> None:
    reader, writer = os.pipe()
    try:
        found = streams.lines(reader)
        os.write(writer, b"one\ntw")
        assert await anext(found) == b"one"
        asyncio.get_running_loop().call_later(0.01, os.write, writer, b"o\r\n\nthe rest")
        assert await anext(found) == b"two"
        os.close(writer)
        assert [line async for line in found] == [b"", b"the rest"]
    finally:
        os.close(reader)


async def test_lines_of_a_file_and_of_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"".join(b"%d\n" % number for number in range(50_000)))
    with file.open("rb") as opened:
        assert [int(line) async for line in streams.lines(opened.fileno())] == list(range(50_000))
    with Path(os.devnull).open("rb") as nothing:
        assert [line async for line in streams.lines(nothing.fileno())] == []


async def test_a_full_pipe_holds_up_the_writer_and_nobody_else() -> None:
    reader, writer = os.pipe()
    data = bytes(range(256)) * 4096
    try:
        writing = asyncio.create_task(streams.write(data, writer))
        read = b""
        while len(read) < len(data):
            read += await asyncio.to_thread(os.read, reader, 10_000)
        await writing
        assert read == data
    finally:
        os.close(reader)
        os.close(writer)


async def test_a_reader_that_has_gone_is_a_broken_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with pytest.raises(BrokenPipeError):
            await streams.write(b"anybody?", writer)
    finally:
        os.close(writer)


# Logs


@pytest.fixture(autouse=True)
def own_logs() -> object:
    """What a test configures is not left behind."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logged(monkeypatch: pytest.MonkeyPatch, format: logs.Format, level: logs.Level = logs.Level.INFO) -> str:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    logs.configure(format, level, node="s1")
    logs.report("ready", {"address": "127.0.0.1:1"})
    logs.report("session_opened", {"username": "alice"})
    logs.report("server_lost", {"server": "s2"})
    try:
        raise ZeroDivisionError("our own bug")
    except ZeroDivisionError:
        structlog.get_logger().critical("node_failed", exc_info=True)
    return out.getvalue()


@pytest.mark.parametrize("format", [logs.Format.AUTO, logs.Format.JSON])
def test_json_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch, format: logs.Format) -> None:
    entries = [json.loads(line) for line in logged(monkeypatch, format).splitlines()]
    assert [(entry["event"], entry["level"], entry["node"]) for entry in entries] == [
        ("ready", "info", "s1"),
        ("server_lost", "warning", "s1"),
        ("node_failed", "critical", "s1"),
    ]
    assert entries[0]["address"] == "127.0.0.1:1"
    assert "ZeroDivisionError: our own bug" in entries[-1]["exception"]


def test_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    text = logged(monkeypatch, logs.Format.HUMAN)
    assert "ready" in text
    assert "address=127.0.0.1:1" in text
    assert "ZeroDivisionError: our own bug" in text
    assert "\x1b" not in text


def test_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "session_opened" in logged(monkeypatch, logs.Format.JSON, logs.Level.DEBUG)
    assert "ready" not in logged(monkeypatch, logs.Format.JSON, logs.Level.WARNING)


def test_a_log_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    logs.configure(logs.Format.JSON, logs.Level.INFO, node="s1")
    logs.report("ready", {})


def test_a_log_whose_reader_sleeps_skips_lines_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as asleep, os.fdopen(writer, "w") as err:
        monkeypatch.setattr(sys, "stderr", err)
        logs.configure(logs.Format.JSON, logs.Level.INFO, node="s1")
        for number in range(1000):
            logs.report("ready", {"number": number, "text": "x" * 500})  # far more than a pipe holds
        written = [json.loads(line) for line in asleep.read(1 << 20).splitlines()]
        logs.report("ready", {"number": 1000})
        after = [json.loads(line) for line in asleep.read(1 << 20).splitlines()]
    assert [entry["number"] for entry in written] == list(range(len(written)))
    assert after[0]["number"] == 1000
    assert after[1]["event"] == "log_lines_skipped"
    assert after[1]["count"] == 1000 - len(written) > 0

"""docs/operations.md names every event that a node logs, and no other; the figures and limits on it are the code's."""

import ast
from collections.abc import Iterator

from oyez import host
from oyez.cli import nodes
from oyez.core import timing
from oyez.core.central import accounts, replication
from oyez.net import expiry
from tests.docs.markdown import DOCS, ROOT, read, sections

SOURCE = ROOT / "src" / "oyez"
PAGE = read(DOCS / "operations.md")

OF_NODES = ("core", "net", "cli", "host")
NOT_OF_NODES = {SOURCE / "core" / "client" / "client.py"}
"""What the client role reports goes to the program that uses it, into no node's log."""

LOGGING = {"Report", "report", "_report", "warning", "critical"}


def events() -> Iterator[str]:
    """The name of everything that is reported or logged, as it stands in the code."""
    for place in OF_NODES:
        path = SOURCE / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            if file in NOT_OF_NODES:
                continue
            for call in [node for node in ast.walk(ast.parse(read(file))) if isinstance(node, ast.Call)]:
                name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                if name in LOGGING and call.args and isinstance(call.args[0], ast.Constant):
                    yield str(call.args[0].value)


def table() -> list[list[str]]:
    [section] = [section for section in sections(PAGE) if section.title == "What the log says"]
    [[heading, *rows]] = section.tables
    assert heading == ["event", "who", "says", "what to do"]
    return rows


def test_the_table_of_events_is_the_codes() -> None:
    names = [row[0].strip("`") for row in table()]
    assert sorted(names) == sorted(set(events()))


def test_each_event_is_explained() -> None:
    assert [row for row in table() if not all(row)] == []


def test_the_figures_are_the_codes() -> None:
    text = " ".join(PAGE.split())
    assert f"after {timing.SUSPICION:g} s of silence" in text
    assert f"within {timing.SUSPICION:g} s of each other" in text
    assert f"after {replication.STALLED:g} s without progress" in text
    assert f"else after {replication.GRACE:g} s" in text
    assert f"for {accounts.OPEN / 60:g} minutes" in text
    assert f"for {nodes.REMIND:g} s or more" in text
    assert f"ends within {expiry.NOTICE.days} days" in text
    assert f"From {expiry.NOTICE.days} days before the end" in text
    assert f"while {host.OUTBOX // 1024**2} MiB were waiting" in text

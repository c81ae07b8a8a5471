"""What docs/tutorial.md has its reader do, in order: files to write, commands to run, and what they are to see.

Knows how that page is written, and nothing of how its commands are run. Above what a test does not run, the page says
`<!-- not run: why -->`; above a command that goes on to the end of the page, `<!-- runs on -->`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

READER = "you"
"""The computer of who reads the page; the others have one letter."""

_BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_PROMPT = re.compile(r"(?:\$|(?P<machine>[abc])#) (?P<command>.*)")
_FILE = re.compile(r"# (?P<path>\S+) on (?P<machine>[abc])\n|# (?P<own>~\S+)\n")
_ASKED = ("Secret for ", "The same again:")
_IDS = [(r"\bc-[0-9a-f]{8}\b", "c-ID"), (r"\bs\d\.\d+-\d+\b", "ID")]


@dataclass
class File:
    """To be written, on this machine."""

    machine: str
    path: str
    text: str


@dataclass
class Command:
    """To be run, on this machine; `expected` are the lines that it shows."""

    machine: str
    text: str
    expected: list[str]
    runs_on: bool = False


def steps(page: str) -> Iterator[File | Command]:
    """All that is run; ValueError for a block that is none of these."""
    for block in _BLOCK.finditer(page):
        mark, body = block["mark"] or "", block["body"]
        if mark.startswith("not run: "):
            continue
        if mark not in ("", "runs on"):
            raise ValueError(f"what does {mark!r} mean?")
        if block["kind"] == "toml":
            found = _FILE.match(body)
            if not found:
                raise ValueError(f"it does not say which file this is:\n{body}")
            yield File(found["machine"] or READER, found["path"] or found["own"], body)
        elif block["kind"] == "console":
            yield from _commands(body, runs_on=mark == "runs on")
        else:
            raise ValueError(f"what is a block of {block['kind']!r}?")


def _commands(body: str, *, runs_on: bool) -> Iterator[Command]:
    command: Command | None = None
    for line in body.splitlines():
        prompt = _PROMPT.fullmatch(line)
        if prompt:
            if command:
                yield command
            command = Command(prompt["machine"] or READER, prompt["command"], [], runs_on)
        elif command is None:
            raise ValueError(f"whose output is {line!r}?")
        else:
            command.expected.append(line)
    if command:
        yield command


def lacking(expected: list[str], output: str) -> list[str]:
    """The expected lines that the output does not have, loosely: ids, spaces, rules and the order of lines may differ.

    `…` stands for anything. Prompts for secrets are left out: where no terminal is, nothing is asked.
    """
    said = [_plain(line) for line in output.splitlines()]
    return [
        line
        for line in expected
        if line.strip("…─ ") and not line.startswith(_ASKED) and not any(_fits(line, other) for other in said)
    ]


def _plain(line: str) -> str:
    for pattern, name in _IDS:
        line = re.sub(pattern, name, line)
    return " ".join(line.split())


def _fits(line: str, said: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in _plain(line).split("…")), said) is not None

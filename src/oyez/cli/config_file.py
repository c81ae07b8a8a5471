"""The one configuration file: where it is looked for, and what it says to each command (ADR 13).

Guarantees: whatever is wrong with a file is one sentence, which begins with the file and, where that can be told, the
line; no sentence has a value that could be a secret. Must not know: what an option does.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from oyez.cli.secrets import VARIABLES, open_to_others
from oyez.cli.settings import APART, COMMON, Kind

NAME = "oyez.toml"
SYSTEM = Path("/etc/oyez")

Tables: TypeAlias = Mapping[str, frozenset[str]]
"""The names that each command's table may have."""


class Mistakes(ValueError):
    """What is wrong with a file; `sentences` are all that could be found at once."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class Entry:
    """One line of the file."""

    value: object
    table: str
    where: str
    """The file, the line, and the key, for a person."""


def search() -> Path | None:
    """The file of this user, or else that of this machine: the first that there is. The current folder is none of
    these places: whoever can put a file there could say where secrets are sent."""
    for folder in (user_folder(), SYSTEM):
        if folder is not None and os.path.lexists(file := folder / NAME):
            return file  # one that can't be read is an error, not a reason to go on without
    return None


def user_folder() -> Path | None:
    """$XDG_CONFIG_HOME/oyez, or ~/.config/oyez; None for a user without a home."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "oyez"
    except RuntimeError:
        return None


class ConfigFile:
    """What one file says. Raises Mistakes where it can't be read, or has a name that nothing has."""

    def __init__(self, path: Path, known: Tables) -> None:
        import tomllib

        self.path = path
        self._text = _read(path)
        try:
            said = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise Mistakes(_unreadable(path, str(error))) from error
        mistakes: list[str] = []
        self._tables = dict(self._flat(said, known, mistakes))
        for table, entries in self._tables.items():
            mistakes += [self._unknown(table, name, known) for name in entries if name not in _names(table, known)]
        mistakes += self._exposed()
        if mistakes:
            raise Mistakes(*mistakes)

    def entries(self, table: str) -> dict[str, Entry]:
        """What it says to the command with this table, by name: there, or else in the common one."""
        return {
            name: Entry(value, source, self._where(source, name))
            for source in ((COMMON, table) if table not in APART else (table,))
            for name, value in self._tables.get(source, {}).items()
        }

    def _flat(
        self, said: Mapping[str, object], known: Tables, mistakes: list[str], path: str = ""
    ) -> "Iterator[tuple[str, dict[str, object]]]":
        """Each table that some command may have, whole."""
        for name, below in said.items():
            table = f"{path}.{name}" if path else name
            if not isinstance(below, dict):
                mistakes.append(
                    f"{self._place(path, name)} stands in no table of a command: put it under [{COMMON}], or under"
                    " that of the command"
                )
            elif table == COMMON or table in known:
                yield table, below
            elif any(other.startswith(f"{table}.") for other in known):
                yield from self._flat(below, known, mistakes, table)
            else:
                mistakes.append(
                    f"{self._place(table)} is the table of no command{_nearest(table, [COMMON, *known], '[{}]')}"
                )

    def _unknown(self, table: str, name: str, known: Tables) -> str:
        elsewhere = ", ".join(f"[{other}]" for other in known if name in known[other])
        near = f": it belongs under {elsewhere}" if elsewhere else _nearest(name, _names(table, known), "{}")
        what = "no command has such an option" if table == COMMON else f"oyez {table.replace('.', ' ')} has none such"
        return f"{self._place(table, name)}: {what}{near}"

    def _exposed(self) -> list[str]:
        """Nobody but its owner may read a file that has a secret."""
        names = [(table, name) for table, entries in self._tables.items() for name in entries if name in VARIABLES]
        if not names or (mode := open_to_others(self.path)) is None:
            return []
        return [
            f"{self._place(*names[0])}: a secret stands here, and others may read or write the file (mode {mode:o}):"
            f" chmod 600 {self.path}, and take another secret if somebody may have read it; or name a file of its own"
            f" with {names[0][1]}-file"
        ]

    def _where(self, table: str, name: str) -> str:
        return f"{self._place(table, name)} of [{table}]"

    def _place(self, table: str, name: str = "") -> str:
        line = _line_of(self._text, table, name)
        number = f":{line}" if line else ""
        return f"{self.path}{number}: {name or f'[{table}]'}"


def as_typed(entry: Entry, kind: Kind, folder: Path) -> str | list[str]:
    """The value, as somebody would type it behind the flag. Raises Mistakes. A path is one from the file's `folder`."""
    value = entry.value
    texts = value if kind is Kind.TEXTS and isinstance(value, list) else [value]
    allowed: dict[Kind, tuple[type, ...]] = {
        Kind.TRUTH: (bool,),
        Kind.WHOLE: (int,),
        Kind.NUMBER: (int, float),
        Kind.SIZE: (int, str),
        Kind.COUNT: (int, str),
    }
    for text in texts:
        if not isinstance(text, allowed.get(kind, (str,))) or (isinstance(text, bool) and kind is not Kind.TRUTH):
            raise Mistakes(f"{entry.where} has to be {kind.value}")
        if text == "":
            raise Mistakes(f"{entry.where} is empty: leave the line out, and it is as if nobody had said anything")
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind is Kind.FILE:
        return str(folder / Path(str(value)).expanduser())
    return [str(text) for text in texts] if isinstance(value, list) else str(value)


def _names(table: str, known: Tables) -> frozenset[str]:
    if table == COMMON:
        return frozenset().union(*[names for other, names in known.items() if other not in APART])
    return known[table]


def _read(path: Path) -> str:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o002:
            raise Mistakes(
                f"{path}: anybody may write to this file (mode {status.st_mode & 0o777:o}): chmod o-w {path}"
            )
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise Mistakes(f"{path}: this is not UTF-8") from error
    except OSError as error:
        raise Mistakes(f"{path}: cannot read the configuration: {error.strerror}") from error


def _unreadable(path: Path, why: str) -> str:
    """In our words where it is a name given twice."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", why, re.DOTALL)
    what, line = (found[1], found[2]) if found else (why, None)
    if what.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot redefine")):
        what = "this name stands in the file twice"
    return f"{path}{f':{line}' if line else ''}: {what[:1].lower()}{what[1:]}"


def _nearest(name: str, names: "frozenset[str] | list[str]", how: str) -> str:
    """What was probably meant."""
    import difflib

    near = difflib.get_close_matches(name.lower().replace("_", "-"), sorted(names), n=1)
    return f"; did you mean {how.format(near[0])}?" if near else ""


def _line_of(text: str, table: str, name: str) -> int:
    """Where a key stands (or, without a name, its table), from 1; 0 where that can't be told.

    It is for people: a key that is written in an unusual way is not found.
    """
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line)
        if header:
            current = ".".join(part.strip().strip("\"'") for part in header[1].split("."))
            if current == table and not name:
                return number
        elif name and current == table and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return 0

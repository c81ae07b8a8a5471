"""What a command's settings are now, and where each is from; and a file that says how they are by themselves.

Guarantees: no secret is in what it returns. Must not know: how it is shown.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from oyez.cli.config_file import Mistakes
from oyez.cli.configured import NOBODY, Configured, entries_of
from oyez.cli.options import UNITS, Centrals
from oyez.cli.settings import APART, COMMON, Kind, Setting, kinds_of

if TYPE_CHECKING:
    from oyez.cli.config_file import ConfigFile

WIDTH = 100
"""Columns of a comment."""

HEAD = f"""\
Configuration of Oyez. A line without its # sets something; as it is, this file sets nothing.

Each setting has one name: --limit-links is OYEZ_LIMIT_LINKS and limit-links. A flag goes before the
environment, that before this file, in which the table of a command goes before [{COMMON}], which is
for all of them. What is under [{COMMON}] here may stand in the table of any command that has it.
Names of files are taken from this file's folder.

With a secret in it nobody but its owner may read this file (chmod 600)."""


@dataclass(frozen=True)
class Effective:
    """A setting of one command, as it is now."""

    name: str
    value: object
    """As JSON has it; None where it is left to the command. Of a secret: is there one?"""
    shown: str
    source: str
    """"flag", "environment", "file" or "default"."""
    where: str
    """The flag, the variable or the place in the file."""


SOURCES = {0: "flag", 1: "environment", 2: "file", 3: "file", NOBODY: "default"}


def effective(command: Configured, file: "ConfigFile | None", arguments: Sequence[str] = ()) -> list[Effective]:
    """Its settings if it were called with these arguments. Raises Mistakes, or a usage error of the arguments."""
    context: Any = typer.Context(command, info_name=f"oyez {command.table}".replace(".", " "))
    if file is not None:
        command.take(context, file)
    typed = command.make_parser(context).parse_args(args=list(arguments))[0]
    found = []
    mistakes: list[str] = []
    for setting in command.settings.values():
        try:
            found.append(_secret(command, context, setting) or _option(command, context, setting, typed))
        except Mistakes as error:
            mistakes += error.sentences
    if mistakes:
        raise Mistakes(*mistakes)
    return _without_the_overruled(command, context, found)


def _option(command: Configured, context: Any, setting: Setting, typed: Mapping[str, Any]) -> Effective:
    option: Any = setting.option
    value, source = option.consume_value(context, typed)
    context.set_parameter_source(option.name, source)
    rank = command.rank(context, option)
    where = command.where(context, option) or (f"--{setting.name}" if rank == 0 else "")
    try:
        value = option.process_value(context, value)
    except typer.BadParameter as error:
        if rank == NOBODY:  # a required one that is missing
            return Effective(setting.name, None, "(required)", SOURCES[rank], "")
        raise Mistakes(f"{where}: {error.message}") from error
    return Effective(setting.name, as_data(value), shown(option, value), SOURCES[rank], where)


def _secret(command: Configured, context: Any, setting: Setting) -> Effective | None:
    if not setting.secret:
        return None
    rank = command.rank_of_secret(context, setting.name)
    if rank == NOBODY:
        return Effective(setting.name, False, "(not set)", SOURCES[rank], "")
    where = setting.variable if rank == 1 else entries_of(context)[setting.name].where
    return Effective(setting.name, True, "(set)", SOURCES[rank], where)


def _without_the_overruled(command: Configured, context: Any, found: list[Effective]) -> list[Effective]:
    """Of a secret and the file that holds it, the one that counts."""
    for name in [name for name, one in command.settings.items() if one.secret]:
        file = command.settings[f"{name}-file"].option
        secret, holder = command.rank_of_secret(context, name), command.rank(context, file)
        if secret == holder != NOBODY:
            raise Mistakes(f"{name} and {name}-file are both given in the same place: leave one out")
        overruled = f"{name}-file" if secret < holder else name if holder < secret else ""
        found = [
            Effective(one.name, None if one.name != name else False, "(overruled)", one.source, one.where)
            if one.name == overruled and one.source != "default"
            else one
            for one in found
        ]
    return found


def as_data(value: Any) -> Any:
    """As JSON has it: a size in bytes, addresses as texts."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Centrals):
        return value.texts
    if isinstance(value, list | tuple):
        flat = [as_data(one) for one in value]
        return [text for one in flat for text in (one if isinstance(one, list) else [one])] or None
    return value


def shown(option: Any, value: Any) -> str:
    """For people: as they would type it; in brackets what happens where nobody says anything."""
    data = as_data(value)
    if data is None:
        return f"({option.show_default if isinstance(option.show_default, str) else 'none'})"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, int) and option.metavar == "BYTES" and data:
        return next(f"{data // size}{unit}" for unit, size in reversed(UNITS.items()) if data % size == 0)
    return (
        ", ".join(map(str, data)) if isinstance(data, list) else f"{data:g}" if isinstance(data, float) else str(data)
    )


def template(commands: Mapping[str, Configured]) -> Iterator[str]:
    """The lines of a file that has every setting of these commands, with its default, and sets none."""
    yield from (f"# {line}".rstrip() for line in HEAD.splitlines())
    lines = {table: _lines(command) for table, command in commands.items()}
    common = _common([one for table, one in lines.items() if table not in APART])
    yield from _table(COMMON, common.values())
    for table, own in lines.items():
        yield from _table(table, [line for name, line in own.items() if table in APART or name not in common])


def _lines(command: Configured) -> "dict[str, _Line]":
    kinds = kinds_of(command)
    return {name: _Line(one, kinds[name]) for name, one in command.settings.items()}


def _common(commands: "list[dict[str, _Line]]") -> "dict[str, _Line]":
    """What several commands have, with the same default, in the words of most of them."""
    found = {}
    for name in dict.fromkeys(name for lines in commands for name in lines):
        having = [lines[name] for lines in commands if name in lines]
        if len(having) > 1 and len({line.default for line in having} - {None}) <= 1:
            texts = Counter(line.text for line in having if line.default or not any(one.default for one in having))
            [(most, _)] = texts.most_common(1)
            found[name] = next(line for line in having if line.text == most)
    return found


@dataclass(frozen=True)
class _Line:
    """A setting in such a file."""

    setting: Setting
    kind: Kind

    @property
    def default(self) -> str | None:
        """As the file has it; None where the command decides."""
        return None if self.setting.option is None else _toml(self.setting.option.default)

    @property
    def text(self) -> str:
        """The comment, and the line that is commented out."""
        option: Any = self.setting.option
        if option is None:
            help, value = f"In place of {self.setting.name}-file: the secret itself.", '"…"'
        elif self.default is not None:
            help, value = option.help, self.default
        else:
            help = option.help
            if isinstance(option.show_default, str):
                help += f" Unless this is set: {option.show_default}."
            value = "…" if self.kind in (Kind.TRUTH, Kind.WHOLE, Kind.NUMBER) else f'"{option.metavar or "…"}"'
        comment = textwrap.wrap(help, WIDTH, initial_indent="# ", subsequent_indent="# ")
        return "\n".join([*comment, f"#{self.setting.name} = {value}"])


def _toml(default: Any) -> str | None:
    data = as_data(default)
    if data is None or isinstance(data, list):
        return None
    if isinstance(data, bool):
        return "true" if data else "false"
    return f"{data:g}" if isinstance(data, float) else str(data) if isinstance(data, int) else f'"{data}"'


def _table(table: str, lines: "Iterable[_Line]") -> Iterator[str]:
    blocks = [line.text for line in lines]
    if blocks:
        yield from ("", f"[{table}]")
    for block in blocks:
        yield from ("", *block.splitlines())

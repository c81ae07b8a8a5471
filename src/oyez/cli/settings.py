"""What can be set, and its three names: a flag, an environment variable, a key in the file (ADR 13).

A setting is an option, or a secret, which has no flag. One rule makes all names: `--limit-links` is OYEZ_LIMIT_LINKS
and `limit-links`, whichever command has it. Must not know: where files are, what a command does.
"""

import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any

from oyez.cli.options import Centrals
from oyez.cli.secrets import VARIABLES

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperOption

COMMON = "common"
"""The table of the file that is for every command."""

FLAGS_ALONE = frozenset({"help", "config", "yes", "new-key"})
"""Options that are flags and nothing else: what somebody agrees to is agreed to for one call, not once for all."""

APART = frozenset({"certs.issue", "simulate"})
"""Commands whose words are their own (`--host` of a certificate, `--servers` of a simulation): their variables have the
command's name in front, and the common table is not for them."""


class Kind(Enum):
    """What may stand behind a key of the file; the value is how a person is told."""

    TRUTH = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    SIZE = "a whole number, or a text such as 64MiB"
    COUNT = "a whole number or a text"
    TEXT = "a text"
    FILE = "a text that names a file or folder"
    TEXTS = "a text, or a list of texts"


@dataclass(frozen=True)
class Setting:
    """One, of one command. `option` is None for a secret."""

    name: str
    """The flag without its dashes; the key."""
    variable: str
    option: "TyperOption | None" = None

    @property
    def secret(self) -> bool:
        """Is its value never to be shown?"""
        return self.option is None


def name_of(option: "TyperOption") -> str:
    """Of several flags for one option, the longest."""
    return max(option.opts, key=len).lstrip("-")


def variable_of(table: str, name: str) -> str:
    """The environment variable for an option of the command with this table."""
    words = f"{table}.{name}" if table in APART else name
    return "OYEZ_" + words.replace(".", "_").replace("-", "_").upper()


def options_of(command: "TyperCommand") -> "Iterator[TyperOption]":
    """Those that have all three names."""
    for parameter in command.params:
        option = typing.cast("TyperOption", parameter)
        if parameter.param_type_name == "option" and not option.hidden and name_of(option) not in FLAGS_ALONE:
            yield option


def settings_of(command: "TyperCommand", table: str) -> dict[str, Setting]:
    """By name. Whatever can be told a file that has a secret can be told the secret: `secret-file`, `secret`."""
    found = {}
    for option in options_of(command):
        name = name_of(option)
        found[name] = Setting(name, variable_of(table, name), option)
        secret = name.removesuffix("-file")
        if secret in VARIABLES:
            found[secret] = Setting(secret, VARIABLES[secret])
    return found


def tables_of(command: "TyperCommand", path: str = "") -> "Iterator[tuple[str, TyperCommand]]":
    """Each command below this one, with its table: `user list` has `user.list`."""
    for name, below in getattr(command, "commands", {}).items():
        table = f"{path}.{name}" if path else name
        if hasattr(below, "commands"):
            yield from tables_of(below, table)
        else:
            yield table, below


def kinds_of(command: "TyperCommand") -> Mapping[str, Kind]:
    """What each of its settings may be in the file, by name, from the annotations of the command's function."""
    assert command.callback is not None
    hints = typing.get_type_hints(inspect.unwrap(command.callback), include_extras=True)
    kinds = {name_of(option): _kind(hints[str(option.name)]) for option in options_of(command)}
    return dict.fromkeys(VARIABLES, Kind.TEXT) | kinds


def _kind(annotation: Any) -> Kind:
    info: Any = None
    if typing.get_origin(annotation) is Annotated:
        info = annotation.__metadata__[-1]
        annotation = annotation.__origin__
    if isinstance(annotation, UnionType):
        [annotation] = [one for one in annotation.__args__ if one is not NoneType]
    if annotation is Centrals or typing.get_origin(annotation) is list:
        return Kind.TEXTS
    if annotation is int and info is not None and info.parser is not None:
        return Kind.SIZE if info.metavar == "BYTES" else Kind.COUNT
    kinds = {bool: Kind.TRUTH, int: Kind.WHOLE, float: Kind.NUMBER, Path: Kind.FILE}
    return kinds.get(annotation, Kind.TEXT)

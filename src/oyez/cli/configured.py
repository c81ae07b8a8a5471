"""Commands whose settings come from flags, the environment and a file, in this order (ADR 13).

Guarantees: what was said in a wrong way is one sentence that begins with where it was said, and exit code 2. Must not
know: what the options are.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from oyez.cli import secrets
from oyez.cli.failing import fail
from oyez.cli.settings import Setting, kinds_of, settings_of, tables_of

if TYPE_CHECKING:
    from typer.core import TyperOption

    from oyez.cli.config_file import ConfigFile, Entry

CONFIG = "OYEZ_CONFIG"
NOBODY = 9
"""Rank of what nobody has said; a flag's is 0."""

_ENTRIES, _SECRETS = "oyez.entries", "oyez.secrets"


class Configured(TyperCommand):
    """A command; each of its options gets its variable and its key in the file, each of its switches its opposite."""

    group = ""
    """Of commands that are below another one: its name."""

    def __init__(self, name: str | None, **rest: Any) -> None:
        super().__init__(name, **rest)
        self.table = f"{self.group}.{name}" if self.group else str(name)
        self.settings: Mapping[str, Setting] = settings_of(self, self.table)
        for setting in self.settings.values():
            if setting.option is not None:
                setting.option.envvar = setting.variable
                if setting.option.is_flag and not setting.option.secondary_opts:
                    setting.option.secondary_opts = [f"--no-{setting.name}"]
        if self.settings:
            self.params = [*self.params, _config_option()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As click does it; a value that is wrong where nobody typed it is told by the place where it stands."""
        try:
            rest = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            where = self.where(ctx, error.param)
            if where is None:
                raise
            raise fail(f"{where}: {error.message}", 2) from error
        if not ctx.resilient_parsing:
            self._choose_secrets(ctx)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """As click does it; the secrets of the file are at hand meanwhile."""
        with secrets.configured(ctx.meta.get(_SECRETS, {})):
            return super().invoke(ctx)

    def take(self, ctx: Any, file: "ConfigFile") -> None:
        """What the file says becomes the defaults of this call. Raises Mistakes."""
        from oyez.cli.config_file import as_typed

        entries = {name: entry for name, entry in file.entries(self.table).items() if name in self.settings}
        kinds = kinds_of(self) if entries else {}
        ctx.default_map, found = {}, {}
        for name, entry in entries.items():
            setting, text = self.settings[name], as_typed(entry, kinds[name], file.path.parent)
            if setting.option is None:
                found[setting.variable] = secrets.Configured(str(text), entry.where)
            elif setting.option.multiple:
                ctx.default_map[setting.option.name] = [text] if isinstance(text, str) else text
            else:
                ctx.default_map[setting.option.name] = text if isinstance(text, str) else ",".join(text)
        ctx.meta[_ENTRIES], ctx.meta[_SECRETS] = entries, found

    def where(self, ctx: Any, option: Any) -> str | None:
        """The variable, or the place in the file, that an option's value is from; None for flags and defaults."""
        rank = self.rank(ctx, option)
        name = next((name for name, one in self.settings.items() if one.option is option and option), "")
        if not name or rank in (0, NOBODY):
            return None
        return self.settings[name].variable if rank == 1 else entries_of(ctx)[name].where

    def rank(self, ctx: Any, option: "TyperOption | None") -> int:
        """Where an option's value is from: 0 a flag, 1 the environment, 2 this command's table, 3 the common one."""
        source = ctx.get_parameter_source(option.name) if option is not None else None
        if source is None or option is None or source.name not in ("COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP"):
            return NOBODY
        if source.name == "DEFAULT_MAP":
            name = next(name for name, one in self.settings.items() if one.option is option)
            return 2 if entries_of(ctx)[name].table == self.table else 3
        return 0 if source.name == "COMMANDLINE" else 1

    def rank_of_secret(self, ctx: Any, name: str) -> int:
        """The same for a secret."""
        if os.environ.get(self.settings[name].variable):
            return 1
        entry = entries_of(ctx).get(name)
        return NOBODY if entry is None else 2 if entry.table == self.table else 3

    def _choose_secrets(self, ctx: Any) -> None:
        """A secret, or the file that holds it: what was said nearer to the call. Both in one place is a mistake."""
        for name in [name for name, one in self.settings.items() if one.secret]:
            file = self.settings[f"{name}-file"].option
            assert file is not None
            of_secret, of_file = self.rank_of_secret(ctx, name), self.rank(ctx, file)
            if of_secret == of_file != NOBODY:
                there = self.where(ctx, file)
                here = entries_of(ctx)[name].where if of_secret > 1 else self.settings[name].variable
                raise fail(f"{here} and {there} both say what the secret is: leave one out", 2)
            if of_secret < of_file:
                ctx.params[str(file.name)] = None


def entries_of(ctx: Any) -> "Mapping[str, Entry]":
    """What the file says to the command that is called."""
    found: Mapping[str, Entry] = ctx.meta.get(_ENTRIES, {})
    return found


@cache
def below(group: str) -> type[Configured]:
    """The class of commands below this one."""
    return type("Configured", (Configured,), {"group": group})


def open_file(ctx: Any, path: Path | None) -> "ConfigFile | None":
    """The file at `path`, or where it is looked for; None where there is none. Raises Mistakes."""
    from oyez.cli import config_file

    path = config_file.search() if path is None else path
    if path is None:
        return None
    return config_file.ConfigFile(path, {table: frozenset(one.settings) for table, one in commands(ctx).items()})


def commands(ctx: Any) -> dict[str, Configured]:
    """All of them, by their tables."""
    root = ctx.find_root().command
    if not hasattr(root, "commands"):  # a command that was made by itself
        from oyez.cli import app

        root = typer.main.get_command(app)
    return {table: one for table, one in tables_of(root) if isinstance(one, Configured) and one.settings}


def refuse(sentences: tuple[str, ...]) -> typer.Exit:
    """Say each; raise what this returns."""
    *others, last = sentences
    for sentence in others:
        fail(sentence)
    return fail(last, 2)


def _load(ctx: typer.Context, config: Path | None) -> Path | None:
    if not ctx.resilient_parsing:
        from oyez.cli.config_file import Mistakes

        try:
            file = open_file(ctx, config)
            if file is not None and isinstance(ctx.command, Configured):
                ctx.command.take(ctx, file)
        except Mistakes as error:
            raise refuse(error.sentences) from error
    return config


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar=CONFIG,
        show_default="$XDG_CONFIG_HOME/oyez/oyez.toml or ~/.config/oyez/oyez.toml, else /etc/oyez/oyez.toml",
        help="The configuration file; /dev/null is none. See oyez config show.",
    ),
]


@cache
def _config_option() -> "TyperOption":
    """--config, which each command has and none is told of; before all others, since it has their defaults."""

    def carrier(config: Config = None) -> None:
        pass

    app = typer.Typer(add_completion=False)
    app.command()(carrier)
    option: Any = typer.main.get_command(app).params[0]
    option.is_eager, option.expose_value = True, False
    option.callback = lambda ctx, _, value: _load(ctx, value)
    made: TyperOption = option
    return made

"""The table of settings on docs/configuration.md, made of the commands: `python -m tests.docs.configuration_page`."""

from collections.abc import Iterator
from typing import Any

import typer

from oyez.cli import app
from oyez.cli.configured import Configured
from oyez.cli.effective import shown
from oyez.cli.settings import Setting, tables_of

HEADING = ["setting", "variable", "unless you set it", "commands", "what it is"]


def commands() -> dict[str, Configured]:
    root: Any = typer.main.get_command(app)
    return {table: one for table, one in tables_of(root) if isinstance(one, Configured) and one.settings}


def rows() -> list[list[str]]:
    """Each setting once; again where commands have another default for it, or mean it for something else."""
    found: dict[tuple[str, ...], list[str]] = {}
    for table, command in commands().items():
        for setting in command.settings.values():
            key = (f"`{setting.name}`", f"`{setting.variable}`", default(command, setting), about(setting))
            found.setdefault(key, []).append(table.replace(".", " "))
    return [
        [name, variable, default, ", ".join(names), help]
        for (name, variable, default, help), names in sorted(found.items())
    ]


def about(setting: Setting) -> str:
    if setting.option is None:
        return f"The secret itself, in place of `{setting.name}-file`. There is no such flag."
    assert setting.option.help
    return setting.option.help


def default(command: Configured, setting: Setting) -> str:
    option: Any = setting.option
    if option is None:
        return "none"
    if option.required:
        return "has to be set"
    context: Any = typer.Context(command)
    return shown(option, option.process_value(context, option.get_default(context))).removeprefix("(").removesuffix(")")


def table() -> Iterator[str]:
    """Its lines."""
    for cells in (HEADING, ["---"] * len(HEADING), *rows()):
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(*table(), sep="\n")

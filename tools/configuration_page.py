"""The table of settings on docs/configuration.md, made of the commands. `python -m tools.pages` writes it."""

from pathlib import Path
from typing import Any

import typer

from oyez.cli import app
from oyez.cli.configured import Configured
from oyez.cli.effective import shown
from oyez.cli.settings import Setting, tables_of
from tools.table import table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

ABOVE = "## All settings\n\n"
"""What the table stands under, at the end of the page; the rest was written by hand."""
HEADING = ["setting", "variable", "unless you set it", "commands", "what it is"]


def commands() -> dict[str, Configured]:
    root: Any = typer.main.get_command(app)
    return {table: one for table, one in tables_of(root) if isinstance(one, Configured) and one.settings}


def rows() -> list[list[str]]:
    """Each setting once; again where commands have another default for it, or mean it for something else."""
    found: dict[tuple[str, ...], list[str]] = {}
    for of, command in commands().items():
        for setting in command.settings.values():
            key = (f"`{setting.name}`", f"`{setting.variable}`", default(command, setting.option), about(setting))
            found.setdefault(key, []).append(of.replace(".", " "))
    return [
        [name, variable, default, ", ".join(names), help]
        for (name, variable, default, help), names in sorted(found.items())
    ]


def about(setting: Setting) -> str:
    if setting.option is None:
        return f"The secret itself, in place of `{setting.name}-file`. There is no such flag."
    assert setting.option.help
    return setting.option.help


def default(command: Any, option: Any) -> str:
    """What an option of this command is where nobody says anything. None stands for a secret, which has no option."""
    if option is None:
        return "none"
    if option.required:
        return "has to be set"
    context: Any = typer.Context(command)
    return shown(option, option.process_value(context, option.get_default(context))).removeprefix("(").removesuffix(")")


def page() -> str:
    """The whole page: what is there, with the table as it should be."""
    text, found, _ = PAGE.read_text("utf-8").partition(ABOVE)
    assert found, f"{PAGE.name} has no section for the table"
    return f"{text}{ABOVE}{table(HEADING, rows())}\n"

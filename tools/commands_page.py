"""docs/commands.md, made of what the commands say of themselves. `python -m tools.pages` writes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from oyez.cli import app
from tools.configuration_page import default
from tools.table import table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"

HEAD = """# Commands

Every command of `oyez`, in the words of its `--help`. Standard output has data and nothing else. What goes wrong is a
sentence on standard error, and exit code 1; a mistake in how a command is called, or configured, is exit code 2.

What an option is may be said by the flag, in the environment, or in the configuration file, as
[Configuration](configuration.md) explains. How to run a network with all this is in [Running a network](operations.md).
`--install-completion`, of `oyez` itself, has the shell complete commands and options. This page is made from the code
(`python -m tools.pages`).
"""

ARGUMENTS = ["argument", "what it is"]
OPTIONS = ["option", "variable", "unless you set it", "what it is"]


def page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(app)
    found = list(below(root, "oyez"))
    contents = "\n".join(f"- [{name}](#{name.replace(' ', '-')}): {sentence(command)}" for name, command in found)
    return "\n".join([HEAD, contents, *(f"\n{section(name, command)}" for name, command in found)]) + "\n"


def below(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each command below this one, as it is typed, in the order of the help; after a group those that it has."""
    for name, command in group.commands.items():
        if not command.hidden:
            yield f"{path} {name}", command
            yield from below(command, f"{path} {name}") if hasattr(command, "commands") else ()


def sentence(command: Any) -> str:
    """The first of its description."""
    return str(" ".join(command.help.partition("\n\n")[0].split()))


def section(name: str, command: Any) -> str:
    description, _, example = command.help.partition("\n\n\b\nExample:\n")
    calls = "\n".join(line.strip() for line in example.splitlines())
    context: Any = typer.Context(command, info_name=name)
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    arguments = [argument(one, context) for one in shown if one.param_type_name == "argument"]
    options = [option(command, one, context) for one in shown if one.param_type_name == "option"]
    parts = [f"## {name}", description.strip(), fenced("text", usage(command, context)), fenced("sh", calls)]
    if arguments:
        parts.append(table(ARGUMENTS, arguments))
    if options:
        parts.append(table(OPTIONS, options))
    return "\n\n".join(parts)


def usage(command: Any, context: Any) -> str:
    return " ".join([context.info_name, *command.collect_usage_pieces(context)])


def fenced(mark: str, text: str) -> str:
    assert text, f"nothing to show as {mark}"
    return f"```{mark}\n{text}\n```"


def argument(one: Any, context: Any) -> list[str]:
    name, help = one.get_help_record(context)
    return [f"`{name.partition(' <')[0]}`", help.removesuffix("[required]").strip()]


def option(command: Any, one: Any, context: Any) -> list[str]:
    flags = one.get_help_record(context)[0]
    variable = f"`{one.envvar}`" if one.envvar else ""
    return [f"`{flags}`", variable, default(command, one), one.help]

"""`oyez config`: what the settings are, and who says so."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oyez.cli import configured
from oyez.cli.settings import APART

if TYPE_CHECKING:
    from oyez.cli.config_file import ConfigFile
    from oyez.cli.configured import Configured
    from oyez.cli.effective import Effective

config = typer.Typer(
    help="""See how Oyez is configured, and write a file that does it.

    Each option has three names: --limit-links is OYEZ_LIMIT_LINKS in the environment, and limit-links in the
    configuration file, there under [common] or under the name of a command. A flag goes before the environment, that
    before the command's table, that before [common].

    \b
    Example:
      oyez config show central
      oyez config show --toml
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@config.callback()
def _group() -> None:
    """Keeps `show` a command of its own though there is no other."""


@config.command(context_settings={"ignore_unknown_options": True})
def show(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND [OPTIONS]]",
            show_default=False,
            help="The command, and what else it would be called with; without one, what is not the default, for all.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    as_toml: Annotated[
        bool,
        typer.Option("--toml", help="Print a configuration file with everything that there is and its default."),
    ] = False,
    config: configured.Config = None,
) -> None:
    """Show what a command's settings are, and where each is from: a flag, the environment, the file, or the default.

    Of a secret it says only that it is set. A mistake in the file is named, with its line; the exit code is then 2.

    \b
    Example:
      oyez config show
      oyez config show central --port 4000
      oyez config show user list --json
      oyez config show --toml > oyez.toml
    """
    from oyez.cli.config_file import Mistakes
    from oyez.cli.effective import effective, template

    commands, arguments = _called(configured.commands(context), words or [])
    if as_toml:
        print(*template(commands), sep="\n")
        return
    try:
        file = configured.open_file(context, config)
        found, mistakes = {}, list[str]()
        for table, command in commands.items():
            try:
                found[table] = effective(command, file, arguments)
            except Mistakes as error:
                mistakes += error.sentences
        if mistakes:
            raise Mistakes(*dict.fromkeys(mistakes))
    except Mistakes as error:
        raise configured.refuse(error.sentences) from error
    _warn_of_unknown_variables(context)
    if as_json:
        _print_json(found, file)
        return
    if words:
        _print_one(*next(iter(found.items())))
    else:
        _print_all(found)
    print(f"configuration file: {'none' if file is None else file.path}")


def _called(commands: "dict[str, Configured]", words: list[str]) -> "tuple[dict[str, Configured], list[str]]":
    """The commands that are meant, and their arguments."""
    if not words:
        return commands, []
    for length in (2, 1):
        table = ".".join(words[:length])
        if table in commands:
            return {table: commands[table]}, words[length:]
    raise typer.BadParameter(
        f"no command {words[0]!r} has settings: {', '.join(commands).replace('.', ' ')}", param_hint="COMMAND"
    )


def _warn_of_unknown_variables(context: typer.Context) -> None:
    known = {one.variable for command in configured.commands(context).values() for one in command.settings.values()}
    for name in sorted(os.environ):
        if name.startswith("OYEZ_") and name not in known | {configured.CONFIG}:
            import difflib

            near = difflib.get_close_matches(name, sorted(known), n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            print(f"oyez: {name} is the variable of no option, and nothing reads it{meant}", file=sys.stderr)


def _print_one(table_of: str, settings: "list[Effective]") -> None:
    from oyez.cli.printing import table

    rows = [[one.name, one.shown, one.where or one.source] for one in settings]
    table(f"oyez {table_of.replace('.', ' ')}", ["setting", "value", "from"], rows)


def _print_all(found: "dict[str, list[Effective]]") -> None:
    """What is not the default, each once; with the commands that it is for, where others have it otherwise."""
    from oyez.cli.printing import table

    having: dict[tuple[str, bool], int] = {}
    for_whom: dict[tuple[str, str, str, bool], list[str]] = {}
    for name, settings in found.items():
        for one in settings:
            apart = name in APART
            having[one.name, apart] = having.get((one.name, apart), 0) + 1
            if one.source != "default":
                for_whom.setdefault((one.name, one.shown, one.where, apart), []).append(name.replace(".", " "))
    rows = [
        [*row, "all that have it" if len(names) == having[row[0], apart] > 1 else ", ".join(names)]
        for (*row, apart), names in for_whom.items()
    ]
    if rows:
        table("What is not the default", ["setting", "value", "from", "for"], rows)
    else:
        print("everything is as it is by default")


def _print_json(found: "dict[str, list[Effective]]", file: "ConfigFile | None") -> None:
    import msgspec

    commands: dict[str, Any] = {
        table: {one.name: {"value": one.value, "from": one.source, "where": one.where or None} for one in settings}
        for table, settings in found.items()
    }
    path = None if file is None else str(file.path)
    sys.stdout.write(msgspec.json.encode({"file": path, "commands": commands}).decode() + "\n")

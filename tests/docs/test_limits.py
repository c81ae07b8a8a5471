"""The table of limits in docs/operations.md is the commands' options, and their defaults are the roles'."""

import typer

from oyez.cli import app, limiting, options
from oyez.core.limits.settings import CENTRAL, SERVER
from oyez.host import unfinished
from tests.docs.markdown import DOCS, read, sections

GROUP = typer.main.get_command(app)
LIMITS = ("limit_", "login_patience", "line_patience")


def options_of(command: str) -> dict[str, object]:
    """Each limit of a command, by the name of its option, and what it is where nobody says otherwise."""
    parameters = GROUP.commands[command].params  # type: ignore[attr-defined]
    return {one.opts[0]: one.default for one in parameters if one.name.startswith(LIMITS)}


def table() -> dict[str, str]:
    [section] = [section for section in sections(read(DOCS / "operations.md")) if section.title == "Limits"]
    [[heading, *rows]] = section.tables
    assert heading == ["option", "unless you say otherwise", "limits", "beyond"]
    assert all(row[2] for row in rows)
    return {row[0].strip("`"): row[1] for row in rows}


def shown(value: object) -> str:
    """A default, in the words of the page."""
    if value is None:
        return "what there are descriptors for"
    if isinstance(value, bool):
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_table_is_the_options() -> None:
    central, server = options_of("central"), options_of("server")
    assert all(central[name] == server[name] for name in set(central) & set(server))
    assert table() == {name: shown(value) for name, value in (central | server).items()}


def test_the_defaults_are_the_roles() -> None:
    """What the simulator runs with is what an operator gets."""
    door = limiting.door(
        None,
        options.LIMIT_LINKS_EACH,
        options.LIMIT_CONNECTS,
        options.LIMIT_STRANGERS,
        options.LIMIT_STRANGERS_EACH,
        options.LOGIN_PATIENCE,
        loopback=False,
    )
    for limits in (CENTRAL.door, SERVER.door):
        assert (door.connects, door.strangers, door.strangers_each) == (
            limits.connects,
            limits.strangers,
            limits.strangers_each,
        )
        assert (door.links_each, door.patience, door.loopback) == (limits.links_each, limits.patience, limits.loopback)
    assert limiting.guesses(options.LIMIT_GUESSES, loopback=False) == CENTRAL.guesses
    assert CENTRAL.registrations_each.per_second == options.LIMIT_REGISTRATIONS_EACH
    assert CENTRAL.questions.per_second == options.LIMIT_QUESTIONS
    assert (CENTRAL.jobs, CENTRAL.jobs_each) == (options.LIMIT_HASHING, options.LIMIT_HASHING_EACH)
    assert SERVER.sessions_each == options.LIMIT_SESSIONS
    assert unfinished.PATIENCE == options.LINE_PATIENCE
    assert options.parse_size(options.LIMIT_UNFINISHED) == unfinished.TOTAL

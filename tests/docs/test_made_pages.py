"""The pages that are made from the code are as it makes them; docs/commands.md has all that the commands' help has."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from oyez.cli import app
from oyez.cli.settings import tables_of
from tests.docs.markdown import Section, read, sections
from tools import commands_page, pages

COMMANDS = [table.split(".") for table, _ in tables_of(typer.main.get_command(app))]  # type: ignore[arg-type]


@pytest.mark.parametrize("page", pages.MADE, ids=lambda page: page.name)
def test_a_page_is_as_the_code_makes_it(page: Path) -> None:
    assert read(page) == pages.MADE[page](), "run: python -m tools.pages"


def test_the_check_names_those_that_differ_and_writes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same, other, absent = (tmp_path / f"{name}.md" for name in ("same", "other", "absent"))
    same.write_text("as made")
    other.write_text("by hand")
    made = dict.fromkeys((same, other, absent), lambda: "as made")
    assert pages.main(["--check"], made) == 1
    assert capsys.readouterr().out == "other.md differs\nabsent.md differs\n"
    assert (other.read_text(), absent.exists()) == ("by hand", False)
    assert pages.main([], made) == 0
    assert capsys.readouterr().out == "other.md written\nabsent.md written\n"
    assert pages.main(["--check"], made) == 0
    assert capsys.readouterr().out == ""


def of(command: list[str]) -> Section:
    [section] = [one for one in sections(read(commands_page.PAGE)) if one.title == " ".join(["oyez", *command])]
    return section


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_is_there_with_all_that_its_help_has(command: list[str]) -> None:
    help = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "500"}, prog_name="oyez").stdout
    description, example, options = (
        " ".join(part.split()) for part in re.split(r"Example:|Options:", help, maxsplit=2)
    )
    section = of(command)
    usage, _, rest = description.removeprefix("Usage: ").partition(f" {section.text.split()[0]} ")
    assert section.blocks[0] == ("text", f"{usage}\n")
    assert rest in " ".join(section.text.split())
    assert section.blocks[1][0] == "sh"
    assert example.startswith(" ".join(section.blocks[1][1].split()))
    rows = [row for table in section.tables if table[0] == commands_page.OPTIONS for row in table[1:]]
    there = set(re.findall(r"--[a-z-]+", "".join(row[0] for row in rows)))
    flags = re.findall(r"^  (?:-\w, )?(--[a-z-]+)(?: / (--[a-z-]+))?", help.partition("\nOptions:")[2], re.MULTILINE)
    assert there == {flag for both in flags for flag in both if flag} - {"--help"}
    assert all(row[1].strip("`") in options and row[3].replace("\\|", "|") in options for row in rows)

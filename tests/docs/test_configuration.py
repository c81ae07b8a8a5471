"""docs/configuration.md names the exceptions, and every file that the documentation shows is one that they take."""

from pathlib import Path

import pytest

from oyez.cli.config_file import ConfigFile
from oyez.cli.effective import effective
from oyez.cli.settings import APART, FLAGS_ALONE
from tests.docs.markdown import DOCS, pages, read, sections
from tools import configuration_page

PAGE = DOCS / "configuration.md"
COMMANDS = configuration_page.commands()
FILES = [
    (page.name, text) for page in pages() for one in sections(read(page)) for mark, text in one.blocks if mark == "toml"
]


def test_the_exceptions_are_named() -> None:
    text = read(PAGE)
    assert all(f"`--{name}`" in text for name in FLAGS_ALONE)
    assert all(f"`oyez {table.replace('.', ' ')}`" in text for table in APART)


def test_some_files_are_shown() -> None:
    assert {name for name, _ in FILES} >= {"configuration.md", "operations.md"}


@pytest.mark.parametrize("text", [text for _, text in FILES])
def test_a_file_that_is_shown_is_taken(text: str, tmp_path: Path) -> None:
    path = tmp_path / "oyez.toml"
    path.write_text(text)
    path.chmod(0o600)
    file = ConfigFile(path, {table: frozenset(one.settings) for table, one in COMMANDS.items()})
    set_by_it = [one for command in COMMANDS.values() for one in effective(command, file) if one.source == "file"]
    assert set_by_it

"""The Python programs in README.md and docs/python.md run, in a network of real processes, and print what is said."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.blackbox.processes import Network
from tests.docs.markdown import DOCS, ROOT, read, sections
from tests.examples.programs import running

PAGES = [ROOT / "README.md", DOCS / "python.md"]

PRELUDE = """
import oyez
oyez.connect.__defaults__ = oyez.register.__defaults__ = ({central!r},)
"""
"""The network of the test is where the page says that one is."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A central and the servers s1 and s2."""
    with Network(tmp_path_factory.mktemp("network")) as network:
        yield network


def programs(page: Path) -> Iterator[tuple[str, str, str]]:
    """The title above each program, the program, what it prints."""
    for section in sections(read(page)):
        for (mark, program), (next_mark, printed) in pairwise([*section.blocks, ("", "")]):
            if mark == "python":
                assert next_mark == "text", f"{section.title}: it does not say what this prints:\n{program}"
                yield section.title, program, printed


def masked(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r"\bs\d\.\d+-\d+\b", "ID", text)


ALL = [pytest.param(*found, id=f"{page.name}: {found[0]}") for page in PAGES for found in programs(page)]


def test_the_programs_are_found() -> None:
    assert len(ALL) > 10


@pytest.mark.parametrize(("title", "program", "printed"), ALL)
def test_a_program_of_the_documentation(network: Network, title: str, program: str, printed: str) -> None:
    central = str(network.central)
    code = PRELUDE.format(central=central) + program.replace("127.0.0.1:3780", central)
    with running("-c", code, variables={"PYTHONUNBUFFERED": "1"}) as running_program:
        said = "".join(running_program.output.readline() for _ in printed.splitlines())
        assert masked(said) == masked(printed)
        if "break" in program or "for " not in program:  # else it goes on
            assert running_program.ended() == ""

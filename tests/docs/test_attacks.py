"""docs/attacks.md names every test of tests/hostile, and no other."""

import ast
import re

from tests.docs.markdown import DOCS, ROOT, read, sections

HOSTILE = ROOT / "tests" / "hostile"


def rows() -> list[list[str]]:
    found = []
    for section in sections(read(DOCS / "attacks.md")):
        for heading, *rows in section.tables:
            assert heading == ["attack", "what happens", "test"]
            found += rows
    return found


def there_are() -> set[str]:
    """Every test in that folder."""
    return {
        f"{path.name}::{node.name}"
        for path in HOSTILE.glob("test_*.py")
        for node in ast.parse(read(path)).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def named() -> set[str]:
    return {name for row in rows() for name in re.findall(r"`(test_\w+\.py::\w+)`", row[2])}


def test_each_attack_says_what_happens_and_names_its_test() -> None:
    assert all(len(row) == 3 and all(row) for row in rows())
    assert [row[0] for row in rows() if not re.fullmatch(r"(`test_\w+\.py::\w+`(, )?)+", row[2])] == []


def test_each_test_that_is_named_exists() -> None:
    assert named() - there_are() == set()


def test_each_test_of_a_hostile_client_is_in_the_table() -> None:
    assert there_are() - named() == set()
    assert len(there_are()) > 60

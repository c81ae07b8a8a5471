"""Project rules that no linter knows: docstrings, sizes, names, hosts, data of others left as it came."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "oyez"
ACTIVITIES = ROOT / "tests" / "data" / "activities"

MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST = 400
ACTIVITIES_SHA256 = "fe76dffbb7db7aeb93046d357eb5121e35143929906874f8cca601083c26bade"
# A name with one of these words says nothing about what the thing does.
EMPTY_WORDS = {"manager", "managers", "helper", "helpers", "util", "utils"}
# In two pieces each, so that this file passes its own test.
REGISTRY_HOSTS = [
    head + tail
    for head, tail in [
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("yarn", "pkg.com"),
        ("deb.", "debian.org"),
        ("archive.", "ubuntu.com"),
        ("crates", ".io"),
    ]
]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=shown(path))


def words_of(name: str) -> set[str]:
    """`LinkManager`, `link_manager` and `LINK_MANAGER` all hold the words link and manager."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def names_given_in(tree: ast.AST) -> Iterator[str]:
    """The names that a module gives to things itself; those it takes from elsewhere are not its fault."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def is_empty(name: str) -> bool:
    return not EMPTY_WORDS.isdisjoint(words_of(name))


def test_every_module_opens_with_a_docstring() -> None:
    assert [shown(path) for path in MODULES if not ast.get_docstring(parsed(path))] == []


def test_every_module_fits_in_a_head() -> None:
    lines = {shown(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {path: count for path, count in lines.items() if count > LONGEST} == {}


def test_names_say_what_the_thing_does() -> None:
    given = [(shown(path), name) for path in MODULES for name in (path.stem, *names_given_in(parsed(path)))]
    given += [(shown(path), path.name) for path in SOURCE.rglob("*") if path.is_dir()]
    assert [(where, name) for where, name in given if is_empty(name)] == []


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("LinkManager", True),
        ("link_manager", True),
        ("LINK_HELPERS", True),
        ("utils", True),
        ("HTTPHelper2", True),
        ("Link", False),
        ("managed", False),
        ("utility", False),
    ],
)
def test_the_rule_for_names_knows_its_words(name: str, empty: bool) -> None:
    assert is_empty(name) is empty


def test_no_package_registry_is_named() -> None:
    """A package comes from wherever the machine was told to get it: the project names no host for it."""
    if not (ROOT / ".git").exists():
        pytest.skip("an unpacked archive has no tracked files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    named = []
    for name in listed.decode("utf-8").split("\0"):
        path = ROOT / name
        if not path.is_file():  # tracked, but deleted or moved in this work tree
            continue
        text = path.read_bytes().decode("utf-8", "replace").lower()
        named += [(name, host) for host in REGISTRY_HOSTS if host in text]
    assert named == []


def test_the_activities_of_the_w3c_are_as_they_came() -> None:
    """Nothing (git, an editor, a formatter) has touched a byte of them; their README says the same."""
    everything, not_json, objects = hashlib.sha256(), [], 0
    for path in sorted(ACTIVITIES.glob("*.json")):
        data = path.read_bytes()
        everything.update(f"{path.name} {len(data)}\n".encode() + data)
        try:
            objects += isinstance(json.loads(data), dict)
        except ValueError:
            not_json.append(path.name)
    assert (objects, not_json) == (212, ["vocabulary-ex196-jsonld.json"])
    assert everything.hexdigest() == ACTIVITIES_SHA256

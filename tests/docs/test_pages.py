"""What the documentation points at exists: pages, sections, files, names in the code, commands."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from oyez.cli import app
from tests.docs.markdown import DOCS, ROOT, anchors, code_spans, links, pages, read, sections

SOURCE = ROOT / "src" / "oyez"
OF_CODE = [DOCS / "architecture.md", DOCS / "glossary.md"]
"""Pages whose `words` in backticks are names in the code."""

PAGES = [*pages(), *sorted(ROOT.glob("*.md"))]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(read(page)):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue  # another site: no test of ours goes there
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(read(path))):
            dead.append(link)
    assert dead == []


def led_to(page: Path) -> set[Path]:
    """The files that this page links to."""
    return {(page.parent / link.partition("#")[0]).resolve() for link in links(read(page))}


def test_the_readme_lists_every_page() -> None:
    [index] = [section for section in sections(read(ROOT / "README.md")) if section.title == "Documentation"]
    listed = {(ROOT / link.partition("#")[0]).resolve() for link in links(index.text)}
    assert {shown(page) for page in {*DOCS.glob("*.md"), DOCS / "adr" / "README.md"} - listed} == set()
    assert {shown(page) for page in set(ROOT.glob("*.md")) - listed} == {"README.md"}


def test_the_decisions_are_all_listed() -> None:
    decisions = set((DOCS / "adr").glob("0*.md"))
    assert {shown(page) for page in decisions - led_to(DOCS / "adr" / "README.md")} == set()


def test_nothing_lies_in_docs_that_no_page_shows() -> None:
    others = {path for path in DOCS.rglob("*") if path.is_file() and path.suffix != ".md"}
    shown_by = {path for page in PAGES for path in led_to(page)}
    assert {shown(path) for path in others - shown_by} == set()


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = {span for span in code_spans(read(page)) if re.fullmatch(r"(?!/)[\w./-]+(\.(py|md|toml)|/)", span)}
    assert {name for name in named if not exists(name)} == set()


def exists(name: str) -> bool:
    """In the project, in the package, or in a folder of the package (as in the row of a table that is about it)."""
    places = [ROOT / name, SOURCE / name, DOCS / name, *(SOURCE.rglob(name) if not name.endswith("/") else ())]
    return any(place.exists() for place in places)


def test_the_table_of_layers_names_every_module_of_the_lower_ones() -> None:
    [table] = [
        section.tables[0] for section in sections(read(DOCS / "architecture.md")) if section.title == "The layers"
    ]
    said = {row[0].strip("`/"): set(code_spans(row[1])) for row in table[1:]}
    for layer in ("protocol", "core", "core/central", "core/server", "core/limits", "core/client", "storage", "net"):
        modules = {path.name for path in (SOURCE / layer).glob("*.py")} - {"__init__.py"}
        assert modules - said[layer] == set(), f"{layer}/ has modules that docs/architecture.md does not mention"


@cache
def members() -> dict[str, set[str]]:
    """What may stand after a dot: by class, and by module. Classes of one name in several modules are one here."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(read(path))
        module = path.parent.name if path.stem == "__init__" else path.stem
        found[module] |= given_in(tree)
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found[node.name] |= given_in(node) | attributes_of(node)
                found[f"{module}.{node.name}"] |= found[node.name]
    return found


def given_in(body: ast.Module | ast.ClassDef) -> set[str]:
    """Names of the functions, classes and variables directly in this body."""
    names = set()
    for node in body.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def attributes_of(body: ast.ClassDef) -> set[str]:
    """What its methods assign to `self`."""
    return {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


@cache
def plain_names() -> set[str]:
    """What may stand by itself: every name above, and the texts that the wire is made of."""
    texts = {
        node.value
        for path in (SOURCE / "protocol").glob("*.py")
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return set(members()) | {name for names in members().values() for name in names} | texts


@pytest.mark.parametrize("page", OF_CODE, ids=shown)
def test_every_name_of_the_code_exists(page: Path) -> None:
    unknown = []
    for span in code_spans(read(page)):
        if re.fullmatch(r"\w+", span) and span not in plain_names():
            unknown.append(span)
        elif re.fullmatch(r"\w+(\.\w+)+", span) and not span.endswith((".py", ".md", ".js")):
            owner, _, name = span.rpartition(".")
            if name not in members().get(owner, set()):
                unknown.append(span)
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_command_that_is_named_exists(page: Path) -> None:
    text = read(page)
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.MULTILINE))
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    commands |= {group.name or "" for group in app.registered_groups}
    spans = [span.split() for span in code_spans(text)]
    unknown = [span for span in spans if span[0] == "make" and len(span) > 1 and span[1] not in targets]
    unknown += [span for span in spans if span[0] == "oyez" and len(span) > 1 and span[1] not in commands]
    assert unknown == []

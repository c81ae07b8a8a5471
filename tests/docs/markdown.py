"""Reads what the documentation says, as far as tests compare it with the code: headings, tables, fenced blocks, links.

Knows the few forms of Markdown that docs/ uses, and nothing of Oyez.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_CODE = re.compile(r"`[^`\n]+`")


@dataclass
class Section:
    """What stands under one heading, down to the next heading of any level."""

    title: str
    level: int
    text: str = ""
    tables: list[list[list[str]]] = field(default_factory=list)
    """Each table: its rows, the heading row first, without the line of dashes."""
    blocks: list[tuple[str, str]] = field(default_factory=list)
    """Each fenced block: its mark and what is in it."""


def read(path: Path) -> str:
    return path.read_text("utf-8")


def sections(text: str) -> list[Section]:
    """The sections of a page, in order; what stands above the first heading is dropped."""
    found: list[Section] = []
    fenced = False
    for line in text.splitlines(keepends=True):
        if line.startswith("```"):
            fenced = not fenced
        heading = None if fenced else re.match(r"(#+) (.+)\n", line)
        if heading:
            found.append(Section(heading[2].strip(), len(heading[1])))
        elif found:
            found[-1].text += line
    for section in found:
        section.blocks = _FENCE.findall(section.text)
        section.tables = list(_tables(_FENCE.sub("", section.text)))
    return found


def _tables(text: str) -> Iterator[list[list[str]]]:
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
        yield [[cell.strip("| ") for cell in row] for row in rows if not re.fullmatch(r"[-| :]+", "".join(row))]


def anchors(text: str) -> set[str]:
    """What `#...` may name on a page, made of its headings the way that code hosts make it."""
    return {re.sub(r"[^\w -]", "", section.title.lower()).replace(" ", "-") for section in sections(text)}


def links(text: str) -> list[str]:
    """Where the links of a page lead."""
    return _LINK.findall(_CODE.sub("", _FENCE.sub("", text)))


def code_spans(text: str) -> list[str]:
    """What stands in backticks, outside fenced blocks."""
    return [span.strip("`") for span in _CODE.findall(_FENCE.sub("", text))]


def pages() -> list[Path]:
    """Every page of the documentation."""
    return sorted(DOCS.rglob("*.md"))

"""A table in Markdown, as the pages that are made have it. Knows nothing of Oyez."""

from collections.abc import Iterable, Sequence


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Its lines. A bar in a cell stays one, also in code."""
    return "\n".join(line(cells) for cells in (heading, ["---"] * len(heading), *rows))


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

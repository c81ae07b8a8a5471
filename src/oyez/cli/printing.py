"""What people read on a terminal, made of what other people wrote.

Guarantees: nothing that came over the network can steer a terminal: escape sequences, control and direction characters
are shown as a dot.
"""

from collections.abc import Iterable

WIDTH = 1000
"""Columns where the output is no terminal: no table breaks there."""

_JOINER = "\u200d"  # holds emoji together


def printable(text: str) -> str:
    """The same, harmless, in one line."""
    return "".join(char if char.isprintable() or char == _JOINER else "·" for char in text)


def missed(count: int) -> str:
    """What a gap means to a person."""
    activities = "1 activity was" if count == 1 else f"{count} activities were"
    return f"{activities} missed: the network no longer holds what is so long ago"


def counted(count: int, what: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], caption: str = "") -> None:
    """Print a table; numbers stand to the right. In a pipe it is as wide as it needs to be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    made = Table(
        title=title,
        caption=caption or None,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        title_justify="left",
        caption_justify="left",
    )
    for index, column in enumerate(columns):
        is_number = bool(cells) and all(isinstance(row[index], int | float) for row in cells)
        made.add_column(column, justify="right" if is_number else "left")
    for row in cells:
        made.add_row(*[Text(printable(_shown(cell))) for cell in row])
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(made)
    console.print()


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.1f}"
    return str(cell)

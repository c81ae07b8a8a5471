"""Writes the pages, or the parts of pages, that are made from the code: `python -m tools.pages`.

With --check it writes nothing, and names those that differ; the exit code is then 1.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools import commands_page, configuration_page, metrics_page

MADE: Mapping[Path, Callable[[], str]] = {
    one.PAGE: one.page for one in (commands_page, configuration_page, metrics_page)
}
"""Each page, and what makes the whole of its text."""


def differing(made: Mapping[Path, Callable[[], str]]) -> dict[Path, str]:
    """Those that are not as the code makes them, each with its text as it should be."""
    texts = {page: make() for page, make in made.items()}
    return {page: text for page, text in texts.items() if not page.exists() or page.read_text("utf-8") != text}


def main(arguments: Sequence[str], made: Mapping[Path, Callable[[], str]] = MADE) -> int:
    parser = argparse.ArgumentParser(
        "python -m tools.pages", description="Write the pages that are made from the code."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; name the pages that differ")
    check = parser.parse_args(arguments).check
    found = differing(made)
    for page, text in found.items():
        if not check:
            page.write_text(text, "utf-8")
        print(f"{page.name} {'differs' if check else 'written'}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

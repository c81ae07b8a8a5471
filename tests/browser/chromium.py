"""The system's Chromium, driven by Playwright; none is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def program() -> str | None:
    """Where it is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def missing() -> str:
    """Why there can be no browser; empty where there can."""
    if find_spec("playwright") is None:
        return "the package playwright is not installed (pip install -e '.[dev]')"
    return "" if program() else "there is no chromium (make browser installs it, with apt)"


@contextmanager
def chromium(*arguments: str) -> Iterator["Browser"]:
    """A running one, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=[*ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()

"""Pictures of the console in each of its states: `python -m tests.browser.screenshots FOLDER`.

They show a real network that is made for them, so numbers and times differ from run to run.
"""

import argparse
import asyncio
import contextlib
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import oyez
from tests.browser.chromium import chromium, missing
from tests.browser.console import Console
from tests.delivery.fleet import Fleet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

WIDE: "ViewportSize" = {"width": 1280, "height": 860}
PHONE: "ViewportSize" = {"width": 360, "height": 740}

SECONDS = 20
"""For which the first pictures wait, so that there is something to be seen in the plots."""

SAID: list[dict[str, object]] = [
    {"type": "Create", "object": {"type": "Note", "content": "Oyez, oyez! The market opens at eight."}},
    {"type": "Like", "object": "https://example.org/notes/17"},
    {"type": "Note", "content": "Fresh bread, and the last of the pears."},
    {"type": "Arrive", "location": {"type": "Place", "name": "Harbour"}},
    {"type": "Note", "content": "The ferry leaves at noon; <b>bring a coat</b>, it blows."},
    {"temperature": 11.5, "wind": "NW 6", "station": "pier"},
    {"type": "Announce", "object": "https://example.org/concert"},
    {"type": "Note", "content": "Whoever lost a green scarf: it hangs at the town hall."},
]


class Crowd:
    """Sessions that talk among themselves, on a thread of their own; use as a context manager."""

    NAMES = ("ada", "bo", "chen", "dora")

    def __init__(self, fleet: Fleet, sessions: int = 25) -> None:
        self._centrals = fleet.known
        self._sessions = sessions
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._be_there()))

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    async def _be_there(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            networks = []
            for number in range(self._sessions):
                name, new = self.NAMES[number % len(self.NAMES)], number < len(self.NAMES)
                secret = f"the secret of {name}"
                connecting = oyez.connect(self._centrals, user=name, secret=secret, register=new, receive=False)
                networks.append(await stack.enter_async_context(connecting))
            number = 0
            posts = set[asyncio.Task[str]]()
            while not self._ended.is_set():
                for _ in range(1 + number // 7 % 5 * 4):  # now more, now less
                    number += 1
                    said = networks[number * 5 % len(networks)].post(SAID[number % len(SAID)])
                    posts.add(asyncio.create_task(said))
                await asyncio.sleep(0.25)
                posts -= {post for post in posts if post.done() and not post.exception()}
            await asyncio.gather(*posts, return_exceptions=True)


class Photographer:
    """Keeps what a page looks like: wide and on a phone, light and dark."""

    def __init__(self, browser: "Browser", folder: Path) -> None:
        self._browser = browser
        self._folder = folder

    def open(self, url: str, size: "ViewportSize", dark: bool) -> Console:
        console = Console(self._browser, url, size, dark)
        console.wait_for("#picture [data-node=s1]")
        console.wait_for("#who:has-text(' at s')")
        return console

    def take(self, console: Console, name: str) -> None:
        console.page.wait_for_timeout(600)  # what glides has arrived
        console.page.screenshot(path=self._folder / f"{name}.png", full_page=True)
        print(self._folder / f"{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go; made where there is none")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    if why := missing():
        raise SystemExit(why)
    with (
        tempfile.TemporaryDirectory() as data,
        Fleet(Path(data), servers=3) as fleet,
        chromium() as browser,
        Crowd(fleet),
    ):
        take_all(fleet, Photographer(browser, folder))


def take_all(fleet: Fleet, photographer: Photographer) -> None:
    home = f"http://{fleet.centrals['c1']}/"
    consoles = {
        f"{name}-{'dark' if dark else 'light'}": photographer.open(home, size, dark)
        for name, size in (("wide", WIDE), ("phone", PHONE))
        for dark in (False, True)
    }
    first = consoles["wide-light"]
    first.page.wait_for_timeout(SECONDS * 1000)
    for name, console in consoles.items():
        photographer.take(console, f"1-{name}")
    first.register("grace", "a long secret")
    first.post("Good evening from the console.")
    first.page.click("#feed li:has-text('Good evening') summary")
    photographer.take(first, "2-posted")
    first.page.click("#pause")  # go on
    first.page.click("#table summary")
    first.page.fill("#filter", "note")
    photographer.take(first, "3-filter-and-table")
    first.page.click("#table summary")
    first.page.fill("#filter", "")
    fleet.drain("s3")
    first.wait_for("#events .server_left")
    fleet.start_server("s3")
    first.wait_for("#picture [data-node=s3].ready")
    photographer.take(first, "4-drained-and-back")
    fleet.kill("s2")
    first.wait_for("#picture [data-node=s2].away")
    photographer.take(first, "5-server-lost")
    first.wait_for("#picture [data-node=s2]", state="detached")
    photographer.take(first, "6-server-gone")
    fleet.kill("c1")
    for name, console in consoles.items():
        console.wait_for("#standing:has-text('term 2')")
        console.wait_for("#events .server_linked")
        photographer.take(console, f"7-failed-over-{name}")
    fleet.kill("c2")
    first.wait_for("body[data-standing=silent]")
    photographer.take(first, "8-no-central")
    fleet.start_all(["c1", "c2"])
    fleet.start_server("s2")
    first.wait_for("body[data-standing=well]")


if __name__ == "__main__":
    main()

"""The console over https and wss, of a network whose certificates are of an authority of its own."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.blackbox.wire import eventually
from tests.browser.chromium import chromium, missing
from tests.browser.console import PATIENCE, Console
from tests.certificates import Authority, options_of
from tests.delivery.fleet import Fleet

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


class Encrypted(Fleet):
    """Each node has a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "ca")
        super().__init__(folder)

    def options(self, name: str) -> Sequence[str]:
        return options_of(self.authority.issue(name))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Encrypted]:
    """A main, a backup and two servers."""
    with Encrypted(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def browser() -> Iterator["Browser"]:
    """One that believes the nodes: of their authority it has not heard."""
    with chromium("--ignore-certificate-errors") as browser:
        yield browser


def test_two_pages_meet_and_go_on_when_the_main_and_then_the_server_of_one_die(
    fleet: Encrypted, browser: "Browser"
) -> None:
    pages = [Console(browser, f"https://{fleet.centrals['c1']}/") for _ in range(2)]
    links: list[str] = []
    for page in pages:
        page.page.on("websocket", lambda socket: links.append(socket.url))
        page.wait_for("#picture [data-node=s2].ready")
        page.wait_for("#who:has-text(' at s')")
    eventually(lambda: fleet.loads() == {"s1": 1, "s2": 1}, "the pages are at two servers", seconds=PATIENCE)
    one, other = pages
    one.register("ada", "a long secret")
    one.post("nobody on the way reads this")
    other.wait_for("#feed li:has-text('nobody on the way reads this')")

    fleet.kill("c1")
    assert fleet.wait_for_main(but="c1") == "c2"
    for page in pages:
        page.wait_for(f"#standing:has-text('Main {fleet.centrals['c2']}')")
    one.post("the king is dead")
    other.wait_for("#feed li:has-text('the king is dead')")

    home = server_of(one)
    fleet.kill(home)
    eventually(lambda: server_of(one) not in ("", home), "the page has moved", seconds=PATIENCE)
    other.post("moved, and heard")
    one.wait_for("#feed li:has-text('moved, and heard')")
    assert links
    assert [url for url in links if not url.startswith("wss://")] == []
    assert [page.errors for page in pages] == [[], []]


def server_of(page: Console) -> str:
    """Where the page has its session; empty while it has none."""
    return page.text("#who").partition(" at ")[2].partition(" ")[0]

"""The console in a browser, against a network of processes: what it shows, and that it goes on when nodes die."""

from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.blackbox.wire import eventually
from tests.browser.chromium import chromium, missing
from tests.browser.console import PATIENCE, Console
from tests.delivery.fleet import Fleet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PHONE: "ViewportSize" = {"width": 360, "height": 740}

Look = Callable[..., Console]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A main, a backup and three servers, shared by the tests that kill nothing."""
    with Fleet(tmp_path_factory.mktemp("calm"), servers=3) as fleet:
        yield fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """The same, for one test."""
    with Fleet(tmp_path, servers=3) as fleet:
        yield fleet


class Members(Fleet):
    """A fleet that lets nobody in who has no name."""

    def options(self, name: str) -> Sequence[str]:
        return ["--no-anonymous"] if name in self.centrals else []


@pytest.fixture
def look(browser: "Browser") -> Iterator[Look]:
    """Opens the page of a node, and waits for the picture; at the end, none may have had an error of its own."""
    opened: list[Console] = []

    def look(
        fleet: Fleet,
        name: str = "c1",
        size: "ViewportSize | None" = None,
        dark: bool = False,
        who: str = " at s",
        broken: str = "",
    ) -> Console:
        address = {**fleet.centrals, **fleet.servers}[name]
        opened.append(Console(browser, f"http://{address}/", size, dark, broken))
        opened[-1].wait_for("#picture [data-node=s3].ready")
        opened[-1].wait_for(f"#who:has-text('{who}')")
        return opened[-1]

    yield look
    errors = [error for console in opened for error in console.errors]
    for console in opened:
        console.close()
    assert errors == []


@pytest.mark.parametrize("part", ["console.css", "picture.js", "joining.js"])
def test_a_page_of_which_a_part_did_not_arrive_is_loaded_anew(calm: Fleet, look: Look, part: str) -> None:
    look(calm, broken=part).post("nothing is amiss")


# -- what is seen ------------------------------------------------------------------------------------------------------


def test_the_network_is_seen(calm: Fleet, look: Look) -> None:
    console = look(calm)
    assert console.nodes("server") == {"s1", "s2", "s3"}
    assert len(console.nodes("main")) == 1
    assert len(console.nodes("backup")) == 1
    assert f"Main {calm.centrals['c1']}" in console.text("#standing")
    picture = console.page.get_attribute("#picture", "aria-label") or ""
    assert picture.startswith(f"Main {calm.centrals['c1']}; backup {calm.centrals['c2']}; s1 with ")
    console.wait_for("#events .server_joined")
    assert any("is main: term 1" in event for event in console.events())


def test_the_session_of_the_page_is_counted_and_its_post_comes_to_all(calm: Fleet, look: Look) -> None:
    one, other = look(calm), look(calm)
    one.post("hear ye, all of you")
    other.wait_for("#feed li:has-text('hear ye, all of you')")
    one.wait_until("() => parseInt(document.querySelector('#rate-sessions .big').textContent) >= 2")
    one.wait_until("() => document.querySelector('#rate-accepted .line').getAttribute('d').length > 0")


def test_a_server_sends_to_the_console_and_a_backup_has_one_that_asks_the_main(calm: Fleet, look: Look) -> None:
    assert look(calm, "s1").page.url == f"http://{calm.centrals['c1']}/"
    at_backup = look(calm, "c2")
    assert at_backup.page.url == f"http://{calm.centrals['c2']}/"
    at_backup.wait_for(f"#standing:has-text('Main {calm.centrals['c1']}')")
    assert any("is a backup: this page now asks" in event for event in at_backup.events())


def test_what_others_say_is_text_and_nothing_else(calm: Fleet, look: Look) -> None:
    console = look(calm)
    console.page.fill("#text", '{"type": "<img src=x onerror=alert(1)>", "content": "<b id=owned>bold</b>"}')
    console.page.click("#post button")
    console.wait_for("#feed li:has-text('<b id=owned>bold</b>')")
    console.page.click("#feed li:has-text('<b id=owned>') summary")
    console.wait_for("#feed pre:has-text('<img src=x')")
    assert console.page.query_selector_all("#owned, #feed img") == []


def test_what_is_no_json_is_said_to_be_none(calm: Fleet, look: Look) -> None:
    console = look(calm)
    console.page.fill("#text", '{"type": ')
    console.page.click("#post button")
    console.wait_for("#said[data-wrong]:has-text('begins like JSON')")
    assert console.page.input_value("#text") == '{"type": '


def test_the_feed_is_filtered_and_held_still(calm: Fleet, look: Look) -> None:
    console = look(calm)
    for text in ("apples and pears", "apples alone", "plums"):
        console.post(text)
    console.page.fill("#filter", "APPLES pears")
    console.wait_for("#feed li:has-text('plums')", state="detached")
    assert len(console.page.query_selector_all("#feed li")) == 1
    console.page.fill("#filter", "")
    console.wait_for("#feed li:has-text('plums')")
    console.page.click("#pause")
    console.page.fill("#text", "quinces")
    console.page.click("#post button")
    console.wait_for("#heard:has-text('still, 1 new')")
    assert "quinces" not in console.text("#feed")
    console.page.click("#pause")
    console.wait_for("#feed li:has-text('quinces')")


def test_a_wrong_secret_is_refused_and_the_page_reads_on(calm: Fleet, look: Look) -> None:
    console, other = look(calm), look(calm)
    other.register("mallory", "the right secret")
    console.page.fill("#username", "mallory")
    console.page.fill("#secret", "the wrong secret")
    console.page.click("#login button[type=submit]")
    console.wait_for("#said[data-wrong]")
    assert "reading as anonymous" in console.text("#who")
    other.post("still here")
    console.wait_for("#feed li:has-text('still here')")


def test_where_nobody_reads_without_a_name_the_page_says_so_until_somebody_logs_in(tmp_path: Path, look: Look) -> None:
    with Members(tmp_path, servers=3) as members:
        console = look(members, who="not connected: ")
        assert console.nodes("server") == {"s1", "s2", "s3"}
        console.register("dora", "a long secret")
        console.post("members only")


# -- when nodes die ----------------------------------------------------------------------------------------------------


def test_a_server_that_is_killed_goes_from_the_picture(fleet: Fleet, look: Look) -> None:
    console = look(fleet)
    console.register("alice", "a long secret")
    server = console.text("#who").rpartition(" at ")[2].split()[0]
    fleet.kill(server)
    console.wait_for(f"#picture [data-node={server}]", state="detached")
    console.wait_for(f"#events .server_removed:has-text('{server}')")
    assert console.nodes("server") == {"s1", "s2", "s3"} - {server}
    eventually(lambda: f" at {server}" not in console.text("#who"), "the session has moved", seconds=PATIENCE)
    console.post("moved, and heard")


def test_a_drained_server_is_listed_as_one_that_left(fleet: Fleet, look: Look) -> None:
    console = look(fleet)
    fleet.drain("s2")
    console.wait_for("#picture [data-node=s2]", state="detached")
    console.wait_for("#events .server_left:has-text('s2')")
    assert any("s2: draining" in event for event in console.events())
    assert not any("removed" in event for event in console.events())


def test_the_console_follows_to_the_new_main(fleet: Fleet, look: Look) -> None:
    console = look(fleet)
    console.register("bob", "a long secret")
    first, second = fleet.centrals["c1"], fleet.centrals["c2"]
    fleet.kill("c1")
    console.wait_for(f"#standing:has-text('Main {second}, term 2')")
    console.wait_for(f"#events .page:has-text('{first} does not answer: this page now asks {second}')")
    console.wait_for(f"#events .elected:has-text('{second} is main: term 2')")
    console.wait_for("#events .server_linked")
    console.wait_for("#picture [data-node=s1].ready")
    assert len(console.nodes("away")) == 1
    console.post("the king is dead")
    console.page.click("#logout")
    console.wait_for("#who:has-text('reading as anonymous at s')")
    console.register("carol", "registered at the new main")
    console.post("long live the king")


def test_where_no_central_answers_the_page_says_so_and_goes_on(fleet: Fleet, look: Look) -> None:
    console = look(fleet)
    fleet.kill_together(["c1", "c2"])
    console.wait_for("body[data-standing=silent]")
    console.post("nobody reigns, and still")
    fleet.start_all(["c1", "c2"])
    console.wait_for("body[data-standing=well]")


# -- for everybody -----------------------------------------------------------------------------------------------------


def test_it_fits_a_phone(calm: Fleet, look: Look) -> None:
    console = look(calm, size=PHONE)
    assert console.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    sizes = console.page.evaluate(
        "[...document.querySelectorAll('button, input:not([type=checkbox]), textarea')]"
        ".filter((one) => one.offsetParent).map((one) => one.offsetHeight)"
    )
    assert min(sizes) >= 24
    console.post("from a phone")


def test_it_jumps_nowhere_while_numbers_change(calm: Fleet, look: Look) -> None:
    console = look(calm)
    tops = (
        "['rates-title', 'join-title', 'feed', 'events']"
        ".map((id) => document.getElementById(id).getBoundingClientRect().top)"
    )
    before = console.page.evaluate(tops)
    for number in range(20):
        console.post(f"number {number}")
    assert console.page.evaluate(tops) == before


def test_everything_can_be_done_with_the_keyboard(calm: Fleet, look: Look) -> None:
    console = look(calm)
    press = console.page.keyboard.press
    tab_to(console, "username")
    console.page.keyboard.type("keyes")
    tab_to(console, "secret")
    console.page.keyboard.type("a long secret")
    tab_to(console, "register")
    assert has_visible_focus(console)
    press("Enter")
    console.wait_for("#who:has-text('keyes')")
    eventually(lambda: focused(console) == "text", "who has logged in can write at once", seconds=PATIENCE)
    console.page.keyboard.type("no mouse was harmed")
    press("Control+Enter")
    console.wait_for("#feed li:has-text('no mouse was harmed')")
    for id in ("filter", "pause", "feed"):
        tab_to(console, id)
        assert has_visible_focus(console), id
    press("Tab")
    press("Enter")
    console.wait_for("#feed details[open] pre")


def test_the_feed_is_read_aloud_only_where_that_is_wanted(calm: Fleet, look: Look) -> None:
    console = look(calm)
    assert console.page.get_attribute("#feed", "aria-live") == "off"
    console.page.check("#aloud")
    assert console.page.get_attribute("#feed", "aria-live") == "polite"


@pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_axe_has_nothing_to_say(calm: Fleet, look: Look, dark: bool, phone: bool) -> None:
    console = look(calm, size=PHONE if phone else None, dark=dark)
    console.post("look at me")
    console.page.click("#feed summary")
    console.page.click("#table summary")
    console.wait_for("#rows tr")
    assert violations(console) == []
    console.register(f"axel-{dark}-{phone}", "a long secret")
    assert violations(console) == []


def violations(console: Console) -> list[str]:
    """What axe-core finds, of all its rules."""
    source = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    console.page.evaluate(source)
    found: list[dict[str, Any]] = console.page.evaluate("axe.run().then(({violations}) => violations)")
    return [f"{one['id']}: {node['html']}: {node['failureSummary']}" for one in found for node in one["nodes"]]


def focused(console: Console) -> str:
    return str(console.page.evaluate("document.activeElement.id"))


def tab_to(console: Console, id: str) -> None:
    """There are few stops on the way."""
    for _ in range(12):
        console.page.keyboard.press("Tab")
        if focused(console) == id:
            return
    raise AssertionError(f"Tab does not lead to {id}")


def has_visible_focus(console: Console) -> bool:
    style = "getComputedStyle(document.activeElement)"
    return bool(console.page.evaluate(f"{style}.outlineStyle === 'solid' && parseFloat({style}.outlineWidth) >= 2"))

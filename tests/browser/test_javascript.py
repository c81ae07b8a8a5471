"""oyez.js in a browser, against a network of processes: what it promises, also when servers die and leave."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.blackbox.wire import Address, eventually
from tests.browser.chromium import chromium, missing
from tests.delivery.fleet import Fleet
from tests.docs.markdown import DOCS, read, sections

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PATIENCE = 90.0
"""Seconds for anything that is seen in a page, however busy the machine is."""

ELSEWHERE = "127.0.0.2"
"""This machine, too; to a browser another site."""

Open = Callable[[str], "Page"]

JOIN = """
async ([addresses, options]) => {
  const { connect } = await import("/oyez.js");
  window.told = [];
  window.heard = [];
  window.network = await connect(addresses, {timeout: 60, onstate: (event) => told.push(event), ...options});
  network.on("activity", ({id, user, object}) => heard.push({id, user, ...object}));
  network.on("gap", (gap) => told.push({state: "gap", ...gap}));
  return network.server;
}
"""

TALK = """
(name) => {
  window.posts = [];
  window.talking = setInterval(() => posts.push(network.post({name, number: posts.length + 1})), 20);
}
"""

FALL_SILENT = """
() => {
  clearInterval(talking);
  return Promise.all(posts);
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Open]:
    """Opens pages that share nothing; at the end, none of them may have had an error of its own."""
    wrong: list[str] = []
    with ExitStack() as stack:

        def open_page(url: str) -> "Page":
            context = stack.enter_context(browser.new_context())
            context.set_default_timeout(PATIENCE * 1000)
            page = context.new_page()
            page.on("pageerror", lambda error: wrong.append(f"{url}: {error}"))
            page.goto(url)
            return page

        yield open_page
    assert wrong == []


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A main, a backup and two servers."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The same, shared by the tests that kill nothing."""
    with Fleet(tmp_path_factory.mktemp("calm")) as fleet:
        yield fleet


def blank(at: Address) -> str:
    """A page of this node on which nothing happens by itself, with the policy of all its pages."""
    return f"http://{at}/oyez.js"


def wait_for(page: "Page", expression: str, given: Any = None) -> None:
    """Until this is so. Asked from here: what Playwright would have the page itself evaluate, its policy forbids."""
    eventually(lambda: bool(page.evaluate(expression, given)), expression, seconds=PATIENCE)


def told(page: "Page") -> list[str]:
    """Which states the page has been told, in order."""
    states: list[str] = page.evaluate("told.map(({state}) => state)")
    return states


def test_the_example_is_a_chat(calm: Fleet, open_page: Open) -> None:
    pages = [open_page(f"http://{calm.centrals['c1']}/example.html") for _ in range(2)]
    eventually(lambda: calm.loads() == {"s1": 1, "s2": 1}, "the pages are at two servers", seconds=PATIENCE)
    pages[0].get_by_label("Say something").fill("<b>hear</b> ye")
    pages[0].get_by_role("button").click()
    for page in pages:
        wait_for(page, 'document.querySelector("ul").innerText.includes("anonymous: <b>hear</b> ye")')


def test_the_code_in_the_documentation_runs(calm: Fleet, open_page: Open) -> None:
    """One block after the other, as parts of one program; the first is another program, the one above."""
    blocks = [
        text for section in sections(read(DOCS / "javascript.md")) for kind, text in section.blocks if kind == "js"
    ]
    assert len(blocks) == 6
    program = "\n".join(blocks[1:])
    page = open_page(blank(calm.centrals["c1"]))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(f"async () => {{ const {{ connect }} = await import('/oyez.js'); {program} }}")
    assert said[0] in ("ada is at s1", "ada is at s2")
    assert said[1].startswith("everybody has s")
    assert [line.split()[1:] for line in said[2:]].count(["ada", "Note"]) == 2
    wait_for(page, "true")
    assert said[-1] == "closed this connection was closed", said


def test_a_page_that_does_not_take_its_activities_lets_its_link_go_and_misses_nothing(
    calm: Fleet, open_page: Open
) -> None:
    slow, busy = (open_page(blank(calm.centrals["c2"])) for _ in range(2))
    for page, options in ((slow, {"buffer": 4000}), (busy, {})):
        page.evaluate(JOIN.replace("network.on", "if (!options.buffer) network.on"), [None, options])
    busy.evaluate("Promise.all(Array.from({length: 200}, (_, number) => network.post({number})))")
    wait_for(slow, 'told.some(({state}) => state === "held") && network.state === "connecting"')
    eventually(lambda: sum(calm.loads().values()) == 1, "the other page alone has a session", seconds=PATIENCE)
    taken = slow.evaluate(
        """async () => {
          const taken = [];
          for await (const { object } of network) {
            if ("number" in object) taken.push(object.number);
            if (taken.length === 200) return taken;
          }
        }"""
    )
    assert taken == list(range(200))
    assert "gap" not in told(slow)


@pytest.mark.parametrize("death", ["kill", "drain"])
def test_a_page_whose_server_dies_or_leaves_misses_nothing_and_shows_nothing_twice(
    fleet: Fleet, open_page: Open, death: str
) -> None:
    pages = {name: open_page(blank(fleet.centrals["c1"])) for name in ("ada", "bob")}
    names = list(pages)
    at = {}
    for name, page in pages.items():
        at[name] = page.evaluate(JOIN, [None, {"username": name, "secret": f"{name}'s own", "register": True}])
    assert set(at.values()) == {"s1", "s2"}, "each of two pages gets a server of its own"
    for name, page in pages.items():
        page.evaluate(TALK, name)
    for page in pages.values():
        wait_for(page, "heard.length > 50")
    getattr(fleet, death)(at["bob"])
    wait_for(pages["bob"], "(lost) => network.server && network.server !== lost", at["bob"])
    before = pages["bob"].evaluate("heard.length")
    wait_for(pages["bob"], "(before) => heard.length > before + 50", before)
    posted = {name: page.evaluate(FALL_SILENT) for name, page in pages.items()}
    total = sum(len(ids) for ids in posted.values())
    for page in pages.values():
        wait_for(page, "(total) => heard.filter(({number}) => number).length >= total", total)
        heard = page.evaluate("heard.filter(({number}) => number)")
        assert len(heard) == total
        for name in names:
            own = [one for one in heard if one["user"] == name]
            assert [one["number"] for one in own] == list(range(1, len(posted[name]) + 1))
            assert [one["id"] for one in own] == posted[name]
    assert told(pages["bob"]) == (
        ["connected", "disconnected", "connected"] if death == "kill" else ["connected", "moved"]
    )
    assert told(pages["ada"]) == ["connected"]


def test_a_page_that_came_from_a_server_outlives_it(fleet: Fleet, open_page: Open) -> None:
    page = open_page(blank(fleet.servers["s1"]))
    ada = {"username": "ada", "secret": "ada's own"}
    page.evaluate(JOIN, [None, {**ada, "register": True}])
    page.evaluate("network.close()")
    assert page.evaluate(JOIN, [None, ada]) == "s1", "who knows the secret is let in where they ask"
    page.evaluate('network.post("here")')
    fleet.kill("s1")
    wait_for(page, 'network.server === "s2"')
    page.evaluate('network.post("there")')
    assert page.evaluate("heard.map(({content}) => content)") == ["here", "there"]


def test_the_main_dies_and_pages_go_on_and_log_in_again(fleet: Fleet, open_page: Open) -> None:
    page = open_page(blank(fleet.centrals["c1"]))
    ada = {"username": "ada", "secret": "ada's own"}
    page.evaluate(JOIN, [None, {**ada, "register": True}])
    fleet.kill("c1")
    page.evaluate('network.post("nobody is main")')
    page.evaluate("network.close()")
    known = [f"ws://{at}" for at in fleet.centrals.values()]
    assert page.evaluate(JOIN, [known, ada]) in ("s1", "s2")
    page.evaluate('network.post("bob is")')
    other = open_page(blank(fleet.centrals["c2"]))
    other.evaluate(JOIN, [None, {"username": "bob", "secret": "bob's own", "register": True}])
    other.evaluate('network.post("long live the main")')
    wait_for(page, 'heard.some(({user, content}) => user === "bob" && content === "long live the main")')
    with pytest.raises(Exception, match="Refused: "):
        other.evaluate(JOIN, [None, {"username": "ada", "secret": "not ada's"}])


def test_a_page_of_another_site_may_have_the_library_and_is_refused(
    calm: Fleet, open_page: Open, tmp_path: Path
) -> None:
    tmp_path.joinpath("index.html").write_text("<!doctype html><title>another site</title>")
    handler = partial(Silent, directory=str(tmp_path))
    with ThreadingHTTPServer((ELSEWHERE, 0), handler) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        try:
            page = open_page(f"http://{ELSEWHERE}:{site.server_port}/index.html")
            said = page.evaluate(
                """async (at) => {
                  const { connect, Unreachable } = await import(`http://${at}/oyez.js`);
                  const error = await connect(`http://${at}`, {timeout: 60}).catch((error) => error);
                  return [error instanceof Unreachable, error.message];
                }""",
                str(calm.centrals["c1"]),
            )
        finally:
            site.shutdown()
            thread.join()
    assert said[0] is True
    assert "pages from here may not speak with it" in said[1]
    assert calm.logged("c1", "origin_refused") > 0


class Silent(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *args: object) -> None:
        pass

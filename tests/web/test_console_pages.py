"""The console's files, and what it asks for: the state of the network, from every central of it."""

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from oyez.host.measures import Measures
from oyez.web.events import Reader
from oyez.web.journal import Journal
from oyez.web.origins import Origins
from oyez.web.requests import Request, Response, parse
from oyez.web.site import NodeSite, Offer
from oyez.web.views import CentralView, ServerView
from tests.core.centrals import Centre
from tests.core.servers import Serving
from tests.web.stage import get

MODULES = ["console.js", "feed.js", "happened.js", "joining.js", "page.js", "picture.js", "rates.js", "watch.js"]
OWN = ["index.html", "console.css", "begin.js", *MODULES]
HEAVIEST = 60 * 1024


class Pages:
    """Of a central, or of a server."""

    def __init__(self, node: Centre | Serving, offer: Offer | None = None, named: tuple[str, ...] = ()) -> None:
        self.journal = Journal(lambda: 1_700_000_000.0)
        self._node = node
        central = isinstance(node, Centre)
        view = CentralView(node.host, Measures("0"), self.journal) if central else ServerView(node.host, Measures("0"))
        self._site = NodeSite(view, Origins(named, view.hostnames), offer or Offer(), not central, "http")

    def get(self, path: str = "/", headers: Mapping[str, str] | None = None) -> Response:
        request = parse(get(path, headers))
        assert isinstance(request, Request)
        response = self._site.respond(request, self._node.connect().link.id)
        assert not isinstance(response, Reader)
        return response

    def network(self, query: str = "") -> dict[str, Any]:
        response = self.get(f"/network.json{query}")
        assert response.status == 200, response.body
        told: dict[str, Any] = json.loads(response.body)
        return told


# -- the state --------------------------------------------------------------------------------------------------------


def test_a_central_says_who_it_is_and_how_the_network_is() -> None:
    central = Centre(users="bob")
    central.ready("a", "b", load=3)
    told = Pages(central).network()
    assert (told["id"], told["hostname"], told["port"]) == ("c-home", "central", 3780)
    assert (told["role"], told["term"], told["users"], told["acknowledging"]) == ("main", 1, 1, True)
    assert [(one["id"], one["load"], one["ready"]) for one in told["servers"]] == [("a", 3, True), ("b", 3, True)]
    assert [(one["id"], one["role"]) for one in told["centrals"]] == [("c-home", "main")]
    assert (told["now"], told["journal"]) == (1_700_000_000.0, 1_700_000_000_000)


def test_it_tells_what_happened_and_who_was_main() -> None:
    pages = Pages(Centre())
    pages.journal.report("elected", {"term": 1, "central": "c-home"})
    pages.journal.report("server_joined", {"server": "a", "address": "host:4001"})
    told = pages.network()
    assert [event["event"] for event in told["events"]] == ["elected", "server_joined"]
    assert told["terms"] == [{"term": 1, "main": "c-home", "at": 1_700_000_000.0}]


def test_who_asks_again_says_how_far_it_knows() -> None:
    pages = Pages(Centre())
    pages.journal.report("server_lost", {"server": "a"})
    pages.journal.report("server_removed", {"server": "a"})
    assert [event["event"] for event in pages.network("?since=1700000000000-1")["events"]] == ["server_removed"]
    assert len(pages.network("?since=5-1")["events"]) == 2


@pytest.mark.parametrize("since", ["1", "1-", "-1", "a-b", "1-2-3", "1-1e9", "%D9%A1-%D9%A1", "9" * 16 + "-1"])
def test_what_is_no_place_in_a_journal_is_refused(since: str) -> None:
    response = Pages(Centre()).get(f"/network.json?since={since}")
    assert response.status == 400
    assert b"JOURNAL-NUMBER" in response.body


def test_it_names_no_user() -> None:
    central = Centre(users="bob eve")
    central.ready("a")
    central.logs_in("bob")
    assert b"bob" not in Pages(central).get("/network.json").body


def test_a_server_says_who_it_is_and_where_the_centrals_are() -> None:
    told = Pages(Serving()).network()
    assert (told["id"], told["hostname"], told["port"]) == ("m", "host", 4001)
    assert told["centrals"] == [{"hostname": "central", "port": 3780}]


# -- for pages of other nodes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://central:3781", True),
        ("http://localhost:3780", True),
        ("https://dash.example", True),
        ("http://evil.example", False),
        ("null", False),
    ],
)
def test_pages_of_this_network_may_read_it_and_those_that_are_named(origin: str, allowed: bool) -> None:
    response = Pages(Centre(), named=("https://dash.example",)).get("/network.json", {"Origin": origin})
    assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert response.headers["Vary"] == "Origin"


def test_nobody_else_is_named_where_no_page_asks() -> None:
    assert "Access-Control-Allow-Origin" not in Pages(Centre()).get("/network.json").headers


# -- the page ----------------------------------------------------------------------------------------------------------


def test_a_central_has_the_page() -> None:
    response = Pages(Centre()).get()
    assert response.status == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_server_sends_to_the_page_of_its_central() -> None:
    server = Serving()
    server.joins()
    response = Pages(server).get()
    assert response.status == 307
    assert response.headers["Location"] == "http://central:3780/"
    assert response.headers["Cache-Control"] == "no-store"


def test_a_server_that_has_no_central_says_so() -> None:
    response = Pages(Serving()).get()
    assert response.status == 503
    assert b"centrals" in response.body


def test_where_the_console_is_not_offered_there_is_none() -> None:
    without = Offer(console=False)
    server = Serving()
    server.joins()
    for pages in (Pages(Centre(), without), Pages(server, without)):
        assert [pages.get(path).status for path in ("/", "/console.js", "/console.css")] == [404, 404, 404]
        assert pages.get("/network.json").status == 200


class Markup(HTMLParser):
    """Tags with their attributes, and the text of each tag that may not have any."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.inline.append(data)


def page() -> tuple[Pages, Markup]:
    pages = Pages(Centre())
    return pages, Markup(pages.get().body.decode())


def test_the_page_has_nothing_inline_which_the_policy_would_stop() -> None:
    _, markup = page()
    assert markup.inline == []
    assert [name for _, attributes in markup.tags for name in attributes if name == "style" or name[:2] == "on"] == []


def test_whatever_the_page_needs_is_here() -> None:
    pages, markup = page()
    needed = {attributes.get("src") or attributes.get("href") or "" for _, attributes in markup.tags}
    files = {url for url in needed if url.startswith("/") and url != "/network.json"}
    assert files == {f"/{name}" for name in OWN if name not in ("index.html", "joining.js")}
    for url in files:
        assert pages.get(url).status == 200, url
    assert not [url for url in needed if "//" in url.removeprefix("data:image/svg+xml,%3Csvg xmlns='http://")]


def test_the_scripts_import_what_is_here_and_write_no_markup() -> None:
    pages = Pages(Centre())
    for name in OWN:
        text = pages.get(f"/{name}".replace("/index.html", "/")).body.decode()
        if name.endswith(".js"):
            imported = set(re.findall(r'(?:from|import\() ?"\.?/([\w.]+)"', text))
            assert imported <= {*OWN, "oyez.js"}, name
            for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
                assert way not in text, (name, way)
        assert "://" not in re.sub(r"http://www\.w3\.org/2000/svg|\$\{location\.protocol\}//", "", text), name


def test_the_console_weighs_little() -> None:
    pages = Pages(Centre())
    weight = sum(len(pages.get(f"/{name}".replace("/index.html", "/")).body) for name in OWN)
    assert weight < HEAVIEST


def test_every_label_belongs_to_something() -> None:
    _, markup = page()
    ids = {attributes["id"] for _, attributes in markup.tags if "id" in attributes}
    pointing = ("for", "aria-labelledby", "aria-describedby")
    assert {value for _, attributes in markup.tags for name, value in attributes.items() if name in pointing} <= ids


# -- colours -----------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


TEXTS = [
    ("panel", ("text", "soft", "mark", "good", "bad", "change")),
    ("ground", ("text", "soft", "bad", "change")),
    ("sunken", ("text", "soft")),
    ("mark-soft", ("text", "mark")),
    ("mark", ("on-mark",)),
]
SHAPES = [("panel", ("line", "mark")), ("sunken", ("mark",)), ("mark-soft", ("mark",))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_from_what_they_stand_on(scheme: str) -> None:
    """Axe does not look into pictures. SC 1.4.3 asks for 4.5 of text, SC 1.4.11 for 3 of shapes that tell something."""
    style = Pages(Centre()).get("/console.css").body.decode()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))
    pairs = [(ground, on, least) for table, least in ((TEXTS, 4.5), (SHAPES, 3)) for ground, ons in table for on in ons]
    weak = {
        (a, b): contrast(colours[a], colours[b]) for a, b, least in pairs if contrast(colours[a], colours[b]) < least
    }
    assert weak == {}

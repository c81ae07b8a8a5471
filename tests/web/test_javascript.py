"""oyez.js, as far as it can be looked at without a browser: its own tests in Node, its types, its sizes.

tests/browser has it in a browser, against a network.
"""

import re
import shutil
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest

from oyez.client import cursors
from oyez.protocol.messages import Resume
from oyez.web.origins import Origins
from oyez.web.requests import Request, Response, parse
from oyez.web.site import NodeSite, Offer
from tests.web.stage import get
from tests.web.toys import QuietView

HERE = Path(__file__).parent
ROOT = HERE.resolve().parents[1]
STATIC = ROOT / "src" / "oyez" / "web" / "static"
LIBRARY = sorted(STATIC.glob("oyez*.js"))
LONGEST = 400
OLDEST_NODE = 20


def node() -> str:
    """The program, where it is new enough."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version.strip()}, and older than {OLDEST_NODE}")
    return found


@pytest.mark.parametrize("file", sorted((HERE / "js").glob("*.test.mjs")), ids=lambda file: str(file.name))
def test_the_library_for_browsers(file: Path) -> None:
    outcome = subprocess.run([node(), "--test", str(file)], capture_output=True, text=True, timeout=300, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert int(re.findall(r"pass (\d+)", outcome.stdout)[-1]) > 5, outcome.stdout


def test_its_cursors_are_those_of_the_library_for_python() -> None:
    """tests/web/js/program.test.mjs has the same text."""
    text = "WzEsIjVkMWUiLHsiczEuNyI6NDIsIsO8LjEiOjN9XQ"
    origins = {"s1.7": 42, "ü.1": 3}
    assert cursors.encode("5d1e", origins) == text
    assert cursors.decode(text) == Resume("5d1e", origins)
    assert text in (HERE / "js" / "program.test.mjs").read_text("utf-8")


def test_its_files_are_short_and_need_nothing_from_elsewhere() -> None:
    assert [file.name for file in LIBRARY] == ["oyez.js", "oyez.route.js", "oyez.seen.js", "oyez.session.js"]
    for file in LIBRARY:
        text = file.read_text("utf-8")
        assert len(text.splitlines()) <= LONGEST, file.name
        assert set(re.findall(r'from "([^"]*)"', text)) <= {f"./{other.name}" for other in LIBRARY}, file.name
        assert not re.search(r"https?://", text), file.name
        assert "eval" not in text, file.name


def test_its_types_name_all_that_it_gives() -> None:
    given = r"export (?:async )?(?:function|class) (\w+)"
    types = (STATIC / "oyez.d.ts").read_text("utf-8")
    assert set(re.findall(given, types)) == set(re.findall(given, (STATIC / "oyez.js").read_text("utf-8")))
    of_network = types[types.index("interface Network") :]
    of_network = of_network[: of_network.index("\n}\n")]
    code = (STATIC / "oyez.js").read_text("utf-8")
    for name in re.findall(r"^  (?:readonly )?(\w+)[:(]", of_network, re.MULTILINE):
        assert re.search(rf"^  (?:async |get )?{name}\(|^    this\.{name} =", code, re.MULTILINE), name


def test_the_ten_lines_of_the_documentation_are_the_example() -> None:
    example = (STATIC / "example.js").read_text("utf-8")
    assert len(example.splitlines()) <= 10
    for page in (ROOT / "docs" / "javascript.md", ROOT / "README.md"):
        blocks = re.findall(r"^```js\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        assert blocks[0] == example, page.name


def asked(path: str, offer: Offer) -> Response:
    request = parse(get(path))
    assert isinstance(request, Request)
    response = NodeSite(QuietView(), Origins(), offer, feeds=True, scheme="http").respond(request, 1)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize("console", [True, False])
def test_every_node_serves_it_to_everybodys_pages(console: bool) -> None:
    for name in [*(file.name for file in LIBRARY), "oyez.d.ts"]:
        response = asked(f"/{name}", Offer(console=console))
        assert response.status is HTTPStatus.OK
        assert response.body == (STATIC / name).read_bytes()
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert asked("/oyez.js", Offer()).content_type.startswith("text/javascript")
    assert asked("/example.html", Offer(console=console)).status is (HTTPStatus.OK if console else HTTPStatus.NOT_FOUND)

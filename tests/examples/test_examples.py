"""Each program in examples/ does what it says, in a network of real processes."""

import json
import time
from collections import Counter, defaultdict
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import oyez
import oyez.sync
from tests.blackbox.processes import Network
from tests.examples.programs import EXAMPLES, PATIENCE, Program, running


def example(network: Network, name: str, *arguments: str, **variables: str) -> AbstractContextManager[Program]:
    return running(str(EXAMPLES / name), *arguments, variables={"OYEZ_CENTRAL": str(network.central), **variables})


def test_every_example_is_tested_and_short() -> None:
    lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.glob("*.py")}
    assert set(lines) == {"bot.py", "bridge.py", "chat.py", "logtail.py", "plot.py"}
    assert max(lines.values()) < 120


def test_chat(network: Network, beside: oyez.sync.Network) -> None:
    notes = beside.activities(type="Note", timeout=PATIENCE)
    with example(network, "chat.py", "ada", OYEZ_USER_SECRET="red anchor") as chat:
        chat.wait_for("You are ada, at server s[12]")
        beside.post("hello\x1b[2J you")
        assert chat.wait_for("^anonymous: (.*)")[1] == "hello·[2J you"
        notes.take()
        chat.type("hello yourself")
        chat.wait_for("^ada: hello yourself$")
        said = notes.take()
        assert (said.user, said.object["content"]) == ("ada", "hello yourself")
        chat.input.close()
        chat.ended()


def test_chat_takes_ctrl_c(network: Network) -> None:
    with example(network, "chat.py") as chat:
        chat.wait_for("You are anonymous")
        assert chat.end() == ""


def test_logtail(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("from before\n")
    with example(network, "logtail.py") as there, example(network, "logtail.py", str(log)) as here:
        there.wait_for("listening at s[12]")
        here.wait_for("following")
        with log.open("a") as file:
            file.write("one\ntwo\nthr")
            file.flush()
            assert there.wait_for(r"app\.log: (.*)")[1] == "one"
            assert there.wait_for(r"app\.log: (.*)")[1] == "two"
            file.write("ee\n")
        assert there.wait_for(r"app\.log: (.*)")[1] == "three"
        log.rename(tmp_path / "app.log.1")
        log.write_text("after the rotation\n")
        assert there.wait_for(r"app\.log: (.*)")[1] == "after the rotation"
        log.write_text("")
        log.write_text("cut\n")
        assert there.wait_for(r"app\.log: (.*)")[1] == "cut"
        here.end()
        there.end()


def test_bot(network: Network, beside: oyez.sync.Network) -> None:
    with example(network, "bot.py") as bot:
        bot.wait_for("listening at s[12]")
        answers = beside.activities(where=lambda activity: "inReplyTo" in activity.object, timeout=PATIENCE)
        for question, said in (("!ping", "pong"), ("!who", "are here"), ("!help", "I know")):
            id = beside.post(question)
            answer = answers.take().object
            assert answer["inReplyTo"] == id
            assert said in answer["content"]
        beside.post("!nonsense")
        beside.post("!ping")
        assert answers.take().object["content"] == "pong"
        bot.end()


def test_bridge(network: Network, beside: oyez.sync.Network) -> None:
    arriving = beside.activities(authenticated_user="ada", timeout=PATIENCE)
    with example(network, "bridge.py", "ada", OYEZ_USER_SECRET="red anchor") as bridge:
        bridge.type('{"type": "Like", "object": "urn:x"}')
        bridge.type("plain text")
        assert arriving.take().raw == b'{"authenticated_user":"ada","type": "Like", "object": "urn:x"}'
        assert arriving.take().object["content"] == "plain text"
        beside.post(b'{"n": 1.50}')
        assert bridge.wait_for(".*")[0] == '{"authenticated_user":"anonymous","n": 1.50}'  # and nothing of its own
        bridge.input.close()
        beside.post(b'{"n": 2}')
        assert json.loads(bridge.wait_for(".*")[0])["n"] == 2
        assert bridge.end() == ""


def test_plot_as_a_file(network: Network, beside: oyez.sync.Network, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `bench` only")
    with example(network, "plot.py", str(tmp_path / "rates.png"), "1.5", MPLBACKEND="svg") as plot:
        plot.wait_for("counting at s[12]")
        for kind in ("Note", "Like", "Note"):
            beside.post({"type": kind})
        plot.ended()
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.part"))


NOTEBOOK = """
import asyncio, os, sys, types

class Place:
    def update(self, image):
        print("drawn", len(image.data) > 1000 and image.data[:4], flush=True)

shown = types.ModuleType("IPython.display")
shown.Image = lambda data: types.SimpleNamespace(data=data)
shown.display = lambda image, display_id: Place()
sys.modules["IPython"] = types.SimpleNamespace(version_info=(9, 0))
sys.modules["IPython.display"] = shown

async def cell():  # in a notebook a loop is running
    import oyez.sync, plot
    with oyez.sync.connect(os.environ["OYEZ_CENTRAL"]) as network:
        network.post("hear ye")
        plot.live(network, seconds=1.5)

asyncio.run(cell())
"""


def test_plot_in_a_notebook(network: Network) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `bench` only")
    with running("-c", NOTEBOOK, variables={"OYEZ_CENTRAL": str(network.central)}, folder=EXAMPLES) as notebook:
        assert set(notebook.ended().splitlines()) == {"drawn b'\\x89PNG'"}


def test_the_plot_counts_by_type_and_second() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `bench` only")
    from matplotlib.figure import Figure

    from examples import plot

    class Arriving:
        """In place of a reader."""

        def __init__(self) -> None:
            self.kinds = iter([{"type": "Note"}, {"type": "Like"}, {"type": "Note"}, {}])

        def take(self, timeout: float) -> oyez.Activity:
            for members in self.kinds:
                return oyez.Activity("s1.1-1", json.dumps(members).encode())
            raise TimeoutError

    counts: dict[str, Counter[int]] = defaultdict(Counter)
    plot.count(Arriving(), counts, until=time.time() + PATIENCE)  # type: ignore[arg-type]
    assert {kind: sum(seconds.values()) for kind, seconds in counts.items()} == {"Note": 2, "Like": 1, "none": 1}
    figure = Figure()
    plot.draw(figure, counts)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"Note", "Like", "none"}

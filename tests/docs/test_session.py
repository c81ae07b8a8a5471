"""docs/session.cast can be played, is of the commands that tools/record_session.py types, and of ours as they are."""

import json
import re

from oyez.cli import app
from tests.docs.markdown import DOCS, read
from tools.record_session import SCRIPT, WIDTH, plain

HEAD, *FRAMES = [json.loads(line) for line in read(DOCS / "session.cast").splitlines()]
SCREEN = plain("".join(text for _at, _kind, text in FRAMES))


def test_a_player_takes_it() -> None:
    assert HEAD["version"] == 2
    assert all(kind == "o" for _at, kind, _text in FRAMES)
    times = [at for at, _kind, _text in FRAMES]
    assert times == sorted(times)
    assert max(map(len, SCREEN.splitlines())) <= WIDTH == HEAD["width"]


def test_it_is_a_recording_of_the_script() -> None:
    typed = [line for line in re.findall(r"^\$ (.*)$", SCREEN, re.MULTILINE) if line]
    assert typed == [step.text for step in SCRIPT], "record it anew: python -m tools.record_session"


def test_every_command_in_it_exists() -> None:
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    assert {step.text.split()[1] for step in SCRIPT if step.text.startswith("oyez ")} <= commands


def test_it_shows_what_the_readme_promises() -> None:
    before, after = re.findall(r"^\$ oyez status\n(.*?)^\$ ", SCREEN, re.MULTILINE | re.DOTALL)
    assert re.search(r"3780 +main", before)
    assert re.search(r"3781 +main", after)
    feed = SCREEN.partition("$ cat feed\n")[2]
    assert [json.loads(line)["content"] for line in feed.splitlines()[:2]] == ["hear ye", "still here"]


def test_it_names_no_folder_of_the_machine_that_it_was_recorded_on() -> None:
    assert not re.search(r"(?<![\w.:/])/\w", SCREEN)

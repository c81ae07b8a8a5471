"""Inputs that were kept are tried again, and new ones made: a bounded number here, as many as one likes in a soak.

What a fuzzer finds is mended with a test that names it, and its input is kept in `corpus`.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.planted import PLANTS, SOURCE, Plant
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).resolve().parent / "corpus"
MOST = 200_000
"""Bytes of all inputs that are kept."""

SECONDS = int(os.environ.get("OYEZ_FUZZ_SECONDS", "120"))
"""In a soak: for each target."""

PATIENCE = 600
"""Seconds, beyond those, after which a fuzzer that has not ended hangs."""

each_target = pytest.mark.parametrize("target", TARGETS)
each_plant = pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.target}: {plant.name}")
with_atheris = pytest.mark.skipif(
    find_spec("atheris") is None, reason="there is no atheris for this Python or machine (pip install oyez[fuzz])"
)


def kept(target: str) -> list[Path]:
    return sorted((CORPUS / target).iterdir())


def fuzzer(target: str, *options: str, source: Path = SOURCE.parent) -> subprocess.CompletedProcess[str]:
    """A process of its own: a fuzzer changes what it imports, and ends with its process."""
    path = os.pathsep.join([str(source), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS + PATIENCE,
        check=False,
    )


def found(ended: subprocess.CompletedProcess[str], folder: Path) -> str:
    """What it found, to be kept: nothing, or what it said, and its input."""
    if ended.returncode == 0:
        return ""
    inputs = [f"{file.name}: {base64.b64encode(file.read_bytes()).decode()}" for file in folder.glob("found-*")]
    return "\n".join([ended.stdout[-2000:], ended.stderr[-6000:], *inputs])


@each_target
def test_what_was_kept_breaks_nothing(target: str) -> None:
    check = import_module(f"tests.fuzz.targets.{target}").check
    for file in kept(target):
        try:
            check(file.read_bytes())
        except BaseException as error:
            error.add_note(f"with the input {file.relative_to(ROOT)}")
            raise


@with_atheris
@each_target
def test_a_bounded_number_of_new_inputs_breaks_nothing(target: str, tmp_path: Path) -> None:
    """The same ones each time."""
    runs = import_module(f"tests.fuzz.targets.{target}").RUNS + len(kept(target))
    (tmp_path / "new").mkdir()
    options = [f"-runs={runs}", "-seed=1", f"-artifact_prefix={tmp_path}/found-", str(tmp_path / "new")]
    ended = fuzzer(target, *options, str(CORPUS / target))
    assert found(ended, tmp_path) == ""
    assert f"Done {runs} runs" in ended.stderr


@pytest.mark.soak
@with_atheris
@each_target
def test_new_inputs_break_nothing_for_long(target: str, tmp_path: Path) -> None:
    """Other ones each time."""
    (tmp_path / "new").mkdir()
    options = [f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/found-", str(tmp_path / "new")]
    assert found(fuzzer(target, *options, str(CORPUS / target)), tmp_path) == ""


@each_plant
def test_what_was_kept_finds_a_planted_bug(plant: Plant, tmp_path: Path) -> None:
    ended = fuzzer(plant.target, "--replay", *map(str, kept(plant.target)), source=plant.put(tmp_path))
    assert ended.returncode == 1
    assert f"{plant.target} breaks with " in ended.stderr, ended.stderr


@pytest.mark.soak
@with_atheris
@each_plant
def test_a_fuzzer_that_knows_nothing_finds_a_planted_bug(plant: Plant, tmp_path: Path) -> None:
    options = [f"-max_total_time={SECONDS}", "-seed=1", f"-artifact_prefix={tmp_path}/found-"]
    ended = fuzzer(plant.target, *options, source=plant.put(tmp_path / "source"))
    assert found(ended, tmp_path) != "", ended.stderr[-2000:]


def test_what_is_kept_is_little_and_for_every_target() -> None:
    assert sorted(folder.name for folder in CORPUS.iterdir()) == TARGETS
    sizes = [file.stat().st_size for target in TARGETS for file in kept(target)]
    assert all(kept(target) for target in TARGETS)
    assert sum(sizes) < MOST

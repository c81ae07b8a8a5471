"""`python -m tests.fuzz TARGET [options and folders of libFuzzer]`: looks for inputs that break a target, with atheris.

`python -m tests.fuzz TARGET --replay FILE …` tries these inputs alone, and needs no atheris.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

PACKAGE = "tests.fuzz.targets"


def replay(target: str, files: list[str]) -> None:
    check = import_module(f"{PACKAGE}.{target}").check
    for file in files:
        try:
            check(Path(file).read_bytes())
        except BaseException:
            print(f"{target} breaks with {file}", file=sys.stderr)
            raise


def fuzz(target: str, options: list[str]) -> None:
    import atheris

    # The properties, too: that one of them is nearly broken is worth as much as a new branch of ours.
    with atheris.instrument_imports(include=["oyez", PACKAGE]):
        module = import_module(f"{PACKAGE}.{target}")
    with tempfile.TemporaryDirectory() as folder:  # libFuzzer ends the process: what is left there is its input alone
        words = Path(folder) / "words"
        words.write_text("".join(f"{_quoted(word)}\n" for word in module.WORDS if word))
        dictionary = [f"-dict={words}"] if module.WORDS else []
        atheris.Setup(
            [sys.argv[0], f"-max_len={module.LONGEST}", "-len_control=0", *dictionary, *options], module.check
        )
        atheris.Fuzz()


def _quoted(word: str) -> str:
    """As libFuzzer's dictionaries have it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()[:64]) + '"'


if __name__ == "__main__":
    if sys.argv[2:3] == ["--replay"]:
        replay(sys.argv[1], sys.argv[3:])
    else:
        fuzz(sys.argv[1], sys.argv[2:])

"""Compiles the C programs on demand into build/bench (ignored by git), again whenever a source has changed."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

from bench.errors import BenchError

SOURCES = Path(__file__).resolve().parent
PROGRAMS = SOURCES.parent / "build" / "bench"
FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]
LIBRARIES = {"handshakes": ["-lssl", "-lcrypto"]}
"""What a program is linked with, by its name; their headers have to be installed (libssl-dev, on Debian)."""


@cache
def program(name: str) -> str:
    """The path of the compiled `bench/<name>.c`."""
    source, compiled = SOURCES / f"{name}.c", PROGRAMS / name
    newest = max(path.stat().st_mtime for path in [source, *SOURCES.glob("*.h")])
    if not compiled.exists() or compiled.stat().st_mtime < newest:
        compile_program(source, compiled)
    return str(compiled)


def compile_program(source: Path, compiled: Path) -> None:
    """Raises BenchError with what the compiler said."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BenchError("a C compiler (gcc) is needed to build the benchmark programs")
    compiled.parent.mkdir(parents=True, exist_ok=True)
    # Under another name first: an interrupted compiler must not leave half a program that looks up to date.
    fresh = compiled.with_suffix(".new")
    command = [str(word) for word in (compiler, *FLAGS, "-o", fresh, source, *LIBRARIES.get(source.stem, []))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{source.name} does not compile:\n{done.stderr}")
    fresh.replace(compiled)

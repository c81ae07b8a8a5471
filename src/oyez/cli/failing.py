"""How a command that can't do its work ends: one sentence on standard error, exit code 1; 2 where what it was told is
at fault."""

import sys

import typer


def fail(why: object, code: int = 1) -> typer.Exit:
    """Say why; raise what this returns."""
    print(f"oyez: {why}", file=sys.stderr)
    return typer.Exit(code)

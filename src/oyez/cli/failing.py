"""How a command that can't do its work ends: one sentence on standard error, exit code 1."""

import sys

import typer


def fail(why: object) -> typer.Exit:
    """Say why; raise what this returns."""
    print(f"oyez: {why}", file=sys.stderr)
    return typer.Exit(1)

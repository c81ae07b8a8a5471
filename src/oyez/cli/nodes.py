"""What `oyez central` and `oyez server` have in common: a node that runs as this process.

Guarantees: one line `ready ROLE HOST:PORT` on standard output once the node does its job; a clean end by SIGTERM or
SIGINT is exit code 0; an end that its operator can do something about is one sentence. Must not know: the roles.
"""

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli.failing import fail
from oyez.client.addresses import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from oyez.net.node import Node
    from oyez.protocol.messages import Address


UntilEof = Annotated[bool, typer.Option("--until-eof", hidden=True, help="End when standard input does.")]


def say_ready(role: str, address: "Address") -> None:
    """Tell whoever started this process. That they may be gone by now is no reason to end."""
    with suppress(OSError):
        print(f"ready {role} {show(address)}", flush=True)


def run(node: "Node", listening: "Callable[[Address], None]", until_eof: bool) -> None:
    """Run the node to its end, then end the command. `listening` hears of the port.

    `until_eof` is for children: the end of their standard input means that the parent is gone.
    """
    from oyez.net.node import FORESEEN, execute

    def started(address: "Address") -> None:
        if until_eof:
            asyncio.get_running_loop().add_reader(0, _read_to_end, node)
        listening(address)

    try:
        code = execute(node, started)
    except FORESEEN as error:
        raise fail(error) from error
    raise typer.Exit(code)


def _read_to_end(node: "Node") -> None:
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        node.stop()

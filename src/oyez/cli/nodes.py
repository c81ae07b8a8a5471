"""What `oyez central` and `oyez server` have in common: a node that runs as this process.

Guarantees: one line `ready ROLE HOST:PORT` on standard output once the node does its job, and what it waits for in the
log as long as it can't; a clean end by SIGTERM or SIGINT is exit code 0; an end that its operator can do something
about is one sentence. Must not know: the roles.
"""

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import logs, supervisor
from oyez.cli.failing import fail
from oyez.client.addresses import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oyez.net.node import Node
    from oyez.protocol.messages import Address


UntilEof = Annotated[bool, typer.Option("--until-eof", hidden=True, help="End when standard input does.")]


REMIND = 5.0
"""Seconds after which a node that can't do its job says so in its log, and says so again."""

_LOST = {"main_lost", "stepped_down"}
"""Reports after which a central can't do its job until it is ready again."""


class Watch:
    """Hears a node's reports, and tells whoever started it when it is ready: on standard output, and a supervisor.

    At intervals, as long as it is not ready, what it `waits_for` goes into the log; after that, `complain` may log what
    it can't do now.
    """

    def __init__(
        self,
        role: str,
        waits_for: "Callable[[], Mapping[str, object]]",
        complain: "Callable[[], None]" = lambda: None,
    ) -> None:
        self.address: Address
        self._role = role
        self._waits_for = waits_for
        self._complain = complain
        self._ready = self._ever_ready = False

    def listening(self, **fields: object) -> None:
        """The node listens, and begins."""
        logs.report("listening", {"address": show(self.address)} | fields)
        supervisor.notify(f"STATUS=listens at {show(self.address)}, and is not ready yet")
        self._remind_later()

    def report(self, event: str, fields: "Mapping[str, object]") -> None:
        """What the role reports."""
        logs.report(event, fields)
        if event == "ready":
            self._ready = True
            supervisor.notify(supervisor.READY, f"STATUS=ready at {show(self.address)}")
            if not self._ever_ready:
                self._ever_ready = True
                self._say_ready()
        elif event in _LOST:
            self._ready = False
            supervisor.notify("STATUS=not ready: looks for a main")
        elif event == "leaving":
            supervisor.notify(supervisor.STOPPING, "STATUS=leaving: its sessions go elsewhere")

    def _say_ready(self) -> None:
        """That whoever started this process may be gone by now is no reason to end."""
        with suppress(OSError):
            print(f"ready {self._role} {show(self.address)}", flush=True)

    def _remind_later(self) -> None:
        asyncio.get_running_loop().call_later(REMIND, self._remind)

    def _remind(self) -> None:
        if self._ready:
            self._complain()
        else:
            logs.report("not_ready_yet", self._waits_for())
        self._remind_later()


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

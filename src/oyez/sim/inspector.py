"""Asks the central, as an operator would, what it believes: how many sessions each server has, and whose.

What it answers goes into the history, next to what the servers themselves have reported; nothing is judged here.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from oyez.protocol.messages import Address
from oyez.sim.connection import Connection
from oyez.sim.history import Counted, Unreachable

if TYPE_CHECKING:
    from oyez.sim.world import World

_decode = msgspec.json.Decoder().decode

QUESTIONS = b'{"command":"STATUS"}\n{"command":"WHO","username":"anonymous"}\n'


class Inspector:
    """One look; `done` once both answers are there."""

    def __init__(self, world: "World", central: Address) -> None:
        self.done = False
        self._world = world
        self._loads: dict[str, int] = {}
        connection = Connection(world.clock, world.random, self._line, self._over)
        connection.dial(world.network, "inspector", central, self._connected, self._failed)

    def _connected(self, connection: Connection) -> None:
        connection.write(QUESTIONS)

    def _line(self, connection: Connection, line: bytes) -> None:
        message: dict[str, Any] = _decode(line)
        if message["command"] == "STATUS_REPORT":
            self._loads = {server["id"]: server["load"] for server in message["servers"]}
            return
        present = {f"{entry['username']}@{entry['server']}": entry["sessions"] for entry in message["users"]}
        self._world.record(Counted(self._world.clock.now, connection.node, self._loads, present))
        self.done = True
        connection.close()

    def _over(self, connection: Connection, by: str, why: str) -> None:
        self.done = True

    def _failed(self, connection: Connection, why: str) -> None:
        self._world.record(Unreachable(self._world.clock.now, "inspector", connection.node, why))
        self.done = True

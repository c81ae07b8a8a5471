"""Asks the centrals, as operators and users would, once all is healed.

`Inspector` asks one what it believes: which centrals and servers there are, how many sessions, and whose. `Auditor`
logs in as somebody who was registered. `Operator` makes one main, where nobody can be by votes, or has a server leave.
What they hear goes into the history; nothing is judged here.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from oyez.protocol.messages import Address
from oyez.sim.connection import Connection
from oyez.sim.history import Counted, Heard, Said, Standing, Unreachable
from oyez.sim.participant import Manner

if TYPE_CHECKING:
    from oyez.sim.world import World

_decode = msgspec.json.Decoder().decode

STATUS = b'{"command":"STATUS"}\n'
WHO = b'{"command":"WHO","username":"anonymous"}\n'

AUDITOR = "auditor"

SECRET = "the cluster's secret"


class Inspector:
    """One look; `done` once the answers are there, or are not to be had. `count`: ask who is there, too."""

    def __init__(self, world: "World", central: Address, count: bool) -> None:
        self.done = False
        self._world = world
        self._count = count
        self._loads: dict[str, int] = {}
        connection = Connection(world.clock, world.random, self._line, self._over)
        connection.dial(world.network, "inspector", central, self._connected, self._failed)

    def _connected(self, connection: Connection) -> None:
        connection.write(STATUS + WHO if self._count else STATUS)

    def _line(self, connection: Connection, line: bytes) -> None:
        message: dict[str, Any] = _decode(line)
        now, node = self._world.clock.now, connection.node
        if message["command"] == "STATUS_REPORT":
            self._loads = {server["id"]: server["load"] for server in message["servers"]}
            self._world.record(_standing(now, node, message))
            if not self._count:
                self.done = True
                connection.close()
        elif message["command"] == "WHO_REPORT":
            present = {f"{entry['username']}@{entry['server']}": entry["sessions"] for entry in message["users"]}
            self._world.record(Counted(now, node, self._loads, present))
            self.done = True
            connection.close()
        else:  # only the main can say who is there
            self.done = True
            connection.close()

    def _over(self, connection: Connection, by: str, why: str) -> None:
        self.done = True

    def _failed(self, connection: Connection, why: str) -> None:
        self._world.record(Unreachable(self._world.clock.now, "inspector", connection.node, why))
        self.done = True


def _standing(now: float, node: str, report: dict[str, Any]) -> Standing:
    centrals = report["centrals"]
    return Standing(
        at=now,
        node=node,
        role=report.get("role", "main"),
        term=report["term"],
        main=next((central["hostname"] for central in centrals if central.get("role") == "main"), ""),
        in_sync=tuple(sorted(central["hostname"] for central in centrals if central.get("in_sync", True))),
        ready=tuple(sorted(server["id"] for server in report["servers"] if server.get("ready", True))),
        acknowledging=report.get("acknowledging", True),
    )


class Operator:
    """Says one command to a central; `done` with its answer."""

    def __init__(self, world: "World", central: Address, command: str, **fields: str) -> None:
        self.done = False
        self._world = world
        self._command = {"command": command, "secret": SECRET, **fields}
        connection = Connection(world.clock, world.random, self._line, self._over)
        connection.dial(world.network, "operator", central, self._connected, self._failed)

    def _connected(self, connection: Connection) -> None:
        connection.write(msgspec.json.encode(self._command) + b"\n")

    def _line(self, connection: Connection, line: bytes) -> None:
        message: dict[str, Any] = _decode(line)
        command, info, now = message["command"], message.get("info", ""), self._world.clock.now
        self._world.record(Heard(now, "operator", connection.number, connection.node, command, info))
        self.done = True
        connection.close()

    def _over(self, connection: Connection, by: str, why: str) -> None:
        self.done = True

    def _failed(self, connection: Connection, why: str) -> None:
        self.done = True


class Auditor:
    """Logs in at one central, and where that sends it, as somebody who was registered; `done` with the answer."""

    def __init__(self, world: "World", centrals: tuple[Address, ...], manner: Manner) -> None:
        self.done = False
        self._world = world
        self._manner = manner
        self._dial(world.random.choice(centrals))

    def _dial(self, central: Address) -> None:
        world = self._world
        connection = Connection(world.clock, world.random, self._line, self._over)
        connection.dial(world.network, AUDITOR, central, self._connected, self._failed)

    def _connected(self, connection: Connection) -> None:
        name, secret = self._manner.username, self._manner.secret or ""
        now = self._world.clock.now
        self._world.record(Said(now, AUDITOR, connection.number, connection.node, "LOGIN", name, secret))
        text = msgspec.json.encode({"command": "LOGIN", "username": name, "secret": secret})
        connection.write(text + b"\n")

    def _line(self, connection: Connection, line: bytes) -> None:
        message: dict[str, Any] = _decode(line)
        command, info, reason = message["command"], message.get("info"), message.get("reason", "")
        now = self._world.clock.now
        self._world.record(Heard(now, AUDITOR, connection.number, connection.node, command, info, reason))
        connection.close()
        if command == "REDIRECT":
            self._dial(Address(message["hostname"], message["port"]))
        else:
            self.done = True

    def _over(self, connection: Connection, by: str, why: str) -> None:
        self.done = self.done or by != "client"

    def _failed(self, connection: Connection, why: str) -> None:
        self.done = True

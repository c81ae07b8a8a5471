"""Simulated client programs that behave like the old ones of other people, and write down all that they see.

They speak JSON lines by themselves, with nothing of the project's codec, so that they notice where it is wrong. A
`Manner` says how one behaves: well, or badly in some way.
"""

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from oyez.protocol.messages import Address
from oyez.sim.connection import AT_ONCE, NEVER, SLOWLY, Connection
from oyez.sim.history import Ended, Heard, Said, Unreachable
from oyez.sim.participant import Manner, Participant
from oyez.sim.rubbish import CATALOGUE, FLOOD

if TYPE_CHECKING:
    from oyez.sim.world import World

_decode = msgspec.json.Decoder().decode

_FOR_NOW = ("no_server", "joining", "central_away")
"""Reasons of a refused login for which it is worth while to come back."""

_TRIES = 3
"""How often a client that sends rubbish tries."""


class Client(Participant):
    """One program and its user."""

    def __init__(self, world: "World", name: str, central: Address, manner: Manner) -> None:
        super().__init__(world, name, manner)
        self.connection: Connection | None = None
        self._central = central
        self._registered = not manner.registers
        self._ticket: str | None = None
        self._permit: str | None = None
        self._visit = 0  # counts the starts: what was meant for an earlier one is void

    # -- getting in ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Somebody starts the program."""
        self._visit += 1
        self._permit = None
        self._dial(self._central)

    def _dial(self, address: Address) -> None:
        clock, random = self.world.clock, self.world.random
        self.connection = connection = Connection(clock, random, self._line, self._over)
        connection.nibble = self.manner.nibble
        connection.dial(self.world.network, self.name, address, self._connected, self._failed)

    def _failed(self, connection: Connection, why: str) -> None:
        self.world.record(Unreachable(self.world.clock.now, self.name, connection.node, why))
        if connection is self.connection:
            self.connection = None
            self._come_back()

    def _connected(self, connection: Connection) -> None:
        if self._at_central(connection):
            if self.manner.rubbish and self.manner.rubbish_in == "central":
                self._misbehave(connection)
            elif self._registered:
                self._login(connection)
            else:
                self._say(connection, "REGISTER", username=self.manner.username, secret=self.manner.secret)
        else:
            self._login(connection)

    def _at_central(self, connection: Connection) -> bool:
        return connection.node == self._central.hostname

    def _login(self, connection: Connection) -> None:
        manner = self.manner
        fields: dict[str, object] = {"username": manner.username}
        permit = self._ticket if self._at_central(connection) else self._permit
        if manner.modern and permit is not None:
            fields["ticket"] = permit
        elif manner.secret is not None:
            fields["secret"] = manner.secret
        if manner.modern and not self._at_central(connection):
            fields["session"] = f"session of {self.name:>8} no {self._sessions + 1:>4}"
        self._say(connection, "LOGIN", **fields)
        if manner.waits and self.world.random.random() < 0.5:
            self.world.clock.after(manner.waits, partial(self._hang_up, connection))

    def _hang_up(self, connection: Connection) -> None:
        if connection.session:
            return
        if self.world.random.random() < 0.5:
            connection.close()
        else:
            connection.abort()

    def _say(self, connection: Connection, command: str, **fields: object) -> None:
        username, secret = str(fields.get("username", "")), self.manner.secret if "username" in fields else None
        now = self.world.clock.now
        self.world.record(Said(now, self.name, connection.number, connection.node, command, username, secret or ""))
        connection.write(json.dumps({"command": command, **fields}).encode() + b"\n")

    def _misbehave(self, connection: Connection) -> None:
        what = self.manner.rubbish
        now = self.world.clock.now
        self.world.record(Said(now, self.name, connection.number, connection.node, f"rubbish: {what}"))
        if what == FLOOD:
            connection.reads = NEVER
        connection.write(CATALOGUE[what])

    # -- hearing ------------------------------------------------------------------------------------------------

    def _line(self, connection: Connection, line: bytes) -> None:
        message: dict[str, Any] = _decode(line)
        command = message["command"]
        if command == "ACTIVITY_BROADCAST":
            self._see(message["activity"], message.get("id", ""), line.count(b"authenticated") == 1)
            return
        now = self.world.clock.now
        info, reason = message.get("info"), message.get("reason", "")
        self.world.record(Heard(now, self.name, connection.number, connection.node, command, info, reason))
        if connection is not self.connection:
            return
        match command:
            case "REGISTER_SUCCESS":
                self._registered = self.acknowledged = True
                self._login(connection)
            case "REGISTER_FAILED":
                self._registered = self._registered or reason == "already_registered"
            case "LOGIN_SUCCESS" if self._at_central(connection):
                self._ticket = message.get("ticket")
            case "LOGIN_SUCCESS":
                self._log_in_there(connection)
            case "LOGIN_FAILED":
                self._ticket = None
                self.gone = self.gone or not (reason in _FOR_NOW or reason.startswith("ticket"))
            case "REDIRECT":
                self._follow(connection, message)
            case _:
                pass  # the node closes after every refusal

    def _follow(self, connection: Connection, message: dict[str, Any]) -> None:
        self._leave_session(connection)
        self._permit = message.get("ticket")
        self._dial(Address(message["hostname"], message["port"]))
        if self.manner.central_link == "logs out":
            self._say(connection, "LOGOUT")
        if self.manner.central_link != "keeps":
            connection.close()

    # -- a session ----------------------------------------------------------------------------------------------

    def _log_in_there(self, connection: Connection) -> None:
        manner = self.manner
        connection.session = self._enter(connection.node, connection.number)
        if manner.reads != AT_ONCE:
            self._later(manner.stops_at, partial(self._read_badly, connection))
        if manner.rubbish and manner.rubbish_in == "server":
            self._later(self.world.random.random(), partial(self._misbehave, connection))

    def _read_badly(self, connection: Connection) -> None:
        connection.reads = self.manner.reads

    def _send(self, activity: bytes) -> None:
        manner = self.manner
        assert self.connection is not None
        fields: dict[str, object] = {"username": manner.username}
        if manner.secret is not None and not (manner.modern and self._permit):
            fields["secret"] = manner.secret
        if manner.modern:
            fields["id"] = self.posted
        head = json.dumps({"command": "ACTIVITY_MESSAGE", **fields})[:-1]
        self.connection.write(f'{head},"activity":'.encode() + activity + b"}\n")

    # -- getting out --------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Its user has had enough."""
        self.gone = True
        connection = self.connection
        if connection is None:
            return
        match self.manner.leaves:
            case "logs out":
                self._say(connection, "LOGOUT")
            case "vanishes":
                self.world.network.power(self.name, up=False)
                connection.disappear()
            case _:
                connection.close()

    def _leave_session(self, connection: Connection) -> None:
        if connection is self.connection:
            self.session = ""
            self.connection = None

    def _over(self, connection: Connection, by: str, why: str) -> None:
        current = connection is self.connection
        now, unread = self.world.clock.now, connection.stuck or self.manner.reads == SLOWLY
        self.world.record(
            Ended(now, self.name, connection.number, connection.node, connection.session, by, why, unread)
        )
        self._leave_session(connection)
        if current:
            self._come_back()

    def _come_back(self) -> None:
        tired = self.manner.rubbish and self._visit >= _TRIES
        if self.manner.returns and not self.gone and not tired:
            self.world.clock.after(0.1 + self.world.random.random(), partial(self._start_again, self._visit))

    def _start_again(self, visit: int) -> None:
        if visit == self._visit:
            self.start()

"""The library's client in a simulated world: its real role, in the real host, on a machine without a listener.

Each time that the role is connected counts as a session of its own here. What its user would see goes into the
history.
"""

from collections.abc import Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import msgspec

from oyez.core.client import Client as Role
from oyez.core.stored import Stored
from oyez.protocol.messages import ActivityBroadcast, Address
from oyez.sim.history import Ended, Heard, Said
from oyez.sim.node import Node
from oyez.sim.participant import Manner, Participant

if TYPE_CHECKING:
    from oyez.sim.world import World

_decode = msgspec.json.Decoder().decode


class LibraryClient(Participant):
    """One user of the library."""

    def __init__(self, world: "World", name: str, centrals: tuple[Address, ...], manner: Manner) -> None:
        super().__init__(world, name, manner)
        self._centrals = centrals
        self._registers = manner.registers
        self._at = ""
        self._starts = 0
        self._node = Node(world, name, None, self._build)
        self._node.user = self

    def _build(self, stored: Stored, incarnation: int, entropy: Random) -> Role:
        manner = self.manner
        return Role(list(self._centrals), manner.username, manner.secret, entropy, self._registers)

    def start(self) -> None:
        """Somebody starts the program."""
        if not self._node.running:
            self._starts += 1
            self._says("REGISTER" if self._registers else "LOGIN")
            self._node.start()

    @property
    def _link(self) -> int:
        """What the history calls its way in: it is the role that knows its links, so each start counts as one."""
        return -(int.from_bytes(self.name.encode()) * 1000 + self._starts)

    def _says(self, command: str) -> None:
        manner, now = self.manner, self.world.clock.now
        node, secret = self._centrals[0].hostname, manner.secret or ""
        self.world.record(Said(now, self.name, self._link, node, command, manner.username, secret))

    def _hears(self, command: str, info: str, reason: str = "") -> None:
        node = self._centrals[0].hostname
        self.world.record(Heard(self.world.clock.now, self.name, self._link, node, command, info, reason))

    def _send(self, activity: bytes) -> None:
        process = self._node.process
        assert process is not None
        process.wake(partial(self._post_now, activity))

    def _post_now(self, activity: bytes) -> None:
        process = self._node.process
        assert process is not None
        role = process.host.role
        assert isinstance(role, Role)
        if role.live:
            process.host.perform(role.post(activity)[1])

    def leave(self) -> None:
        """Its user has had enough."""
        self.gone = True
        match self.manner.leaves:
            case "logs out":
                self._node.stop()
            case "vanishes":
                self._node.crash("gone", power=True)
            case _:
                self._node.crash("gone")

    # -- what the role has to say -------------------------------------------------------------------------------

    def reported(self, event: str, fields: Mapping[str, object]) -> None:
        """See `node.User`."""
        match event:
            case "registered":
                self.acknowledged = True
                self._registers = False
                self._hears("REGISTER_SUCCESS", "registered")
                self._says("LOGIN")
            case "connected":
                if self._registers:  # its name was taken, by itself
                    self._says("LOGIN")
                self._hears("LOGIN_SUCCESS", "connected")
                self._at = str(fields["server"])
                self._enter(self._at, 0)
            case "disconnected":
                self._left(str(fields["info"]))
            case "gave_up":
                self._refused(str(fields["reason"]), str(fields["info"]))
            case _:
                pass

    def _refused(self, reason: str, info: str) -> None:
        if reason == "already_registered":
            self._registers = False
            self._hears("REGISTER_FAILED", info, reason)
        elif reason == "wrong_credentials":
            self.gone = True
            self._hears("LOGIN_FAILED", info, reason)

    def delivered(self, broadcast: ActivityBroadcast) -> None:
        """See `node.User`."""
        raw = bytes(broadcast.activity)
        self._see(_decode(raw), broadcast.id, raw.count(b"authenticated") == 1)

    def died(self) -> None:
        """See `node.User`."""
        self._left("the program has ended")
        if self.manner.returns and not self.gone:
            self.world.clock.after(0.1 + self.world.random.random(), self.start)

    def _left(self, why: str) -> None:
        session, self.session = self.session, ""
        if session:
            self.world.record(Ended(self.world.clock.now, self.name, 0, self._at, session, "library", why))

"""The library's client in a simulated world: its real role, in the real host, on a machine without a listener.

Its session begins with its first login and ends with its process, whatever links, servers and centrals it has
meanwhile. What its user would see goes into the history. What it posts while it is away waits, as in the library.
"""

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import msgspec

from oyez.core import effects as fx
from oyez.core.central.stored import Stored
from oyez.core.client.client import Client as Role
from oyez.protocol.messages import ActivityBroadcast, Address
from oyez.sim.connection import SLOWLY
from oyez.sim.history import Away, Back, Doubted, Ended, Heard, Missed, Said
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
        self._waiting: list[bytes] = []
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

    @property
    def _role(self) -> Role:
        assert self._node.process is not None
        role = self._node.process.host.role
        assert isinstance(role, Role)
        return role

    def _perform(self, effects: fx.Effects) -> None:
        assert self._node.process is not None
        self._node.process.host.perform(effects)

    def _send(self, activity: bytes) -> None:
        self._waiting.append(activity)
        self._wake(self._post_now)

    def _wake(self, action: Callable[[], None]) -> None:
        if self._node.process is not None:
            self._node.process.wake(action)

    def _post_now(self) -> None:
        while self._waiting and self._role.live:
            self._perform(self._role.post(self._waiting.pop(0))[1])

    # -- a program that is slow to take what has come -----------------------------------------------------------

    def _dawdle(self) -> None:
        """Now and then it does not read its link, and then it does."""
        self._later(self.world.random.expovariate(1.0), partial(self._wake, self._look_away))

    def _look_away(self) -> None:
        link = self._role.link
        if self.quiet:
            return
        if not self._role.live or link is None:
            self._dawdle()
            return
        self._role.reading = False
        self._perform([fx.Hold(link)])
        self._later(self.world.random.choice((0.1, 2.0, 6.0)), partial(self._wake, partial(self._look_again, link)))

    def _look_again(self, link: int) -> None:
        if self._role.link == link:
            self._role.reading = True
        self._perform([fx.Release(link)])
        self._dawdle()

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
                self._connected(str(fields["server"]))
            case "disconnected":
                if self.session:
                    self.world.record(Away(self.world.clock.now, self.session, self._at, str(fields["info"])))
            case "doubtful":
                numbers = fields["numbers"]
                assert isinstance(numbers, tuple)
                for number in numbers:
                    self.world.record(Doubted(self.world.clock.now, self.session, number))
            case "gap":
                self._missed(fields)
            case "gave_up":
                self._refused(str(fields["reason"]), str(fields["info"]))
            case _:
                pass

    def _connected(self, server: str) -> None:
        self._at = server
        if self.session:
            self.world.record(Back(self.world.clock.now, self.session, server))
        else:
            if self._registers:  # its name was taken, by itself
                self._says("LOGIN")
            self._hears("LOGIN_SUCCESS", "connected")
            self._enter(server, 0)
            if self.manner.reads == SLOWLY:
                self._dawdle()
        self._wake(self._post_now)

    def _missed(self, fields: Mapping[str, object]) -> None:
        gaps = fields["gaps"]
        assert isinstance(gaps, tuple)
        for gap in gaps:
            self.world.record(Missed(self.world.clock.now, self.session, gap.origin, gap.first, gap.last))

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
        session, self.session = self.session, ""
        self._waiting = []
        if session:
            now = self.world.clock.now
            self.world.record(Ended(now, self.name, 0, self._at, session, "library", "the program has ended"))
        if self.manner.returns and not self.gone:
            self.world.clock.after(0.1 + self.world.random.random(), self.start)

"""What a simulated process has around it: a clock of its own, timers, dials, a disk, a pool that hashes secrets.

Guarantees the contract of `host.Environment`: no method calls the host back before it has returned. What reaches the
host later comes through the process, so a paused process hears nothing and a dead one never.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from oyez.core.effects import Record
from oyez.core.peer import From
from oyez.protocol.messages import ActivityBroadcast, Address
from oyez.sim.clock import Event
from oyez.sim.history import Accepted, Reported
from oyez.sim.transport import SimTransport
from oyez.sim.wire import End

if TYPE_CHECKING:
    from oyez.sim.process import Process

HASHING = (0.02, 0.08)
"""Seconds that the pool takes to hash a secret or to check one."""


def hashed(salt: int, secret: str) -> str:
    """A fake hash that no two secrets share."""
    return f"fake${salt:08x}${secret}"


def fits(hash: str, secret: str) -> bool:
    """Whether `hash` was made of `secret`."""
    return hash.split("$", 2)[2] == secret


class SimEnvironment:
    """The `host.Environment` of one process."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._node = process.node
        self._world = process.node.world
        self._timers: dict[str, tuple[int, Event]] = {}
        self._set = 0

    def now(self) -> float:
        """The node's own clock, which may run fast or slow."""
        return self._node.now()

    def soon(self, callback: Callable[[], None]) -> None:
        """See `host.Environment`."""
        self._process.soon(callback)

    # -- timers -------------------------------------------------------------------------------------------------

    def set_timer(self, key: str, after: float) -> None:
        """See `host.Environment`."""
        self.cancel_timer(key)
        self._set += 1
        delay = max(0.0, after) / self._node.rate
        event = self._world.clock.after(delay, partial(self._process.wake, partial(self._ring, key, self._set)))
        self._timers[key] = (self._set, event)

    def cancel_timer(self, key: str) -> None:
        """See `host.Environment`."""
        self._process.burn()
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer[1].cancel()

    def _ring(self, key: str, number: int) -> None:
        timer = self._timers.get(key)
        if timer is not None and timer[0] == number:  # it may have been set anew while the process was busy
            del self._timers[key]
            self._process.host.timer(key)

    # -- links --------------------------------------------------------------------------------------------------

    def dial(self, address: Address, purpose: str, within: float) -> None:
        """See `host.Environment`. A node that stops dials nobody any more."""
        self._process.burn()
        if self._node.stopping:
            return
        connected, failed = partial(self._connected, purpose), partial(self._failed, purpose)
        self._world.network.dial(self._node.name, address, connected, failed, within / self._node.rate)

    def _connected(self, purpose: str, end: End) -> None:
        if self._process.alive:
            transport = SimTransport(self._process, end)
            self._process.adopt(transport)
            self._process.wake(partial(self._dialed, purpose, transport))
        else:
            end.reset("crashed")

    def _dialed(self, purpose: str, transport: SimTransport) -> None:
        transport.link = self._process.host.dialed(transport, purpose)

    def _failed(self, purpose: str, why: str) -> None:
        self._process.wake(partial(self._process.host.dial_failed, purpose))

    def accept(self, end: End) -> None:
        """Somebody connects to where this process listens."""
        transport = SimTransport(self._process, end)
        self._process.adopt(transport)
        self._process.wake(partial(self._opened, transport))

    def _opened(self, transport: SimTransport) -> None:
        transport.link = link = self._process.host.opened(transport, From(transport.machine, False, True))
        self._world.record(Accepted(self._world.clock.now, self._node.name, link.id, transport.number))

    # -- disk and secrets ---------------------------------------------------------------------------------------

    def persist(self, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        """See `host.Environment`."""
        self._process.burn()
        self._node.disk.persist(records, partial(self._process.wake, done))

    def hash_secret(self, token: int, secret: str) -> None:
        """See `host.Environment`."""
        self._process.burn()
        salt = self._world.random.getrandbits(32)
        self._pool(partial(self._process.host.hashed, token, hashed(salt, secret)))

    def verify_secret(self, token: int, hash: str | None, secret: str) -> None:
        """See `host.Environment`."""
        self._process.burn()
        self._pool(partial(self._process.host.verified, token, hash is not None and fits(hash, secret)))

    def _pool(self, done: Callable[[], None]) -> None:
        self._world.clock.after(self._world.random.uniform(*HASHING), partial(self._process.wake, done))

    # -- word to the outside ------------------------------------------------------------------------------------

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        """See `host.Environment`."""
        self._process.ready = self._process.ready or event == "ready"
        self._world.record(Reported(self._world.clock.now, self._node.name, event, fields))
        if self._node.user is not None:
            self._node.user.reported(event, fields)

    def deliver(self, broadcast: ActivityBroadcast) -> None:
        """See `host.Environment`."""
        assert self._node.user is not None, "only clients deliver"
        self._node.user.delivered(broadcast)

    def quit(self, info: str) -> None:
        """See `host.Environment`."""
        self._process.quit(info)

    def stopped(self) -> None:
        """See `host.Environment`."""
        self._process.stopped()

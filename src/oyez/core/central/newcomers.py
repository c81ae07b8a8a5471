"""Servers and backups that come to a central: AUTHENTICATE and BACKUP_AUTHENTICATE.

Guarantees: nobody is taken in whom the gate does not let pass; a central that is not the main takes nobody in, and has
them wait until it is or knows who is. Must not know: what they say once they are in.
"""

from collections.abc import Callable

from oyez.core import effects as fx
from oyez.core.central.backups import Backups
from oyez.core.central.changes import Changes
from oyez.core.central.moving import Moving
from oyez.core.central.office import Office
from oyez.core.central.permits import Permits
from oyez.core.central.registry import Registry
from oyez.core.central.replication import Replication
from oyez.core.effects import Effects
from oyez.core.gate import Gate
from oyez.core.limits.door import Door
from oyez.core.refusal import refuse
from oyez.protocol import messages as m
from oyez.protocol import nodes as n


class Newcomers:
    """Those of one central. `loads_changed` tells what follows from a server's coming."""

    def __init__(
        self,
        gate: Gate,
        office: Office,
        registry: Registry,
        backups: Backups,
        permits: Permits,
        moving: Moving,
        changes: Changes,
        anonymous: bool,
        loads_changed: Callable[[], Effects],
        door: Door,
    ) -> None:
        self._door = door
        self._gate = gate
        self._office = office
        self._registry = registry
        self._backups = backups
        self._permits = permits
        self._moving = moving
        self._changes = changes
        self._anonymous = anonymous
        self._loads_changed = loads_changed

    @property
    def _main(self) -> Replication:
        assert self._office.replication is not None
        return self._office.replication

    def server(self, now: float, link: int, message: n.Authenticate) -> Effects:
        """AUTHENTICATE."""
        barred = self._gate.objection(link, message.secret)
        if barred is not None:
            return refuse(link, m.AuthenticationFail(barred.info, barred.reason))
        self._door.admitted(link, as_node=True)
        demoted = self._office.step_down(now, message.term) if message.term > self._office.term else []
        if not self._office.is_main:
            return [*demoted, *self._office.wait(link, message)]
        objection = self._registry.objection(message)
        if objection is not None:
            return refuse(link, objection)
        info = f"welcome, server {message.id}"
        keys, network = self._permits.keys_of(message.id), self._permits.network
        welcome = n.AuthenticateSuccess(
            info, self._main.term, self._office.centrals, [], keys, self._anonymous, network
        )
        self._moving.forget(message.id)
        joined = self._registry.join(now, link, message, welcome)
        origin = self._registry.links[link].origin
        return [
            fx.Trust(link),
            *joined,
            *self._changes.joined(link),
            *self._main.voter_joined(origin, link),
            *self._main.review(now),
            *self._loads_changed(),
        ]

    def backup(self, now: float, link: int, message: n.BackupAuthenticate) -> Effects:
        """BACKUP_AUTHENTICATE."""
        barred = self._gate.objection(link, message.secret)
        if barred is not None:
            return refuse(link, n.BackupAuthenticationFail(barred.info, barred.reason))
        self._door.admitted(link, as_node=True)
        me = self._office.me
        if m.Address(message.hostname, message.port) == m.Address(me.hostname, me.port):
            return refuse(link, n.BackupAuthenticationFail("this is my own address, advertise yours", "address_in_use"))
        if message.id == me.id:
            return refuse(link, n.BackupAuthenticationFail("this is my own id: a copied data directory?", "id_in_use"))
        demoted = self._office.step_down(now, message.promised) if message.promised > self._office.term else []
        if not self._office.is_main:
            return [*demoted, *self._office.wait(link, message)]
        return [*self._backups.join(now, self._main, link, message, self._permits.key), *self._loads_changed()]

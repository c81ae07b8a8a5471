"""The central: the known address, main or backup (DESIGN sections 3 and 4, ADR 8).

As main it registers, authenticates and places clients, keeps the directory and replicates it; as backup it follows a
main, sends everybody there, and stands for election when the main is lost. This file decides who is heard on which
link; `office` which of the two it is; `accounts`, `registry`, `replication` and `following` do the work.

Guarantees: every node command on a link that has not authenticated is refused. Must not know: sockets, disks, how
secrets are hashed, and activities, which never pass through it.
"""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.accounts import Accounts
from oyez.core.central.backups import Backups
from oyez.core.central.changes import Changes
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries, EntryRecord
from oyez.core.central.following import SYNCHRONISE, Following
from oyez.core.central.moving import Moving
from oyez.core.central.newcomers import Newcomers
from oyez.core.central.office import Office
from oyez.core.central.orders import Orders
from oyez.core.central.permits import Permits
from oyez.core.central.placement import Placement
from oyez.core.central.reception import Reception
from oyez.core.central.registry import Registry
from oyez.core.central.replication import Replication
from oyez.core.central.stored import Stored
from oyez.core.central.strangers import Strangers
from oyez.core.effects import Effects
from oyez.core.gate import Gate
from oyez.core.limits import settings
from oyez.core.peer import From
from oyez.core.refusal import refuse, refuse_out_of_place, refuse_unreadable
from oyez.core.role import Quiet
from oyez.core.uplink import PURPOSE, Uplink
from oyez.core.voter import Voter
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import users as u

if TYPE_CHECKING:
    from random import Random


class Central(Quiet):
    """A central. With `seeds` it begins as a backup of whichever of them is, or knows, the main."""

    def __init__(
        self,
        address: m.Address,
        secret: str,
        stored: Stored,
        entropy: "Random",
        seeds: tuple[m.Address, ...] = (),
        anonymous: bool = True,
        limits: settings.CentralLimits = settings.CENTRAL,
        rebalance: bool = True,
    ) -> None:
        self.address = address
        self.me = n.CentralAddress(stored.id, address.hostname, address.port)
        self.directory = Directory(stored.users, stored.unsettled, stored.servers, stored.since, stored.revoked)
        self.entries = Entries(stored.position)
        self.placement = Placement(entropy)
        self.permits = Permits(stored.key, entropy)
        self.strangers = Strangers(limits)
        caution = self.strangers.caution
        self.accounts = Accounts(self.directory, self.placement, self.permits, entropy, anonymous, caution)
        self.registry = Registry(self.directory, self.placement, self._append)
        self.uplink = Uplink(list(seeds), entropy, self._introduction, own=address)
        self.office = Office(
            self.me,
            Voter(stored.id, stored.voter),
            self.entries,
            self.uplink,
            entropy,
            lambda: self.registry.voters,
            self._took_office,
            self._left_office,
        )
        self.gate = Gate(secret)
        who = self.strangers.door.who
        self.changes = Changes(self.gate, self.directory, self.accounts, self.office, self.registry, self.uplink, who)
        self.reception = Reception(
            self.accounts, self.changes, self.directory, self.office, self.uplink, self.strangers, self._loads_changed
        )
        self.backups = Backups(self.directory, self.entries)
        self.moving = Moving(self.directory, self.placement, self.permits, rebalance)
        self.orders = Orders(self.gate, self.office, self.uplink, self.moving)
        self.newcomers = Newcomers(
            self.gate,
            self.office,
            self.registry,
            self.backups,
            self.permits,
            self.moving,
            self.changes,
            anonymous,
            self._loads_changed,
            self.strangers.door,
        )
        self._following: Following | None = None
        self._secret = secret
        self._alone = not seeds
        self._last_tick = 0.0

    @property
    def _main(self) -> Replication:
        assert self.office.replication is not None
        return self.office.replication

    # -- events -------------------------------------------------------------------------------------------------

    def on_start(self, now: float) -> Effects:
        self._last_tick = now
        return [fx.SetTimer("tick", timing.HEARTBEAT), *self.office.begin(now, self._alone)]

    def on_open(self, now: float, link: int, who: From) -> Effects:
        self.gate.opened(link, who)
        return self.strangers.door.opened(now, link, who)

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        if purpose != PURPOSE:
            return self.office.probes.dialed(now, link, purpose.removeprefix("probe:"))
        if self.office.is_main:
            return self.uplink.unwanted(link)
        return [
            fx.Persist((self.entries.kept,)),  # the introduction claims to hold nothing that is not on disk
            *self.uplink.dialed(now, link),
            fx.Then(lambda now: self.office.ask_uplink()),
        ]

    def on_dial_failed(self, now: float, purpose: str, why: str) -> Effects:
        if purpose == PURPOSE:
            return self.uplink.failed()
        self.office.probes.failed(purpose.removeprefix("probe:"))
        return []

    def on_message(self, now: float, link: int, message: m.Message) -> Effects:
        handlers = self._handlers(now, link)
        if handlers is _FROM_ANYONE and (refused := self.strangers.heard(now, link, message)):
            return refused
        handle = handlers.get(type(message))
        if handle is not None:
            return handle(self, now, link, message)
        if handlers is _FROM_ANYONE and (answer := self.reception.heard(now, link, message)) is not None:
            return answer
        if isinstance(message, m.InvalidMessage):
            return refuse_unreadable(link, message)
        return refuse_out_of_place(link, message)

    def _handlers(self, now: float, link: int) -> "dict[type, Callable[..., Effects]]":
        """What may be said on this link now."""
        if link == self.uplink.link:
            self.uplink.heard(now)
            return _FROM_CENTRAL
        if self.office.heard(now, link):
            return _FROM_WAITING
        if link in self.office.probes.links:
            return _FROM_PROBED
        server = self.registry.links.get(link)
        if server is not None:
            server.heard = now
            return _FROM_SERVERS
        if self.office.is_main and link in self._main.followers:
            self._main.followers[link].heard = now
            return _FROM_BACKUPS
        return _FROM_ANYONE

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        return refuse(link, m.InvalidMessage("activities do not pass through the central", "not_allowed"))

    def on_close(self, now: float, link: int) -> Effects:
        self.gate.closed(link)
        self.strangers.gone(link)
        self.reception.gone(link)
        self.accounts.gone(link)
        self.office.link_closed(link)
        if link == self.uplink.link:
            return self._main_lost(now)
        if self.office.is_main:
            self._main.link_closed(link)
        server = self.registry.links.get(link)
        if server is not None:
            self.moving.forget(server.id)
            return [*self.registry.lost(now, link, self.office.term), *self._loads_changed()]
        if self.office.is_main and link in self._main.followers:
            return self.backups.left(now, self._main, link)
        return []

    def on_timer(self, now: float, key: str) -> Effects:
        if key == "tick":
            return self._tick(now)
        if key == "campaign":
            return self.office.campaign(now)
        if key == "loads":
            return self._tell_loads()
        if (rested := self.strangers.timer(key)) is not None:
            return rested
        return [] if self.office.is_main else self.uplink.dial()

    def _tick(self, now: float) -> Effects:
        slept = now - self._last_tick > timing.SUSPICION  # then it was this process that was silent, not the others
        self._last_tick = now
        effects: Effects = [fx.SetTimer("tick", timing.HEARTBEAT)]
        if self.office.is_main:
            if slept:
                self.registry.expect(now)
            self.placement.expire(now)
            effects += self.registry.beat(now, self._main.term)
            effects += self.backups.beat(now, self._main, slept)
            effects += self._main.tick(now)
            effects += self.moving.tick(now)
            effects += self._keep_acknowledged(now)
        else:
            effects += self.uplink.send(n.Heartbeat(self.office.term))
            effects += self.uplink.watch(now, slept)
            effects += [fx.Send(link, n.Heartbeat(self.office.term)) for link in self.office.waiting]
        effects += self.changes.tick(now)
        effects += self.office.gather(now)
        effects += self.office.probe(now)
        effects += self.reception.tick(now)
        effects += self.strangers.tick(now, self.reception.waits, slept)
        return effects

    def _keep_acknowledged(self, now: float) -> Effects:
        """Remember what is acknowledged, a while later: it costs nothing but a repeated answer if it is lost."""
        self.accounts.expire(now)
        acknowledged = self.directory.acknowledged(self.entries.committed)
        if acknowledged <= self.entries.acknowledged:
            return []
        self.entries.acknowledged = acknowledged
        return [fx.Persist((self.entries.kept,))]

    def on_hashed(self, now: float, token: int, hash: str) -> Effects:
        return self.accounts.hashed(now, token, hash)

    def on_verified(self, now: float, token: int, ok: bool, stale: bool = False) -> Effects:
        return self.accounts.verified(now, token, ok, stale)

    def _status(self, now: float, link: int, message: m.Status) -> Effects:
        report = self.office.status(len(self.directory.users), self.registry.status)
        return self.strangers.answered(now, link, message, [fx.Send(link, report)])

    # -- becoming and ceasing to be main ------------------------------------------------------------------------

    def _took_office(self, now: float) -> Effects:
        self._following = None
        self.accounts.replication = self._main
        self.permits.use(self.permits.key, self._main.term)
        self.moving.begin()
        self.changes.begin()
        self.registry.expect(now)
        waiting, self.office.waiting = self.office.waiting, {}
        effects: Effects = []
        for link, message in waiting.items():
            effects += self.on_message(now, link, message)
        if not self.office.is_main:
            return effects  # one of those that waited knows of a higher term
        return [*effects, *self.reception.resume(now), fx.Report("ready", {"address": str(self.address)})]

    def _left_office(self, now: float) -> Effects:
        self.accounts.replication = None
        self.accounts.forget_verified()
        self.backups.forget()
        answer = n.NotMain("this central is main no more", "not_main", None, self.office.centrals)
        return [effect for link in self.registry.abandon() for effect in (fx.Send(link, answer), fx.Close(link))]

    def _main_lost(self, now: float) -> Effects:
        joined = self.uplink.joined
        self._following = None
        lost: Effects = [fx.Report("main_lost", {"central": str(self.uplink.central)})] if joined else []
        return [*lost, *self.uplink.lost(), *self.office.soon()]

    # -- as main: servers ---------------------------------------------------------------------------------------

    def _append(self, now: float, record: EntryRecord) -> Effects:
        return self._main.append(now, record) if self.office.is_main else []

    def _announce(self, now: float, link: int, message: n.ServerAnnounce) -> Effects:
        server = self.registry.links[link]
        if message.id != server.id:
            return refuse_out_of_place(link, message)
        news = not server.ready
        effects = self.registry.announced(now, server, message)
        return [*effects, *self._loads_changed(), *(self.reception.resume(now) if news else [])]

    def _deload(self, now: float, link: int, message: n.DeLoad) -> Effects:
        server = self.registry.links[link]
        if message.id != server.id:
            return refuse_out_of_place(link, message)
        server.left(message.username)
        self.moving.left(server.id, message.username)
        return self._loads_changed()

    def _term_refused(self, now: float, link: int, message: n.TermRefused) -> Effects:
        higher = max(message.term, message.configuration.term if message.configuration else 0)
        return self.office.step_down(now, higher) if higher > self._main.term else []

    def _loads_changed(self) -> Effects:
        return self.backups.loads_changed() if self.office.is_main and self._main.followers else []

    def _tell_loads(self) -> Effects:
        return self.backups.tell_loads(self._main, self.registry.loads) if self.office.is_main else []

    # -- as backup ----------------------------------------------------------------------------------------------

    def _introduction(self) -> n.BackupAuthenticate:
        at = fx.Position(0, 0, 0) if self.office.is_main else self.entries.position  # a main asks for nothing
        me, voter = self.me, self.office.voter
        return n.BackupAuthenticate(
            self._secret, me.id, me.hostname, me.port, at.index, at.term, voter.promised, voter.configuration
        )

    def _welcomed(self, now: float, link: int, message: n.BackupAuthenticationSuccess) -> Effects:
        if message.term < self.office.voter.promised:
            return self.uplink.not_main(None)
        key = base64.b64decode(message.key)
        self.permits.use(key, message.term)
        self._following = Following(self.directory, self.entries, message.term, message.snapshot)
        configured = self.office.configured(n.Configure(message.configuration))
        self.uplink.welcomed(self.office.centrals)
        return [
            *self.office.joined(),  # before the disk: by then this main may be lost again, and a campaign have begun
            *configured,
            fx.Persist((fx.Key(key),)),
            fx.Report("following", {"main": str(self.uplink.central), "term": message.term}),
            *self.reception.resume(now),
            fx.Report("ready", {"address": str(self.address)}),
        ]

    def _unwelcome(self, now: float, link: int, message: n.BackupAuthenticationFail) -> Effects:
        if not self.uplink.ever_joined and self.office.voter.configuration is None:
            return [fx.Quit(f"the central at {self.uplink.central} refuses this backup: {message.info}")]
        return [fx.Report("not_welcome", {"info": message.info}), *self.uplink.not_main(None)]

    def _from_main(self, now: float, link: int, message: m.Message) -> Effects:
        """A synchronise command: taken only from the main of the current term, on the link that it welcomed."""
        if self._following is None or self._following.term != self.office.term:
            return refuse_out_of_place(link, message)
        return self._following.take(link, message)


def _nothing(self: Central, now: float, link: int, message: m.Message) -> Effects:
    return []


# What may be said on which link.
_FROM_ANYONE: dict[type, Callable[..., Effects]] = {
    m.Status: Central._status,
    n.Authenticate: lambda self, *said: self.newcomers.server(*said),
    n.BackupAuthenticate: lambda self, *said: self.newcomers.backup(*said),
    n.Promote: lambda self, now, link, message: self.orders.promote(now, link, message),
    n.DrainServer: lambda self, now, link, message: self.orders.drain(now, link, message),
    **dict.fromkeys((u.SetSecret, u.RemoveUser, u.ListUsers), lambda self, *said: self.changes.order(*said)),
}
_FROM_SERVERS: dict[type, Callable[..., Effects]] = {
    n.ServerAnnounce: Central._announce,
    n.DeLoad: Central._deload,
    n.Movable: lambda self, now, link, message: self.moving.movable(now, self.registry.links[link], message),
    n.VerifyLogin: lambda self, now, link, message: self.accounts.verify_for_server(now, link, message),
    n.Heartbeat: _nothing,
    n.Vote: _nothing,  # late: this central was elected without it
    n.TermConfirmed: lambda self, now, link, message: self._main.confirmed(
        now, self.registry.links[link].origin, message
    ),
    n.TermRefused: Central._term_refused,
}
_FROM_BACKUPS: dict[type, Callable[..., Effects]] = {
    n.Synchronised: lambda self, now, link, message: self.backups.synchronised(now, self._main, link, message),
    n.Heartbeat: _nothing,
    n.Vote: _nothing,  # late: this central was elected without it
    n.TermConfirmed: lambda self, now, link, message: self._main.confirmed(
        now, self._main.followers[link].central.id, message
    ),
    n.TermRefused: Central._term_refused,
    n.RequestVote: lambda self, now, link, message: self.office.considered(link, message),
}
_FROM_WAITING: dict[type, Callable[..., Effects]] = {
    n.Vote: lambda self, now, link, message: self.office.voted(now, message),
    n.RequestVote: lambda self, now, link, message: self.office.considered(link, message),
    **dict.fromkeys((n.ServerAnnounce, n.DeLoad, n.Heartbeat), _nothing),
}
_FROM_PROBED: dict[type, Callable[..., Effects]] = {
    m.StatusReport: lambda self, now, link, message: self.office.probed(now, link, message)
}
_FROM_CENTRAL: dict[type, Callable[..., Effects]] = dict.fromkeys(SYNCHRONISE, Central._from_main) | {
    n.BackupAuthenticationSuccess: Central._welcomed,
    n.BackupAuthenticationFail: Central._unwelcome,
    n.NotMain: lambda self, now, link, message: self.office.not_main(message),
    n.Configure: lambda self, now, link, message: self.office.configured(message),
    n.ConfirmTerm: lambda self, now, link, message: self.office.asked_to_confirm(link, message),
    n.RequestVote: lambda self, now, link, message: self.office.considered(link, message),
    n.Vote: lambda self, now, link, message: self.office.voted(now, message),
    n.Heartbeat: _nothing,
}

"""The regular server: holds client sessions and fans out (DESIGN sections 1, 3 and 4).

This file decides who is heard on which link, and speaks with the central. `clients` has the sessions, `mesh` and
`repair` the other servers, `broadcast` the way of an activity between them. Guarantees: nobody is heard unchecked;
without the central it goes on serving whom it has. Must not know: sockets, clocks, how bytes get to their readers
(`log` does).

It is joining until the central has welcomed it, there is a link with every other server, and it holds what they hold:
only then may it have clients, so that none of them can miss anything.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.gate import NO_CERTIFICATE, Gate
from oyez.core.limits.door import Door
from oyez.core.limits.settings import SERVER, ServerLimits
from oyez.core.origin import Origin
from oyez.core.peer import From
from oyez.core.refusal import refuse, refuse_out_of_place, refuse_unreadable
from oyez.core.role import Quiet
from oyez.core.server.admission import Admission
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.clients import Clients
from oyez.core.server.departures import Departures
from oyez.core.server.inquiry import Inquiry
from oyez.core.server.membership import Membership
from oyez.core.server.mesh import Mesh
from oyez.core.server.repair import Missed
from oyez.core.server.trace import Trace
from oyez.core.uplink import PURPOSE, Uplink
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.users import Revoke

if TYPE_CHECKING:
    from random import Random

RETENTION = 64 * 1024 * 1024
"""Bytes of activities that are held for readers that are behind."""


class Server(Quiet):
    """A regular server. `incarnation` must be higher than that of any earlier lifetime of the same id. `traced`: report
    the way of each activity."""

    def __init__(
        self,
        id: str,
        address: m.Address,
        centrals: list[m.Address],
        secret: str,
        incarnation: int,
        entropy: "Random",
        retention: int = RETENTION,
        patience: float = timing.PATIENCE,
        copies: int = 2,
        age: float | None = None,
        limits: ServerLimits = SERVER,
        traced: bool = False,
    ) -> None:
        self.id = id
        self.address = address
        self.origin = Origin(id, incarnation, retention)
        self.broadcast = Broadcast(self.origin, retention, age, copies, Trace() if traced else None)
        self.merged = self.broadcast.merged
        self.mesh = Mesh(id, incarnation, secret, self.broadcast, entropy)
        self.gate = Gate(secret)
        self.door = Door(limits.door)
        self.uplink = Uplink(centrals, entropy, lambda: self.membership.introduction())
        self.inquiry = Inquiry(self.uplink)
        self.admission = Admission(id, self.inquiry, self.door.who)
        self.clients = Clients(
            id,
            self.broadcast,
            self.mesh,
            self.admission,
            self.uplink,
            entropy,
            patience,
            lambda: self.membership.announce(),
            self._flush_soon,
            self.door,
            limits,
        )
        self.sessions = self.clients.sessions
        self.departures = Departures()
        self.membership = Membership(
            id,
            address,
            incarnation,
            secret,
            self.uplink,
            self.admission,
            self.clients,
            self.broadcast,
            self.mesh,
        )
        self.voter = self.membership.voter
        self._from: set[int] = set()  # links over which activities have come in this turn
        self._flushing = False
        self._gather_until = 0.0
        self._last_tick = 0.0

    # -- events -------------------------------------------------------------------------------------------------

    def on_start(self, now: float) -> Effects:
        self._last_tick = now
        return [fx.SetTimer("tick", timing.HEARTBEAT), *self.uplink.dial()]

    def on_leave(self, now: float) -> Effects:
        return self.membership.leave(now)

    def on_stop(self, now: float) -> Effects:
        """Nobody is just cut off: the central knows where to go on."""
        return [fx.Send(link, self.clients.to_central) for link in self.sessions.links]

    def on_open(self, now: float, link: int, who: From) -> Effects:
        self.gate.opened(link, who)
        return self.door.opened(now, link, who)

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        if purpose == PURPOSE:
            return self.uplink.dialed(now, link)
        kind, _, id = purpose.partition(":")
        return self.mesh.dialed(now, link, id) if kind == "peer" else [fx.Close(link)]

    def on_dial_failed(self, now: float, purpose: str, why: str) -> Effects:
        if purpose == PURPOSE:
            return self.uplink.failed()
        kind, _, id = purpose.partition(":")
        self.mesh.absent(id)
        return [*(self.mesh.redial(now, id) if kind == "peer" else []), *self._flush_soon()]

    def on_message(self, now: float, link: int, message: m.Message) -> Effects:
        if type(message) is m.ActivityMessage:
            return self.clients.post(now, link, message)
        if link == self.uplink.link:
            self.uplink.heard(now)
            handle = (_FROM_MAIN if self.uplink.joined else _FROM_CENTRAL).get(type(message))
        elif (peer := self.mesh.holds(link)) is not None:
            peer.heard = now
            handle = _FROM_PEERS.get(type(message))
        else:
            refused = self.door.heard(now, link, as_node=type(message) is p.ServerHello)
            if refused:
                return refused
            handle = _FROM_ANYONE.get(type(message))
        if handle is not None:
            return handle(self, now, link, message)
        if isinstance(message, m.InvalidMessage):
            return self.clients.part(link, refuse_unreadable(link, message))
        return self.clients.part(link, refuse_out_of_place(link, message))

    def on_posts(self, now: float, link: int, posts: list[m.ActivityMessage], block: bytes) -> Effects:
        return self.clients.post_all(now, link, posts, block)

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        chunks, in_order = self.mesh.receive(now, link, block)
        self.broadcast.take(chunks)
        self._from.add(link)
        effects = [*self._recall(now, self.broadcast.past.complete), *self._flush_soon()]
        if in_order:
            return effects
        refused = m.InvalidMessage("these are not the activities that come next", "out_of_order")
        return [*effects, *refuse(link, refused)]

    def _recall(self, now: float, due: bool) -> Effects:
        """Have those come in again who may lack something, before they are shown what follows it."""
        if not due:
            return []
        self.broadcast.past.recalled()
        return self.clients.recall(now, self.address)

    def _flush_soon(self) -> Effects:
        if self._flushing:
            return []
        self._flushing = True
        return [fx.Flush()]

    def on_flush(self, now: float) -> Effects:
        self._flushing = False
        links, self._from = self._from, set()
        self.broadcast.write()
        self.mesh.release_lost()
        if self.broadcast.gathering and self.clients.serving and (not self.mesh.behind or now >= self._gather_until):
            self.broadcast.begin()  # first: what it brings may repeat what waits to be released, and has to know it
        released, told = self.mesh.released(now)
        self.broadcast.show(released)
        effects = [*told, *self.mesh.acknowledgements(links), *self.clients.fallen_out()]
        if self.clients.arrivals:
            effects += self.clients.arrivals.review(now)
        if links and not self.clients.serving:
            effects += self.membership.serve_if_complete(now)
        if self.broadcast.trace is not None:
            effects += self.broadcast.trace.reports()
        return effects

    def on_close(self, now: float, link: int) -> Effects:
        self.gate.closed(link)
        self.door.gone(link)
        if link == self.uplink.link:
            return [*self.inquiry.abandon(now), *self.uplink.lost()]
        if self.mesh.knows(link):
            return [*self.mesh.lost(now, link), *self._others_changed(now)]
        return self.clients.gone(link)

    def _others_changed(self, now: float) -> Effects:
        """Another server has come or gone, or has said how far it is."""
        departed = self.departures.review(self.mesh.held_by_all(now))
        return [
            *departed,
            *self._flush_soon(),
            *self.clients.arrivals.review(now),
            *self.membership.serve_if_complete(now),
        ]

    def on_timer(self, now: float, key: str) -> Effects:
        if key == "tick":
            return self._tick(now)
        if key == "announce":
            return self.membership.announce()
        if key == PURPOSE:
            return self.uplink.dial()
        if (rested := self.clients.pace.timer(key)) is not None:
            return rested
        return self.mesh.dial(key.removeprefix("peer:"))

    def _tick(self, now: float) -> Effects:
        slept = now - self._last_tick > timing.SUSPICION  # then it was this process that was silent, not the others
        self._last_tick = now
        effects: Effects = [fx.SetTimer("tick", timing.HEARTBEAT)]
        effects += self.uplink.watch(now, slept)
        effects += [*self.mesh.beat(now, slept), *self._others_changed(now)]
        effects += self.membership.beat(now)
        self.admission.expire(now)
        self.broadcast.tick(now)
        effects += self._recall(now, self.broadcast.past.kept_back)  # whether the rest of it comes or not
        effects += [*self.clients.tick(now), *self.membership.go_on_leaving(now)]
        effects += self.door.tick(now, self.clients.waits, slept)
        for link in self._stalled(now):
            effects += [fx.Report("peer_stalled", {"link": link}), fx.Close(link, at_once=True)]
        return effects

    def _stalled(self, now: float) -> list[int]:
        """Links to servers that take too little of the own log. What waits for their copy is not forgotten meanwhile:
        it must not be more than is retained of what has been shown."""
        log = self.origin.log
        cursors = [*log.stalled(now, timing.PATIENCE), *log.fallen_out(), *log.far_behind(2 * self.merged.retention)]
        return sorted({cursor.owner for cursor in cursors})

    # -- clients ------------------------------------------------------------------------------------------------

    def _login(self, now: float, link: int, message: m.Login) -> Effects:
        if self.membership.leaving.begun and self.sessions.get(link) is None:
            return self.clients.send_on(link, self.clients.to_central)
        return self.clients.login(now, link, message)

    def _register(self, now: float, link: int, message: m.Register) -> Effects:
        return self.clients.register(now, link, message)

    def _logout(self, now: float, link: int, message: m.Logout) -> Effects:
        return self.clients.logout(link, self.on_flush(now))

    # -- the central --------------------------------------------------------------------------------------------

    def _new_server(self, now: float, link: int, message: n.SynchronisedNewServer) -> Effects:
        return self.mesh.listed(message)

    def _server_removed(self, now: float, link: int, message: n.RemoveServer) -> Effects:
        return [*self.mesh.removed(now, message.id), *self.membership.serve_if_complete(now)]

    def _verified(self, now: float, link: int, message: n.VerifyLoginSuccess | n.VerifyLoginFailed) -> Effects:
        return self.inquiry.answered(now, message)

    def _drain(self, now: float, link: int, message: n.Drain) -> Effects:
        return self.membership.leave(now)

    def _revoke(self, now: float, link: int, message: Revoke) -> Effects:
        return self.clients.revoke(message.revoked)

    def _heartbeat(self, now: float, link: int, message: n.Heartbeat) -> Effects:
        return []

    # -- the other servers --------------------------------------------------------------------------------------

    def _greeted(self, now: float, link: int, message: p.ServerHello) -> Effects:
        if self.sessions.get(link) is not None:
            return self.clients.part(link, refuse_out_of_place(link, message))
        if not self.gate.certified(link):
            return refuse(link, m.AuthenticationFail(NO_CERTIFICATE, "no_certificate"))
        effects = self.mesh.greeted(now, link, message)
        if self.mesh.holds(link) is not None:
            self.door.admitted(link, as_node=True)
        return effects

    def _peer_refuses(self, now: float, link: int, message: m.AuthenticationFail) -> Effects:
        if not self.mesh.knows(link):  # anybody may say so: it is news where this server has dialed
            return self.clients.part(link, [fx.Close(link)])
        refused = fx.Report("peer_refuses", {"link": link, "info": message.info})
        return self.clients.part(link, [refused, fx.Close(link)])

    def _position(self, now: float, link: int, message: p.ServerPosition) -> Effects:
        effects, missed = self.mesh.position(link, message)
        if self.clients.serving and self.mesh.behind:
            self.broadcast.gather()
            self._gather_until = now + timing.SUSPICION
        recalled = self._recall(now, self.broadcast.past.complete)
        return [*effects, *recalled, *self._missed(missed), *self._others_changed(now)]

    def _missed(self, missed: Missed) -> Effects:
        reports = [
            fx.Report("mesh_gap", {"origin": origin, "from": first, "to": last}) for origin, first, last in missed
        ]
        return [*reports, *self.clients.missed(missed)]

    def _acknowledged(self, now: float, link: int, message: p.Acknowledge) -> Effects:
        self.mesh.acknowledged(link, message)
        departed = self.departures.review(self.mesh.held_by_all(now)) if self.departures else []
        return [*departed, *self._flush_soon()] if self.broadcast.copies else departed

    def _released(self, now: float, link: int, message: p.Released) -> Effects:
        self.mesh.released_by(link, message)
        return self._flush_soon()

    def _positions(self, now: float, link: int, message: p.Positions) -> Effects:
        effects, missed = self.mesh.told(now, link, message)
        return [*effects, *self._missed(missed), *self._others_changed(now)]

    def _requested_activities(self, now: float, link: int, message: p.RequestActivities) -> Effects:
        return self.mesh.repair.requested(link, message)

    def _supplied(self, now: float, link: int, message: p.ActivitiesSupplied) -> Effects:
        return [*self.mesh.supplied(now, message), *self._others_changed(now)]

    def _settle(self, now: float, link: int, message: p.Settle) -> Effects:
        ended = self.clients.end(message.session, self.mesh.repair.linked.get(link, ""))
        self.departures.asked(link, message, self.origin.sequence)
        return [*ended, *self.departures.review(self.mesh.held_by_all(now))]

    def _settled(self, now: float, link: int, message: p.Settled) -> Effects:
        return self.clients.arrivals.settled(now, link, message)


_FROM_CENTRAL: dict[type, Callable[..., Effects]] = {
    n.AuthenticateSuccess: lambda self, *said: self.membership.welcomed(*said),
    m.AuthenticationFail: lambda self, *said: self.membership.unwelcome(*said),
    n.NotMain: lambda self, *said: self.membership.not_main(*said),
    n.Configure: lambda self, *said: self.membership.configured(*said),
    n.ConfirmTerm: lambda self, *said: self.membership.asked_to_confirm(*said),
    n.RequestVote: lambda self, *said: self.membership.asked_to_vote(*said),
    n.Heartbeat: Server._heartbeat,
}
_FROM_MAIN: dict[type, Callable[..., Effects]] = {
    **_FROM_CENTRAL,
    n.SynchronisedNewServer: Server._new_server,
    n.RemoveServer: Server._server_removed,
    n.VerifyLoginSuccess: Server._verified,
    n.VerifyLoginFailed: Server._verified,
    n.Rebalance: lambda self, *said: self.membership.rebalance(*said),
    n.Move: lambda self, *said: self.membership.move(*said),
    n.Drain: Server._drain,
    Revoke: Server._revoke,
}
_FROM_PEERS: dict[type, Callable[..., Effects]] = {
    p.ServerPosition: Server._position,
    p.Settle: Server._settle,
    p.Settled: Server._settled,
    p.Acknowledge: Server._acknowledged,
    p.Released: Server._released,
    p.Positions: Server._positions,
    p.RequestActivities: Server._requested_activities,
    p.ActivitiesSupplied: Server._supplied,
    n.Heartbeat: Server._heartbeat,
}
_FROM_ANYONE: dict[type, Callable[..., Effects]] = {
    m.Login: Server._login,
    m.Register: Server._register,
    m.Logout: Server._logout,
    p.ServerHello: Server._greeted,
    m.AuthenticationFail: Server._peer_refuses,
}

"""The regular server: holds client sessions and fans out (DESIGN sections 1, 3 and 4).

Guarantees: nobody posts or reads without checked credentials; an activity is numbered and encoded once, and every
session gets the merged log from its login on, whole and in order; what one client does touches no other; without the
central it goes on serving whom it has. Must not know: sockets, clocks, how bytes get to their readers (`log` does).

It is joining until the central has welcomed it and there is a link with every other server: only then may it have
clients, so that none of them can miss anything.
"""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.admission import Admission
from oyez.core.effects import Effects
from oyez.core.inquiry import Inquiry
from oyez.core.mesh import Mesh
from oyez.core.origin import Origin
from oyez.core.refusal import refuse, refuse_out_of_place, refuse_unreadable
from oyez.core.role import Quiet
from oyez.core.sessions import Sessions, tag_of
from oyez.core.uplink import PURPOSE, Uplink
from oyez.core.voter import Voter
from oyez.log import Chunk, Log
from oyez.protocol import activity
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from random import Random

RETENTION = 64 * 1024 * 1024
"""Bytes of activities that are held for readers that are behind."""

ANNOUNCE = 0.1
"""Seconds within which an arrival is announced to the central: together with others, as a login storm brings many."""

NAMES = 1000
"""Most arrivals in one SERVER_ANNOUNCE: a storm, or a return to a new central, takes several."""


class Server(Quiet):
    """A regular server. `incarnation` must be higher than that of any earlier lifetime of the same id."""

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
    ) -> None:
        self.id = id
        self.address = address
        self.origin = Origin(id, incarnation, retention)
        self.merged = Log(retention)
        self.sessions = Sessions(entropy.randbytes(32))
        self.mesh = Mesh(id, incarnation, secret, self.origin, entropy)
        self.uplink = Uplink(centrals, entropy, self._introduction)
        self.inquiry = Inquiry(self.uplink)
        self.admission = Admission(id, self.inquiry)
        self.voter = Voter(self.origin.name)
        self._secret = secret
        self._incarnation = incarnation
        self._entropy = entropy
        self._patience = patience
        self._serving = False
        self._arrived: list[Chunk] = []  # from other servers, since the last flush
        self._log_start = 0
        self._last_tick = 0.0

    # -- events -------------------------------------------------------------------------------------------------

    def on_start(self, now: float) -> Effects:
        self._last_tick = now
        return [fx.SetTimer("tick", timing.HEARTBEAT), *self.uplink.dial()]

    def on_stop(self, now: float) -> Effects:
        """Nobody is just cut off: the central knows where to go on."""
        central = self.uplink.central
        return [fx.Send(link, m.Redirect(central.hostname, central.port)) for link in self.sessions.links]

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        if purpose == PURPOSE:
            return self.uplink.dialed(now, link)
        return self.mesh.dialed(now, link, purpose.removeprefix("peer:"))

    def on_dial_failed(self, now: float, purpose: str) -> Effects:
        if purpose == PURPOSE:
            return self.uplink.failed()
        return self.mesh.redial(now, purpose.removeprefix("peer:"))

    def on_message(self, now: float, link: int, message: m.Message) -> Effects:
        if type(message) is m.ActivityMessage:
            return self._post(link, message)
        if link == self.uplink.link:
            self.uplink.heard(now)
            handle = _FROM_CENTRAL.get(type(message))
        elif (peer := self.mesh.holds(link)) is not None:
            peer.heard = now
            handle = _FROM_PEERS.get(type(message))
        else:
            handle = _FROM_ANYONE.get(type(message))
        if handle is not None:
            return handle(self, now, link, message)
        if isinstance(message, m.InvalidMessage):
            return self._part(link, refuse_unreadable(link, message))
        return self._part(link, refuse_out_of_place(link, message))

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        chunk = self.mesh.receive(now, link, block)
        if chunk is None:
            return refuse(link, m.InvalidMessage("these are not the activities that come next", "out_of_order"))
        if not chunk.count:
            return []
        self._arrived.append(chunk)
        return [fx.Flush()] if len(self._arrived) == 1 else []

    def on_flush(self, now: float) -> Effects:
        chunks, self._arrived = self._arrived, []
        own = self.origin.take()
        if own is not None:
            self.origin.log.publish([own])
            chunks.append(own)
        if chunks:
            self.merged.publish(chunks)
        if self.merged.start == self._log_start:
            return []
        self._log_start = self.merged.start
        fallen = [cursor.owner for cursor in self.merged.fallen_out()]
        return [effect for link in fallen for effect in self._too_slow(link, "fell out of what is retained")]

    def on_close(self, now: float, link: int) -> Effects:
        self.admission.gone(link)
        if link == self.uplink.link:
            return [*self.inquiry.abandon(now), *self.uplink.lost()]
        return [*self.mesh.lost(now, link), *self._leave(link)]

    def on_timer(self, now: float, key: str) -> Effects:
        if key == "tick":
            return self._tick(now)
        if key == "announce":
            return self._announce()
        if key == PURPOSE:
            return self.uplink.dial()
        return self.mesh.dial(key.removeprefix("peer:"))

    def _tick(self, now: float) -> Effects:
        slept = now - self._last_tick > timing.SUSPICION  # then it was this process that was silent, not the others
        self._last_tick = now
        effects: Effects = [fx.SetTimer("tick", timing.HEARTBEAT)]
        effects += self.uplink.watch(now, slept)
        effects += self.mesh.beat(now, slept)
        waits = self.uplink.link is not None and not self.uplink.joined
        effects += [] if waits or not self._serving else self._announce()
        effects += self.uplink.send(n.Heartbeat(self.voter.promised)) if waits or not self._serving else []
        self.admission.expire(now)
        seconds = f"took nothing for {self._patience:g} seconds"
        for cursor in self.merged.stalled(now, self._patience):
            effects += self._too_slow(cursor.owner, seconds)
        for cursor in self.origin.log.stalled(now, timing.PATIENCE) + self.origin.log.fallen_out():
            effects += [fx.Report("peer_stalled", {"link": cursor.owner}), fx.Close(cursor.owner, at_once=True)]
        return effects

    # -- clients ------------------------------------------------------------------------------------------------

    def _login(self, now: float, link: int, message: m.Login) -> Effects:
        if self.sessions.get(link) is not None:
            return self._part(link, refuse(link, m.InvalidMessage("already logged in", "logged_in")))
        if not self._serving:
            return refuse(link, m.LoginFailed("this server is still joining the network, try again", "joining"))
        return self.admission.check(now, link, message, lambda nonce: self._admit(link, message, nonce))

    def _admit(self, link: int, message: m.Login, nonce: str | None) -> Effects:
        name = message.username
        tag = tag_of(name, message.session) if message.session else self._entropy.randbytes(8).hex()
        first = not self.sessions.unannounced
        secret = message.secret if message.ticket is None and name != m.ANONYMOUS else None
        self.sessions.open(link, name, secret, tag, nonce)
        success = m.LoginSuccess(f"logged in as user {name}", server=self.id, session=tag)
        effects: Effects = [
            fx.Send(link, success),
            fx.Follow(link, self.merged, None),
            fx.Report("session_opened", {"username": name, "link": link}),
        ]
        return [*effects, fx.SetTimer("announce", ANNOUNCE)] if first else effects

    def _post(self, link: int, message: m.ActivityMessage) -> Effects:
        session = self.sessions.get(link)
        if session is None:
            return refuse(link, m.AuthenticationFail("log in before you post", "not_logged_in"))
        if not self.sessions.may_post(session, message):
            fail = m.AuthenticationFail("these are not the credentials that this session has", "not_your_session")
            return self._part(link, refuse(link, fail))
        members = activity.body(bytes(message.activity))
        if not isinstance(members, bytes):
            return self._part(link, refuse(link, members))
        first = self.origin.accept(session.opening_for(message.id), members)
        return [fx.Flush()] if first and not self._arrived else []

    def _register(self, now: float, link: int, message: m.Register) -> Effects:
        if self.sessions.get(link) is not None:
            return self._part(link, refuse(link, m.InvalidMessage("already logged in", "logged_in")))
        central = self.uplink.central
        return [fx.Send(link, m.Redirect(central.hostname, central.port)), fx.Close(link)]

    def _logout(self, now: float, link: int, message: m.Logout) -> Effects:
        posted = self.on_flush(now)  # what it posted in the same breath comes back to it, too
        return [*posted, *self._part(link, [fx.Close(link)])]

    def _too_slow(self, link: int, why: str) -> Effects:
        info = f"closed as a slow consumer: it {why}"
        return self._part(link, refuse(link, m.InvalidMessage(info, "slow_consumer")))

    def _part(self, link: int, effects: Effects) -> Effects:
        """The link is being closed: from now on its session counts no more."""
        return [*effects, *self._leave(link)]

    def _leave(self, link: int) -> Effects:
        announced = self._announce() if self.sessions.unannounced and self.sessions.get(link) else []
        session = self.sessions.close(link)
        if session is None:
            return []
        if self.sessions.unannounced:  # there is nobody to tell now, and nothing to be told later
            self.sessions.retract(session.username)
        closed = fx.Report("session_closed", {"username": session.username, "link": link})
        return [*announced, *self.uplink.send(n.DeLoad(self.id, session.username)), closed]

    # -- the central --------------------------------------------------------------------------------------------

    def _introduction(self) -> n.Authenticate:
        self.sessions.announce_all()
        return n.Authenticate(
            self._secret,
            self.id,
            self.address.hostname,
            self.address.port,
            self._incarnation,
            len(self.sessions),
            self.voter.promised,
            self.voter.configuration,
        )

    def _announce(self) -> Effects:
        """Tell the central the count, and who has arrived: not more names a line than it takes."""
        if self.uplink.link is not None and not self.uplink.joined:
            return []  # to be said once the central has welcomed us
        arrived, redeemed = self.sessions.arrivals()
        if self.uplink.link is None:
            return []  # the next introduction counts them all
        effects: Effects = []
        for at in range(0, max(1, len(arrived), len(redeemed)), NAMES):
            announce = n.ServerAnnounce(
                self.id,
                len(self.sessions),
                self.address.hostname,
                self.address.port,
                arrived[at : at + NAMES],
                redeemed[at : at + NAMES],
                self.origin.sequence,
                self.merged.delivered,
            )
            effects += self.uplink.send(announce)
        return effects

    def _welcomed(self, now: float, link: int, message: n.AuthenticateSuccess) -> Effects:
        if message.term < self.voter.promised:  # a main of the past, which has still to learn it
            return self.uplink.not_main(None)
        self.uplink.welcomed(message.centrals)
        self.admission.rules(base64.b64decode(message.ticket_key), message.anonymous)
        joined = fx.Report("joined", {"central": str(self.uplink.central)})
        effects = [joined, *self.mesh.listed_all(now, message.servers)]
        if self._serving:
            return [*effects, *self._announce()]
        return [*effects, *self._serve_if_linked(now)]

    def _serve_if_linked(self, now: float) -> Effects:
        if self._serving or not self.uplink.ever_joined or not self.mesh.complete:
            return []
        self._serving = True
        self.mesh.serving_since = now
        return [fx.Report("ready", {"address": str(self.address)}), *self._announce()]

    def _unwelcome(self, now: float, link: int, message: m.AuthenticationFail) -> Effects:
        if not self.uplink.ever_joined:
            return [fx.Quit(f"the central at {self.uplink.central} refuses this server: {message.info}")]
        return [fx.Report("not_welcome", {"info": message.info}), fx.Close(link)]

    def _new_server(self, now: float, link: int, message: n.SynchronisedNewServer) -> Effects:
        return self.mesh.listed(message)

    def _server_removed(self, now: float, link: int, message: n.RemoveServer) -> Effects:
        return [*self.mesh.removed(now, message.id), *self._serve_if_linked(now)]

    def _verified(self, now: float, link: int, message: n.VerifyLoginSuccess | n.VerifyLoginFailed) -> Effects:
        return self.inquiry.answered(now, message)

    def _heartbeat(self, now: float, link: int, message: n.Heartbeat) -> Effects:
        return []

    # -- who is main --------------------------------------------------------------------------------------------

    def _not_main(self, now: float, link: int, message: n.NotMain) -> Effects:
        if message.centrals:
            self.uplink.learn(message.centrals)
        return self.uplink.not_main(message.main)

    def _configured(self, now: float, link: int, message: n.Configure) -> Effects:
        self.voter.learn(message.configuration)
        self.uplink.learn([central.address for central in message.configuration.centrals])
        return []

    def _confirm(self, now: float, link: int, message: n.ConfirmTerm) -> Effects:
        if not self.voter.confirms(message.term, message.version):
            return [fx.Send(link, self.voter.refusal())]
        return [fx.Send(link, n.TermConfirmed(message.round, message.term, message.version))]

    def _requested(self, now: float, link: int, message: n.RequestVote) -> Effects:
        return [fx.Send(link, self.voter.consider(message, main_is_alive=self.uplink.joined))]

    # -- the other servers --------------------------------------------------------------------------------------

    def _greeted(self, now: float, link: int, message: n.ServerHello) -> Effects:
        if self.sessions.get(link) is not None:
            return self._part(link, refuse_out_of_place(link, message))
        return self.mesh.greeted(now, link, message)

    def _peer_refuses(self, now: float, link: int, message: m.AuthenticationFail) -> Effects:
        return self._part(link, [fx.Report("peer_refuses", {"link": link, "info": message.info}), fx.Close(link)])

    def _position(self, now: float, link: int, message: n.ServerPosition) -> Effects:
        return [*self.mesh.position(link, message), *self._serve_if_linked(now)]


_FROM_CENTRAL: dict[type, Callable[..., Effects]] = {
    n.AuthenticateSuccess: Server._welcomed,
    m.AuthenticationFail: Server._unwelcome,
    n.SynchronisedNewServer: Server._new_server,
    n.RemoveServer: Server._server_removed,
    n.VerifyLoginSuccess: Server._verified,
    n.VerifyLoginFailed: Server._verified,
    n.NotMain: Server._not_main,
    n.Configure: Server._configured,
    n.ConfirmTerm: Server._confirm,
    n.RequestVote: Server._requested,
    n.Heartbeat: Server._heartbeat,
}
_FROM_PEERS: dict[type, Callable[..., Effects]] = {
    n.ServerPosition: Server._position,
    n.Heartbeat: Server._heartbeat,
}
_FROM_ANYONE: dict[type, Callable[..., Effects]] = {
    m.Login: Server._login,
    m.Register: Server._register,
    m.Logout: Server._logout,
    n.ServerHello: Server._greeted,
    m.AuthenticationFail: Server._peer_refuses,
}

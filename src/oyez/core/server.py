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
from oyez.core.copies import Copies
from oyez.core.effects import Effects
from oyez.core.holdings import Holdings
from oyez.core.inquiry import Inquiry
from oyez.core.mesh import Mesh
from oyez.core.origin import Origin
from oyez.core.posts import Posts
from oyez.core.refusal import refuse, refuse_out_of_place, refuse_unreadable
from oyez.core.role import Quiet
from oyez.core.sessions import Sessions, tag_of
from oyez.core.uplink import PURPOSE, Uplink
from oyez.core.voter import Voter
from oyez.log import Chunk, Log
from oyez.protocol import activity
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p

if TYPE_CHECKING:
    from random import Random

RETENTION = 64 * 1024 * 1024
"""Bytes of activities that are held for readers that are behind."""

ANNOUNCE = 0.1
"""Seconds within which an arrival is announced to the central: together with others, as a login storm brings many."""

LIFE = 1.5
"""Seconds of quiet after which clients are shown that their server lives."""

AHEAD = 10.0
"""Seconds for which a cursor may be ahead of the logs: what its last server accepted may be on its way."""

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
        copies: int = 2,
    ) -> None:
        self.id = id
        self.address = address
        self.origin = Origin(id, incarnation, retention)
        self.merged = Log(retention)
        self.sessions = Sessions(entropy.randbytes(32))
        self.copies = Copies(copies)
        self.posts = Posts()
        self.network = ""
        self.holdings = Holdings(self.origin, self.merged)
        self.mesh = Mesh(id, incarnation, secret, self.origin, self.copies, self.holdings, entropy)
        self.uplink = Uplink(centrals, entropy, self._introduction)
        self.inquiry = Inquiry(self.uplink)
        self.admission = Admission(id, self.inquiry)
        self.voter = Voter(self.origin.name)
        self._secret = secret
        self._incarnation = incarnation
        self._entropy = entropy
        self._patience = patience
        self._serving = False
        self._arriving: set[int] = set()  # links of clients whose last server's log is being settled
        self._from: set[int] = set()  # links over which activities have come, since the last flush
        self._arrived: list[Chunk] = []  # from other servers, since the last flush
        self._log_start = 0
        self._shown, self._shown_at = 0.0, 0
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
        kind, _, id = purpose.partition(":")
        return self.mesh.dialed(now, link, id) if kind == "peer" else [fx.Close(link)]

    def on_dial_failed(self, now: float, purpose: str) -> Effects:
        if purpose == PURPOSE:
            return self.uplink.failed()
        kind, _, id = purpose.partition(":")
        self.mesh.absent(id)
        return [*(self.mesh.redial(now, id) if kind == "peer" else []), *self._waiting_copies()]

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
        chunks = self.mesh.receive(now, link, block)
        if chunks is None:
            return refuse(link, m.InvalidMessage("these are not the activities that come next", "out_of_order"))
        first = not self._arrived and not self._from
        for chunk in chunks:
            self.posts.note(chunk)
        self._arrived += chunks
        self._from.add(link)
        return [fx.Flush()] if first else []

    def on_flush(self, now: float) -> Effects:
        chunks, self._arrived = self._arrived, []
        links, self._from = self._from, set()
        own = self.origin.take()
        if own is not None:
            self.origin.log.publish([own])
            self.copies.add(own)
        if self.copies:
            chunks += self.mesh.released(now)
        if chunks:
            self.merged.publish(chunks)
        arrived = self.mesh.settlement.review(now) if links and self.mesh.settlement else []
        return [*self.mesh.acknowledgements(links), *arrived, *self._fallen_out()]

    def _fallen_out(self) -> Effects:
        if self.merged.start == self._log_start:
            return []
        self._log_start = self.merged.start
        fallen = [cursor.owner for cursor in self.merged.fallen_out()]
        return [effect for link in fallen for effect in self._too_slow(link, "fell out of what is retained")]

    def on_close(self, now: float, link: int) -> Effects:
        self.admission.gone(link)
        self._arriving.discard(link)
        if link == self.uplink.link:
            return [*self.inquiry.abandon(now), *self.uplink.lost()]
        lost = self.mesh.lost(now, link)
        return [*lost, *self._leave(link), *self._waiting_copies(), *self.mesh.settlement.review(now)]

    def _waiting_copies(self) -> Effects:
        """Fewer copies may be needed now than before."""
        return [fx.Flush()] if self.copies else []

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
        effects += [*self.mesh.beat(now, slept), *self._waiting_copies()]
        effects += self._announce() if self._serving else self.uplink.send(n.Heartbeat(self.voter.promised))
        self.admission.expire(now)
        effects += [*self.mesh.settlement.review(now), *self._show_life(now)]
        for cursor in self.merged.ahead_of(now, AHEAD):
            info = "the cursor is ahead of everything that this network holds"
            effects += self._part(cursor.owner, refuse(cursor.owner, m.InvalidMessage(info, "cursor_ahead")))
        seconds = f"took nothing for {self._patience:g} seconds"
        for cursor in self.merged.stalled(now, self._patience):
            effects += self._too_slow(cursor.owner, seconds)
        for cursor in self.origin.log.stalled(now, timing.PATIENCE) + self.origin.log.fallen_out():
            effects += [fx.Report("peer_stalled", {"link": cursor.owner}), fx.Close(cursor.owner, at_once=True)]
        return effects

    def _show_life(self, now: float) -> Effects:
        """Clients that know how are told that their server lives, where no activity tells them."""
        if now - self._shown < LIFE or self.merged.end != self._shown_at:
            if self.merged.end != self._shown_at:
                self._shown, self._shown_at = now, self.merged.end
            return []
        self._shown = now
        return [fx.Send(link, n.Heartbeat()) for link in self.sessions.aware]

    # -- clients ------------------------------------------------------------------------------------------------

    def _login(self, now: float, link: int, message: m.Login) -> Effects:
        if self.sessions.get(link) is not None:
            return self._part(link, refuse(link, m.InvalidMessage("already logged in", "logged_in")))
        if not self._serving:
            return refuse(link, m.LoginFailed("this server is still joining the network, try again", "joining"))
        return self.admission.check(now, link, message, lambda now, nonce: self._admit(now, link, message, nonce))

    def _admit(self, now: float, link: int, message: m.Login, nonce: str | None) -> Effects:
        """The credentials are right: open the session, once all that it posted elsewhere is here."""
        tag = tag_of(message.username, message.session) if message.session else self._entropy.randbytes(8).hex()
        resume = message.resume
        if resume is None:
            return self._open(link, message, nonce, tag)
        if resume.network not in ("", self.network):
            return refuse(link, m.LoginFailed("the cursor is of another network", "other_network"))
        self._arriving.add(link)

        def settled(now: float) -> Effects:
            if link not in self._arriving:
                return []  # it has not waited
            self._arriving.discard(link)
            return [*self._open(link, message, nonce, tag), fx.Release(link)]

        return [fx.Hold(link), *self.mesh.settlement.arrive(now, tag, resume.last, settled)]

    def _open(self, link: int, message: m.Login, nonce: str | None, tag: str) -> Effects:
        name, resume = message.username, message.resume
        effects = self._end_session(tag)
        first = not self.sessions.unannounced
        secret = message.secret if message.ticket is None and name != m.ANONYMOUS else None
        self.sessions.open(link, name, secret, tag, nonce, resume is not None)
        success = m.LoginSuccess(f"logged in as user {name}", server=self.id, session=tag)
        effects += [
            *(
                [fx.Send(link, success), fx.Follow(link, self.merged)]
                if resume is None
                else self._resume(link, success, resume)
            ),
            fx.Report("session_opened", {"username": name, "link": link}),
        ]
        return [*effects, fx.SetTimer("announce", ANNOUNCE)] if first else effects

    def _resume(self, link: int, success: m.LoginSuccess, resume: m.Resume) -> Effects:
        """Go on where the session left off; say what can't be given any more."""
        assert success.session is not None
        success.network, success.origin = self.network, self.origin.name
        success.posted = self.posts.highest(success.session)
        if not resume.network:
            success.origins = dict(self.merged.positions)
            return [fx.Send(link, success), fx.Follow(link, self.merged)]
        held = dict(resume.origins)
        gaps = [m.Range(*gap) for gap in self.merged.gaps(held)]
        held.update({gap.origin: gap.last for gap in gaps})
        told = [fx.Send(link, m.Gap(gaps)), fx.Report("gap", {"link": link, "ranges": len(gaps)})] if gaps else []
        return [fx.Send(link, success), *told, fx.Follow(link, self.merged, held=held)]

    def _end_session(self, tag: str) -> Effects:
        """The session is elsewhere now, or on another link."""
        link = self.sessions.link_of(tag)
        return [] if link is None else self._part(link, [fx.Close(link)])

    def _post(self, link: int, message: m.ActivityMessage) -> Effects:
        session = self.sessions.get(link)
        if session is None:
            return refuse(link, m.AuthenticationFail("log in before you post", "not_logged_in"))
        if not self.sessions.may_post(session, message):
            fail = m.AuthenticationFail("these are not the credentials that this session has", "not_your_session")
            return self._part(link, refuse(link, fail))
        if message.id is not None and not self.posts.accept(session.tag, message.id):
            return []  # a repetition: the sender will see, or has seen, the first
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
        self.network = message.network
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

    def _greeted(self, now: float, link: int, message: p.ServerHello) -> Effects:
        if self.sessions.get(link) is not None:
            return self._part(link, refuse_out_of_place(link, message))
        return self.mesh.greeted(now, link, message)

    def _peer_refuses(self, now: float, link: int, message: m.AuthenticationFail) -> Effects:
        return self._part(link, [fx.Report("peer_refuses", {"link": link, "info": message.info}), fx.Close(link)])

    def _acknowledged(self, now: float, link: int, message: p.Acknowledge) -> Effects:
        self.mesh.acknowledged(link, message)
        return self._waiting_copies()

    def _positions(self, now: float, link: int, message: p.Positions) -> Effects:
        self.mesh.settlement.told[link] = message
        return [*self.mesh.repair.told(now, link, message), *self.mesh.settlement.review(now)]

    def _settle(self, now: float, link: int, message: p.Settle) -> Effects:
        return [*self._end_session(message.session), fx.Send(link, p.Settled(message.request, self.origin.sequence))]

    def _settled(self, now: float, link: int, message: p.Settled) -> Effects:
        return self.mesh.settlement.settled(now, message)

    def _requested_activities(self, now: float, link: int, message: p.RequestActivities) -> Effects:
        return self.mesh.repair.requested(link, message)

    def _supplied(self, now: float, link: int, message: p.ActivitiesSupplied) -> Effects:
        return self.mesh.repair.supplied(now, link, message)

    def _position(self, now: float, link: int, message: p.ServerPosition) -> Effects:
        positioned = self.mesh.position(link, message)
        return [*positioned, *self._serve_if_linked(now), *self.mesh.settlement.review(now)]


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
    p.ServerPosition: Server._position,
    p.Settle: Server._settle,
    p.Settled: Server._settled,
    p.Acknowledge: Server._acknowledged,
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

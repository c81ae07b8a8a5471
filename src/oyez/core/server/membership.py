"""A server's part in the network: it joins, tells its load, votes, and gives sessions away (DESIGN sections 3 and 4).

What the main says to a server, and what the server says to it. Guarantees: a vote or a confirmation is given by the
voter's rule alone (ADR 8); the main hears of every arrival, of all of them again after it has changed, and of no more
names a line than it takes. Knows clients by username alone.
"""

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.server.admission import Admission
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.clients import Clients
from oyez.core.server.leaving import Leaving
from oyez.core.server.mesh import Mesh
from oyez.core.uplink import Uplink
from oyez.core.voter import Voter
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

NAMES = 1000
"""Most usernames in one line: a storm, or a return to a new central, takes several."""


class Membership:
    """Of the server `id` at `address`, in this `incarnation`; `secret` is the cluster's."""

    def __init__(
        self,
        id: str,
        address: m.Address,
        incarnation: int,
        secret: str,
        uplink: Uplink,
        admission: Admission,
        clients: Clients,
        broadcast: Broadcast,
        mesh: Mesh,
    ) -> None:
        self.voter = Voter(broadcast.origin.name)
        self.leaving = Leaving(uplink)
        self._id = id
        self._address = address
        self._incarnation = incarnation
        self._secret = secret
        self._uplink = uplink
        self._admission = admission
        self._clients = clients
        self._sessions = clients.sessions
        self._broadcast = broadcast
        self._mesh = mesh
        self._lag = 0

    # -- joining ------------------------------------------------------------------------------------------------

    def introduction(self) -> n.Authenticate:
        """The first message to a central."""
        self._sessions.announce_all()
        return n.Authenticate(
            self._secret,
            self._id,
            self._address.hostname,
            self._address.port,
            self._incarnation,
            len(self._sessions),
            self.voter.promised,
            self.voter.configuration,
        )

    def welcomed(self, now: float, link: int, message: n.AuthenticateSuccess) -> Effects:
        """AUTHENTICATE_SUCCESS."""
        if message.term < self.voter.promised:  # a main of the past, which has still to learn it
            return self._uplink.not_main(None)
        self._uplink.welcomed(message.centrals)
        self._clients.network = message.network
        if not self._admission.rules(message.ticket_keys, message.anonymous):
            self._sessions.age()
        joined = fx.Report("joined", {"central": str(self._uplink.central)})
        effects = [joined, *self._mesh.listed_all(now, message.servers)]
        return [*effects, *(self.announce() if self._clients.serving else self.serve_if_complete(now))]

    def unwelcome(self, now: float, link: int, message: m.AuthenticationFail) -> Effects:
        """AUTHENTICATION_FAIL."""
        if not self._uplink.ever_joined:
            return [fx.Quit(f"the central at {self._uplink.central} refuses this server: {message.info}")]
        return [fx.Report("not_welcome", {"info": message.info}), fx.Close(link)]

    def serve_if_complete(self, now: float) -> Effects:
        """Take clients from now on, if nothing is missing any more that they could miss."""
        if self._clients.serving or not self._uplink.ever_joined or not self._mesh.complete:
            return []
        self._mesh.release_lost()
        self._broadcast.begin()
        self._clients.serving = True
        self._mesh.serving_since = now
        ready = fx.Report("ready", {"address": str(self._address)})
        return [ready, *self.announce(), *self._mesh.repair.tell()]

    def beat(self, now: float) -> Effects:
        """Once a heartbeat: show life."""
        self._lag = self._broadcast.origin.sequence - self._mesh.held_by_all(now)
        waits = self._uplink.link is not None and not self._uplink.joined
        if self._clients.serving and not waits:
            return self.announce()
        return self._uplink.send(n.Heartbeat(self.voter.promised))

    def announce(self) -> Effects:
        """Tell the central the count, and who has arrived."""
        if self._uplink.link is not None and not self._uplink.joined:
            return []  # to be said once the central has welcomed us
        arrived, redeemed = self._sessions.arrivals()
        if self._uplink.link is None:
            return []  # the next introduction counts them all
        effects: Effects = []
        for at in range(0, max(1, len(arrived), len(redeemed)), NAMES):
            announce = n.ServerAnnounce(
                self._id,
                len(self._sessions),
                self._address.hostname,
                self._address.port,
                arrived[at : at + NAMES],
                redeemed[at : at + NAMES],
                self._broadcast.origin.sequence,
                self._broadcast.merged.delivered,
                self._lag,
                self.leaving.begun,
            )
            effects += self._uplink.send(announce)
        return effects

    # -- who is main --------------------------------------------------------------------------------------------

    def not_main(self, now: float, link: int, message: n.NotMain) -> Effects:
        """NOT_MAIN."""
        if message.centrals:
            self._uplink.learn(message.centrals)
        return self._uplink.not_main(message.main)

    def configured(self, now: float, link: int, message: n.Configure) -> Effects:
        """CONFIGURE."""
        if not self.voter.learn(message.configuration):
            return []  # it is known, or of the past, in which others were centrals
        self._uplink.learn([central.address for central in message.configuration.centrals])
        return []

    def asked_to_confirm(self, now: float, link: int, message: n.ConfirmTerm) -> Effects:
        """CONFIRM_TERM."""
        if not self.voter.confirms(message.term, message.version):
            return [fx.Send(link, self.voter.refusal())]
        return [fx.Send(link, n.TermConfirmed(message.round, message.term, message.version))]

    def asked_to_vote(self, now: float, link: int, message: n.RequestVote) -> Effects:
        """REQUEST_VOTE."""
        return [fx.Send(link, self.voter.consider(message, main_is_alive=self._uplink.joined))]

    # -- giving sessions away -----------------------------------------------------------------------------------

    def rebalance(self, now: float, link: int, message: n.Rebalance) -> Effects:
        """REBALANCE."""
        movable = self._sessions.usernames(self._clients.behind, unharmed=True)
        return [fx.Send(link, n.Movable(movable[: min(message.count, NAMES)]))]

    def move(self, now: float, link: int, message: n.Move) -> Effects:
        """MOVE."""
        effects: Effects = []
        for there in message.destinations:
            redirect = m.Redirect(there.hostname, there.port, there.ticket)
            effects += self._clients.move(there.username, redirect)
        self.leaving.moved(now, message)
        return [*effects, *self.go_on_leaving(now)]

    def leave(self, now: float) -> Effects:
        """The operator wants this server to leave, who asks it by a signal or through the main (DRAIN)."""
        if self.leaving.begun:
            return []
        self.leaving.begin(now)
        left = fx.Report("leaving", {"sessions": len(self._sessions)})
        return [left, *(self.announce() if self._clients.serving else []), *self.go_on_leaving(now)]

    def go_on_leaving(self, now: float) -> Effects:
        """Once a heartbeat, and when a batch has gone."""
        ended = self.leaving.over
        if ended or not self.leaving.begun:
            return []
        own = self._broadcast.lag == 0 and self._mesh.held_by_all(now) == self._broadcast.origin.sequence
        repair, present = self._mesh.repair, self._sessions.usernames(self._clients.behind)
        held = own and repair.entrusted and self._mesh.alive(self.leaving.since)
        effects = self.leaving.review(now, present, self._mesh.alone, bool(repair.linked), held)
        return [*effects, fx.Stopped()] if self.leaving.over else effects

"""A server's clients: who logs in, resumes, posts, moves on and leaves (DESIGN section 3, ADR 9).

Guarantees: nobody posts or reads without checked credentials; every session gets the merged log from its login on, or
from its cursor on, whole and in order, or is told what it missed; the central hears of every arrival and leaving. What
one client does touches no other. Knows no other servers.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.effects import Effects
from oyez.core.limits.door import Door
from oyez.core.limits.pace import Pace
from oyez.core.limits.settings import ServerLimits
from oyez.core.refusal import refuse
from oyez.core.server.admission import Admission
from oyez.core.server.arrivals import Arrivals
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.mesh import Mesh
from oyez.core.server.repair import Missed
from oyez.core.server.sessions import Sessions, tag_of
from oyez.core.uplink import Uplink
from oyez.protocol import activity, codec
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol.users import Revoked

if TYPE_CHECKING:
    from random import Random

ANNOUNCE = 0.1
"""Seconds within which an arrival is announced to the central: together with others, as a login storm brings many."""

LIFE = 1.5
"""Seconds of quiet after which clients that know HEARTBEAT are shown that their server lives."""

_REVOKED = m.AuthenticationFail("the secret was changed, or the user removed: log in again", "revoked")
_HEARTBEAT = codec.encode(n.Heartbeat())


class Clients:
    """Of the server `id`. `announce` tells the central who has arrived; `flush` ends the turn of what was posted."""

    def __init__(
        self,
        id: str,
        broadcast: Broadcast,
        mesh: Mesh,
        admission: Admission,
        uplink: Uplink,
        entropy: "Random",
        patience: float,
        announce: Callable[[], Effects],
        flush_soon: Callable[[], Effects],
        door: Door,
        limits: ServerLimits,
    ) -> None:
        self.sessions = Sessions(entropy.randbytes(32))
        self.arrivals = Arrivals(broadcast.origin.name, broadcast.merged.positions, mesh)
        self.pace = Pace(limits.activities, limits.bytes)
        self.network = ""
        self.serving = False
        self._door = door
        self._sessions_each = limits.sessions_each
        self._id = id
        self._broadcast = broadcast
        self._merged = broadcast.merged
        self._admission = admission
        self._uplink = uplink
        self._entropy = entropy
        self._patience = patience
        self._announce = announce
        self._flush_soon = flush_soon
        self._log_start = 0
        self._alive_at, self._alive_end = 0.0, 0

    # -- coming in ----------------------------------------------------------------------------------------------

    def login(self, now: float, link: int, message: m.Login) -> Effects:
        """LOGIN."""
        if self.sessions.get(link) is not None:
            return self.part(link, refuse(link, m.InvalidMessage("already logged in", "logged_in")))
        if not self.serving:
            return refuse(link, m.LoginFailed("this server is still joining the network, try again", "joining"))
        return self._admission.check(now, link, message, lambda *given: self._admit(link, message, *given))

    def _admit(self, link: int, message: m.Login, now: float, nonce: str | None, since: int) -> Effects:
        """The credentials are right: open the session, once this server has shown what its cursor covers."""
        tag = tag_of(message.username, message.session) if message.session else self._entropy.randbytes(8).hex()
        resume = message.resume
        if resume is None:
            return self._open(now, link, message, nonce, since, tag)
        if resume.network not in ("", self.network):
            return refuse(link, m.LoginFailed("the cursor is of another network", "other_network"))
        open = lambda now: self._open(now, link, message, nonce, since, tag)  # noqa: E731
        return [*self._end_waiting(tag), *self.arrivals.arrive(now, link, tag, resume, open)]

    def _open(self, now: float, link: int, message: m.Login, nonce: str | None, since: int, tag: str) -> Effects:
        name, resume = message.username, message.resume
        if self._admission.revoked.covers(name, since):  # while it waited
            return refuse(link, _REVOKED)
        effects = self._end_session(tag)
        if self._sessions_each and name != m.ANONYMOUS and self.sessions.count(name) >= self._sessions_each:
            info = f"{name} has {self._sessions_each} sessions at this server, which is the most: close one first"
            return [*effects, *refuse(link, m.LoginFailed(info, "too_many_sessions"), self._door.who(link))]
        self._door.admitted(link)
        first = not self.sessions.unannounced
        secret = message.secret if message.ticket is None and name != m.ANONYMOUS else None
        last = resume.last if resume else ()
        session = self.sessions.open(link, name, secret, tag, nonce, resume is not None, last)
        session.since = since
        session.resumed = resume is not None and bool(resume.network)
        success = m.LoginSuccess(f"logged in as user {name}", server=self._id, session=tag)
        if resume is None:
            effects += [fx.Send(link, success), fx.Follow(link, self._merged)]
        else:
            success.ticket = self._admission.own_ticket(now, name, self._entropy.randbytes(12).hex(), since)
            if message.ticket is None:  # nobody has sent it here, and it may know no central
                success.centrals = list(self._uplink.centrals)
            effects += self._resume(link, success, resume)
        known = {"username": name, "link": link, "session": tag, "login": tickets.login(nonce)}
        effects.append(fx.Report("session_opened", known))
        return [*effects, fx.SetTimer("announce", ANNOUNCE)] if first else effects

    def _resume(self, link: int, success: m.LoginSuccess, resume: m.Resume) -> Effects:
        """Go on where the session left off; say what can't be given any more."""
        success.network, success.origin = self.network, self._broadcast.origin.name
        if not resume.network:
            success.origins = dict(self._merged.positions)
            return [fx.Send(link, success), fx.Follow(link, self._merged)]
        held = dict(resume.origins)
        gaps = [m.Range(*gap) for gap in self._merged.gaps(held)]
        held.update({gap.origin: gap.last for gap in gaps})
        # The gap first: what the client had posted before may be in it, and is then not to be posted again.
        return [*_tell([link], gaps), fx.Send(link, success), fx.Follow(link, self._merged, held=held)]

    def register(self, now: float, link: int, message: m.Register) -> Effects:
        """REGISTER: not here."""
        if self.sessions.get(link) is not None:
            return self.part(link, refuse(link, m.InvalidMessage("already logged in", "logged_in")))
        return self.send_on(link, self.to_central)

    @property
    def to_central(self) -> m.Redirect:
        """The way back."""
        central = self._uplink.central
        return m.Redirect(central.hostname, central.port)

    # -- while they are here ------------------------------------------------------------------------------------

    def post(self, now: float, link: int, message: m.ActivityMessage) -> Effects:
        """ACTIVITY_MESSAGE."""
        session = self.sessions.get(link)
        if session is None:
            return refuse(link, m.AuthenticationFail("log in before you post", "not_logged_in"))
        if not self.sessions.may_post(session, message):
            fail = m.AuthenticationFail("these are not the credentials that this session has", "not_your_session")
            return self.part(link, refuse(link, fail))
        members = activity.body(bytes(message.activity))
        if not isinstance(members, bytes):
            return self.part(link, refuse(link, members))
        effects = self._flush_soon() if self._broadcast.accept(session, message.id, members) else []
        if not self.pace.limited:
            return effects
        return [*effects, *self.pace.posted(now, link, session.username, 1, len(members))]

    def post_all(self, now: float, link: int, messages: list[m.ActivityMessage], block: bytes) -> Effects:
        """Several ACTIVITY_MESSAGEs, that came in these lines."""
        session = self.sessions.get(link)
        if session is not None and self.sessions.may_post(session, messages[0]):
            members = activity.bodies(messages, block)
            if members is not None:
                numbers = [message.id for message in messages]
                effects = self._flush_soon() if self._broadcast.accept_all(session, numbers, members) else []
                if not self.pace.limited:
                    return effects
                return [*effects, *self.pace.posted(now, link, session.username, len(messages), len(block))]
        effects = []
        for message in messages:
            effects += self.post(now, link, message)
            if self.sessions.get(link) is None:  # it has been refused, and parted
                break
        return effects

    def missed(self, missed: Missed) -> Effects:
        """This server has had to skip something: so have its clients. Who is behind would hear of it too soon; it is
        closed, and told when it comes back with its cursor."""
        if not missed:
            return []
        behind = self.behind
        aware = self.sessions.aware
        told = _tell([link for link in aware if link not in behind], [m.Range(*range) for range in missed])
        closed = [self._too_slow(link, "was behind a gap") for link in aware if link in behind]
        return [*told, *[effect for effects in closed for effect in effects]]

    def recall(self, now: float, here: m.Address) -> Effects:
        """Something has come that was not shown to those who are here. Who has resumed may lack it: let it come in
        again `here`, and get what its cursor lacks."""
        recalled: list[Effects] = []
        for session in list(self.sessions.by_link.values()):
            if session.resumed:
                nonce = self._entropy.randbytes(12).hex()
                ticket = self._admission.own_ticket(now, session.username, nonce, session.since)
                recalled.append(self.send_on(session.link, m.Redirect(here.hostname, here.port, ticket)))
        report: Effects = [fx.Report("recalled", {"sessions": len(recalled)})] if recalled else []
        return [*report, *[effect for effects in recalled for effect in effects]]

    def fallen_out(self) -> Effects:
        """Close those whose place in the log is forgotten."""
        if self._merged.start == self._log_start:
            return []
        self._log_start = self._merged.start
        fallen = [cursor.owner for cursor in self._merged.fallen_out()]
        return [effect for link in fallen for effect in self._too_slow(link, "fell out of what is retained")]

    def tick(self, now: float) -> Effects:
        """Once a heartbeat."""
        effects = [*self.arrivals.review(now), *self._show_life(now)]
        seconds = f"took nothing for {self._patience:g} seconds"
        for cursor in self._merged.stalled(now, self._patience):
            effects += self._too_slow(cursor.owner, seconds)
        return effects

    def _show_life(self, now: float) -> Effects:
        if self._merged.end != self._alive_end:
            self._alive_at, self._alive_end = now, self._merged.end
        if now - self._alive_at < LIFE:
            return []
        self._alive_at = now
        return [fx.Relay(link, _HEARTBEAT) for link in self.sessions.aware]

    # -- going --------------------------------------------------------------------------------------------------

    def logout(self, link: int, posted: Effects) -> Effects:
        """LOGOUT; `posted` comes first: what it posted in the same breath comes back to it, too."""
        return [*posted, *self.part(link, [fx.Close(link)])]

    def end(self, tag: str, origin: str) -> Effects:
        """The server of that origin has the session now, says that server; but one that has come here from there has
        come since. It must not come in on a link that has been waiting: it would be taken from there again."""
        link = self.sessions.link_of(tag)
        came_back = link is not None and origin in self.sessions.by_link[link].last
        return [*([] if came_back else self._end_session(tag)), *self._end_waiting(tag, origin)]

    def revoke(self, revoked: list[Revoked]) -> Effects:
        """These users have another secret now, or are removed: end what was opened before that."""
        self._admission.revoked.take(revoked)
        ended = [link for one in revoked for link in self.sessions.older(one.username, one.since)]
        return [effect for link in ended for effect in self.part(link, refuse(link, _REVOKED))]

    def _end_session(self, tag: str) -> Effects:
        link = self.sessions.link_of(tag)
        return [] if link is None else self.part(link, [fx.Close(link)])

    def _end_waiting(self, tag: str, origin: str = "") -> Effects:
        effects: Effects = []
        for link in self.arrivals.links_of(tag, origin):
            self.arrivals.gone(link)
            effects += self.part(link, [fx.Close(link)])
        return effects

    @property
    def behind(self) -> set[int]:
        """Links of those who do not keep up."""
        return {cursor.owner for cursor in self._merged.behind}

    def move(self, username: str, redirect: m.Redirect) -> Effects:
        """Send a session of this user there."""
        link = self.sessions.movable(username, self.behind)
        return [] if link is None else self.send_on(link, redirect)

    def send_on(self, link: int, redirect: m.Redirect) -> Effects:
        """Whoever is on this link is to go there."""
        return self.part(link, [fx.Send(link, redirect), fx.Close(link)])

    def _too_slow(self, link: int, why: str) -> Effects:
        info = f"closed as a slow consumer: it {why}"
        return self.part(link, refuse(link, m.InvalidMessage(info, "slow_consumer")))

    def part(self, link: int, effects: Effects) -> Effects:
        """The link is being closed: from now on its session counts no more."""
        return [*effects, *self._leave(link)]

    def gone(self, link: int) -> Effects:
        """The link is closed."""
        self._admission.gone(link)
        self.arrivals.gone(link)
        self.pace.gone(link)
        return self._leave(link)

    def waits(self, link: int) -> bool:
        """Is an answer to its LOGIN being prepared?"""
        return self._admission.asks(link) or self.arrivals.has(link)

    def _leave(self, link: int) -> Effects:
        announced = self._announce() if self.sessions.unannounced and self.sessions.get(link) else []
        session = self.sessions.close(link)
        if session is None:
            return []
        if self.sessions.unannounced:  # there is nobody to tell now, and nothing to be told later
            self.sessions.retract(session.username)
        closed = fx.Report("session_closed", {"username": session.username, "link": link, "session": session.tag})
        return [*announced, *self._uplink.send(n.DeLoad(self._id, session.username)), closed]


def _tell(links: list[int], gaps: list[m.Range]) -> Effects:
    if not gaps:
        return []
    told: Effects = [fx.Send(link, m.Gap(gaps)) for link in links]
    return [*told, fx.Report("gap", {"links": len(links), "ranges": len(gaps)})]

"""The central: registers, authenticates and places clients, and keeps the directory (DESIGN sections 3 and 4).

Guarantees: REGISTER_SUCCESS only for a name that nobody else was given, and that is on disk; no LOGIN_SUCCESS for
credentials that were not checked; a place is chosen among the servers that announced themselves; every node command
on a link that has not authenticated is refused. Must not know: sockets, disks, how secrets are hashed, and
activities, which never pass through it.
"""

import base64
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import tickets, timing
from oyez.core.credentials import VerifiedCredentials
from oyez.core.directory import Directory, Server
from oyez.core.effects import Effects
from oyez.core.placement import Placement, Reservation
from oyez.core.refusal import refuse, refuse_out_of_place, refuse_unreadable
from oyez.core.role import Quiet
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from random import Random

Refused = m.Refusal | None
_WRONG = m.LoginFailed("username or secret is wrong", "wrong_credentials")
_NO_SERVER = m.LoginFailed("no server is available now, try again later", "no_server")
_MOST_PRESENT = 1000


class Central(Quiet):
    """The main central. `users`, `servers` and `key` come from its store."""

    def __init__(
        self,
        address: m.Address,
        secret: str,
        users: dict[str, str],
        servers: list[fx.ServerRecord],
        key: bytes,
        entropy: "Random",
        anonymous: bool = True,
    ) -> None:
        self.address = address
        self.term = 0
        self.directory = Directory(users, servers)
        self.placement = Placement(entropy)
        self._secret = secret
        self._key = key
        self._own_key = tickets.derive_key(key, tickets.CENTRALS)
        self._entropy = entropy
        self._anonymous = anonymous
        self._verified = VerifiedCredentials(entropy.randbytes(32))
        self._nodes: dict[int, Server] = {}
        self._registering: dict[int, tuple[int, m.Register]] = {}
        self._names_taken: set[str] = set()
        self._verifying: dict[int, tuple[int | None, Callable[[float, Refused], Effects]]] = {}
        self._held: set[int] = set()  # links whose credentials are being verified
        self._last_token = 0
        self._last_tick = 0.0

    # -- events -------------------------------------------------------------------------------------------------

    def on_start(self, now: float) -> Effects:
        self._last_tick = now
        for server in self.directory.servers.values():
            server.heard = now
        return [fx.SetTimer("tick", timing.HEARTBEAT)]

    def on_message(self, now: float, link: int, message: m.Message) -> Effects:
        node = self._nodes.get(link)
        if node is not None:
            node.heard = now
            handle_node = _FROM_SERVERS.get(type(message))
            if handle_node is not None and getattr(message, "id", node.id) == node.id:
                return handle_node(self, now, node, message)
        else:
            handle = _FROM_ANYONE.get(type(message))
            if handle is not None:
                return handle(self, now, link, message)
        if isinstance(message, m.InvalidMessage):
            return refuse_unreadable(link, message)
        return refuse_out_of_place(link, message)

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        return refuse(link, m.InvalidMessage("activities do not pass through the central", "not_allowed"))

    def on_close(self, now: float, link: int) -> Effects:
        self._held.discard(link)
        server = self._nodes.pop(link, None)
        if server is None or server.link != link:
            return []
        server.link = None
        server.ready = False
        server.heard = now  # it has until suspicion to come back before the others are told
        self.placement.forget(server.id)
        return [fx.Report("server_lost", {"server": server.id})]

    def on_timer(self, now: float, key: str) -> Effects:
        if now - self._last_tick > timing.SUSPICION:  # it was this process that slept
            for server in self.directory.servers.values():
                server.heard = now
        self._last_tick = now
        self.placement.expire(now)
        effects: Effects = [fx.SetTimer("tick", timing.HEARTBEAT)]
        removals: Effects = []
        for server in list(self.directory.servers.values()):
            if now - server.heard >= timing.SUSPICION:
                removals += self._remove(server)
            elif server.link is not None:
                effects.append(fx.Send(server.link, n.Heartbeat(self.term)))
        return [*effects, *removals]  # in this order: what follows a removal waits for the disk

    # -- registration -------------------------------------------------------------------------------------------

    def _register(self, now: float, link: int, message: m.Register) -> Effects:
        name = message.username
        if name == m.ANONYMOUS:
            return refuse(link, m.RegisterFailed("anonymous can't be registered", "reserved_name"))
        if name in self.directory.users or name in self._names_taken:
            return refuse(link, m.RegisterFailed(f"{name} is already registered with the system", "already_registered"))
        self._names_taken.add(name)
        token = self._token()
        self._registering[token] = (link, message)
        return [fx.Hold(link), fx.HashSecret(token, message.secret)]

    def on_hashed(self, now: float, token: int, hash: str) -> Effects:
        link, message = self._registering.pop(token)
        name = message.username
        self._names_taken.discard(name)
        self.directory.users[name] = hash
        self._verified.remember(name, message.secret, now)
        return [
            fx.Persist((fx.UserRecord(name, hash),)),
            fx.Send(link, m.RegisterSuccess(f"registered {name}")),
            fx.Report("registered", {"username": name}),
            fx.Release(link),
        ]

    # -- credentials --------------------------------------------------------------------------------------------

    def _check(
        self, now: float, link: int, given: m.Login | m.Who, then: Callable[[float, Refused], Effects]
    ) -> Effects:
        """Go on with `then(now, refusal or None)` once the credentials have been checked, on a link kept waiting."""
        if given.username == m.ANONYMOUS:
            off = m.LoginFailed("anonymous logins are switched off", "anonymous_off")
            return then(now, None if self._anonymous else off)
        if given.ticket is not None:
            ticket = tickets.check(self._own_key, given.ticket, tickets.CENTRALS, now)
            if isinstance(ticket, str):
                return then(now, m.LoginFailed("the ticket is not good here (any more), log in by secret", ticket))
            wrong = m.LoginFailed("the ticket is another user's", "ticket_of_another")
            return then(now, None if ticket.username == given.username else wrong)
        if not given.secret:
            return refuse(link, m.InvalidMessage(f"{given.username} needs a secret or a ticket", "no_secret"))
        return self._check_secret(now, given.username, given.secret, link, then)

    def _check_secret(
        self, now: float, name: str, secret: str, hold: int | None, then: Callable[[float, Refused], Effects]
    ) -> Effects:
        if self._verified.knows(name, secret, now):
            return then(now, None)

        def checked(now: float, refused: Refused) -> Effects:
            if refused is None:
                self._verified.remember(name, secret, now)
            if hold is not None and hold not in self._held:
                return []  # the client has gone: no place is kept for it
            return then(now, refused)

        token = self._token()
        self._verifying[token] = (hold, checked)
        verify = fx.VerifySecret(token, self.directory.users.get(name), secret)
        if hold is None:
            return [verify]
        self._held.add(hold)
        return [fx.Hold(hold), verify]

    def on_verified(self, now: float, token: int, ok: bool) -> Effects:
        hold, then = self._verifying.pop(token)
        effects = then(now, None if ok else _WRONG)
        if hold is None:
            return effects
        self._held.discard(hold)
        return [*effects, fx.Release(hold)]

    # -- clients ------------------------------------------------------------------------------------------------

    def _login(self, now: float, link: int, message: m.Login) -> Effects:
        def checked(now: float, refused: Refused) -> Effects:
            return refuse(link, refused) if refused else self._place(now, link, message.username)

        return self._check(now, link, message, checked)

    def _place(self, now: float, link: int, name: str) -> Effects:
        chosen = self.placement.choose(self.directory.open_servers())
        if chosen is None:
            return refuse(link, _NO_SERVER)
        server = self.directory.servers[chosen]
        expires = now + tickets.FOR_SERVER
        permit = self._ticket(name, f"server:{chosen}", expires)
        self.placement.reserve(permit.nonce, Reservation(chosen, name, expires))
        signed = tickets.sign(tickets.derive_key(self._key, permit.audience), permit)
        back = tickets.sign(self._own_key, self._ticket(name, tickets.CENTRALS, now + tickets.FOR_CENTRALS))
        return [
            fx.Send(link, m.LoginSuccess(f"logged in as user {name}", ticket=back, centrals=[self.address])),
            fx.Send(link, m.Redirect(server.address.hostname, server.address.port, signed)),
            fx.Report("placed", {"username": name, "server": chosen, "link": link}),
            fx.Close(link),
        ]

    def _ticket(self, name: str, audience: str, expires: float) -> tickets.Ticket:
        return tickets.Ticket(name, audience, expires, self._entropy.randbytes(12).hex())

    def _logout(self, now: float, link: int, message: m.Logout) -> Effects:
        return [fx.Close(link)]

    def _activity(self, now: float, link: int, message: m.ActivityMessage) -> Effects:
        return refuse(
            link, m.AuthenticationFail("log in first, and post at the server you are sent to", "not_logged_in")
        )

    def _status(self, now: float, link: int, message: m.Status) -> Effects:
        report = m.StatusReport(
            self.term,
            len(self.directory.users),
            [m.CentralStatus(self.address.hostname, self.address.port, "main")],
            [server.status(self.placement.reserved(server.id)) for server in self.directory.servers.values()],
        )
        return [fx.Send(link, report)]

    def _who(self, now: float, link: int, message: m.Who) -> Effects:
        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return refuse(link, refused)
            present = self.directory.presence()
            total = sum(presence.sessions for presence in present)
            return [fx.Send(link, m.WhoReport(total, present[:_MOST_PRESENT]))]

        return self._check(now, link, message, checked)

    # -- servers ------------------------------------------------------------------------------------------------

    def _authenticate(self, now: float, link: int, message: n.Authenticate) -> Effects:
        if not hmac.compare_digest(message.secret.encode(), self._secret.encode()):
            return refuse(link, m.AuthenticationFail("the cluster secret is wrong", "wrong_secret"))
        known = self.directory.servers.get(message.id)
        if known is not None and message.incarnation < known.incarnation:
            info = f"a later server with the id {message.id} has joined"
            return refuse(link, m.AuthenticationFail(info, "id_in_use"))
        effects = [] if known is None or known.link is None else self._detach(known)
        server = known or Server(message.id, m.Address(message.hostname, message.port), message.incarnation)
        self.directory.servers[server.id] = self._nodes[link] = server
        server.address = m.Address(message.hostname, message.port)
        server.incarnation = message.incarnation
        server.link, server.heard, server.load = link, now, message.load
        server.counted_at = 0.0
        server.sessions.clear()
        return [*effects, fx.Trust(link), fx.Persist((server.record,)), *self._welcome(server, link)]

    def _welcome(self, server: Server, link: int) -> Effects:
        others = [other for other in self.directory.servers.values() if other is not server]
        key = tickets.derive_key(self._key, f"server:{server.id}")
        welcome = n.AuthenticateSuccess(
            f"welcome, server {server.id}",
            self.term,
            [self.address],
            [other.listing for other in others],
            base64.b64encode(key).decode(),
            self._anonymous,
        )
        listing = server.listing
        new = n.SynchronisedNewServer(listing.id, listing.hostname, listing.port, listing.incarnation, self.term)
        joined = {"server": server.id, "address": str(server.address)}
        return [
            fx.Send(link, welcome),
            *[fx.Send(other.link, new) for other in others if other.link is not None],
            fx.Report("server_joined", joined),
        ]

    def _detach(self, server: Server) -> Effects:
        """The server's old link is superseded."""
        assert server.link is not None
        link = server.link
        del self._nodes[link]
        server.link, server.ready = None, False
        return [fx.Close(link)]

    def _remove(self, server: Server) -> Effects:
        effects = [] if server.link is None else self._detach(server)
        del self.directory.servers[server.id]
        self.placement.forget(server.id)
        gone = n.RemoveServer(server.id, self.term)
        others = [other.link for other in self.directory.servers.values() if other.link is not None]
        return [
            *effects,
            fx.Report("server_removed", {"server": server.id}),
            fx.Persist(
                (fx.ServerGone(server.id),)
            ),  # first: who waits for the disk to be welcomed hears of it after that
            *[fx.Send(link, gone) for link in others],
        ]

    def _announce(self, now: float, server: Server, message: n.ServerAnnounce) -> Effects:
        effects: Effects = [] if server.ready else [fx.Report("server_ready", {"server": server.id})]
        server.announced(now, message)
        self.placement.arrived(server.id, message.arrived, message.redeemed)
        return effects

    def _deload(self, now: float, server: Server, message: n.DeLoad) -> Effects:
        server.left(message.username)
        return []

    def _verify_login(self, now: float, server: Server, message: n.VerifyLogin) -> Effects:
        link = server.link
        assert link is not None

        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return [fx.Send(link, n.VerifyLoginFailed(refused.info, refused.reason, request=message.request))]
            return [fx.Send(link, n.VerifyLoginSuccess(message.request))]

        return self._check_secret(now, message.username, message.secret, None, checked)

    def _heartbeat(self, now: float, server: Server, message: n.Heartbeat) -> Effects:
        return []

    def _token(self) -> int:
        self._last_token += 1
        return self._last_token


_FROM_ANYONE: dict[type, Callable[..., Effects]] = {
    m.Register: Central._register,
    m.Login: Central._login,
    m.Logout: Central._logout,
    m.ActivityMessage: Central._activity,
    m.Status: Central._status,
    m.Who: Central._who,
    n.Authenticate: Central._authenticate,
}
_FROM_SERVERS: dict[type, Callable[..., Effects]] = {
    n.ServerAnnounce: Central._announce,
    n.DeLoad: Central._deload,
    n.VerifyLogin: Central._verify_login,
    n.Heartbeat: Central._heartbeat,
}

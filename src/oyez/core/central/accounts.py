"""Who may come in: registration, credentials, and the place that a client is given (DESIGN sections 3 and 4).

Guarantees: a name is given once, and REGISTER_SUCCESS follows only when its entry is committed; no LOGIN_SUCCESS for
credentials that were not checked; secrets are kept no longer than their hashing takes. A registration that was never
acknowledged may be repeated with the same secret. Knows nothing of servers but their loads, and nothing of backups.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.central.caution import Caution
from oyez.core.central.directory import Directory
from oyez.core.central.permits import Permits
from oyez.core.central.placement import KEPT, Placement, Reservation
from oyez.core.credentials import VerifiedCredentials
from oyez.core.effects import Effects
from oyez.core.limits.settings import CENTRAL
from oyez.core.peer import HERE, From
from oyez.core.refusal import refuse
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from random import Random

    from oyez.core.central.replication import Replication

Refused = m.Refusal | None
Checked = Callable[[float, Refused], Effects]
Hashed = Callable[[float, str], Effects]
_WRONG = m.LoginFailed("username or secret is wrong", "wrong_credentials")
_UNSURE = m.LoginFailed("this central can't be sure now who is registered, try again", "no_main")
"""It may be cut off: those who have registered at another main meanwhile must not be told that they have not."""
_NO_SERVER = m.LoginFailed("no server is available now, try again later", "no_server")
_UNSETTLED = m.RegisterFailed(
    "the registration could not be confirmed now, try again with the same username and secret", "unsettled"
)
_NOT_SETTLED = m.LoginFailed("the registration could not be confirmed now, try again", "unsettled")
_REVOKED = m.LoginFailed("the secret was changed, or the user removed, since: log in by secret", "ticket_revoked")
_MOST_PRESENT = 1000
_LATER = ("busy", "too_many_failures")

_ASKED = From("", loopback=True, verified=True)
"""Who logs in at a server that does not tell."""

OPEN = 600.0
"""Seconds for which a registration that ended unsettled may be repeated."""

ALTERNATES = 4
"""Other servers that a client is given tickets for."""


class Accounts:
    """Of one central. `replication` is there while it is main."""

    def __init__(
        self,
        directory: Directory,
        placement: Placement,
        permits: Permits,
        entropy: "Random",
        anonymous: bool,
        caution: Caution | None = None,
    ) -> None:
        self.replication: Replication | None = None
        self._directory = directory
        self._placement = placement
        self._permits = permits
        self._entropy = entropy
        self._anonymous = anonymous
        self._caution = Caution(CENTRAL, lambda _: HERE) if caution is None else caution
        self._verified = VerifiedCredentials(entropy.randbytes(32))
        self._hashing: dict[int, Hashed] = {}
        self._names_taken: set[str] = set()
        self._rehashing: set[str] = set()
        self._verifying: dict[int, Callable[[float, bool, bool], Effects]] = {}
        self._registrants: set[int] = set()  # links that wait for their registration
        self._left_open: dict[str, float] = {}  # names whose registration ended unsettled, and when
        self._held: set[int] = set()  # links whose credentials are being verified
        self._last_token = 0

    # -- registration -------------------------------------------------------------------------------------------

    def register(self, now: float, link: int, message: m.Register) -> Effects:
        """REGISTER."""
        name = message.username
        if name == m.ANONYMOUS:
            return refuse(link, m.RegisterFailed("anonymous can't be registered", "reserved_name"))
        who = self._caution.who(link)
        if barred := self._caution.registers(now, who):
            return refuse(link, m.RegisterFailed(barred.info, barred.reason), who)
        if name in self._directory.unsettled and name not in self._names_taken:
            return self._repeat(now, link, message)
        if name in self._directory.users or name in self._names_taken:
            return refuse(link, _taken(name))
        self._names_taken.add(name)
        self._registrants.add(link)
        reign = self.replication
        hashed = lambda now, hash: self._register_hashed(now, link, message, reign, hash)  # noqa: E731
        return [fx.Hold(link), *self.hash(message.secret, hashed, who)]

    def is_registering(self, name: str) -> bool:
        """Is somebody waiting for the registration of this name?"""
        return name in self._names_taken

    def hash(self, secret: str, then: Hashed, who: From | None = None) -> Effects:
        """Hash a secret, for somebody, and go on with `then`."""
        token = self._token()
        self._hashing[token] = then
        return self._caution.begins(who, fx.HashSecret(token, secret))

    def hashed(self, now: float, token: int, hash: str) -> Effects:
        """A secret is hashed."""
        following = self._caution.ends(token)  # first: what comes of this one may wait for the disk
        return [*following, *self._hashing.pop(token)(now, hash)]

    def _register_hashed(
        self, now: float, link: int, message: m.Register, reign: "Replication | None", hash: str
    ) -> Effects:
        """The new user's secret is hashed: write the entry, and wait for its commit."""
        name = message.username
        if self.replication is None or self.replication is not reign:  # another may have given the name meanwhile
            self._names_taken.discard(name)
            self._registrants.discard(link)
            return [*refuse(link, _UNSETTLED), fx.Release(link)]
        index = self.replication.next_index
        record = fx.UserRecord(name, hash, index)
        self._directory.apply(record)
        effects = self.replication.append(now, record)
        return [*effects, *self._await(now, link, name, message.secret, index)]

    def _await(self, now: float, link: int, name: str, secret: str, index: int) -> Effects:
        assert self.replication is not None
        term = self.replication.term

        def settled(now: float, committed: bool) -> Effects:
            self._names_taken.discard(name)
            if link not in self._registrants or not committed:
                self._left_open[name] = now  # whoever knows the secret may ask again
                self._registrants.discard(link)
                return [*refuse(link, _UNSETTLED), fx.Release(link)]
            self._registrants.discard(link)
            self._left_open.pop(name, None)
            self._directory.unsettled.pop(name, None)
            self._verified.remember(name, f"{self._directory.users[name]} {secret}", now)
            return [
                fx.Report("registered", {"username": name, "term": term}),
                fx.Send(link, m.RegisterSuccess(f"registered {name}")),
                fx.Release(link),
            ]

        return self.replication.when_committed(now, index, settled)

    def _repeat(self, now: float, link: int, message: m.Register) -> Effects:
        """The name's registration is not known to have been acknowledged: whoever knows its secret may settle it."""
        name = message.username

        def checked(now: float, refused: Refused) -> Effects:
            if refused or name not in self._directory.unsettled or self.replication is None:
                self._names_taken.discard(name)
                self._registrants.discard(link)
                refusal = _taken(name) if self.replication is not None else _UNSETTLED  # only a main knows
                if refused and refused.reason in _LATER:
                    refusal = m.RegisterFailed(refused.info, refused.reason)
                return [*refuse(link, refusal), fx.Release(link)]
            return self._await(now, link, name, message.secret, self._directory.unsettled[name])

        self._names_taken.add(name)
        self._registrants.add(link)
        who = self._caution.who(link)
        return [fx.Hold(link), *self.check_secret(now, name, message.secret, None, checked, False, who)]

    # -- credentials --------------------------------------------------------------------------------------------

    def check(self, now: float, link: int, given: m.Login | m.Who, then: Checked) -> Effects:
        """Go on with `then(now, refusal or None)` once the credentials have been checked, on a link kept waiting."""
        if given.username == m.ANONYMOUS:
            off = m.LoginFailed("anonymous logins are switched off", "anonymous_off")
            return then(now, None if self._anonymous else off)
        if given.ticket is not None:
            ticket = tickets.check(self._permits.own, given.ticket, tickets.CENTRALS, now)
            if isinstance(ticket, str):
                return then(now, m.LoginFailed("the ticket is not good here (any more), log in by secret", ticket))
            if ticket.username != given.username:
                return then(now, m.LoginFailed("the ticket is another user's", "ticket_of_another"))
            current = ticket.username in self._directory.users and ticket.since == self.since(ticket.username)
            return then(now, None if current else _REVOKED)
        if not given.secret:
            return refuse(link, m.InvalidMessage(f"{given.username} needs a secret or a ticket", "no_secret"))
        return self.check_secret(now, given.username, given.secret, link, then)

    def check_secret(
        self,
        now: float,
        name: str,
        secret: str,
        hold: int | None,
        then: Checked,
        settle: bool = True,
        who: From | None = None,
    ) -> Effects:
        """The same for a name and a secret; `hold` is the link to be kept waiting. `settle`: until the registration is
        acknowledged, too. `who`: from where they come, if it is not from `hold`."""
        who = who or self._caution.who(hold or 0)
        if barred := self._caution.tries(now, name, who):
            return then(now, m.LoginFailed(barred.info, barred.reason))
        hash = self._directory.users.get(name)
        if hash is not None and self._verified.knows(name, f"{hash} {secret}", now):
            self._caution.succeeded(name, who)
            return then(now, None)

        if hold is None:
            return self._verify(name, secret, hold, then, who, settle)
        self._held.add(hold)
        return [fx.Hold(hold), *self._verify(name, secret, hold, then, who, settle)]

    def _verify(self, name: str, secret: str, hold: int | None, then: Checked, who: From, settle: bool) -> Effects:
        hash, since = self._directory.users.get(name), self.since(name)

        def checked(now: float, ok: bool, stale: bool) -> Effects:
            same = self._directory.users.get(name) == hash  # else it is somebody else's by now
            unsettled = name in self._directory.unsettled
            if ok and same:
                self._caution.succeeded(name, who)
            elif same and self._is_sure_of(name):
                self._caution.failed(now, name, who)
            effects: Effects = [fx.Report("damaged_hash", {"username": name})] if stale and not ok else []
            if ok and same and not unsettled:
                self._verified.remember(name, f"{hash} {secret}", now)
                effects = self._rehash(now, name, secret) if stale else []
            if hold is not None and hold not in self._held:
                return effects  # the client has gone: no place is kept for it
            if ok and not same:
                if name in self._directory.users and self.since(name) == since and not unsettled:
                    # The same secret, hashed anew meanwhile.
                    return self._verify(name, secret, hold, then, who, settle)
                return self._finish(now, hold, _WRONG, then)
            if ok and settle and unsettled:
                return self._once_settled(now, name, hold, then)
            refused = None if ok else _WRONG if same and self._is_sure_of(name) else _UNSURE
            return [*effects, *self._finish(now, hold, refused, then)]

        token = self._token()
        self._verifying[token] = checked
        return self._caution.begins(who, fx.VerifySecret(token, hash, secret), name)

    def since(self, name: str) -> int:
        """See `Directory.good_since`."""
        return self._directory.good_since(name)

    def _is_sure_of(self, name: str) -> bool:
        """Can't it have been given to somebody else meanwhile? Who is cut off can't know, unless it was settled."""
        if self.replication is not None and self.replication.can_acknowledge:
            return True
        return name in self._directory.users and name not in self._directory.unsettled

    def _finish(self, now: float, hold: int | None, refused: Refused, then: Checked) -> Effects:
        if hold is None:
            return then(now, refused)
        self._held.discard(hold)
        effects = then(now, refused)  # who goes on holding the link releases it
        return effects if fx.Hold(hold) in effects else [*effects, fx.Release(hold)]

    def _once_settled(self, now: float, name: str, hold: int | None, then: Checked) -> Effects:
        """The secret is right, but the registration is not known to be acknowledged: it may yet become another's."""
        index, hash = self._directory.unsettled[name], self._directory.users[name]

        def settled(now: float, committed: bool) -> Effects:
            if hold is not None and hold not in self._held:
                return []
            same = self._directory.users.get(name) == hash  # it may have been removed meanwhile
            return self._finish(now, hold, None if committed and same else _NOT_SETTLED, then)

        if self.replication is None:
            return settled(now, False)
        return self.replication.when_committed(now, index, settled)

    def verified(self, now: float, token: int, ok: bool, stale: bool = False) -> Effects:
        """A secret has been checked. `stale`: see `Role.on_verified`."""
        following = self._caution.ends(token)
        return [*following, *self._verifying.pop(token)(now, ok, stale)]

    def _rehash(self, now: float, name: str, secret: str) -> Effects:
        """The secret is right and its hash is not good enough any more: replace that, if it can be had now."""
        main, old = self.replication, self._directory.users.get(name)
        if main is None or not main.can_acknowledge or name in self._rehashing:
            return []

        def hashed(now: float, hash: str) -> Effects:
            self._rehashing.discard(name)
            if self.replication is not main or self._directory.users.get(name) != old:
                return []
            record = fx.UserRecord(name, hash, 0, self.since(name))
            self._directory.apply(record)
            self._verified.remember(name, f"{hash} {secret}", now)
            return [*main.append(now, record), fx.Report("rehashed", {"username": name})]

        self._rehashing.add(name)
        return self.hash(secret, hashed)

    def forget_verified(self) -> None:
        """Another central reigns, and may give names to others."""
        self._verified.clear()

    def gone(self, link: int) -> None:
        """A client has not waited for the answer."""
        self._held.discard(link)
        self._registrants.discard(link)

    def waits(self, link: int) -> bool:
        """Is an answer to this client being prepared?"""
        return link in self._held or link in self._registrants

    def expire(self, now: float) -> None:
        """A registration that ended unsettled, and was not repeated for long, counts as any other once it is committed:
        until then its name may become another's."""
        for name in self._directory.unsettled:
            if name not in self._names_taken:
                self._left_open.setdefault(name, now)
        for name, since in list(self._left_open.items()):
            if now - since >= OPEN and self._is_committed(name):
                del self._left_open[name]
                self._directory.unsettled.pop(name, None)

    def _is_committed(self, name: str) -> bool:
        return self.replication is not None and self._directory.unsettled.get(name, 0) <= self.replication.committed

    def verify_for_server(self, now: float, link: int, message: n.VerifyLogin) -> Effects:
        """A server asks whether its client's credentials are right."""

        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return [fx.Send(link, n.VerifyLoginFailed(refused.info, refused.reason, request=message.request))]
            return [fx.Send(link, n.VerifyLoginSuccess(message.request, self.since(message.username)))]

        who = From.at(message.address) if message.address else _ASKED
        return self.check_secret(now, message.username, message.secret, None, checked, who=who)

    # -- placement ----------------------------------------------------------------------------------------------

    def place(self, now: float, link: int, name: str, centrals: list[m.Address]) -> Effects:
        """The credentials are right: send the client to a server."""
        chosen = self._placement.choose(self._directory.open_servers())
        if chosen is None:
            return refuse(link, _NO_SERVER)
        server = self._directory.servers[chosen]
        signed, nonce = self._permits.for_server(name, chosen, now, self.since(name))
        self._placement.reserve(nonce, Reservation(chosen, name, now + KEPT))
        return [
            fx.Send(
                link,
                m.LoginSuccess(
                    f"logged in as user {name}",
                    ticket=self._permits.for_centrals(name, now, self.since(name)),
                    centrals=centrals,
                    alternates=self._alternates(now, name, chosen),
                ),
            ),
            fx.Send(link, m.Redirect(server.address.hostname, server.address.port, signed)),
            fx.Report("placed", {"username": name, "server": chosen, "link": link, "login": tickets.login(nonce)}),
            fx.Close(link),
        ]

    def _alternates(self, now: float, name: str, chosen: str) -> list[m.Alternate]:
        """Where else the client may go, should its server die while no central answers."""
        others = [id for id in self._directory.open_servers() if id != chosen]
        alternates = []
        for id in self._entropy.sample(others, min(ALTERNATES, len(others))):
            address = self._directory.servers[id].address
            ticket = self._permits.for_alternate(name, id, now, self.since(name))
            alternates.append(m.Alternate(address.hostname, address.port, ticket))
        return alternates

    def who(self, now: float, link: int, message: m.Who) -> Effects:
        """WHO."""

        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return refuse(link, refused)
            present = self._directory.presence()
            total = sum(presence.sessions for presence in present)
            return [fx.Send(link, m.WhoReport(total, present[:_MOST_PRESENT]))]

        return self.check(now, link, message, checked)

    def _token(self) -> int:
        self._last_token += 1
        return self._last_token


def _taken(name: str) -> m.RegisterFailed:
    return m.RegisterFailed(f"{name} is already registered with the system", "already_registered")

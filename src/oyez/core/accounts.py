"""Who may come in: registration, credentials, and the place that a client is given (DESIGN sections 3 and 4).

Guarantees: a name is given once, and REGISTER_SUCCESS follows only when its entry is committed; no LOGIN_SUCCESS for
credentials that were not checked; secrets are kept no longer than their hashing takes. A registration that was never
acknowledged may be repeated with the same secret. Knows nothing of servers but their loads, and nothing of backups.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.credentials import VerifiedCredentials
from oyez.core.directory import Directory
from oyez.core.effects import Effects
from oyez.core.placement import Placement, Reservation
from oyez.core.refusal import refuse
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from random import Random

    from oyez.core.replication import Replication

Refused = m.Refusal | None
Checked = Callable[[float, Refused], Effects]
_WRONG = m.LoginFailed("username or secret is wrong", "wrong_credentials")
_NO_SERVER = m.LoginFailed("no server is available now, try again later", "no_server")
_UNSETTLED = m.RegisterFailed(
    "the registration could not be confirmed now, try again with the same username and secret", "unsettled"
)
_MOST_PRESENT = 1000


class Accounts:
    """Of one central. `replication` is there while it is main."""

    def __init__(
        self, directory: Directory, placement: Placement, key: bytes, entropy: "Random", anonymous: bool
    ) -> None:
        self.replication: Replication | None = None
        self._directory = directory
        self._placement = placement
        self._entropy = entropy
        self._anonymous = anonymous
        self._verified = VerifiedCredentials(entropy.randbytes(32))
        self._registering: dict[int, tuple[int, m.Register, Replication | None]] = {}
        self._names_taken: set[str] = set()
        self._verifying: dict[int, tuple[int | None, Checked]] = {}
        self._held: set[int] = set()  # links whose credentials are being verified
        self._last_token = 0
        self.use_key(key)

    def use_key(self, key: bytes) -> None:
        """The network's key, from which those for tickets are derived."""
        self._key = key
        self._own_key = tickets.derive_key(key, tickets.CENTRALS)

    # -- registration -------------------------------------------------------------------------------------------

    def register(self, now: float, link: int, message: m.Register) -> Effects:
        """REGISTER."""
        name = message.username
        if name == m.ANONYMOUS:
            return refuse(link, m.RegisterFailed("anonymous can't be registered", "reserved_name"))
        if name in self._directory.unsettled and name not in self._names_taken:
            return self._repeat(now, link, message)
        if name in self._directory.users or name in self._names_taken:
            return refuse(link, _taken(name))
        self._names_taken.add(name)
        token = self._token()
        self._registering[token] = (link, message, self.replication)
        return [fx.Hold(link), fx.HashSecret(token, message.secret)]

    def hashed(self, now: float, token: int, hash: str) -> Effects:
        """The new user's secret is hashed: write the entry, and wait for its commit."""
        link, message, reign = self._registering.pop(token)
        name = message.username
        if self.replication is None or self.replication is not reign:  # another may have given the name meanwhile
            self._names_taken.discard(name)
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
            if not committed:
                return [*refuse(link, _UNSETTLED), fx.Release(link)]
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
                refusal = _taken(name) if refused or self.replication else _UNSETTLED
                return [*refuse(link, refusal), fx.Release(link)]
            return self._await(now, link, name, message.secret, self._directory.unsettled[name])

        self._names_taken.add(name)
        return [fx.Hold(link), *self.check_secret(now, name, message.secret, None, checked)]

    # -- credentials --------------------------------------------------------------------------------------------

    def check(self, now: float, link: int, given: m.Login | m.Who, then: Checked) -> Effects:
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
        return self.check_secret(now, given.username, given.secret, link, then)

    def check_secret(self, now: float, name: str, secret: str, hold: int | None, then: Checked) -> Effects:
        """The same for a name and a secret; `hold` is the link to be kept waiting."""
        hash = self._directory.users.get(name)
        if hash is not None and self._verified.knows(name, f"{hash} {secret}", now):
            return then(now, None)

        def checked(now: float, refused: Refused) -> Effects:
            if refused is None and hash != self._directory.users.get(name):
                refused = _WRONG  # the name is another's by now: this central has learned what a later main gave
            if refused is None:
                self._verified.remember(name, f"{hash} {secret}", now)
            if hold is not None and hold not in self._held:
                return []  # the client has gone: no place is kept for it
            return then(now, refused)

        token = self._token()
        self._verifying[token] = (hold, checked)
        verify = fx.VerifySecret(token, hash, secret)
        if hold is None:
            return [verify]
        self._held.add(hold)
        return [fx.Hold(hold), verify]

    def verified(self, now: float, token: int, ok: bool) -> Effects:
        """A secret has been checked."""
        hold, then = self._verifying.pop(token)
        effects = then(now, None if ok else _WRONG)
        if hold is None:
            return effects
        self._held.discard(hold)
        return [*effects, fx.Release(hold)]

    def gone(self, link: int) -> None:
        """A client has not waited for the answer."""
        self._held.discard(link)

    def verify_for_server(self, now: float, link: int, message: n.VerifyLogin) -> Effects:
        """A server asks whether its client's credentials are right."""

        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return [fx.Send(link, n.VerifyLoginFailed(refused.info, refused.reason, request=message.request))]
            return [fx.Send(link, n.VerifyLoginSuccess(message.request))]

        return self.check_secret(now, message.username, message.secret, None, checked)

    # -- placement ----------------------------------------------------------------------------------------------

    def place(self, now: float, link: int, name: str, centrals: list[m.Address]) -> Effects:
        """The credentials are right: send the client to a server."""
        chosen = self._placement.choose(self._directory.open_servers())
        if chosen is None:
            return refuse(link, _NO_SERVER)
        server = self._directory.servers[chosen]
        expires = now + tickets.FOR_SERVER
        permit = self._ticket(name, f"server:{chosen}", expires)
        self._placement.reserve(permit.nonce, Reservation(chosen, name, expires))
        signed = tickets.sign(tickets.derive_key(self._key, permit.audience), permit)
        back = tickets.sign(self._own_key, self._ticket(name, tickets.CENTRALS, now + tickets.FOR_CENTRALS))
        return [
            fx.Send(link, m.LoginSuccess(f"logged in as user {name}", ticket=back, centrals=centrals)),
            fx.Send(link, m.Redirect(server.address.hostname, server.address.port, signed)),
            fx.Report("placed", {"username": name, "server": chosen, "link": link}),
            fx.Close(link),
        ]

    def who(self, now: float, link: int, message: m.Who) -> Effects:
        """WHO."""

        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return refuse(link, refused)
            present = self._directory.presence()
            total = sum(presence.sessions for presence in present)
            return [fx.Send(link, m.WhoReport(total, present[:_MOST_PRESENT]))]

        return self.check(now, link, message, checked)

    def _ticket(self, name: str, audience: str, expires: float) -> tickets.Ticket:
        return tickets.Ticket(name, audience, expires, self._entropy.randbytes(12).hex())

    def _token(self) -> int:
        self._last_token += 1
        return self._last_token


def _taken(name: str) -> m.RegisterFailed:
    return m.RegisterFailed(f"{name} is already registered with the system", "already_registered")

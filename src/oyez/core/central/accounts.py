"""Who may come in: registration, credentials, and the place that a client is given (DESIGN sections 3 and 4).

Guarantees: a name is given once, and REGISTER_SUCCESS follows only when its entry is committed; no LOGIN_SUCCESS for
credentials that were not checked; secrets are kept no longer than their hashing takes. A registration that was never
acknowledged may be repeated with the same secret. Knows nothing of servers but their loads, and nothing of backups.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.central.directory import Directory
from oyez.core.central.permits import Permits
from oyez.core.central.placement import KEPT, Placement, Reservation
from oyez.core.credentials import VerifiedCredentials
from oyez.core.effects import Effects
from oyez.core.refusal import refuse
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from random import Random

    from oyez.core.central.replication import Replication

Refused = m.Refusal | None
Checked = Callable[[float, Refused], Effects]
_WRONG = m.LoginFailed("username or secret is wrong", "wrong_credentials")
_UNSURE = m.LoginFailed("this central can't be sure now who is registered, try again", "no_main")
"""It may be cut off: those who have registered at another main meanwhile must not be told that they have not."""
_NO_SERVER = m.LoginFailed("no server is available now, try again later", "no_server")
_UNSETTLED = m.RegisterFailed(
    "the registration could not be confirmed now, try again with the same username and secret", "unsettled"
)
_NOT_SETTLED = m.LoginFailed("the registration could not be confirmed now, try again", "unsettled")
_MOST_PRESENT = 1000

OPEN = 600.0
"""Seconds for which a registration that ended unsettled may be repeated."""

ALTERNATES = 4
"""Other servers that a client is given tickets for."""


class Accounts:
    """Of one central. `replication` is there while it is main."""

    def __init__(
        self, directory: Directory, placement: Placement, permits: Permits, entropy: "Random", anonymous: bool
    ) -> None:
        self.replication: Replication | None = None
        self._directory = directory
        self._placement = placement
        self._permits = permits
        self._entropy = entropy
        self._anonymous = anonymous
        self._verified = VerifiedCredentials(entropy.randbytes(32))
        self._registering: dict[int, tuple[int, m.Register, Replication | None]] = {}
        self._names_taken: set[str] = set()
        self._verifying: dict[int, Checked] = {}
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
        if name in self._directory.unsettled and name not in self._names_taken:
            return self._repeat(now, link, message)
        if name in self._directory.users or name in self._names_taken:
            return refuse(link, _taken(name))
        self._names_taken.add(name)
        token = self._token()
        self._registrants.add(link)
        self._registering[token] = (link, message, self.replication)
        return [fx.Hold(link), fx.HashSecret(token, message.secret)]

    def hashed(self, now: float, token: int, hash: str) -> Effects:
        """The new user's secret is hashed: write the entry, and wait for its commit."""
        link, message, reign = self._registering.pop(token)
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
                return [*refuse(link, refusal), fx.Release(link)]
            return self._await(now, link, name, message.secret, self._directory.unsettled[name])

        self._names_taken.add(name)
        self._registrants.add(link)
        return [fx.Hold(link), *self.check_secret(now, name, message.secret, None, checked, settle=False)]

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
            wrong = m.LoginFailed("the ticket is another user's", "ticket_of_another")
            return then(now, None if ticket.username == given.username else wrong)
        if not given.secret:
            return refuse(link, m.InvalidMessage(f"{given.username} needs a secret or a ticket", "no_secret"))
        return self.check_secret(now, given.username, given.secret, link, then)

    def check_secret(
        self, now: float, name: str, secret: str, hold: int | None, then: Checked, settle: bool = True
    ) -> Effects:
        """The same for a name and a secret; `hold` is the link to be kept waiting. `settle`: until the registration is
        acknowledged, too."""
        hash = self._directory.users.get(name)
        if hash is not None and self._verified.knows(name, f"{hash} {secret}", now):
            return then(now, None)

        def checked(now: float, refused: Refused) -> Effects:
            same = self._directory.users.get(name) == hash  # else it is somebody else's by now
            unsettled = name in self._directory.unsettled
            if refused is None and same and not unsettled:
                self._verified.remember(name, f"{hash} {secret}", now)
            if hold is not None and hold not in self._held:
                return []  # the client has gone: no place is kept for it
            if refused is None and not same:
                refused = _WRONG
            elif refused is None and settle and unsettled:
                return self._once_settled(now, name, hold, then)
            elif refused is not None and not (same and self._is_sure_of(name)):
                refused = _UNSURE
            return self._finish(now, hold, refused, then)

        token = self._token()
        self._verifying[token] = checked
        verify = fx.VerifySecret(token, hash, secret)
        if hold is None:
            return [verify]
        self._held.add(hold)
        return [fx.Hold(hold), verify]

    def _is_sure_of(self, name: str) -> bool:
        """Can't it have been given to somebody else meanwhile? Who is cut off can't know, unless it was settled."""
        if self.replication is not None and self.replication.can_acknowledge:
            return True
        return name in self._directory.users and name not in self._directory.unsettled

    def _finish(self, now: float, hold: int | None, refused: Refused, then: Checked) -> Effects:
        if hold is None:
            return then(now, refused)
        self._held.discard(hold)
        return [*then(now, refused), fx.Release(hold)]

    def _once_settled(self, now: float, name: str, hold: int | None, then: Checked) -> Effects:
        """The secret is right, but the registration is not known to be acknowledged: it may yet become another's."""
        index = self._directory.unsettled[name]

        def settled(now: float, committed: bool) -> Effects:
            if hold is not None and hold not in self._held:
                return []
            return self._finish(now, hold, None if committed else _NOT_SETTLED, then)

        if self.replication is None:
            return settled(now, False)
        return self.replication.when_committed(now, index, settled)

    def verified(self, now: float, token: int, ok: bool) -> Effects:
        """A secret has been checked."""
        return self._verifying.pop(token)(now, None if ok else _WRONG)

    def forget_verified(self) -> None:
        """Another central reigns, and may give names to others."""
        self._verified.clear()

    def gone(self, link: int) -> None:
        """A client has not waited for the answer."""
        self._held.discard(link)
        self._registrants.discard(link)

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
            return [fx.Send(link, n.VerifyLoginSuccess(message.request))]

        return self.check_secret(now, message.username, message.secret, None, checked)

    # -- placement ----------------------------------------------------------------------------------------------

    def place(self, now: float, link: int, name: str, centrals: list[m.Address]) -> Effects:
        """The credentials are right: send the client to a server."""
        chosen = self._placement.choose(self._directory.open_servers())
        if chosen is None:
            return refuse(link, _NO_SERVER)
        server = self._directory.servers[chosen]
        signed, nonce = self._permits.for_server(name, chosen, now)
        self._placement.reserve(nonce, Reservation(chosen, name, now + KEPT))
        return [
            fx.Send(
                link,
                m.LoginSuccess(
                    f"logged in as user {name}",
                    ticket=self._permits.for_centrals(name, now),
                    centrals=centrals,
                    alternates=self._alternates(now, name, chosen),
                ),
            ),
            fx.Send(link, m.Redirect(server.address.hostname, server.address.port, signed)),
            fx.Report("placed", {"username": name, "server": chosen, "link": link}),
            fx.Close(link),
        ]

    def _alternates(self, now: float, name: str, chosen: str) -> list[m.Alternate]:
        """Where else the client may go, should its server die while no central answers."""
        others = [id for id in self._directory.open_servers() if id != chosen]
        alternates = []
        for id in self._entropy.sample(others, min(ALTERNATES, len(others))):
            address = self._directory.servers[id].address
            ticket = self._permits.for_alternate(name, id, now)
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

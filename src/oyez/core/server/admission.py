"""Whether a client may open a session on this server: by ticket, by secret, or as anonymous (DESIGN section 3, ADR 5).

Guarantees: nobody is admitted unchecked; a ticket opens one session; whoever does not wait for the answer is not
admitted after having left. Knows nothing of sessions and of the log.
"""

import base64
from collections.abc import Callable

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.effects import Effects
from oyez.core.peer import HERE, From
from oyez.core.refusal import refuse
from oyez.core.server.inquiry import Inquiry
from oyez.core.server.revoked import Revocations
from oyez.core.server.used import UsedTickets
from oyez.protocol import messages as m

Admit = Callable[[float, str | None, int], Effects]
"""Opens the session; given the nonce of the ticket, if there is one, and the entry that set the user's secret."""


class Admission:
    """The admission to server `id`; `inquiry` asks the main about secrets, and `who` tells whose link it is."""

    def __init__(self, id: str, inquiry: Inquiry, who: Callable[[int], From] = lambda _: HERE) -> None:
        self._audience = f"server:{id}"
        self._inquiry = inquiry
        self._who = who
        self._keys: dict[int, bytes] = {}
        self._anonymous = True
        self._used = UsedTickets()
        self.revoked = Revocations()
        self._verifying: set[int] = set()  # links whose LOGIN the main is being asked about

    def rules(self, keys: dict[int, str], anonymous: bool) -> bool:
        """What the main has said: the keys of tickets, in base64 by term, and whether anonymous logins are allowed. It
        will say what is revoked. False where no term is one of before: then this may be a main that was promoted or
        restored, and whose log has other entries."""
        self.revoked.clear()
        follows = not self._keys.keys().isdisjoint(keys)
        self._keys = {term: base64.b64decode(key) for term, key in keys.items()}
        self._anonymous = anonymous
        return follows

    def own_ticket(self, now: float, username: str, nonce: str, since: int = 0) -> str | None:
        """A ticket for this server itself, so that a client can return when no central answers; None without keys."""
        if not self._keys:
            return None
        ticket = tickets.Ticket(username, self._audience, now + tickets.FOR_ALTERNATE, nonce, True, since)
        newest = max(self._keys)
        return tickets.sign(self._keys[newest], newest, ticket)

    def check(self, now: float, link: int, message: m.Login, admit: Admit) -> Effects:
        """Admit the client, now or when the main has answered, or refuse it."""
        if message.username == m.ANONYMOUS and not self._anonymous:  # even with a ticket, of a time when they were on
            return refuse(link, m.LoginFailed("anonymous logins are switched off", "anonymous_off"))
        if message.ticket is not None:
            return self._by_ticket(now, link, message, message.ticket, admit)
        if message.username == m.ANONYMOUS:
            return admit(now, None, 0)
        if not message.secret:
            return refuse(link, m.InvalidMessage(f"{message.username} needs a secret or a ticket", "no_secret"))
        return self._by_secret(now, link, message.username, message.secret, admit)

    def _by_ticket(self, now: float, link: int, message: m.Login, text: str, admit: Admit) -> Effects:
        ticket = tickets.check(self._keys, text, self._audience, now)
        if isinstance(ticket, str):
            return refuse(link, m.LoginFailed("the ticket is not good here (any more), ask the central", ticket))
        if ticket.username != message.username:
            return refuse(link, m.LoginFailed("the ticket is another user's", "ticket_of_another"))
        if self.revoked.covers(ticket.username, ticket.since):
            info = "the secret was changed, or the user removed, since: ask the central"
            return refuse(link, m.LoginFailed(info, "ticket_revoked"))
        if not self._used.use(ticket):
            return refuse(link, m.LoginFailed("the ticket was used already, ask the central", "ticket_used"))
        return admit(now, ticket.nonce, ticket.since)

    def _by_secret(self, now: float, link: int, username: str, secret: str, admit: Admit) -> Effects:
        def verified(now: float, refused: m.Refusal | None, since: int) -> Effects:
            if link not in self._verifying:
                return []  # the client has not waited for the answer
            self._verifying.discard(link)
            failed = None if refused is None else m.LoginFailed(refused.info, refused.reason)
            effects = admit(now, None, since) if failed is None else refuse(link, failed)
            if fx.Hold(link) in effects:
                return effects  # whoever is to open the session goes on holding the link, and releases it
            return [*effects, fx.Release(link)]

        self._verifying.add(link)
        return [fx.Hold(link), *self._inquiry.verify(now, username, secret, verified, self._who(link).address)]

    def asks(self, link: int) -> bool:
        """Is the main being asked about this link's LOGIN?"""
        return link in self._verifying

    def gone(self, link: int) -> None:
        """The link is gone."""
        self._verifying.discard(link)

    def expire(self, now: float) -> None:
        """Forget used and revoked tickets that nobody can use any more."""
        self._used.expire(now)
        self.revoked.expire(now)

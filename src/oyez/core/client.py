"""The client: registers, logs in, follows REDIRECTs, and comes back by itself (DESIGN section 3).

Guarantees: at most `REDIRECTS` redirects in a row are followed; the centrals are tried in turn; once it has been
connected it tries again, with jittered backoff, until it is stopped or refused for good; before that it gives up with a
reason. A registration whose answer was lost is repeated, and is its own if the secret is. Reports "connected",
"disconnected", "registered", and "gave_up" with the reason before it quits. Must not know: sockets, and what its user
does with the activities.
"""

from typing import TYPE_CHECKING

import msgspec

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.refusal import command
from oyez.core.role import Quiet
from oyez.protocol import messages as m

if TYPE_CHECKING:
    from random import Random

REDIRECTS = 3
"""Redirects that are followed in a row."""

STEP = 10.0
"""Seconds that one step of a login may take."""

STEP_OF_SEVERAL = 5.0
"""The same at a central where there are others: one that accepts connections and says nothing may be frozen."""

FIRST_TRIES = 4
"""Tries at each central before a client that has never been connected gives up."""

UNREACHABLE = "unreachable"
"""The reason of a client that gave up before it was ever connected; else it is the reason of the refusal."""

_FOR_NOW = {"no_server", "joining", "central_away", "no_main", "unsettled"}
"""Reasons of a LOGIN_FAILED or REGISTER_FAILED that pass."""

_TICKET = "ticket_"
"""How the reasons of a LOGIN_FAILED begin that are about the ticket alone."""


class Client(Quiet):
    """One session of `username` (no secret: anonymous) in the network that any of `centrals` knows."""

    def __init__(
        self,
        centrals: list[m.Address],
        username: str,
        secret: str | None,
        entropy: "Random",
        register: bool = False,
    ) -> None:
        self.centrals = list(centrals)
        self._given = tuple(centrals)
        self.username = username
        self.link: int | None = None
        self.live = False
        self.tag = ""
        self.posts = 0
        self._secret = secret
        self._register = register
        self._session = entropy.randbytes(16).hex()
        self._ticket: str | None = None  # for the centrals
        self._permit: str | None = None  # for the server of the last REDIRECT
        self._registering = False  # REGISTER has been sent on this link, and not been answered
        self._may_be_ours = False  # one was not answered at all, and may have been carried out
        self._taken: m.RegisterFailed | None = None
        self._here = self.centrals[0]  # the central that is dialed or linked with, while `_at_central`
        self._at_central = True
        self._admitted = False  # by the central of this link
        self._redirects = 0
        self._next = 0
        self._tries = 0
        self._ever_live = False
        self._backoff = timing.Backoff(entropy, first=0.1, most=5.0)
        self._why = ""

    def post(self, activity: bytes) -> tuple[int, Effects]:
        """Post a JSON object; returns its number in the session, by which it is known when it comes back."""
        assert self.live and self.link is not None, "post only while live"
        self.posts += 1
        secret = self._secret if self._permit is None else None
        message = m.ActivityMessage(self.username, msgspec.Raw(activity), secret, self.posts)
        return self.posts, [fx.Send(self.link, message)]

    # -- events -------------------------------------------------------------------------------------------------

    def on_start(self, now: float) -> Effects:
        return self._dial_central()

    def on_stop(self, now: float) -> Effects:
        if self.link is None or not self.live:
            return []
        return [fx.Send(self.link, m.Logout())]

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        self.link = link
        step = fx.SetTimer("step", STEP_OF_SEVERAL if self._at_central and len(self.centrals) > 1 else STEP)
        if self._at_central and self._register and self._secret is not None:
            self._registering = True
            return [fx.Send(link, m.Register(self.username, self._secret)), step]
        return [fx.Send(link, self._login()), step]

    def on_dial_failed(self, now: float, purpose: str) -> Effects:
        return self._failed("nobody answers there")

    def on_close(self, now: float, link: int) -> Effects:
        if link != self.link:
            return []
        self.link = None
        self._may_be_ours |= self._registering
        self._registering = False
        return self._failed(self._why or "the link was lost")

    def on_timer(self, now: float, key: str) -> Effects:
        if key == "step":
            self._why = "no answer came in time"
            return [] if self.link is None else [fx.Close(self.link, at_once=True)]
        return self._dial_central()

    def on_message(self, now: float, link: int, message: m.Message) -> Effects:
        if link != self.link:
            return []
        match message:
            case m.ActivityBroadcast():
                return [fx.Deliver(message)]
            case m.RegisterSuccess():
                self._register = self._registering = False
                return [fx.Report("registered", {"username": self.username}), fx.Send(link, self._login())]
            case m.LoginSuccess():
                return self._logged_in(message)
            case m.Redirect():
                return self._redirected(link, message)
            case m.LoginFailed():
                return self._login_failed(link, message)
            case m.RegisterFailed():
                return self._register_failed(link, message)
            case m.AuthenticationFail():
                return self._give_up(message)
            case m.InvalidMessage():
                self._why = message.info
                return [fx.Close(link)]
            case _:
                return [fx.Report("not_understood", {"command": command(message)})]

    # -- logging in ---------------------------------------------------------------------------------------------

    def _dial_central(self) -> Effects:
        self._redirects = 0
        self._why = ""
        return self._dial(self.centrals[self._next % len(self.centrals)], central=True)

    def _dial(self, address: m.Address, central: bool) -> Effects:
        self._at_central, self._admitted = central, False
        if central:
            self._here = address
        return [fx.Dial(address, "central" if central else "server")]

    def _login(self) -> m.Login:
        ticket = self._ticket if self._at_central else self._permit
        secret = self._secret if ticket is None else None
        return m.Login(self.username, secret, ticket, None if self._at_central else self._session)

    def _logged_in(self, message: m.LoginSuccess) -> Effects:
        if self._at_central:
            self._ticket, self._admitted = message.ticket, True
            if message.centrals:  # what they call themselves need not be reachable from here
                self.centrals = list(dict.fromkeys([self._here, *message.centrals, *self._given]))
                self._next = 0
            return []
        self.live = self._ever_live = True
        self._why = ""
        self.tag = message.session or ""
        self._tries = self._redirects = 0
        self._backoff.reset()
        return [fx.CancelTimer("step"), fx.Report("connected", {"server": message.server or ""})]

    def _redirected(self, link: int, message: m.Redirect) -> Effects:
        self._redirects += 1
        self._registering = False
        if self._redirects > REDIRECTS:
            self._why = f"more than {REDIRECTS} redirects in a row"
            return [fx.Close(link)]
        self.link = None
        self._permit = message.ticket
        effects = self._end_of_live("redirected")
        there = m.Address(message.hostname, message.port)
        # A backup sends to the main and has checked nobody; a server that stops sends to the central, without a ticket.
        to_central = not self._admitted if self._at_central else message.ticket is None
        to_central |= there in self.centrals
        return [*effects, fx.Close(link), *self._dial(there, to_central)]

    def _login_failed(self, link: int, message: m.LoginFailed) -> Effects:
        self._why = message.info
        if message.reason.startswith(_TICKET):
            if self._at_central:  # else it is the server's permit, and the central gives another
                self._ticket = None
                if self._secret is None and self.username != m.ANONYMOUS:
                    return self._give_up(message)
        elif message.reason not in _FOR_NOW:
            return self._give_up(self._taken or message)
        return [fx.Close(link)]

    def _register_failed(self, link: int, message: m.RegisterFailed) -> Effects:
        self._why, self._registering = message.info, False
        if message.reason == "already_registered" and self._may_be_ours:
            self._register, self._taken = False, message  # by whom, the secret will tell
        elif message.reason not in _FOR_NOW:
            return self._give_up(message)
        self._may_be_ours |= message.reason == "unsettled"
        return [fx.Close(link)]

    # -- losing it ----------------------------------------------------------------------------------------------

    def _failed(self, why: str) -> Effects:
        effects = self._end_of_live(why)
        self._next += self._at_central  # who has lost a server goes to the central that it knows
        self._tries += 1
        self.link = None
        if not self._ever_live and self._tries >= FIRST_TRIES * len(self.centrals):
            return [*effects, *_gave_up(UNREACHABLE, f"{self.centrals[0]}: {why}")]
        return [*effects, fx.CancelTimer("step"), fx.SetTimer("retry", self._backoff.next())]

    def _end_of_live(self, why: str) -> Effects:
        if not self.live:
            return []
        self.live = False
        return [fx.Report("disconnected", {"info": why})]

    def _give_up(self, message: m.Refusal) -> Effects:
        self.link = None  # nothing that becomes of it matters any more
        return [*self._end_of_live(message.info), *_gave_up(message.reason, message.info)]


def _gave_up(reason: str, info: str) -> Effects:
    return [fx.Report("gave_up", {"reason": reason, "info": info}), fx.Quit(info)]

"""The client: registers, logs in, follows REDIRECTs, and comes back by itself to where it left off (DESIGN section 3).

Guarantees: at most `REDIRECTS` redirects in a row are followed; the centrals are tried in turn, and where none of them
helps, alternates; once it has been connected it tries again, with jittered backoff, until it is stopped or refused for
good; before that it gives up with a reason. A registration whose answer was lost is repeated, and is its own if the
secret is. A server that shows no life is left. No activity is delivered twice; a post that has not come back is sent
again, in order, until it is withdrawn (ADR 9).

Reports "connected", "disconnected", "registered"; "settled" with a post's `number` and its `id` when it has come back;
"gap" with what was missed; and "gave_up" with the reason before it quits. Must not know: sockets, and what its user
does with the activities.
"""

from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from oyez.core import effects as fx
from oyez.core import tickets, timing
from oyez.core.client import patience
from oyez.core.client.route import Route
from oyez.core.client.seen import Seen
from oyez.core.effects import Effects
from oyez.core.numbers import number_of
from oyez.core.refusal import command
from oyez.core.role import Quiet
from oyez.protocol import messages as m
from oyez.protocol import nodes as n

if TYPE_CHECKING:
    from random import Random

REDIRECTS = 3
"""Redirects that are followed in a row."""

FIRST_TRIES = 4
"""Tries at each central before a client that has never been connected gives up."""

UNREACHABLE = "unreachable"
"""The reason of a client that gave up before it was ever connected; else it is the reason of the refusal."""

_FOR_NOW = {"no_server", "joining", "central_away", "no_main", "unsettled", "busy", "too_many_registrations"}
"""Reasons of a LOGIN_FAILED or REGISTER_FAILED that pass."""

_FOR_GOOD = {"cursor_ahead"}
"""Reasons of an INVALID_MESSAGE that do not: all others are about the link."""

_TICKET = "ticket_"
"""How the reasons of a LOGIN_FAILED begin that are about the ticket alone."""


class _Place(Enum):
    """What the client is linked with, or dials."""

    CENTRAL = "a central"
    PLACED = "the server to which a central has sent it"
    MOVED = "the server to which its own has sent it"
    ALTERNATE = "a server for which it holds a ticket"


class Client(Quiet):
    """One session of `username` (no secret: anonymous) in the network that any of `centrals` knows.

    `cursor` is where an earlier session left off. Set `reading` to False while the link is held (`fx.Hold`) because
    the activities are not taken: then its silence means nothing.
    """

    def __init__(
        self,
        centrals: list[m.Address],
        username: str,
        secret: str | None,
        entropy: "Random",
        register: bool = False,
        cursor: m.Resume | None = None,
    ) -> None:
        self.username = username
        self.link: int | None = None
        self.live = False
        self.reading = True
        self.tag = ""
        self.posts = 0
        self.seen = Seen(cursor)
        self._route = Route(centrals)
        self._secret = secret
        self._register = register
        self._session = entropy.randbytes(16).hex()
        self._unsettled: dict[int, bytes] = {}  # posts that were sent and have not come back
        self._ticket: str | None = None  # for the centrals
        self._permit: str | None = None  # for the server that is dialed
        self._registering = False  # REGISTER has been sent on this link, and not been answered
        self._may_be_ours = False  # one was not answered at all, and may have been carried out
        self._taken: m.RegisterFailed | None = None
        self._place = _Place.CENTRAL
        self._there = centrals[0]  # who is dialed, or linked with
        self._suspect: m.Address | None = None  # the server that was silent for too long
        self._step = patience.STEP  # seconds that the present one may take
        self._admitted = False  # by the central of this link
        self._redirects = 0
        self._tries = 0
        self._ever_live = False
        self._lasted = False  # the last session has
        self._posted_before = 0  # this login
        self._live_since = self._heard = self._looked = 0.0
        self._backoff = timing.Backoff(entropy, first=0.1, most=5.0)
        self._why = ""

    @property
    def centrals(self) -> list[m.Address]:
        """All that it knows, the one that has let it in first."""
        return self._route.centrals

    # -- posts --------------------------------------------------------------------------------------------------

    def post(self, activity: bytes) -> tuple[int, Effects]:
        """Post a JSON object; returns its number in the session, by which it is known when it comes back."""
        assert self.live and self.link is not None, "post only while live"
        self.posts += 1
        self._unsettled[self.posts] = activity
        return self.posts, [fx.Send(self.link, self._message(self.posts, activity))]

    def withdraw(self, number: int) -> None:
        """Send this post no more. What was sent may still arrive."""
        self._unsettled.pop(number, None)

    def _message(self, number: int, activity: bytes) -> m.ActivityMessage:
        secret = self._secret if self._permit is None else None
        return m.ActivityMessage(self.username, msgspec.Raw(activity), secret, number)

    # -- events -------------------------------------------------------------------------------------------------

    def on_start(self, now: float) -> Effects:
        return self._set_out()

    def on_stop(self, now: float) -> Effects:
        if self.link is None or not self.live:
            return []
        return [fx.Send(self.link, m.Logout())]

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        self.link = link
        self.reading = True
        step = fx.SetTimer("step", self._step)
        if self._place is _Place.CENTRAL and self._register and self._secret is not None:
            self._registering = True
            return [fx.Send(link, m.Register(self.username, self._secret)), step]
        return [fx.Send(link, self._login()), step]

    def on_dial_failed(self, now: float, purpose: str, why: str) -> Effects:
        if self._place is not _Place.CENTRAL:
            self._route.shun(self._there)
        return self._failed(now, why)

    def on_close(self, now: float, link: int) -> Effects:
        if link != self.link:
            return []
        self.link = None
        self._may_be_ours |= self._registering
        self._registering = False
        return self._failed(now, self._why or "the link was lost")

    def on_timer(self, now: float, key: str) -> Effects:
        if key == "watch":
            return self._watch(now)
        if key == "step":
            self._why = "no answer came in time"
            return [] if self.link is None else [fx.Close(self.link, at_once=True)]
        return self._set_out()

    def on_message(self, now: float, link: int, message: m.Message) -> Effects:
        if link != self.link:
            return []
        self._heard = now
        if type(message) is m.ActivityBroadcast:
            return self._activity(message)
        match message:
            case m.RegisterSuccess():
                self._register = self._registering = False
                return [fx.Report("registered", {"username": self.username}), fx.Send(link, self._login())]
            case m.LoginSuccess():
                return self._let_in(message) if self._place is _Place.CENTRAL else self._logged_in(now, link, message)
            case m.Redirect():
                return self._redirected(now, link, message)
            case m.LoginFailed():
                return self._login_failed(now, link, message)
            case m.RegisterFailed():
                return self._register_failed(now, link, message)
            case m.AuthenticationFail():
                return self._give_up(now, message)
            case m.InvalidMessage():
                self._why = message.info
                return self._give_up(now, message) if message.reason in _FOR_GOOD else [fx.Close(link)]
            case m.Gap():
                return self._gap(message)
            case n.Heartbeat():
                return []
            case _:
                return [fx.Report("not_understood", {"command": command(message)})]

    # -- activities ---------------------------------------------------------------------------------------------

    def _activity(self, message: m.ActivityBroadcast) -> Effects:
        effects: Effects = [fx.Deliver(message)] if self.seen.is_new(message.id, message.post) else []
        if self._unsettled and message.post is not None:
            tag, _, digits = message.post.rpartition("-")
            number = number_of(digits)
            if tag == self.tag and number is not None and self._unsettled.pop(number, None) is not None:
                effects.append(fx.Report("settled", {"number": number, "id": message.id}))
                if number > self._posted_before:
                    self.seen.came_back(message.id)
        return effects

    def _gap(self, message: m.Gap) -> Effects:
        """Posts that had left before may be among what is missed: they are not sent again, lest they be shown twice."""
        missed = self.seen.skip(message.gaps)
        doubtful = tuple(number for number in self._unsettled if not self.live or number <= self._posted_before)
        if not any(gap.origin in self.seen.last for gap in missed):
            doubtful = ()
        for number in doubtful:
            del self._unsettled[number]
        told: Effects = [fx.Report("doubtful", {"numbers": doubtful})] if doubtful else []
        return [*told, fx.Report("gap", {"gaps": tuple(missed)})] if missed else told

    def _watch(self, now: float) -> Effects:
        """Leave a server that shows no life, unless it is we who have not listened."""
        if not self.live or self.link is None:
            return []
        slept = now - self._looked > 2 * patience.WATCH
        self._looked = now
        if slept or not self.reading:
            self._heard = now
        if now - self._heard < timing.SUSPICION:
            return [fx.SetTimer("watch", patience.WATCH)]
        self._why = f"the server showed no life for {timing.SUSPICION:g} seconds"
        self._suspect = self._there
        self._route.shun(self._there)
        return [fx.Close(self.link, at_once=True)]

    # -- logging in ---------------------------------------------------------------------------------------------

    def _set_out(self) -> Effects:
        """Look for a server, from the beginning."""
        self._route.begin(whole=self._ever_live)
        return self._dial_next()

    def _dial_next(self) -> Effects:
        step = self._route.next()
        if step is None:
            return [fx.SetTimer("retry", self._backoff.next())]
        self._redirects = 0
        self._permit = step.ticket
        return self._dial(step.address, _Place.CENTRAL if step.ticket is None else _Place.ALTERNATE)

    def _dial(self, address: m.Address, place: _Place) -> Effects:
        self._there, self._place = address, place
        self._admitted = False
        self._why = ""
        self._step = self._patience()
        within = min(timing.REACH, self._step)
        return [fx.Dial(address, "central" if place is _Place.CENTRAL else "server", within)]

    def _patience(self) -> float:
        """Seconds for the dial that begins, and again for what follows it."""
        if self._place is not _Place.CENTRAL:
            suspect, self._suspect = self._suspect, None  # once: it may just be slow
            return patience.STEP_AT_SUSPECT if suspect == self._there else patience.STEP_AT_SERVER
        if self._ever_live and self._route.has_alternates:
            return patience.STEP_OF_MANY
        return patience.STEP_OF_SEVERAL if len(self.centrals) > 1 else patience.STEP

    def _login(self) -> m.Login:
        if self._place is _Place.CENTRAL:
            secret = self._secret if self._ticket is None else None
            return m.Login(self.username, secret, self._ticket)
        secret = self._secret if self._permit is None else None
        return m.Login(self.username, secret, self._permit, self._session, self.seen.resume())

    def _let_in(self, message: m.LoginSuccess) -> Effects:
        """By a central; a REDIRECT follows."""
        self._ticket, self._admitted = message.ticket, True
        if message.centrals:
            self._route.learn_centrals(self._there, message.centrals)
        self._route.learn_alternates(message.alternates or ())
        return []

    def _logged_in(self, now: float, link: int, message: m.LoginSuccess) -> Effects:
        """At a server. What has not come back goes out again, before anything newer."""
        if not self._ever_live:
            self._backoff.reset()
        self.live = self._ever_live = True
        self._live_since = self._looked = now
        self._why = ""
        self._suspect = None
        self.tag = message.session or ""
        self._tries = self._redirects = 0
        self._route.opened(self._there, message.ticket)
        effects: Effects = [fx.CancelTimer("step")]
        if message.origin is not None:  # else it knows no cursors, and shows no life
            self._posted_before = self.posts
            self.seen.welcomed(message.network or "", message.origin, message.origins, posted=self.posts > 0)
            effects.append(fx.SetTimer("watch", patience.WATCH))
        effects += [fx.Send(link, self._message(number, post)) for number, post in self._unsettled.items()]
        known = {"server": message.server or "", "session": self.tag, "login": tickets.login_of(self._permit)}
        return [*effects, fx.Report("connected", known)]

    def _redirected(self, now: float, link: int, message: m.Redirect) -> Effects:
        self._redirects += 1
        self._registering = False
        if self._redirects > REDIRECTS:
            self._why = f"more than {REDIRECTS} redirects in a row"
            return [fx.Close(link)]
        there = m.Address(message.hostname, message.port)
        # A backup sends to the main and has checked nobody; a server that stops sends to the central, without a ticket.
        at_central = self._place is _Place.CENTRAL
        to_central = not self._admitted if at_central else message.ticket is None
        place = _Place.MOVED if self.live else _Place.PLACED
        if self.live:
            self._route.shun(self._there)
            self._route.begin(whole=True)
        if to_central or there in self.centrals:
            place = _Place.CENTRAL
            self._route.takes_in(there)
        self.link = None
        self._permit = message.ticket
        return [*self._end_of_live(now, "redirected"), fx.Close(link), *self._dial(there, place)]

    def _login_failed(self, now: float, link: int, message: m.LoginFailed) -> Effects:
        self._why = message.info
        if message.reason.startswith(_TICKET):
            if self._place is _Place.ALTERNATE:
                self._route.drop(self._there)
            if self._place is _Place.CENTRAL:  # else it is the server's permit, and the central gives another
                self._ticket = None
                if self._secret is None and self.username != m.ANONYMOUS:
                    return self._give_up(now, message)
        elif message.reason not in _FOR_NOW:
            return self._give_up(now, self._taken or message)
        return [fx.Close(link)]

    def _register_failed(self, now: float, link: int, message: m.RegisterFailed) -> Effects:
        self._why, self._registering = message.info, False
        if message.reason == "already_registered" and self._may_be_ours:
            self._register, self._taken = False, message  # by whom, the secret will tell
        elif message.reason not in _FOR_NOW:
            return self._give_up(now, message)
        self._may_be_ours |= message.reason == "unsettled"
        return [fx.Close(link)]

    # -- losing it ----------------------------------------------------------------------------------------------

    def _failed(self, now: float, why: str) -> Effects:
        """Go on to the next place, at once where there is one; a round that has led nowhere is followed by a pause."""
        was_in = self.live or self._place is _Place.MOVED
        effects = [*self._end_of_live(now, why), fx.CancelTimer("step")]
        self.link = None
        if was_in and self._lasted:
            self._backoff.reset()
            return [*effects, *self._set_out()]
        if self._place is _Place.CENTRAL:
            self._route.central_failed()
        if not self._ever_live:
            self._tries += 1
            if self._tries >= FIRST_TRIES * len(self.centrals):
                return [*effects, *_gave_up(UNREACHABLE, f"{self.centrals[0]}: {why}")]
        if was_in or self._place is _Place.PLACED:  # the centrals are there, and soon know better
            return [*effects, fx.SetTimer("retry", self._backoff.next())]
        return [*effects, *self._dial_next()]

    def _end_of_live(self, now: float, why: str) -> Effects:
        if not self.live:
            return []
        self.live = False
        self._lasted = now - self._live_since >= patience.LASTED
        return [fx.CancelTimer("watch"), fx.Report("disconnected", {"info": why})]

    def _give_up(self, now: float, message: m.Refusal) -> Effects:
        self.link = None  # nothing that becomes of it matters any more
        return [*self._end_of_live(now, message.info), *_gave_up(message.reason, message.info)]


def _gave_up(reason: str, info: str) -> Effects:
    return [fx.Report("gave_up", {"reason": reason, "info": info}), fx.Quit(info)]

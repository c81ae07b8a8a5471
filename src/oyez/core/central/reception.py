"""What clients hear of a central: the main serves them, a backup sends them to it, or they wait (DESIGN section 3).

Guarantees: a client that comes while there is no main, or while its servers are just coming back to a new one, waits a
short while instead of being refused; whoever waits gets an answer. Knows nothing of other nodes.
"""

from collections.abc import Callable

from oyez.core import effects as fx
from oyez.core.central.accounts import Accounts, Refused
from oyez.core.central.changes import Changes
from oyez.core.central.directory import Directory
from oyez.core.central.office import Office
from oyez.core.central.strangers import Strangers
from oyez.core.effects import Effects
from oyez.core.refusal import refuse
from oyez.core.uplink import Uplink
from oyez.protocol import messages as m
from oyez.protocol import users as u

PATIENCE = 2.5
"""Seconds for which a client is kept waiting."""

ForMain = m.Register | m.Login | m.Who | u.ChangeSecret
_NO_MAIN = m.LoginFailed("the network has no main central now, try again", "no_main")


class Reception:
    """Of one central. `placed` follows each placement."""

    def __init__(
        self,
        accounts: Accounts,
        changes: Changes,
        directory: Directory,
        office: Office,
        uplink: Uplink,
        strangers: Strangers,
        placed: Callable[[], Effects],
    ) -> None:
        self._accounts = accounts
        self._changes = changes
        self._directory = directory
        self._office = office
        self._uplink = uplink
        self._strangers = strangers
        self._placed = placed
        self._parked: dict[int, tuple[float, m.Message]] = {}

    # -- commands -----------------------------------------------------------------------------------------------

    def heard(self, now: float, link: int, message: m.Message) -> Effects | None:
        """The answer to a client's command; None if it is none, or none for a central."""
        match message:
            case m.Register() | m.Login() | m.Who() | u.ChangeSecret():
                return self._strangers.answered(now, link, message, self._for_main(now, link, message))
            case m.Logout():
                return [fx.Close(link)]
            case m.ActivityMessage():
                info = "log in first, and post at the server you are sent to"
                return refuse(link, m.AuthenticationFail(info, "not_logged_in"))
            case _:
                return None

    def _for_main(self, now: float, link: int, message: ForMain) -> Effects:
        if self._uplink.joined:
            main = self._uplink.central
            return [fx.Send(link, m.Redirect(main.hostname, main.port)), fx.Close(link)]
        if not self._office.is_main:
            return self._park(now, link, message)
        match message:
            case m.Register():
                return self._accounts.register(now, link, message)
            case m.Login():
                return self._login(now, link, message)
            case m.Who():
                return self._accounts.who(now, link, message)
            case u.ChangeSecret():
                return self._changes.change(now, link, message)

    def _login(self, now: float, link: int, message: m.Login) -> Effects:
        def checked(now: float, refused: Refused) -> Effects:
            if refused:
                return refuse(link, refused)
            placed = self._accounts.place(now, link, message.username, self._office.centrals)
            return [*placed, *self._placed()]

        if self._directory.servers and not self._directory.open_servers():
            return self._park(now, link, message)  # they are expected back, or are joining
        return self._accounts.check(now, link, message, checked)

    # -- waiting ------------------------------------------------------------------------------------------------

    def _park(self, now: float, link: int, message: m.Message) -> Effects:
        since = self._parked[link][0] if link in self._parked else now
        self._parked[link] = (since, message)
        return [fx.Hold(link)]

    def resume(self, now: float) -> Effects:
        """There is a main now, or a server that may be given clients: try again with all who wait."""
        effects: Effects = []
        for link, (since, message) in list(self._parked.items()):
            del self._parked[link]
            answer = self._for_main(now, link, message)  # type: ignore[arg-type]
            effects += answer
            if link in self._parked:
                self._parked[link] = (since, message)
            elif fx.Hold(link) not in answer:
                effects.append(fx.Release(link))
        return effects

    def tick(self, now: float) -> Effects:
        """Once a heartbeat: nobody waits for ever."""
        effects: Effects = []
        for link, (since, message) in list(self._parked.items()):
            if now - since >= PATIENCE:
                del self._parked[link]
                effects += [*self._too_late(now, link, message), fx.Release(link)]
        return effects

    def _too_late(self, now: float, link: int, message: m.Message) -> Effects:
        if self._office.is_main and isinstance(message, m.Login):
            return refuse(link, m.LoginFailed("no server is available now, try again later", "no_server"))
        if isinstance(message, m.Register):
            return refuse(link, m.RegisterFailed(_NO_MAIN.info, _NO_MAIN.reason))
        if isinstance(message, u.ChangeSecret):
            return refuse(link, u.ChangeSecretFailed(_NO_MAIN.info, _NO_MAIN.reason))
        return refuse(link, _NO_MAIN)

    def waits(self, link: int) -> bool:
        """Is an answer to this client being prepared, or waited for?"""
        return link in self._parked or self._accounts.waits(link)

    def gone(self, link: int) -> None:
        """The client is gone."""
        self._parked.pop(link, None)

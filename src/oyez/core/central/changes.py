"""What becomes of users who are there already: their secret is changed, they are removed, listed (ADR 12).

Each change voids what the user was given before it: a revocation is an entry of the directory's log, and the servers
hear of it once it is committed. Guarantees: nothing is acknowledged that is not committed; a server that is linked with
the main ends the sessions of before, and takes no ticket of before; who comes back to the main is told what it missed.
Knows nothing of how secrets are hashed, and servers by their links alone.
"""

from collections import deque
from collections.abc import Callable
from heapq import nsmallest

from oyez.core import effects as fx
from oyez.core import tickets
from oyez.core.central.accounts import Accounts, Refused
from oyez.core.central.directory import Directory
from oyez.core.central.office import Office
from oyez.core.central.registry import Registry
from oyez.core.central.replication import Replication
from oyez.core.effects import Effects
from oyez.core.gate import Gate
from oyez.core.peer import From
from oyez.core.refusal import refuse
from oyez.core.uplink import Uplink
from oyez.protocol import messages as m
from oyez.protocol import users as u

LIFE = max(tickets.FOR_ALTERNATE, tickets.FOR_CENTRALS) + 600.0
"""Seconds for which a revocation is remembered: longer than any ticket lives, by more than clocks may differ."""

BATCH = 1000
"""Revocations told to a server at a time, and users in one answer."""

_FAILED: dict[type, type[m.Refusal]] = {
    u.SetSecret: u.ChangeSecretFailed,
    u.RemoveUser: u.RemoveUserFailed,
    u.ListUsers: u.ListUsersFailed,
}
_WRONG_SECRET = m.Refusal("the cluster secret is wrong", "wrong_secret")
_UNSETTLED = "it could not be confirmed now, and may yet happen"
Order = u.SetSecret | u.RemoveUser | u.ListUsers


class Changes:
    """Of one central, while it is main. `who` tells who is at the other end of a link."""

    def __init__(
        self,
        gate: Gate,
        directory: Directory,
        accounts: Accounts,
        office: Office,
        registry: Registry,
        uplink: Uplink,
        who: Callable[[int], From],
    ) -> None:
        self._who = who
        self._gate = gate
        self._directory = directory
        self._accounts = accounts
        self._office = office
        self._registry = registry
        self._uplink = uplink
        self._untold: deque[fx.Revocation] = deque()  # of this reign, until they are committed and the servers told
        self._owed: dict[int, list[str]] = {}  # what is still to be told to those that have come, by link

    # -- commands -----------------------------------------------------------------------------------------------

    def change(self, now: float, link: int, message: u.ChangeSecret) -> Effects:
        """CHANGE_SECRET: who knows the present secret may."""
        name = message.username

        def checked(now: float, refused: Refused) -> Effects:
            if refused is not None:
                return refuse(link, u.ChangeSecretFailed(refused.info, refused.reason))
            return self._set(now, link, name, message.new_secret)

        if name == m.ANONYMOUS:
            return refuse(link, u.ChangeSecretFailed("anonymous has no secret", "reserved_name"))
        return self._accounts.check_secret(now, name, message.secret, link, checked)

    def order(self, now: float, link: int, message: Order) -> Effects:
        """SET_SECRET, REMOVE_USER, LIST_USERS: done by the main, to which a backup sends the operator."""
        knows_secret = self._gate.knows_secret(message.secret)
        if knows_secret and self._uplink.joined:
            main = self._uplink.central
            return [fx.Send(link, m.Redirect(main.hostname, main.port)), fx.Close(link)]
        objection = self._objection(message) if knows_secret else _WRONG_SECRET
        if objection is not None:
            return refuse(link, _FAILED[type(message)](objection.info, objection.reason))
        match message:
            case u.ListUsers(after=after):
                return [fx.Send(link, self._listed(after))]
            case u.SetSecret(username=name, new_secret=secret):
                return self._set(now, link, name, secret)
            case u.RemoveUser(username=name):
                return self._remove(now, link, name)

    def _objection(self, message: Order) -> m.Refusal | None:
        if not self._office.is_main:
            return m.Refusal("the network has no main central now, try again", "no_main")
        if isinstance(message, u.ListUsers):
            return None
        if message.username not in self._directory.users:
            return m.Refusal(f"there is no user {message.username}", "unknown_user")
        if self._accounts.is_registering(message.username):
            return m.Refusal("this name is just being registered, try again", "unsettled")
        return None

    def _listed(self, after: str) -> u.ListUsersSuccess:
        names = nsmallest(BATCH + 1, (name for name in self._directory.users if name > after))
        sessions = dict.fromkeys(names[:BATCH], 0)
        for server in self._directory.servers.values():
            for name in sessions:
                sessions[name] += server.sessions.get(name, 0)
        return u.ListUsersSuccess([u.UserStatus(*user) for user in sessions.items()], len(names) > BATCH)

    # -- changes ------------------------------------------------------------------------------------------------

    @property
    def _main(self) -> Replication | None:
        return self._office.replication

    def _set(self, now: float, link: int, name: str, secret: str) -> Effects:
        """The secret of this user is to be another one."""
        main, since = self._main, self._accounts.since(name)

        def hashed(now: float, hash: str) -> Effects:
            same = name in self._directory.users and self._accounts.since(name) == since
            if main is None or self._main is not main or not same:
                info = "something has changed meanwhile, try again"
                return [*refuse(link, u.ChangeSecretFailed(info, "unsettled")), fx.Release(link)]
            revoked = self._write(now, main, fx.Revocation(name, main.next_index, now + LIFE))
            index = main.next_index
            written = self._write(now, main, fx.UserRecord(name, hash, index))
            settled = lambda now, committed: self._settled(now, link, name, index, committed)  # noqa: E731
            return [*revoked, *written, *main.when_committed(now, index, settled)]

        return [fx.Hold(link), *self._accounts.hash(secret, hashed, self._who(link))]

    def _settled(self, now: float, link: int, name: str, index: int, committed: bool) -> Effects:
        """The new secret, which is that entry, is committed; or was not in time."""
        if not committed:
            failed = u.ChangeSecretFailed(f"{_UNSETTLED}: log in to find out", "unsettled")
            return [*refuse(link, failed), fx.Release(link)]
        if self._directory.unsettled.get(name) == index:  # else there is a later one, which is not
            del self._directory.unsettled[name]
        success = fx.Send(link, u.ChangeSecretSuccess(f"{name} has a new secret"))
        return [*self.tell(now), fx.Report("secret_changed", {"username": name}), success, fx.Release(link)]

    def _remove(self, now: float, link: int, name: str) -> Effects:
        main = self._main
        assert main is not None
        index = main.next_index

        def settled(now: float, committed: bool) -> Effects:
            if not committed:
                return [*refuse(link, u.RemoveUserFailed(f"{_UNSETTLED}: try again", "unsettled")), fx.Release(link)]
            success = fx.Send(link, u.RemoveUserSuccess(f"{name} is removed: the name may be registered again"))
            return [*self.tell(now), fx.Report("user_removed", {"username": name}), success, fx.Release(link)]

        written = self._write(now, main, fx.Revocation(name, index, now + LIFE, removed=True))
        return [fx.Hold(link), *written, *main.when_committed(now, index, settled)]

    def _write(self, now: float, main: Replication, record: fx.UserRecord | fx.Revocation) -> Effects:
        self._directory.apply(record)
        if isinstance(record, fx.Revocation):
            self._untold.append(record)
        return main.append(now, record)

    # -- telling the servers ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """This central is main now: whoever comes is told everything that it knows by now."""
        self._untold.clear()
        self._owed.clear()

    def joined(self, link: int) -> Effects:
        """A server has been welcomed: what it knew of before is void, it is told all that this main knows.

        Not only what is committed: an entry of an earlier reign may have been, before this main can know it; and it
        has revoked tickets here already. The next main, which may lack it, tells everything anew.
        """

        def welcomed(now: float) -> Effects:
            self._owed[link] = list(self._directory.revoked)
            return self._pay(link)

        return [fx.Then(welcomed)]  # once its welcome is on the way

    def tell(self, now: float) -> Effects:
        """Tell the servers what has been committed, if they have not been told. Of each user all of it: a later one may
        never be committed."""
        news: list[fx.Revocation] = []
        while self._main is not None and self._untold and self._untold[0].since <= self._main.committed:
            news.append(self._untold.popleft())
        return [effect for link in self._registry.links for effect in self._revoke(link, news)]

    def tick(self, now: float) -> Effects:
        """Once a heartbeat: go on telling, and forget what is over."""
        told = [*self.tell(now), *[effect for link in list(self._owed) for effect in self._pay(link)]]
        if not self._directory.forget_revocations(now):
            return told
        return [*told, fx.Persist((fx.RevocationsOver(now),))]

    def _pay(self, link: int) -> Effects:
        """A batch at a time: a link holds only so much that has not been read."""
        owed = self._owed.pop(link, [])
        if link not in self._registry.links:
            return []
        if len(owed) > BATCH:
            self._owed[link] = owed[BATCH:]
        revoked = self._directory.revoked
        return self._revoke(link, [revoked[name] for name in owed[:BATCH] if name in revoked])

    def _revoke(self, link: int, news: list[fx.Revocation]) -> Effects:
        revoked = [u.Revoked(one.username, one.since, one.until, one.removed) for one in news]
        assert self._main is not None
        return [fx.Send(link, u.Revoke(revoked, self._main.term))] if revoked else []

"""A central with its servers and clients, to be told what happens in a test."""

from collections import Counter
from random import Random

from oyez.core import tickets
from oyez.core.central.central import Central
from oyez.core.central.stored import Stored
from oyez.core.effects import ServerRecord
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.nodes import Node, Talk, hash_of

HOME = m.Address("central", 3780)
HOME_ID = "c-home"
CLUSTER = "cluster secret"
KEY = b"k" * 32
SERVER_PORTS = {"a": 4001, "b": 4002, "c": 4003, "d": 4004}


class Centre(Node):
    """A started central that is the only one. `users` are registered already, `servers` were there before a restart."""

    def __init__(
        self, users: str = "", servers: list[ServerRecord] | None = None, anonymous: bool = True, seed: int = 1
    ) -> None:
        stored = Stored(KEY, HOME_ID, {name: hash_of(f"secret of {name}") for name in users.split()})
        stored.servers = servers or []
        self.role = Central(HOME, CLUSTER, stored, Random(seed), anonymous=anonymous)
        super().__init__(self.role)
        self.start()

    # -- servers ----------------------------------------------------------------------------------------------------

    def joins(self, id: str, incarnation: int = 1, **more: object) -> Talk:
        """A server authenticates; its welcome has not been read yet."""
        return self.connect().says(authenticate(id, incarnation, **more))

    def ready(self, *ids: str, load: int = 0) -> list[Talk]:
        """These servers have joined and may be given clients, and have read all of it."""
        talks = [self.joins(id) for id in ids]
        for id, talk in zip(ids, talks, strict=True):
            talk.says(announce(id, load))
        for talk in talks:
            talk.hears()
        return talks

    def status(self) -> m.StatusReport:
        """What an operator is told."""
        talk = self.connect()
        report = talk.says(m.Status()).hears_one()
        assert isinstance(report, m.StatusReport)
        talk.hangs_up()
        return report

    def loads(self) -> dict[str, int]:
        return {server.id: server.load for server in self.status().servers}

    def reserved(self) -> dict[str, int]:
        return {server.id: server.reserved for server in self.status().servers}

    def present(self) -> dict[str, int]:
        """Sessions by user and server, as WHO tells them."""
        report = self.connect().says(m.Who("anonymous")).hears_one()
        assert isinstance(report, m.WhoReport)
        assert report.total == sum(presence.sessions for presence in report.users)
        return {f"{one.username}@{one.server}": one.sessions for one in report.users}

    # -- clients ----------------------------------------------------------------------------------------------------

    def logs_in(self, username: str = "anonymous") -> m.Redirect:
        """Somebody logs in, and is sent somewhere."""
        secret = None if username == "anonymous" else f"secret of {username}"
        success, redirect = self.connect().says(m.Login(username, secret)).hears()
        assert isinstance(success, m.LoginSuccess)
        assert isinstance(redirect, m.Redirect)
        return redirect

    def places(self, logins: int) -> Counter[int]:
        """Where so many logins are sent, by port."""
        return Counter(self.logs_in().port for _ in range(logins))


def authenticate(id: str, incarnation: int = 1, **more: object) -> n.Authenticate:
    return n.Authenticate(CLUSTER, id, "host", SERVER_PORTS[id], incarnation, **more)  # type: ignore[arg-type]


def announce(
    id: str, load: int = 0, arrived: list[str] | None = None, redeemed: list[str] | None = None
) -> n.ServerAnnounce:
    return n.ServerAnnounce(id, load, "host", SERVER_PORTS[id], arrived or [], redeemed or [])


def permit_in(redirect: m.Redirect, server: str, now: float = 1000.0) -> tickets.Ticket:
    """The ticket in a REDIRECT, as that server reads it."""
    assert redirect.ticket is not None
    ticket = tickets.check(tickets.keys(KEY, f"server:{server}", 1), redirect.ticket, f"server:{server}", now)
    assert isinstance(ticket, tickets.Ticket), ticket
    return ticket


def told(talk: Talk) -> list[m.Message]:
    """What a server has heard, but for signs of life and for how things are decided."""
    return [message for message in talk.hears() if type(message) not in (n.Heartbeat, n.Configure, n.ConfirmTerm)]


def said(talk: Talk, kind: type[m.Message]) -> list[m.Message]:
    return [message for message in talk.hears() if type(message) is kind]


def beats(central: Centre, *talks: Talk, seconds: int = 1) -> None:
    """Time passes, and these servers show life."""
    for _ in range(seconds):
        central.pass_time(1.0)
        for talk in talks:
            talk.says(n.Heartbeat())

"""A client, to be told what happens on the links that it dials."""

from random import Random

import msgspec

from oyez.core.client.client import Client
from oyez.core.client.patience import LASTED
from oyez.protocol import messages as m
from tests.core.nodes import Node, Talk

HOME, TWO = m.Address("central", 3780), m.Address("central", 3781)
THERE, OTHER, THIRD = (m.Address("server", port) for port in (4001, 4002, 4003))
WELCOME = m.LoginSuccess("in", server="s1", session="cafe", network="net", origin="s1.7")
"""Of a server that knows cursors."""


class Caller(Node):
    """A started client of this name; with a secret unless it is anonymous."""

    def __init__(self, username: str = "bob", register: bool = False, centrals: list[m.Address] | None = None) -> None:
        secret = None if username == m.ANONYMOUS else f"secret of {username}"
        self.role = Client(centrals or [HOME], username, secret, Random(1), register)
        super().__init__(self.role)
        self.start()

    def dialed(self) -> m.Address:
        """Whom it is dialing; only one at a time."""
        ((address, _),) = self.world.dials
        return address

    def at_server(self, ticket: str | None = "permit") -> Talk:
        """The central has let it in and sent it on; it is connected there and has said nothing yet that was read."""
        central = self.answer()
        central.says(m.LoginSuccess("in", ticket="for centrals"), m.Redirect(THERE.hostname, THERE.port, ticket))
        assert self.dialed() == THERE
        return self.answer()

    def connected(self, ticket: str | None = "permit") -> Talk:
        """It is where it wants to be."""
        server = self.at_server(ticket)
        server.hears()
        server.says(m.LoginSuccess("in", server="s1", session="cafe"))
        assert self.role.live
        return server

    def resumes(self, talk: Talk, success: m.LoginSuccess = WELCOME) -> m.Resume:
        """It has just connected to a server, which lets it in; returns the cursor that it came with."""
        (login,) = talk.hears()
        assert isinstance(login, m.Login)
        assert login.resume is not None
        talk.says(success)
        assert self.role.live
        return login.resume

    def settled_in(self, origins: dict[str, int] | None = None, alternates: tuple[m.Alternate, ...] = ()) -> Talk:
        """It is at a server that knows cursors, and long enough for its loss to be news."""
        central = self.answer()
        central.hears()
        central.says(
            m.LoginSuccess("in", ticket="for centrals", alternates=list(alternates)),
            m.Redirect(THERE.hostname, THERE.port, "permit"),
        )
        server = self.answer()
        assert self.resumes(server, first(origins or {})) == m.Resume()
        self.pass_time(LASTED)
        return server

    def shown(self) -> list[str]:
        """The ids of what was delivered."""
        return [broadcast.id for broadcast in self.world.delivered]

    def waits(self) -> None:
        """Until it tries again."""
        assert self.world.dials == []
        self.pass_time(6.0)

    @property
    def disconnected(self) -> list[object]:
        """Why it was, each time."""
        return [fields["info"] for fields in self.reported("disconnected")]


def first(origins: dict[str, int]) -> m.LoginSuccess:
    """A server lets in somebody who has no cursor yet, and gives a ticket for itself."""
    return msgspec.structs.replace(WELCOME, origins=origins, ticket="for s1")


def says(id: str, post: str | None = None) -> m.ActivityBroadcast:
    """An activity."""
    return m.ActivityBroadcast(msgspec.Raw(b"{}"), id, post)


def failed(reason: str) -> m.LoginFailed:
    return m.LoginFailed(f"failed: {reason}", reason)

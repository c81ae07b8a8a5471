"""A client, to be told what happens on the links that it dials."""

from random import Random

from oyez.core.client import Client
from oyez.protocol import messages as m
from tests.core.nodes import Node, Talk

HOME, TWO = m.Address("central", 3780), m.Address("central", 3781)
THERE = m.Address("server", 4001)


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

    def waits(self) -> None:
        """Until it tries again."""
        assert self.world.dials == []
        self.pass_time(6.0)

    @property
    def disconnected(self) -> list[object]:
        """Why it was, each time."""
        return [fields["info"] for fields in self.reported("disconnected")]


def failed(reason: str) -> m.LoginFailed:
    return m.LoginFailed(f"failed: {reason}", reason)

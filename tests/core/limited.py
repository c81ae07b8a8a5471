"""Nodes with limits, and the people who try them: addresses, refusals, links held back."""

from random import Random

from oyez.core.central.central import Central
from oyez.core.central.stored import Stored
from oyez.core.limits.settings import CentralLimits, ServerLimits
from oyez.core.peer import From
from oyez.core.server.server import Server
from oyez.protocol import messages as m
from tests.core import centrals, servers
from tests.core.nodes import Node, Talk, World, hash_of

FAR, ELSEWHERE, HOME = From.at("192.0.2.66"), From.at("203.0.113.9"), From.at("198.51.100.1")


class LimitedServer(servers.Serving):
    """Server "m" that is alone in its network and serves, with these limits."""

    def __init__(self, limits: ServerLimits) -> None:
        address = m.Address("host", 4001)
        self.role = Server(servers.ID, address, [servers.HOME], servers.CLUSTER, 1, Random(1), limits=limits)
        Node.__init__(self, self.role, World())
        self.start()
        self.central = self.joins()
        self.central.hears()


class LimitedCentre(centrals.Centre):
    """A central that is the only one, with these limits, and a server "a"."""

    def __init__(self, limits: CentralLimits, users: str = "alice bob") -> None:
        hashes = {name: hash_of(f"secret of {name}") for name in users.split()}
        stored = Stored(centrals.KEY, centrals.HOME_ID, hashes)
        self.role = Central(centrals.HOME, centrals.CLUSTER, stored, Random(1), limits=limits)
        Node.__init__(self, self.role, World())
        self.start()
        self.ready("a")

    def tries(self, name: str, secret: str, who: From) -> m.Message:
        """Somebody logs in from there, and hears this first."""
        return self.connect(who).says(m.Login(name, secret)).hears()[0]

    def guesses(self, name: str, who: From, times: int) -> list[str]:
        """The reasons for which so many wrong secrets were refused."""
        return [reason(self.tries(name, f"guess {number}", who)) for number in range(times)]


def reason(message: m.Message) -> str:
    """Why it was refused; nothing, where it was not."""
    return message.reason if isinstance(message, m.Refusal) else ""


def refused(talk: Talk) -> str:
    """Why this link was, which is closed now."""
    assert talk.ended
    return reason(talk.hears()[-1])

"""A server with its central, its peers and its clients, all played by the test."""

import base64
import json
from random import Random

import msgspec

from oyez.core import tickets
from oyez.core.server.server import Server
from oyez.protocol import activity
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.framing import MESSAGE_PREFIX
from tests.core.nodes import Node, Talk

HOME = m.Address("central", 3780)
CLUSTER = "cluster secret"
KEY = b"t" * 32
NETWORK = "this network"
ID = "m"  # so that there are smaller ids, which dial it, and greater ones, which it dials


class Serving(Node):
    """Server "m", started, and dialing its central."""

    def __init__(
        self,
        retention: int = 1_000_000,
        patience: float = 30.0,
        centrals: list[m.Address] | None = None,
        copies: int = 2,
        traced: bool = False,
    ):
        address = m.Address("host", 4001)
        self.role = Server(
            ID, address, centrals or [HOME], CLUSTER, 1, Random(1), retention, patience, copies, traced=traced
        )
        super().__init__(self.role)
        self.start()

    # -- the central ------------------------------------------------------------------------------------------------

    def meets_central(self) -> Talk:
        """Its dial is answered; it has introduced itself, and nobody has answered that yet."""
        assert self.dialing()[0] == "central"
        return self.answer()

    def joins(self, *servers: n.ServerAddress, anonymous: bool = True) -> Talk:
        """The central has welcomed it."""
        central = self.meets_central()
        return central.says(welcome(*servers, anonymous=anonymous))

    # -- peers ------------------------------------------------------------------------------------------------------

    def linked_from(self, id: str, incarnation: int = 1, **more: object) -> Talk:
        """A server with a smaller id has dialed it, and both have said where they begin, and that nobody is lost."""
        peer = self.connect().says(hello(id, incarnation, **more))
        return peer.says(p.ServerPosition(f"{id}.{incarnation}", 0), p.Positions({}, ["m.1"]))

    # -- clients ----------------------------------------------------------------------------------------------------

    def logs_in(self, username: str = "anonymous", nonce: str | None = None, session: str | None = None) -> Talk:
        """A client is in, by ticket where it has a name, and has read so."""
        talk = self.connect().says(login(username, nonce, session))
        success = talk.hears_one()
        assert isinstance(success, m.LoginSuccess), success
        return talk


def ready(**more: object) -> tuple[Serving, Talk]:
    """A server that is alone in its network, and serves; and its central."""
    server = Serving(**more)  # type: ignore[arg-type]
    central = server.joins()
    central.hears()
    return server, central


def welcome(*servers: n.ServerAddress, anonymous: bool = True, key: bytes = KEY) -> n.AuthenticateSuccess:
    keys = {1: base64.b64encode(key).decode()}
    return n.AuthenticateSuccess("welcome", 1, [HOME], list(servers), keys, anonymous, NETWORK)


def listing(id: str, port: int = 4002, incarnation: int = 1) -> n.ServerAddress:
    return n.ServerAddress(id, "host", port, incarnation)


def hello(id: str, incarnation: int = 1, **more: object) -> p.ServerHello:
    return p.ServerHello(CLUSTER, id, incarnation, **more)  # type: ignore[arg-type]


_last_nonce = 0


def permit(username: str, nonce: str | None = None, expires: float = 1e9, audience: str = f"server:{ID}") -> str:
    """A ticket for this server, as a central signs it."""
    global _last_nonce
    _last_nonce += 1
    return tickets.sign(KEY, 1, tickets.Ticket(username, audience, expires, nonce or f"nonce {_last_nonce}"))


def login(
    username: str, nonce: str | None = None, session: str | None = None, resume: m.Resume | None = None
) -> m.Login:
    ticket = None if username == m.ANONYMOUS else permit(username, nonce)
    return m.Login(username, None, ticket, session, resume)


def post(username: str, text: str = "hello", secret: str | None = None, id: int | None = None) -> m.ActivityMessage:
    return m.ActivityMessage(username, msgspec.Raw(msgspec.json.encode({"content": text})), secret, id)


def from_peer(id: str, sequence: int, text: str, username: str = "zoe") -> bytes:
    """An activity of another server, as it comes from there."""
    members = activity.body(msgspec.json.encode({"content": text}))
    assert isinstance(members, bytes)
    return MESSAGE_PREFIX + b'"id":"%b.1-%d",' % (id.encode(), sequence) + activity.opening(username) + members + b"}\n"


def holds(peer: Talk, sequence: int) -> Talk:
    """This other server has as much of the log, and says so."""
    return peer.says(p.Acknowledge(sequence))


def feed(talk: Talk) -> list[str]:
    """What a client has read since the last time, as "author: content"; other messages by their name."""
    shown = []
    for message in talk.hears():
        if isinstance(message, m.ActivityBroadcast):
            activity = json.loads(bytes(message.activity))
            shown.append(f"{activity['authenticated_user']}: {activity.get('content')}")
        else:
            shown.append(type(message).__name__)
    return shown


def brought(peer: Talk) -> list[str]:
    """The activities that another server has been brought since the last time."""
    return [line for line in feed(peer) if ": " in line]

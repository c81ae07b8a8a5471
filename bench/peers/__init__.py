"""The peers: the systems that can be measured, by name. Another one is a file here and a line in `all_peers`."""

from bench.peers.base import Peer
from bench.peers.limit import Limit
from bench.peers.mosquitto import Mosquitto
from bench.peers.nats import Nats
from bench.peers.oyez import Oyez
from bench.peers.oyez_websocket import OyezWebsocket
from bench.peers.redis import Redis
from bench.peers.websockets import Websockets


def all_peers(oyez_command: list[str] | None = None) -> dict[str, Peer]:
    """Every peer, measured or not; `oyez_command` runs in place of this checkout's oyez."""
    peers: list[Peer] = [
        Oyez(oyez_command),
        OyezWebsocket(oyez_command),
        Limit(),
        Nats(),
        Redis(),
        Mosquitto(),
        Websockets(),
    ]
    return {peer.name: peer for peer in peers}

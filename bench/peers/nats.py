"""NATS: core publish and subscribe, at most once. Its client protocol is lines with a length and a payload.

Section names are those of "Client Protocol" in the NATS documentation.
"""

from pathlib import Path
from types import MappingProxyType

from bench.peers.base import Speech, Step
from bench.peers.broker import HOST, TOPIC, Broker

# CONNECT: verbose would be a +OK for each message; echo has a publisher get what it published itself.
CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"echo":true,"lang":"c","version":"1","protocol":1}\r\n'
# SUB subject sid. PING/PONG: commands are answered in order, so PONG says that the subscription is there.
SUBSCRIBE = Step(CONNECT + b"SUB " + TOPIC + b" 1\r\nPING\r\n", b"PONG\r\n")


class Nats(Broker):
    """nats-server without a cluster and without JetStream, with one thread that runs Go at a time."""

    name = "nats"
    program = "nats-server"
    package = "nats-server"
    options = ("-c",)
    environment = MappingProxyType({"GOMAXPROCS": "1"})

    def configuration(self, port: int, scratch: Path) -> str:
        # The generator answers no PING: after the first, which measures the round trip, none comes within an hour.
        # A reader is given up as slow with more than max_pending bytes before it, or when a write takes write_deadline.
        return f"""
            listen: "{HOST}:{port}"
            max_connections: 65536
            max_pending: 1GB
            write_deadline: "60s"
            ping_interval: "1h"
        """

    def speech(self, activity: bytes) -> Speech:
        # PUB subject #bytes, then the payload.
        message = b"PUB %b %d\r\n%b\r\n" % (TOPIC, len(activity), activity)
        return Speech(message, (SUBSCRIBE,), (SUBSCRIBE,))

"""Mosquitto: an MQTT 3.1.1 broker, at QoS 0. Section numbers are those of the OASIS standard."""

from pathlib import Path

from bench.peers.base import Speech, Step
from bench.peers.broker import HOST, TOPIC, Broker

LONGEST = 268_435_455
"""Bytes that a remaining length can say (2.2.3)."""


def remaining_length(length: int) -> bytes:
    """2.2.3: seven bits a byte, the lowest first; the top bit says that another one follows."""
    if not 0 <= length <= LONGEST:
        raise ValueError(f"a packet of {length} bytes can't be told")
    encoded = bytearray()
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    return bytes([*encoded, length])


def text(value: bytes) -> bytes:
    """1.5.3: two bytes of length, then UTF-8."""
    return len(value).to_bytes(2, "big") + value


def packet(first: int, rest: bytes) -> bytes:
    """2.2: the fixed header, whose first byte is type and flags, and what follows it."""
    return bytes([first]) + remaining_length(len(rest)) + rest


# 3.1 CONNECT: protocol level 4, a clean session, keep alive 0 (off: no PINGREQ is asked for); the client identifier
# becomes the connection's number, since two of the same name would throw each other out.
CONNECT = packet(0x10, text(b"MQTT") + bytes([4, 0b10, 0, 0]) + text(b"@@@@@@@@"))
CONNACK = bytes([0x20, 2, 0, 0])  # 3.2: no session was there, accepted
SUBSCRIBE = packet(0x82, bytes([0, 1]) + text(TOPIC) + bytes([0]))  # 3.8: packet identifier 1, QoS 0
SUBACK = bytes([0x90, 3, 0, 1, 0])  # 3.9: of packet 1, QoS 0 granted
OPENING = (Step(CONNECT, CONNACK), Step(SUBSCRIBE, SUBACK))


class Mosquitto(Broker):
    """mosquitto that keeps nothing on disk and drops nothing. It sends to a publisher what it published itself."""

    name = "mosquitto"
    program = "mosquitto"
    package = "mosquitto"
    options = ("-c",)

    def configuration(self, port: int, scratch: Path) -> str:
        # max_queued_messages: by default it drops what a reader is more than 1000 messages behind with, in silence.
        return f"""
listener {port} {HOST}
allow_anonymous true
persistence false
max_connections -1
max_queued_messages 0
max_queued_bytes 0
max_inflight_bytes 0
set_tcp_nodelay true
sys_interval 0
log_dest stderr
log_type error
log_type warning
connection_messages false
"""

    def speech(self, activity: bytes) -> Speech:
        # 3.3 PUBLISH: QoS 0, so without a packet identifier.
        return Speech(packet(0x30, text(TOPIC) + activity), OPENING, OPENING, gathers=False)

"""What clients of the peers say is what the protocols ask for, and each peer that is here delivers everything.

Run with `python -m pytest bench/test_peers.py`; a peer that is not installed is skipped.
"""

from pathlib import Path

import pytest

from bench.generator import Plan
from bench.peers import all_peers
from bench.peers.base import MARK, Peer, Speech, activity
from bench.peers.broker import Broker
from bench.peers.mosquitto import LONGEST, Mosquitto, remaining_length
from bench.peers.nats import Nats
from bench.peers.oyez_websocket import OyezWebsocket
from bench.peers.redis import Redis
from bench.peers.websockets import ACCEPT, HANDSHAKE, Websockets, frame
from bench.workloads.base import LoadCase, Session, run_load

KIB_16 = 16 * 1024


def peers() -> list[Peer]:
    return [Nats(), Redis(), Mosquitto(), Websockets(), OyezWebsocket()]


@pytest.mark.parametrize("peer", peers(), ids=lambda peer: peer.name)
@pytest.mark.parametrize("size", [100, 200, KIB_16])
def test_the_activity_goes_out_as_it_is(peer: Peer, size: int) -> None:
    body = activity(size)
    speech = peer.speech(body)
    assert body in speech.message
    assert speech.message.count(MARK) == 1
    assert speech.publishers_receive
    for step in (*speech.subscriber, *speech.publisher):
        assert 0 < len(step.wait) <= 32  # what the generator can look for


def test_nats_is_told_the_length_of_the_payload() -> None:
    body = activity(200)
    assert Nats().speech(body).message == b"PUB activity 200\r\n" + body + b"\r\n"


def test_redis_is_told_the_length_of_each_word() -> None:
    body = activity(200)
    assert Redis().speech(body).message == b"*3\r\n$7\r\nPUBLISH\r\n$8\r\nactivity\r\n$200\r\n" + body + b"\r\n"


def test_only_publishers_of_redis_speak_resp3() -> None:
    speech = Redis().speech(activity())
    assert [step.send for step in speech.subscriber] == [b"*2\r\n$9\r\nSUBSCRIBE\r\n$8\r\nactivity\r\n"]
    assert [step.send for step in speech.publisher] == [
        b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
        b"*2\r\n$9\r\nSUBSCRIBE\r\n$8\r\nactivity\r\n",
    ]


@pytest.mark.parametrize(
    ("length", "encoded"),
    [  # the table of section 2.2.3
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (16_383, "ff7f"),
        (16_384, "808001"),
        (2_097_151, "ffff7f"),
        (2_097_152, "80808001"),
        (LONGEST, "ffffff7f"),
    ],
)
def test_a_remaining_length_has_seven_bits_a_byte(length: int, encoded: str) -> None:
    assert remaining_length(length).hex() == encoded


@pytest.mark.parametrize("length", [-1, LONGEST + 1])
def test_a_packet_that_is_too_long_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="can't be told"):
        remaining_length(length)


@pytest.mark.parametrize(("size", "length"), [(100, "6e"), (200, "d201"), (KIB_16, "8a8001")])
def test_an_mqtt_publish_is_topic_and_payload(size: int, length: str) -> None:
    body = activity(size)
    assert Mosquitto().speech(body).message == b"\x30" + bytes.fromhex(length) + b"\0\x08activity" + body


def test_an_mqtt_opening_is_as_long_as_it_says() -> None:
    for step in Mosquitto().speech(activity()).subscriber:
        assert step.send[1] == len(step.send) - 2


@pytest.mark.parametrize("size", [125, 126, 200, KIB_16, 65_535, 65_536])
def test_a_websocket_server_reads_what_was_said(size: int) -> None:
    server_module = pytest.importorskip("websockets.server")
    server = server_module.ServerProtocol()
    server.receive_data(HANDSHAKE)
    response = server.accept(server.events_received()[0])
    assert response.status_code == 101
    assert response.headers["Sec-WebSocket-Accept"].encode() == ACCEPT
    server.send_response(response)
    body = activity(size)
    server.receive_data(frame(body))
    [received] = server.events_received()
    assert (received.opcode.name, received.fin, bytes(received.data)) == ("TEXT", True, body)


def test_a_broker_that_is_not_there_says_what_to_install() -> None:
    class NoBroker(Broker):
        name, program, package = "none", "no-such-broker", "no-broker"

        def configuration(self, port: int, scratch: Path) -> str:
            raise AssertionError

        def speech(self, activity: bytes) -> Speech:
            raise AssertionError

    assert NoBroker().missing() == "no-such-broker is not installed: install the package no-broker (make bench-peers)"


@pytest.mark.parametrize("peer", all_peers().values(), ids=lambda peer: peer.name)
@pytest.mark.parametrize("size", [100, KIB_16])
def test_everyone_gets_everything_once(peer: Peer, size: int, tmp_path: Path) -> None:
    """With 16 KiB it is 13 MB for each reader: more than the sockets between hold, should one fall behind."""
    if missing := peer.missing():
        pytest.skip(missing)
    case = LoadCase("all at once", Plan(20, 2, messages=400, warmup=1, window=400), size=size)
    outcome = run_load(case, peer, Session(tmp_path, lambda what, done, total: None))
    assert outcome.faults == []
    assert outcome.figures["deliveries"] == 2 * 400 * 22

"""A client that does not read costs nobody else anything, and finds everything when it reads again."""

import itertools
import threading
from pathlib import Path

import pytest

from tests.blackbox.conftest import Dial, assert_no_tracebacks
from tests.blackbox.people import ANONYMOUS, Person, log_in
from tests.blackbox.processes import Network
from tests.blackbox.wire import Message, Peer, encode, eventually

MESSAGES = 2000
CONTENT = "x" * 4000
SMALL_BUFFER = 4096
"""Bytes that the kernel holds for the slow one; the rest, some 8 MB, has to wait on the server's side."""


class Reader(threading.Thread):
    """Reads until it has heard `count` posts; `failure` says what went wrong."""

    def __init__(self, peer: Peer, count: int) -> None:
        super().__init__(daemon=True)
        self._peer = peer
        self._count = count
        self.numbers: list[int] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(self._count):
                activity = self._peer.expect_activity()
                assert activity["content"] == CONTENT
                self.numbers.append(activity["n"])
        except BaseException as failure:  # noqa: BLE001 - handed to the test's own thread by finish()
            self.failure = failure

    def finish(self) -> list[int]:
        """Wait for the end (every read in the thread has its own deadline); the numbers in the order heard."""
        self.join()
        if self.failure is not None:
            raise self.failure
        return self.numbers


@pytest.mark.parametrize("slow_at", ["s1", "s2"])
def test_a_slow_reader_holds_up_nobody_and_loses_nothing(
    network: Network, dial: Dial, alice: Person, bob: Person, slow_at: str
) -> None:
    """The poster is at s1; the slow one once beside it and once at the other server."""
    slow = dial(network.servers[slow_at], receive_buffer=SMALL_BUFFER)
    log_in(slow, bob)
    listeners = [dial(network.servers["s1"]), dial(network.servers["s2"])]
    for peer in (*listeners, dial(network.servers["s2"])):  # one more there: nobody has to move, to make it even
        log_in(peer, bob)
    poster = dial(network.servers["s1"])
    log_in(poster, alice)

    readers = [Reader(peer, MESSAGES) for peer in (poster, *listeners)]
    for reader in readers:
        reader.start()
    for number in range(MESSAGES):
        poster.send_raw(encode(alice.post({"n": number, "content": CONTENT})))
    everything = list(range(MESSAGES))
    for reader in readers:
        assert reader.finish() == everything  # and the slow one has not read a byte yet

    late = Reader(slow, MESSAGES)
    late.start()
    assert late.finish() == everything
    assert slow.log_out() == []


def test_a_poster_that_never_reads_is_no_danger(network: Network, dial: Dial, alice: Person, bob: Person) -> None:
    """Its own activities come back to it, too; it does not read them, and others hear them all the same."""
    listener = dial(network.servers["s2"])
    log_in(listener, bob)
    poster = dial(network.servers["s1"], receive_buffer=SMALL_BUFFER)
    log_in(poster, alice)
    reader = Reader(listener, MESSAGES)
    reader.start()
    for number in range(MESSAGES):
        poster.send_raw(encode(alice.post({"n": number, "content": CONTENT})))
    assert reader.finish() == list(range(MESSAGES))


def read_to_the_end(peer: Peer) -> tuple[list[int], Message]:
    """The numbers that a reader finds before its session was ended, and the last word."""
    *activities, last = peer.drain()
    return [message["activity"]["n"] for message in activities], last


@pytest.mark.parametrize("options", [("--patience", "0.5"), ("--retention", "256KiB")], ids=" ".join)
def test_a_reader_that_is_too_slow_is_told_so(tmp_path: Path, dial: Dial, options: tuple[str, ...]) -> None:
    """Out of patience or out of retention: its session ends with a reason, and nobody else's does."""
    with Network(tmp_path, server_options=options) as network:
        slow = dial(network.servers["s2"], receive_buffer=SMALL_BUFFER)
        listener, poster = dial(network.servers["s2"]), dial(network.servers["s1"])
        for peer in (slow, listener, poster):
            log_in(peer, ANONYMOUS)
        network.wait_for_loads(3)
        numbers = itertools.count()

        def some_are_posted_and_it_is_counted_out() -> bool:
            for number in itertools.islice(numbers, 50):
                poster.send(ANONYMOUS.post({"n": number, "content": CONTENT}))
                for peer in (poster, listener):
                    assert peer.expect_activity()["n"] == number
            return network.loads() == {"s1": 1, "s2": 1}

        eventually(some_are_posted_and_it_is_counted_out, "the slow one is counted out, by STATUS", seconds=60)
        heard, last = read_to_the_end(slow)  # at once: the last word waits for some seconds only
        assert heard == list(range(len(heard)))  # what it got before is whole and in order
        assert len(heard) < next(numbers)
        assert last["command"] == "INVALID_MESSAGE"
        assert last["reason"] == "slow_consumer"
        assert last["info"]
        assert_no_tracebacks(network)

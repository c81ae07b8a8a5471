"""A client that does not read costs nobody else anything, and finds everything when it reads again."""

import threading

import pytest

from tests.blackbox.conftest import Dial
from tests.blackbox.people import Person, log_in
from tests.blackbox.processes import Network
from tests.blackbox.wire import Peer, encode

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
    for peer in listeners:
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

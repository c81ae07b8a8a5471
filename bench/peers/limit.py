"""The physical limit (bench/limit.c): what fan-out costs when nothing else is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.build import program
from bench.machine import SERVER_CORE
from bench.peers.base import MARK, Peer, Speech, Target
from bench.processes import Process


class Limit(Peer):
    """Sends every line on as it is; so its lines are made as long as those that Oyez delivers.

    What Oyez puts around an activity does not depend on the activity's length.
    """

    name = "limit"

    def __init__(self) -> None:
        self.overhead = 100
        """Bytes of a line, its end included, besides the activity."""

    @contextmanager
    def running(self, scratch: Path) -> Iterator[Target]:
        with Process("limit", [program("limit"), "0"], core=SERVER_CORE, scratch=scratch) as server:
            host, port = server.wait_ready()
            yield Target(host, port, server)

    def speech(self, activity: bytes) -> Speech:
        padding = b" " * (self.overhead - 1)
        # In front: the mark keeps its distance from the end of the line, as in Oyez.
        assert MARK in activity
        return Speech(padding + activity + b"\n")

"""The physical limit (bench/limit.c): what fan-out costs when nothing else is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.build import program
from bench.machine import SERVER_CORE
from bench.peers.base import MARK, Peer, Speech, Target
from bench.processes import Process


class Limit(Peer):
    """Sends every line on as it is; so its lines are made as long as those that Oyez delivers."""

    name = "limit"

    def __init__(self) -> None:
        self.line_bytes = 300
        """Length of a line, its end included."""

    @contextmanager
    def running(self, scratch: Path) -> Iterator[Target]:
        with Process("limit", [program("limit"), "0"], core=SERVER_CORE, scratch=scratch) as server:
            host, port = server.wait_ready()
            yield Target(host, port, server)

    def speech(self, activity: bytes) -> Speech:
        padding = b" " * (self.line_bytes - len(activity) - 1)
        # In front: the mark keeps its distance from the end of the line, as in Oyez.
        assert MARK in activity
        return Speech(padding + activity + b"\n")

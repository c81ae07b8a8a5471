"""What a peer is: a system that the benchmark can start and talk to. One file in this folder for each.

A peer tells how its servers are started (`running`) and how a client speaks (`speech`): the load generator sends
bytes and looks for marks, and knows no protocol (see marks.h).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from bench.line import Address
from bench.processes import Process

ACTIVITY_BYTES = 200
MARK = b"BenchTag" + b"0" * 28
"""Stands in a message where the load generator writes publisher, sequence number and time (see marks.h)."""


@dataclass(frozen=True)
class Step:
    """One exchange of the opening: bytes to send, then bytes (at most 32) to wait for.

    `@@@@@@@@` in what is sent becomes the connection's number in eight digits.
    """

    send: bytes
    wait: bytes


@dataclass(frozen=True)
class Speech:
    """How clients of a peer speak. `message` holds MARK and must be delivered with the mark as it is."""

    message: bytes
    subscriber: tuple[Step, ...] = ()
    publisher: tuple[Step, ...] = ()
    publishers_receive: bool = True
    """Whether a publisher gets the messages too, its own included."""
    gathers: bool = True
    """Whether the server sends together what it has for a reader. One that sends each message by itself spends the same
    on a delivery however much is under way; a whole window would only take it minutes."""


@dataclass(frozen=True)
class Target:
    """A running peer: where clients connect, the process that is measured, and its other processes.

    `beside` are more servers of the same network, which are measured together with the first.
    """

    host: str
    port: int
    server: Process
    others: list[Process] = field(default_factory=list)
    beside: tuple[tuple[Address, Process], ...] = ()

    @property
    def addresses(self) -> list[Address]:
        return [(self.host, self.port), *(address for address, _ in self.beside)]

    @property
    def servers(self) -> list[Process]:
        return [self.server, *(process for _, process in self.beside)]


class Peer(ABC):
    """A system to measure."""

    name: ClassVar[str]

    def missing(self) -> str | None:
        """Why it can't be measured here, in a sentence; None when it can."""
        return None

    @abstractmethod
    def running(self, scratch: Path) -> AbstractContextManager[Target]:
        """The system, started afresh with its server on SERVER_CORE; stopped when the context ends."""

    @abstractmethod
    def speech(self, activity: bytes) -> Speech:
        """How to post this activity (it holds MARK), which has from 100 bytes to 16 KiB."""


def activity(size: int = ACTIVITY_BYTES) -> bytes:
    """A JSON object of exactly this many bytes, with MARK in it."""
    head, tail = b'{"type":"Note","content":"', b'","mark":"' + MARK + b'"}'
    words = b"Hear ye, hear ye: the quick brown fox jumps over the lazy dog. " * (size // 32 + 1)
    return head + words[: size - len(head) - len(tail)] + tail


def in_turn(peers: list[Peer], round_number: int) -> Iterator[Peer]:
    """The peers, in the opposite order every other round: what drifts favours none."""
    return iter(peers if round_number % 2 == 0 else peers[::-1])

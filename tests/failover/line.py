"""A link that may be lost at any moment: JSON lines with a deadline, where a loss is an answer and not a failure."""

import socket
import time
from types import TracebackType
from typing import Self

from tests.blackbox.wire import Address, Message, decode, encode

PATIENCE = 2.0
"""Seconds in which a central that is well, and main, has answered."""


class Lost(Exception):
    """No answer: nobody there, closed, or silent for too long."""


class Line:
    """One connection; leaving its `with` block closes it. `patience` is for each wait. Raises Lost."""

    def __init__(self, address: Address, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._received = bytearray()
        try:
            self._socket = socket.create_connection(address, patience)
        except OSError as error:
            raise Lost(f"{address}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, message: Message) -> None:
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise Lost(str(error)) from error

    def receive(self) -> Message:
        deadline = time.monotonic() + self._patience
        while (end := self._received.find(b"\n")) < 0:
            try:
                self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                chunk = self._socket.recv(1 << 16)
            except OSError as error:
                raise Lost(str(error)) from error
            if not chunk:
                raise Lost("closed")
            self._received += chunk
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        return decode(line)


def ask(address: Address, question: Message, patience: float = PATIENCE) -> Message:
    """The first line of the answer."""
    with Line(address, patience) as line:
        line.send(question)
        return line.receive()

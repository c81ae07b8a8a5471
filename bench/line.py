"""A link of the benchmark's own: JSON lines that may be lost at any moment, with a deadline for each answer."""

import json
import socket
import time
from types import TracebackType
from typing import Any, Self

Address = tuple[str, int]


class Lost(Exception):
    """Nobody there, closed, or silent for too long."""


class Line:
    """One connection; leaving its `with` block closes it. `patience` is in seconds. Raises Lost."""

    def __init__(self, address: Address, patience: float = 5.0) -> None:
        self._patience = patience
        self._rest = b""
        try:
            self._socket = socket.create_connection(address, patience)
        except OSError as error:
            raise Lost(str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, **question: object) -> dict[str, Any]:
        """Say this, and return the next line that comes back."""
        try:
            self._socket.sendall(json.dumps(question).encode() + b"\n")
            return self._receive()
        except OSError as error:
            raise Lost(str(error)) from error

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + self._patience
        while b"\n" not in self._rest:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self._socket.recv(1 << 16)
            if not data:
                raise Lost("closed")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


def ask(address: Address, patience: float = 5.0, **question: object) -> dict[str, Any]:
    """One question on a link of its own."""
    with Line(address, patience) as line:
        return line.ask(**question)

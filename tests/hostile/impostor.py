"""A node that lies: it listens where a central did, and says what it was told to say to whoever comes."""

import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Self

from tests.blackbox.wire import DEADLINE, Address, Message, decode, encode


class Impostor:
    """At this address, while in its `with` block. `script` has what is said to who opens with a command: one list of
    lines when they come first, the next when they come again, the last one from then on. `heard` keeps what they said
    on each link that they have closed, the first line first."""

    def __init__(self, address: Address, script: Mapping[str, Sequence[Sequence[Message]]]) -> None:
        self._address = address
        self._script = script
        self._turns: dict[str, int] = {}
        self._over = threading.Event()
        self.heard: list[list[Message]] = []

    def __enter__(self) -> Self:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError), socket.create_connection(self._address, 1.0):
            pass  # wakes it up
        self._thread.join()
        self._listener.close()

    def said(self, command: str) -> list[list[Message]]:
        """What those have said who began with this."""
        return [lines for lines in list(self.heard) if lines and lines[0]["command"] == command]

    def _serve(self) -> None:
        talks = []
        while not self._over.is_set():
            link, _ = self._listener.accept()
            talk = threading.Thread(target=self._talk, args=[link])
            talk.start()
            talks.append(talk)
        for talk in talks:
            talk.join()

    def _talk(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError), link.makefile("rb") as lines:
            link.settimeout(DEADLINE)
            first = lines.readline()
            if not first.endswith(b"\n"):
                return
            opening = decode(first)
            command = opening["command"]
            script = self._script.get(command, [[]])
            who = f"{command} {opening.get('id')}"
            turn = self._turns.get(who, 0)
            self._turns[who] = turn + 1
            link.sendall(b"".join(encode(line) for line in script[min(turn, len(script) - 1)]))
            talk = [opening, *map(decode, lines)]
            self.heard.append(talk)  # only now: whoever has been heard has closed the link

"""The wire as a stranger sees it: one raw TCP socket, JSON lines, a deadline on every wait.

`Peer` is written from the protocol alone and shares no code with the product, so a mistake there can't hide
behind the same mistake here. Whatever a peer receives has to be a line of strict JSON that holds an object with a
command that client programs know; anything else fails the test that sees it.
"""

import contextlib
import json
import re
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

Message = dict[str, Any]

DEADLINE = 10.0
"""Seconds that anything may take to arrive. Generous: it only decides how long a failing test waits."""

CLIENT_COMMANDS = frozenset(
    {
        "REGISTER_SUCCESS",
        "REGISTER_FAILED",
        "LOGIN_SUCCESS",
        "LOGIN_FAILED",
        "REDIRECT",
        "ACTIVITY_BROADCAST",
        "AUTHENTICATION_FAIL",
        "INVALID_MESSAGE",
    }
)
"""What a client program may be sent without asking for more. An unknown command breaks most existing ones."""

ASKED_FOR = {"STATUS": "STATUS_REPORT", "WHO": "WHO_REPORT"}
"""Further answers, each allowed only on a link that has sent the question."""

NODE_REFUSALS = {"AUTHENTICATE": "AUTHENTICATION_FAIL", "BACKUP_AUTHENTICATE": "BACKUP_AUTHENTICATION_FAIL"}

CHUNK = 1 << 16


class Address(NamedTuple):
    """Where something listens."""

    hostname: str
    port: int

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port}"


def encode(message: Message) -> bytes:
    """The message as one line."""
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The object in a received line, or AssertionError where it is not one line of strict JSON with a command."""
    assert line.endswith(b"\n"), f"not a whole line: {line!r}"
    message = strict_json(line)
    assert isinstance(message, dict), f"not an object: {line!r}"
    assert isinstance(message.get("command"), str), f"no command: {line!r}"
    return message


def strict_json(text: bytes, **hooks: Callable[[Any], Any]) -> Any:
    """Parse UTF-8 JSON without the leniency of the standard library (NaN, Infinity)."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is not JSON: {text!r}")

    try:
        return json.loads(text.decode("utf-8"), parse_constant=refuse, **hooks)  # type: ignore[arg-type]
    except ValueError as error:
        raise AssertionError(f"not JSON ({error}): {text!r}") from error


def eventually(condition: Callable[[], bool], what: str, *, seconds: float = DEADLINE) -> None:
    """Ask again until the condition holds; AssertionError that names it when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.02)


class Moved(Exception):
    """Whoever listens is asked to go to another server."""


class Peer:
    """One connection, driven by hand.

    `receive_buffer` is the size in bytes of the kernel's buffer for what has not been read yet (a small one makes a
    slow reader). With `tls` the link is encrypted. `source` is the address of this machine that it comes from. Every
    wait ends within DEADLINE with an AssertionError that says what was waited for.
    """

    def __init__(
        self,
        address: Address,
        *,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
        source: str | None = None,
    ) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._received = bytearray()
        self._searched = 0
        self._allowed = set(CLIENT_COMMANDS)
        self.history: list[bytes] = []
        """The last lines in both directions, for the report of a failure."""
        try:
            if receive_buffer is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source is not None:
                self._socket.bind((source, 0))
            self._socket.settimeout(DEADLINE)
            self._socket.connect(address)
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=address.hostname)
        except BaseException:
            self._socket.close()
            raise

    def send(self, message: Message) -> None:
        """Send one message as one line."""
        self.send_raw(encode(message))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._note(b"> " + data)
        for command, answer in (*ASKED_FOR.items(), *NODE_REFUSALS.items()):
            if b'"' + command.encode() + b'"' in data:
                self._allowed.add(answer)
        self._socket.settimeout(DEADLINE)
        self._socket.sendall(data)

    def send_while_open(self, data: bytes) -> None:
        """Send bytes which may make the other side close before it has read them all."""
        try:
            self.send_raw(data)
        except (ConnectionResetError, BrokenPipeError):
            self._note(b"> (closed by the other side while sending)")

    def receive_line(self) -> bytes | None:
        """The next line with its end, or None where the other side has closed."""
        deadline = time.monotonic() + DEADLINE
        while (end := self._received.find(b"\n", self._searched)) < 0:
            self._searched = len(self._received)
            chunk = self._read(deadline)
            if not chunk:
                assert not self._received, f"closed in the middle of a line: {bytes(self._received)!r}"
                return None
            self._received += chunk
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        self._searched = 0
        self._note(b"< " + line)
        return line

    def _read(self, deadline: float) -> bytes:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            return self._socket.recv(CHUNK)
        except ConnectionResetError:
            return b""
        except TimeoutError:
            raise AssertionError(f"nothing came within {DEADLINE} s\n{self.conversation()}") from None

    def receive(self) -> Message | None:
        """The next message, or None where the other side has closed."""
        line = self.receive_line()
        if line is None:
            return None
        message = decode(line)
        assert message["command"] in self._allowed, f"a client must not be sent this: {line!r}"
        return message

    def expect(self, command: str) -> Message:
        """The next message, which has to be this command."""
        return self._is(command, self.receive())

    def _is(self, command: str, message: Message | None) -> Message:
        assert message is not None, f"{command} expected, but the link was closed\n{self.conversation()}"
        assert message["command"] == command, f"{command} expected\n{self.conversation()}"
        return message

    def expect_activity(self) -> Message:
        """The next message, which has to be a broadcast: its activity. Raises Moved."""
        message = self.receive()
        if message is not None and message["command"] == "REDIRECT":
            raise Moved
        activity = self._is("ACTIVITY_BROADCAST", message)["activity"]
        assert isinstance(activity, dict), f"the activity is not an object: {activity!r}"
        return activity

    def expect_refusal(self, *commands: str) -> Message:
        """One of these commands with an `info` for people and a `reason` for programs, then the close.

        Broadcasts that were on their way before it don't count; nothing may follow it.
        """
        message = self.receive()
        while message is not None and message["command"] == "ACTIVITY_BROADCAST":
            message = self.receive()
        assert message is not None, f"closed without a word instead of {commands}\n{self.conversation()}"
        assert message["command"] in commands, f"one of {commands} expected\n{self.conversation()}"
        info = message.get("info")
        assert isinstance(info, str), f"a refusal needs an info: {message!r}"
        assert info.strip(), f"the info says nothing: {message!r}"
        reason = message.get("reason")
        assert isinstance(reason, str), f"a refusal needs a reason: {message!r}"
        assert re.fullmatch(r"[a-z][a-z0-9_]+", reason), f"the reason is no name: {message!r}"
        self.expect_close()
        return message

    def expect_close(self) -> None:
        """Nothing more, and the link is closed by the other side."""
        line = self.receive_line()
        assert line is None, f"the close expected\n{self.conversation()}"

    def has_heard(self, seconds: float) -> bool:
        """Has something come, or the end, that was not read? Waits for it so long."""
        return bool(self._received) or bool(select.select([self._socket], [], [], seconds)[0])

    def drain(self) -> list[Message]:
        """Everything up to the close."""
        messages = []
        while (message := self.receive()) is not None:
            messages.append(message)
        return messages

    def log_out(self) -> list[Message]:
        """Say LOGOUT and return what still came before the close."""
        self.send({"command": "LOGOUT"})
        return self.drain()

    def finish_sending(self) -> None:
        """Close the sending half only, as a program does whose input has ended."""
        self._socket.shutdown(socket.SHUT_WR)

    def shut(self) -> None:
        """End both directions, which also wakes up a thread that waits for this link."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Vanish: the other side gets a RST, not an orderly close."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Close this side; harmless when it was closed before."""
        self._socket.close()

    def conversation(self) -> str:
        """The last lines in both directions, shortened, for an assertion's message."""
        return "\n".join(repr(line if len(line) <= 300 else line[:300] + b"...") for line in self.history)

    def _note(self, line: bytes) -> None:
        self.history.append(line[:400])
        del self.history[:-12]

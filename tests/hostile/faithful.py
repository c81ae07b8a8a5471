"""A client that goes where it is sent and misses nothing, as the library does it: with a cursor, a session string and
numbered posts. Written from the protocol alone.

Whoever attacks opens and ends sessions, so servers become unevenly loaded and honest sessions are moved: that is no
harm, and must not look like one.
"""

import uuid

from tests.blackbox.people import Person
from tests.blackbox.wire import Address, Message, Peer, decode, encode


class Faithful:
    """One session, over as many links as it takes. Has what a conversation needs of a `Peer`."""

    def __init__(self, address: Address, person: Person) -> None:
        self._person = person
        self._session = uuid.uuid4().hex
        self._unseen: dict[int, Message] = {}
        self._number = 0
        self._network = self._origin = self._tag = ""
        self._cursor: dict[str, int] = {}
        self._last: set[str] = set()
        self._heard: list[Message] = []
        self._peer = Peer(address)
        self._enter(person.login() | {"resume": {}})

    def _enter(self, login: Message) -> None:
        self._peer.send(login | {"session": self._session})
        success = self._next()
        assert success is not None, "closed instead of an answer to LOGIN"
        assert success["command"] == "LOGIN_SUCCESS", success
        self._network, self._origin, self._tag = success["network"], success["origin"], success["session"]
        if "resume" in login and not login["resume"]:
            self._cursor = dict(success["origins"])

    def _next(self) -> Message | None:
        while (line := self._peer.receive_line()) is not None:
            message = decode(line)
            if message["command"] != "HEARTBEAT":
                return message
        return None

    def send(self, message: Message) -> None:
        """Post, under the next number."""
        self._number += 1
        self._unseen[self._number] = message | {"id": self._number}
        self._last.add(self._origin)
        self._peer.send_while_open(encode(self._unseen[self._number]))

    def expect_activity(self) -> Message:
        """The next activity; on the way it follows whoever sends it elsewhere."""
        return self._heard.pop(0) if self._heard else self._read()

    def settle(self) -> None:
        """Read until all that it has posted has come back: it may have to post it again elsewhere, and others wait."""
        while self._unseen:
            self._heard.append(self._read())

    def _read(self) -> Message:
        while (message := self._next()) is not None:
            if message["command"] == "REDIRECT":
                self._follow(message)
            else:
                return self._seen(message)
        raise AssertionError(f"closed without a word\n{self._peer.conversation()}")

    def _seen(self, message: Message) -> Message:
        assert message["command"] == "ACTIVITY_BROADCAST", f"unexpected: {message}\n{self._peer.conversation()}"
        origin, _, sequence = message["id"].rpartition("-")
        assert int(sequence) > self._cursor.get(origin, 0), f"again: {message}"
        self._cursor[origin] = int(sequence)
        tag, _, number = message.get("post", "").rpartition("-")
        if tag == self._tag:
            self._unseen.pop(int(number), None)
        if not self._unseen:
            self._last.clear()
        activity = message["activity"]
        assert isinstance(activity, dict)
        return activity

    def _follow(self, there: Message) -> None:
        self._peer.close()
        self._peer = Peer(Address(there["hostname"], there["port"]))
        resume = {"network": self._network, "origins": self._cursor, "last": sorted({*self._last, self._origin})}
        proof = {"ticket": there["ticket"]} if there.get("ticket") else self._person.credentials()
        self._enter({"command": "LOGIN", "username": self._person.username, "resume": resume} | proof)
        for message in self._unseen.values():
            self._peer.send_while_open(encode(message))

    def log_out(self) -> list[Message]:
        """Say LOGOUT and return what still came before the close."""
        self._peer.send_while_open(encode({"command": "LOGOUT"}))
        messages = []
        while (message := self._next()) is not None:
            messages += [message] if message["command"] != "REDIRECT" else []
        return messages

    def close(self) -> None:
        """Vanish."""
        self._peer.close()

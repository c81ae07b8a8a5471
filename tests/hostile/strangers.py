"""Those who attack, each from an address of its own on this machine; and the honest who go on meanwhile.

Linux takes every address that begins with 127 for this machine, so an attacker has another one than everybody else, and
limits by address tell them apart, as on a network.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tests.blackbox.people import ANONYMOUS, Conversation, Person, redirect, register, somebody
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, Message, Peer, decode, encode
from tests.hostile.faithful import Faithful


class Attacker:
    """Everything that one host does to a network. Its links are closed when it is `over`."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.links: list[Peer] = []

    def connects(self, address: Address) -> Peer:
        link = Peer(address, source=self.host)
        self.links.append(link)
        return link

    def connects_everywhere(self, network: Network) -> list[Peer]:
        """One link to each server: so that nobody is moved because one has more than the others."""
        return [self.connects(address) for address in network.servers.values()]

    def over(self) -> None:
        for link in self.links:
            link.close()


def fate(link: Peer) -> str:
    """The reason for which it was refused, or the command of what it heard last; nothing, where it was closed without a
    word."""
    heard = ""
    while (message := link.receive()) is not None:
        heard = message.get("reason") or message["command"]
    return heard


def answer(link: Peer) -> str:
    """The reason of the next refusal, or the command of the next message."""
    message = link.receive()
    return "" if message is None else message.get("reason") or message["command"]


class Place(Protocol):
    """Where honest people are: a network, or a cluster."""

    @property
    def central(self) -> Address: ...

    @property
    def servers(self) -> dict[str, Address]: ...


class Honest:
    """Two sessions that hear each other, and newcomers, whatever others do."""

    def __init__(self, network: Place, people: list[Person]) -> None:
        self._network = network
        self._conversation = Conversation()
        self._sessions: list[Faithful] = []
        for address, person in zip(network.servers.values(), people, strict=False):
            session = Faithful(address, person)
            self._sessions.append(session)
            self._conversation.join(session, person)

    def go_on(self) -> None:
        """All that they post comes back to them, and to each other."""
        self._conversation.say(3)
        for session in self._sessions:
            session.settle()
        self._conversation.check()

    def come(self) -> Person:
        """Somebody new registers, logs in, and is heard by himself."""
        person = somebody("newcomer")
        central = Peer(self._network.central)
        try:
            register(central, person)
            message = redirect(central, person)
        finally:
            central.close()
        self.enter(person, message)
        return person

    def enter(self, person: Person, message: Message) -> None:
        """By this REDIRECT."""
        server = Peer(Address(message["hostname"], message["port"]))
        try:
            server.send({"command": "LOGIN", "username": person.username, "ticket": message["ticket"]})
            server.expect("LOGIN_SUCCESS")
            token = {"said by": person.username}
            server.send({"command": "ACTIVITY_MESSAGE", "username": person.username, "activity": token})
            while server.expect_activity().get("said by") != person.username:
                pass
            server.log_out()
        finally:
            server.close()

    def leave(self) -> None:
        self._conversation.leave()
        self.close()

    def close(self) -> None:
        for session in self._sessions:
            session.close()


@contextmanager
def attack(host: str) -> Iterator[Attacker]:
    attacker = Attacker(host)
    try:
        yield attacker
    finally:
        attacker.over()


def enters(link: Peer, person: Person = ANONYMOUS, aware: bool = False) -> str:
    """LOGIN at a server: what comes of it. Where sessions have to move, those that are `aware` of it go first."""
    link.send_while_open(encode(person.login() | ({"resume": {}} if aware else {})))
    return answer(link)


def said(link: Peer) -> Message | None:
    """The next message, whatever its command; None where the link was closed."""
    line = link.receive_line()
    return None if line is None else decode(line)


def ordered(address: Address, order: Message) -> Message:
    """The answer to this, on a link of its own."""
    link = Peer(address)
    try:
        link.send(order)
        message = said(link)
    finally:
        link.close()
    assert message is not None, f"no answer to {order['command']}"
    return message


def logged(network: Network, node: str, event: str) -> bool:
    """Has this node logged such an event?"""
    return f'"event": "{event}"' in network.processes[node].errors.read_text()

"""Who takes part in the tests: people with names of their own, and two bystanders who must never be disturbed."""

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from tests.blackbox.wire import Message, Moved, Peer

Activity = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A username with its secret (None for `anonymous`, who has none)."""

    username: str
    secret: str | None

    def credentials(self) -> dict[str, str]:
        """The fields that LOGIN, REGISTER and ACTIVITY_MESSAGE carry."""
        return {"username": self.username} | ({} if self.secret is None else {"secret": self.secret})

    def registration(self) -> Message:
        return {"command": "REGISTER"} | self.credentials()

    def login(self) -> Message:
        return {"command": "LOGIN"} | self.credentials()

    def post(self, activity: object) -> Message:
        return {"command": "ACTIVITY_MESSAGE"} | self.credentials() | {"activity": activity}


ANONYMOUS = Person("anonymous", None)


def somebody(stem: str = "person") -> Person:
    """A person whom nobody has registered yet."""
    return Person(f"{stem}-{uuid.uuid4().hex[:12]}", f"secret-{uuid.uuid4().hex}")


def register(peer: Peer, person: Person) -> Message:
    """Register at a central over this link, which stays open."""
    peer.send(person.registration())
    return peer.expect("REGISTER_SUCCESS")


def log_in(peer: Peer, person: Person) -> Message:
    """Log in over this link (at a central, a REDIRECT follows)."""
    peer.send(person.login())
    return peer.expect("LOGIN_SUCCESS")


def redirect(peer: Peer, person: Person) -> Message:
    """Log in at a central and follow it to its end: the REDIRECT."""
    log_in(peer, person)
    message = peer.expect("REDIRECT")
    peer.expect_close()
    return message


class Link(Protocol):
    """What a speaker needs of its link."""

    def send(self, message: Message) -> None:
        """Post this."""

    def expect_activity(self) -> Message:
        """The next activity."""

    def log_out(self) -> list[Message]:
        """End the session, and return what still came."""

    def close(self) -> None:
        """Vanish."""


class Speaker:
    """A logged-in session that counts what it posts, so that the others can tell what they have to hear."""

    def __init__(self, peer: Link, person: Person, conversation: str) -> None:
        self.peer = peer
        self.person = person
        self.posted = 0
        self.name = f"{person.username}/{uuid.uuid4().hex[:6]}"
        self._conversation = conversation

    def say(self, count: int = 1) -> None:
        """Post so many activities in one go."""
        for _ in range(count):
            self.posted += 1
            note = {"conversation": self._conversation, "speaker": self.name, "number": self.posted}
            self.peer.send(self.person.post(note))


class Conversation:
    """Sessions that all hear each other. `check` proves that nothing was lost, doubled or reordered so far."""

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        self.speakers: list[Speaker] = []
        self._heard: dict[tuple[str, str], int] = {}
        self.overheard: list[Activity] = []
        """Activities of others that came by."""

    def join(self, peer: Link, person: Person) -> Speaker:
        """Take in a session that has just logged in. Everybody has to be in before anybody speaks."""
        speaker = Speaker(peer, person, self._token)
        self.speakers.append(speaker)
        return speaker

    def say(self, count: int = 1) -> None:
        """Everybody posts so many activities."""
        for speaker in self.speakers:
            speaker.say(count)

    def check(self) -> None:
        """Wait until everybody has heard everything that was said, each speaker's in order and once. Raises Moved."""
        for listener in self.speakers:
            while not self._has_heard_all(listener):
                self._hear(listener, listener.peer.expect_activity())

    def leave(self) -> None:
        """Log everybody out; nothing may come twice on the way out. Raises Moved."""
        self.check()
        for listener in self.speakers:
            for message in listener.peer.log_out():
                if message["command"] == "REDIRECT":
                    raise Moved
                assert message["command"] == "ACTIVITY_BROADCAST", f"unexpected: {message!r}"
                self._hear(listener, message["activity"])

    def _has_heard_all(self, listener: Speaker) -> bool:
        return all(self._heard.get((listener.name, speaker.name), 0) == speaker.posted for speaker in self.speakers)

    def _hear(self, listener: Speaker, activity: Activity) -> None:
        if activity.get("conversation") != self._token:
            self.overheard.append(activity)
            return
        speaker = next(one for one in self.speakers if one.name == activity["speaker"])
        assert activity["authenticated_user"] == speaker.person.username, f"wrong author: {activity!r}"
        last = self._heard.get((listener.name, speaker.name), 0)
        assert activity["number"] == last + 1, (
            f"{listener.name} heard number {activity['number']} of {speaker.name} after number {last}"
        )
        self._heard[listener.name, speaker.name] = activity["number"]

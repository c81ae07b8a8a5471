"""A world in which nothing happens by itself: a host's links and environment, and a role that does as it is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.peer import HERE, From
from oyez.host import Hearer, Host, Link
from oyez.protocol import codec
from oyez.protocol.messages import ActivityBroadcast, ActivityMessage, Address, LoginFailed, Message


@dataclass
class FakeTransport:
    """A link that takes `room` bytes (None: any number) and remembers all that is done to it."""

    room: int | None = None
    sent: bytes = b""
    paused: bool = False
    ended: str = ""
    hearer: Hearer = field(init=False, repr=False, compare=False)

    @property
    def write(self) -> Callable[[bytes], int]:
        return self.send

    def send(self, data: bytes) -> int:
        taken = len(data) if self.room is None else min(self.room, len(data))
        if self.room is not None:
            self.room -= taken
        self.sent += data[:taken]
        return taken

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self, rest: bytes) -> None:
        assert not self.ended
        self.ended = "closed"
        self.room = None
        self.sent += rest

    def abort(self) -> None:
        assert self.ended != "aborted"
        self.ended = "aborted"

    @property
    def lines(self) -> list[bytes]:
        """The whole lines that have left."""
        return self.sent.split(b"\n")[:-1]


@dataclass
class FakeEnvironment:
    """Keeps what the host asks for until the test lets it happen. `events` has it all, in order."""

    events: list[tuple[object, ...]] = field(default_factory=list)
    turn: list[Callable[[], None]] = field(default_factory=list)
    disk: list[Callable[[], None]] = field(default_factory=list)
    time: float = 1000.0

    def now(self) -> float:
        return self.time

    def soon(self, callback: Callable[[], None]) -> None:
        self.turn.append(callback)

    def set_timer(self, key: str, after: float) -> None:
        self.events.append(("set_timer", key, after))

    def cancel_timer(self, key: str) -> None:
        self.events.append(("cancel_timer", key))

    def dial(self, address: Address, purpose: str, within: float) -> None:
        self.events.append(("dial", str(address), purpose, within))

    def persist(self, records: tuple[fx.Record, ...], done: Callable[[], None]) -> None:
        self.events.append(("persist", *records))
        self.disk.append(done)

    def hash_secret(self, token: int, secret: str) -> None:
        self.events.append(("hash_secret", token, secret))

    def verify_secret(self, token: int, hash: str | None, secret: str) -> None:
        self.events.append(("verify_secret", token, hash, secret))

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        self.events.append(("report", event, dict(fields)))

    def deliver(self, broadcast: ActivityBroadcast) -> None:
        self.events.append(("deliver", broadcast.id))

    def quit(self, info: str) -> None:
        self.events.append(("quit", info))

    def stopped(self) -> None:
        self.events.append(("stopped",))

    def end_turn(self) -> None:
        """What was asked for soon happens now; what that asks for soon, in the next turn."""
        callbacks, self.turn = self.turn, []
        for callback in callbacks:
            callback()

    def finish_writing(self) -> None:
        """The oldest write has reached the disk."""
        self.disk.pop(0)()


Answer = Callable[..., Effects]


class ScriptedRole:
    """Hears everything, remembers it, and answers with what the test has set for that event, if anything."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.answers: dict[str, Answer] = {}

    def _hear(self, event: str, *what: object) -> Effects:
        self.heard.append((event, *what))
        answer = self.answers.get(event)
        return answer(*what) if answer is not None else []

    def on_start(self, now: float) -> Effects:
        return self._hear("start")

    def on_leave(self, now: float) -> Effects:
        return self._hear("leave")

    def on_stop(self, now: float) -> Effects:
        return self._hear("stop")

    def on_open(self, now: float, link: int, who: From) -> Effects:
        return self._hear("open", link)

    def on_dialed(self, now: float, link: int, purpose: str) -> Effects:
        return self._hear("dialed", link, purpose)

    def on_dial_failed(self, now: float, purpose: str, why: str) -> Effects:
        return self._hear("dial_failed", purpose, why)

    def on_message(self, now: float, link: int, message: Message) -> Effects:
        return self._hear("message", link, message)

    def on_posts(self, now: float, link: int, posts: list[ActivityMessage], block: bytes) -> Effects:
        return self._hear("posts", link, posts)

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        return self._hear("activities", link, block)

    def on_close(self, now: float, link: int) -> Effects:
        return self._hear("close", link)

    def on_timer(self, now: float, key: str) -> Effects:
        return self._hear("timer", key)

    def on_flush(self, now: float) -> Effects:
        return self._hear("flush")

    def on_hashed(self, now: float, token: int, hash: str) -> Effects:
        return self._hear("hashed", token, hash)

    def on_verified(self, now: float, token: int, ok: bool, stale: bool = False) -> Effects:
        return self._hear("verified", token, ok, *(["stale"] if stale else []))


class Stage:
    """A host with a scripted role, and the links that the test opens to it."""

    def __init__(self, line_limit: int = 64) -> None:
        self.role = ScriptedRole()
        self.world = FakeEnvironment()
        self.host = Host(self.role, self.world, line_limit)

    def open(self, room: int | None = None) -> tuple[Link, FakeTransport]:
        transport = FakeTransport(room)
        return self.host.opened(transport, HERE), transport

    def on_words(self, answers: Mapping[str, Effects | Answer]) -> None:
        """Answer a `said` word with these effects, or with what this function makes of its link."""

        def answer(link: int, message: Message) -> Effects:
            given = answers.get(message.info, []) if isinstance(message, LoginFailed) else []
            return given(link) if callable(given) else given

        self.role.answers["message"] = answer

    def words_heard(self) -> list[str]:
        """The words that the role has been told, in order; what was no message, as its reason."""
        messages = [event[2] for event in self.role.heard if event[0] == "message"]
        return [message.info if type(message) is LoginFailed else message.reason for message in messages]  # type: ignore[attr-defined]


def said(*words: str) -> bytes:
    """Lines that each say one word."""
    return b"".join(codec.encode(word(text)) for text in words)


def word(text: str) -> Message:
    """A message of which only the text matters."""
    return LoginFailed(text)


def send(link: int, text: str) -> fx.Send:
    """The effect that says a word."""
    return fx.Send(link, word(text))

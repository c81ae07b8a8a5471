"""However a stream is cut into reads, a role hears the same of it; and runs of activity lines lose nothing.

The input is where to cut, what kind of link it is, and then the stream.
"""

from __future__ import annotations

from itertools import pairwise

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.peer import HERE, From
from oyez.host import Host
from oyez.host.unfinished import Unfinished
from oyez.protocol import framing
from oyez.protocol.messages import ActivityMessage, Malformed, Message
from tests.fuzz.data import Data, cut
from tests.host.fakes import FakeEnvironment, FakeTransport, ScriptedRole

LONGEST, RUNS = 512, 2_000
LIMIT = 100
POST = '{"command":"ACTIVITY_MESSAGE","username":"u","activity":{"a":1}}'
WORDS = ["\n", "\r\n", "\x16\x03\x01", POST + "\n", framing.MESSAGE_PREFIX.decode(), '{"command":"LOGOUT"}\n', "x" * 90]

Heard = list[tuple[object, ...]]


def check(data: bytes) -> None:
    decisions = Data(data)
    trusted, places = decisions.flag(), decisions.places()
    stream = decisions.rest()
    _lines(stream, places)
    whole = stream[: stream.rfind(b"\n") + 1]
    if whole:
        _runs(whole)
    once = Ear(stream).told([stream] if stream else [], trusted)
    assert Ear(stream).told(cut(stream, places), trusted) == once
    assert Ear(stream).told([bytes([byte]) for byte in stream], trusted) == once


def _lines(stream: bytes, places: list[int]) -> None:
    buffer, found, sizes = framing.LineBuffer(LIMIT), list[bytes](), list[bool]()
    for piece in cut(stream, places):
        block = buffer.feed(piece)
        if block:
            found += framing.lines(block)
            sizes.append(framing.within(block, LIMIT))
            assert sizes[-1] == all(len(line) <= LIMIT for line in block[:-1].split(b"\n"))
    assert found == [line.removesuffix(b"\r") for line in stream.split(b"\n")[:-1]]
    assert buffer.give_up() == stream[stream.rfind(b"\n") + 1 :]


def _runs(block: bytes) -> None:
    found = list(framing.runs(block))
    assert b"".join(piece for _, piece in found) == block
    for are_activities, piece in found:
        lines = piece.split(b"\n")
        assert lines.pop() == b""
        assert are_activities or len(lines) == 1
        assert all(line.startswith(framing.MESSAGE_PREFIX) == are_activities for line in lines)
    assert not any(one and other for (one, _), (other, _) in pairwise(found))


class Ear(ScriptedRole):
    """Hears posts and activities as if each had come alone, and ends the link where a line was none."""

    def __init__(self, stream: bytes) -> None:
        super().__init__()
        self.opened: list[int] = []
        self._begins_tls = (b"\n" + stream).find(b"\n\x16") >= 0

    def told(self, pieces: list[bytes], trusted: bool = False) -> Heard:
        """What it hears on a link on which these come."""
        host = Host(self, FakeEnvironment(), LIMIT, Unfinished())
        link = host.opened(FakeTransport(), HERE)
        if trusted:
            host.perform([fx.Trust(link.id)])
        for piece in pieces:
            host.received(link, piece)
            assert len(link.buffer.rest) <= link.buffer.limit + 1
        return self.heard

    def on_open(self, now: float, link: int, who: From) -> Effects:
        self.opened.append(link)
        return []

    def on_close(self, now: float, link: int) -> Effects:
        return []

    def on_message(self, now: float, link: int, message: Message) -> Effects:
        if not isinstance(message, Malformed):
            self.heard.append((type(message), message))
            return []
        # What begins TLS is refused before its end is there: so it may be no JSON, or no UTF-8, or too long.
        self.heard.append(("no message" if self._begins_tls else message.reason,))
        return [fx.Close(link)]

    def on_posts(self, now: float, link: int, posts: list[ActivityMessage], block: bytes) -> Effects:
        assert len(posts) == block.count(b"\n")
        self.heard += [(type(post), post) for post in posts]
        return []

    def on_activities(self, now: float, link: int, block: bytes) -> Effects:
        self.heard += [("activity", line) for line in block.split(b"\n")[:-1]]
        return []

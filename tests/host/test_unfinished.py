"""Lines that begin and do not end: bounded in time, and in size over all links."""

from oyez.core import effects as fx
from oyez.host import Host, Link
from oyez.host.unfinished import Unfinished
from oyez.protocol.messages import Message
from tests.host.fakes import FakeTransport, Stage, said


class Narrow(Stage):
    """A host that gives a line 30 s, and all that are unfinished 1000 bytes; its role refuses as roles do."""

    def __init__(self) -> None:
        super().__init__(line_limit=600)
        self.world.time = 0.0
        self.unfinished = Unfinished(30.0, 1000)
        self.host = Host(self.role, self.world, 600, self.unfinished)
        self.role.answers["message"] = self._refuse

    def _refuse(self, link: int, message: Message) -> fx.Effects:
        return [fx.Close(link)] if getattr(message, "reason", "") else []

    def passes(self, seconds: float) -> None:
        """As nodes do, it looks at the time now and then."""
        end = self.world.time + seconds
        while self.world.time < end - 1e-6:
            self.world.time = min(end, self.world.time + 0.5)
            self.host.timer("tick")


def told(stage: Stage, link: Link) -> list[str]:
    """What a link was refused for."""
    heard = [event for event in stage.role.heard if event[0] == "message" and event[1] == link.id]
    return [reason for event in heard if (reason := getattr(event[2], "reason", ""))]


def test_a_line_has_its_time() -> None:
    stage = Narrow()
    link, transport = stage.open()
    stage.host.received(link, b'{"comm')
    stage.passes(29.9)
    stage.host.received(link, b"a")
    assert told(stage, link) == []
    stage.passes(0.1)
    assert told(stage, link) == ["too_slow"]
    assert transport.ended == "closed"


def test_a_byte_now_and_then_does_not_help() -> None:
    stage = Narrow()
    link, _ = stage.open()
    for _ in range(40):
        stage.host.received(link, b" ")
        stage.passes(1.0)
    assert told(stage, link) == ["too_slow"]


def test_each_line_has_its_own() -> None:
    stage = Narrow()
    link, transport = stage.open()
    line = said("hello")
    for _ in range(10):
        stage.host.received(link, line[:-3])
        stage.passes(20.0)
        stage.host.received(link, line[-3:] + line[:5])
        stage.passes(20.0)
        stage.host.received(link, line[5:])
    assert told(stage, link) == []
    assert not transport.ended
    assert stage.unfinished.total == len(stage.unfinished) == 0


def test_a_link_that_says_nothing_is_not_the_hosts_business() -> None:
    stage = Narrow()
    link, transport = stage.open()
    stage.host.received(link, said("hello"))
    stage.passes(1000.0)
    assert not transport.ended


def test_who_is_held_can_not_help_it() -> None:
    stage = Narrow()
    link, _ = stage.open()
    stage.host.received(link, b"half a l")
    stage.host.perform([fx.Hold(link.id)])
    stage.passes(100.0)
    stage.host.perform([fx.Release(link.id)])
    stage.passes(15.0)
    assert told(stage, link) == []
    stage.passes(15.0)
    assert told(stage, link) == ["too_slow"]


def test_who_was_not_listened_to_can_not_help_it() -> None:
    """The process was stopped, and what came meanwhile has not been read yet."""
    stage = Narrow()
    link, _ = stage.open()
    stage.host.received(link, b"half a l")
    stage.world.time += 60
    stage.host.timer("tick")
    assert told(stage, link) == []
    stage.host.received(link, b"ine\n")
    assert told(stage, link) == ["not_json"]


def test_nodes_have_all_the_time() -> None:
    stage = Narrow()
    link, _ = stage.open()
    stage.host.received(link, b"half a l")
    stage.host.perform([fx.Trust(link.id)])
    stage.host.received(link, b"i")
    stage.passes(100.0)
    assert told(stage, link) == []
    assert stage.unfinished.total == 0


def test_where_it_is_too_much_in_all_the_oldest_go() -> None:
    stage = Narrow()
    links = [stage.open()[0] for _ in range(4)]
    for link, size in zip(links, (300, 400, 300, 100), strict=True):
        stage.host.received(link, b"x" * size)
        stage.world.time += 1
    assert [told(stage, link) for link in links] == [["too_much"], [], [], []]
    assert stage.unfinished.total == 800
    stage.host.received(links[3], b"x" * 300)
    assert [told(stage, link) for link in links] == [["too_much"], ["too_much"], [], []]


def test_nothing_is_kept_of_what_is_closed() -> None:
    stage = Narrow()
    link, _ = stage.open()
    stage.host.received(link, b"x" * 500)
    stage.host.perform([fx.Close(link.id)])
    assert stage.unfinished.total == len(stage.unfinished) == 0
    assert link.buffer.rest == b""
    stage.host.received(link, b"x" * 500)
    stage.host.closed(link)
    other, _ = stage.open()
    stage.host.received(other, b"x" * 500)
    stage.host.closed(other)
    assert stage.unfinished.total == len(stage.unfinished) == 0


def test_where_nobody_bounds_it_a_peer_may_take_its_time() -> None:
    stage = Stage(line_limit=10_000)
    transports: list[FakeTransport] = []
    for _ in range(10):
        link, transport = stage.open()
        transports.append(transport)
        stage.host.received(link, b"x" * 9000)
    stage.world.time += 1e6
    stage.host.timer("tick")
    assert not any(transport.ended for transport in transports)

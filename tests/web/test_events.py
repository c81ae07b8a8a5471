"""A reader of server-sent events gets what a client gets, and may go on anywhere."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.core import effects as fx
from oyez.log import Chunk, Log
from oyez.protocol import messages as m
from oyez.web.events import ORIGINS, Reader, position
from tests.host.fakes import FakeTransport
from tests.web.stage import Stage, get

SUCCESS = m.LoginSuccess("in", network="net", origins={"old.1": 7})


def line(sequence: int) -> bytes:
    return b'{"command":"ACTIVITY_BROADCAST","id":"s.1-%d","activity":{"n":%d}}\n' % (sequence, sequence)


def chunk(first: int, count: int = 1) -> Chunk:
    return Chunk("s.1", first, count, b"".join(line(sequence) for sequence in range(first, first + count)))


def asks(stage: Stage, reader: Reader | None = None, room: int | None = None) -> tuple[int, FakeTransport]:
    """Somebody asks for the feed; what the role heard of it is in `stage.role.heard`."""
    stage.site.reader = reader or Reader()
    link, transport = stage.open(room)
    transport.hearer.received(link, get("/feed"))
    return link.id, transport


def let_in(stage: Stage, log: Log, room: int | None = None, reader: Reader | None = None) -> tuple[int, FakeTransport]:
    link, transport = asks(stage, reader)
    stage.host.perform([fx.Send(link, SUCCESS), fx.Follow(link, log)])
    transport.room = room
    return link, transport


def events(sent: bytes) -> list[dict[str, str]]:
    """As a browser reads them."""
    body = sent.split(b"\r\n\r\n", 1)[1].decode()
    found = []
    for block in body.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if fields:
            found.append(fields)
    return found


def test_a_request_logs_in_and_resumes() -> None:
    stage = Stage()
    link, _ = asks(stage, Reader("bob", "secret", {"a.1": 5}, "net"))
    resume = m.Resume("net", {"a.1": 5})
    assert stage.role.heard[1:] == [("message", link, m.Login("bob", "secret", resume=resume))]


def test_activities_are_events_whose_id_is_the_cursor() -> None:
    stage, log = Stage(), Log(retention=10_000)
    _, transport = let_in(stage, log)
    log.publish([chunk(1, 2)])
    first, *rest = events(transport.sent)
    assert transport.sent.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream")
    assert first == {"retry": "1000", "id": "net/old.1-7"}
    assert [event["data"].encode() + b"\n" for event in rest] == [line(1), line(2)]
    assert [event["id"] for event in rest] == ["net/old.1-7,s.1-1", "net/old.1-7,s.1-2"]
    assert position(rest[1]["id"]) == ("net", {"old.1": 7, "s.1": 2})


def test_only_so_many_origins_are_in_an_id() -> None:
    stage, log = Stage(), Log(retention=10_000)
    held = {f"o.{number}": number for number in range(1, ORIGINS + 50)}
    _, transport = asks(stage, Reader(held=held))
    stage.host.perform([fx.Send(1, m.LoginSuccess("in", network="net")), fx.Follow(1, log)])
    log.publish([chunk(1)])
    found = position(events(transport.sent)[-1]["id"])
    assert found is not None
    assert len(found[1]) == ORIGINS


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 700)), min_size=1, max_size=15))
def test_whatever_the_link_takes_at_once_each_comes_once_and_in_order(turns: list[tuple[int, int]]) -> None:
    stage, log = Stage(), Log(retention=10_000_000)
    link, transport = let_in(stage, log, room=0)
    first = 1
    for count, room in turns:
        log.publish([chunk(first, count)])
        first += count
        transport.room = room
        transport.hearer.drained(stage.host.links[link])
    transport.room = None
    for _ in range(50):
        transport.hearer.drained(stage.host.links[link])
        stage.world.end_turn()
    data = [event["data"].encode() + b"\n" for event in events(transport.sent) if "data" in event]
    assert data == [line(sequence) for sequence in range(1, first)]


def test_a_line_end_that_json_may_have_ends_no_event() -> None:
    """Else a sender could put events of its own into the streams of others."""
    stage, log = Stage(), Log(retention=10_000)
    _, transport = let_in(stage, log)
    data = line(1)[:-2] + b'\r,\rid: evil\rdata: "evil"\r}\n'
    log.publish([Chunk("s.1", 1, 1, data)])
    assert b"\r" not in transport.sent.split(b"\r\n\r\n", 1)[1]
    assert len([event for event in events(transport.sent) if "data" in event]) == 1


def test_a_gap_is_an_event_and_moves_the_cursor() -> None:
    stage, log = Stage(), Log(retention=10_000)
    link, transport = let_in(stage, log)
    stage.host.perform([fx.Send(link, m.Gap([m.Range("a.1", 3, 9)]))])
    last = events(transport.sent)[-1]
    assert last["event"] == "gap"
    assert last["id"] == "net/old.1-7,a.1-9"
    assert json.loads(last["data"])["gaps"] == [{"origin": "a.1", "first": 3, "last": 9}]


def test_a_gap_that_is_told_before_the_reader_is_in_is_the_first_event() -> None:
    """As servers tell it to whoever resumes."""
    stage, log = Stage(), Log(retention=10_000)
    link, transport = asks(stage, Reader(held={"a.1": 5}, network="net"))
    gap = m.Gap([m.Range("a.1", 6, 9)])
    stage.host.perform([fx.Send(link, gap), fx.Send(link, m.LoginSuccess("in", network="net")), fx.Follow(link, log)])
    log.publish([chunk(1)])
    first, second, third = events(transport.sent)
    assert first == {"retry": "1000", "id": "net/a.1-5"}
    assert (second["event"], second["id"]) == ("gap", "net/a.1-9")
    assert third["id"] == "net/a.1-9,s.1-1"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (m.LoginFailed("no", "wrong_secret"), b"401"),
        (m.AuthenticationFail("no", "no"), b"401"),
        (m.InvalidMessage("later", "full"), b"503"),
    ],
)
def test_refusals_are_those_of_http(answer: m.Message, status: bytes) -> None:
    stage = Stage()
    link, transport = asks(stage)
    stage.host.perform([fx.Send(link, answer), fx.Close(link)])
    head, body = transport.sent.split(b"\r\n\r\n", 1)
    assert head.split()[1] == status
    assert (b"WWW-Authenticate: Basic" in head) == (status == b"401")
    assert json.loads(body)["info"] == answer.info  # type: ignore[attr-defined]
    assert transport.ended == "closed"


def test_who_is_sent_on_before_it_is_in_is_redirected() -> None:
    stage = Stage()
    link, transport = asks(stage, Reader(scheme="https"))
    stage.host.perform([fx.Send(link, m.Redirect("::1", 4000)), fx.Close(link)])
    assert b"HTTP/1.1 307 " in transport.sent
    assert b"\r\nLocation: https://[::1]:4000/activities\r\n" in transport.sent


def test_who_is_sent_on_later_is_told_without_the_ticket() -> None:
    stage, log = Stage(), Log(retention=10_000)
    link, transport = let_in(stage, log)
    stage.host.perform([fx.Send(link, m.Redirect("there", 4000, "a ticket")), fx.Close(link)])
    last = events(transport.sent)[-1]
    assert last["event"] == "redirect"
    assert json.loads(last["data"]) == {"hostname": "there", "port": 4000}
    assert transport.ended == "closed"


@pytest.mark.parametrize(
    "text", ["net/a", "net/a-", "net/-1", "net/a-x", "net/a-1,,b-2", "net/a-²", "net/a-" + "9" * 16]
)
def test_an_id_that_is_none(text: str) -> None:
    assert position(text) is None


def test_an_id_of_before_anything_came() -> None:
    assert position("net/") == ("net", {})

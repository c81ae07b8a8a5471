"""A client over WebSocket hears what any client would, and is heard like one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from oyez.core import effects as fx
from oyez.log import Log
from oyez.web import frames
from oyez.web.origins import Origins
from oyez.web.recoded import OWED
from tests.host.fakes import said, send
from tests.log.readers import chunk, line
from tests.web.stage import Browser, Stage, get, upgrade


def test_its_messages_are_lines() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    data = browser.says(said("one")[:-1], said("two")[:-1])
    for at in range(len(data)):
        transport.hearer.received(link, data[at : at + 1])
    assert stage.words_heard() == ["one", "two"]


def test_what_it_is_told_are_messages() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    stage.host.perform([send(link.id, "one"), send(link.id, "two")])
    assert browser.hears(transport.sent) == [said("one")[:-1], said("two")[:-1]]


def test_what_follows_the_request_at_once_is_heard() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open()
    transport.hearer.received(link, upgrade() + browser.says(said("early")[:-1]))
    assert stage.words_heard() == ["early"]


def test_a_request_may_come_in_crumbs() -> None:
    stage = Stage()
    link, transport = stage.open()
    for byte in upgrade():
        transport.hearer.received(link, bytes([byte]))
    assert transport.sent.startswith(b"HTTP/1.1 101 ")
    assert stage.role.heard == [("open", link.id)]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=40),
    st.lists(st.one_of(st.integers(1, 5), st.text("ab", min_size=1, max_size=200)), min_size=1, max_size=12),
)
def test_whatever_the_link_takes_at_once_all_comes_whole_and_in_order(
    rooms: list[int], script: list[int | str]
) -> None:
    """Numbers are activities of one turn, texts are messages in between."""
    stage, browser, log = Stage(), Browser(), Log(retention=10_000_000)
    link, transport = stage.open_websocket()
    stage.host.perform([fx.Follow(link.id, log)])
    first, activities, messages = 1, [], []
    for step, what in enumerate(script):
        transport.room = rooms[step % len(rooms)]
        transport.hearer.drained(link)
        if isinstance(what, int):
            log.publish([chunk(first, what)])
            activities += [line(sequence)[:-1] for sequence in range(first, first + what)]
            first += what
        else:
            stage.host.perform([send(link.id, what)])
            messages.append(said(what)[:-1])
    transport.room = None
    for _ in range(100):
        transport.hearer.drained(link)
        stage.world.end_turn()
    heard = browser.hears(transport.sent)
    assert [one for one in heard if one in activities] == activities
    assert [one for one in heard if one in messages] == messages
    assert len(heard) == len(activities) + len(messages)


def test_a_turn_is_framed_once_for_all_who_keep_up() -> None:
    stage, log = Stage(), Log(retention=10_000)
    opened = [stage.open_websocket() for _ in range(3)]
    for link, _ in opened:
        stage.host.perform([fx.Follow(link.id, log)])
    made: list[bytes] = []
    framed = frames.frames

    def counted(lines: bytes) -> bytes:
        made.append(lines)
        return framed(lines)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "frames", counted)
        log.publish([chunk(1, 3)])
    assert len(made) == 1
    assert {transport.sent for _, transport in opened} == {framed(b"".join(line(at) for at in (1, 2, 3)))}


def test_a_slow_reader_costs_one_line_beyond_what_the_log_keeps() -> None:
    stage, log = Stage(), Log(retention=1_000_000)
    link, transport = stage.open_websocket()
    stage.host.perform([fx.Follow(link.id, log)])
    transport.room = 5
    log.publish([chunk(1, 1000)])
    websocket = link.transport
    assert 0 < len(websocket._rest) <= len(frames.frames(line(1)))  # type: ignore[attr-defined]
    assert not link.outbox


def test_pings_are_answered_between_two_lines() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    transport.room = 10
    stage.host.perform([send(link.id, "a long word")])
    browser.protocol.send_ping(b"?")
    transport.hearer.received(link, b"".join(browser.protocol.data_to_send()))
    transport.room = None
    transport.hearer.drained(link)
    browser.protocol.receive_data(transport.sent)
    heard = [event for event in browser.protocol.events_received() if isinstance(event, Frame)]
    assert [frame.opcode for frame in heard] == [Opcode.TEXT, Opcode.PONG]


def test_who_pings_and_reads_nothing_is_cut() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    transport.room = 0
    for _ in range(OWED // 100 + 1):
        browser.protocol.send_ping(b"x" * 100)
        transport.hearer.received(link, b"".join(browser.protocol.data_to_send()))
    assert transport.ended == "aborted"


def test_who_closes_is_answered_and_gone_at_once() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    browser.protocol.send_close(1001)
    transport.hearer.received(link, b"".join(browser.protocol.data_to_send()))
    assert ("close", link.id) in stage.role.heard
    assert transport.ended == "closed"
    assert transport.sent == frames.closing(1001)
    transport.hearer.closed(link)
    assert stage.role.heard.count(("close", link.id)) == 1


def test_who_breaks_the_rules_is_told_which() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    transport.hearer.received(link, b"\x82\x80" + bytes(4))
    browser.protocol.receive_data(transport.sent)
    assert browser.protocol.close_rcvd is not None
    assert browser.protocol.close_rcvd.code == frames.UNSUPPORTED
    assert "text" in browser.protocol.close_rcvd.reason
    assert ("close", link.id) in stage.role.heard


def test_the_role_closes_behind_its_last_word() -> None:
    stage, browser = Stage(), Browser()
    link, transport = stage.open_websocket()
    stage.host.perform([send(link.id, "bye"), fx.Close(link.id)])
    assert browser.hears(transport.sent) == [said("bye")[:-1]]
    assert browser.protocol.close_rcvd is not None
    assert transport.ended == "closed"


def test_a_page_of_another_site_is_refused() -> None:
    stage = Stage()
    for origin in ("https://evil.example", "null"):
        _, transport = opened = stage.open()
        transport.hearer.received(opened[0], upgrade(Origin=origin))
        assert transport.sent.startswith(b"HTTP/1.1 403 ")
        assert transport.ended == "closed"
    assert ("report", "origin_refused", {"origin": "https://evil.example"}) in stage.world.events


def test_a_page_of_the_network_may_come() -> None:
    stage = Stage()
    stage.site.origins = Origins(["https://app.example/"], lambda: ["central.example"])
    for origin in ("http://127.0.0.1:9", "https://central.example", "https://app.example", "http://localhost:3780"):
        link, transport = stage.open()
        transport.hearer.received(link, upgrade(Origin=origin))
        assert transport.sent.startswith(b"HTTP/1.1 101 "), origin


def test_a_handshake_that_is_wrong_is_answered() -> None:
    stage = Stage()
    for request, status in [
        (get(headers={"Upgrade": "websocket"}), b"426"),
        (upgrade(Sec_WebSocket_Version="12"), b"400"),
        (upgrade("/elsewhere"), b"404"),
        (get(headers={"Upgrade": "websocket"}, method="POST"), b"405"),
    ]:
        link, transport = stage.open()
        transport.hearer.received(link, request)
        assert transport.sent.split()[1] == status, request
        assert transport.ended == "closed"


def test_who_speaks_lines_is_heard_by_the_host_alone() -> None:
    stage = Stage()
    link, transport = stage.open()
    transport.hearer.received(link, said("plain"))
    assert stage.words_heard() == ["plain"]
    assert transport.hearer is stage.host


def test_what_begins_a_request_and_never_ends_it_has_a_bound() -> None:
    stage = Stage()
    link, transport = stage.open()
    transport.hearer.received(link, b"GET /" + b"a" * 20_000)
    assert transport.sent.startswith(b"HTTP/1.1 431 ")


def test_who_is_sent_away_before_it_has_asked_gets_a_response() -> None:
    stage = Stage()
    link, transport = stage.open()
    transport.hearer.received(link, b"GET ")
    stage.host.perform([send(link.id, "too slow"), fx.Close(link.id)])
    assert transport.sent.startswith(b"HTTP/1.1 503 ")
    assert transport.sent.endswith(said("too slow"))


def test_a_page_is_sent_as_fast_as_it_is_taken() -> None:
    stage = Stage()
    link, transport = stage.open(room=10)
    transport.hearer.received(link, get("/page"))
    assert stage.role.heard == [("open", link.id)]
    transport.room = None
    transport.hearer.drained(link)
    assert transport.sent.endswith(b"\r\n\r\na page")
    assert transport.ended == "closed"
    assert ("close", link.id) in stage.role.heard

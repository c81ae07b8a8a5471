"""The life of a link: what a role hears of it, in which order, and what it hears no more."""

import pytest

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.log import Log
from tests.host.fakes import FakeTransport, Stage, said, send
from tests.log.readers import chunk


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_link_opens_speaks_and_closes_in_this_order(stage: Stage) -> None:
    link, _ = stage.open()
    stage.host.received(link, said("hello", "again"))
    stage.host.closed(link)
    assert [event[0] for event in stage.role.heard] == ["open", "message", "message", "close"]
    assert {event[1] for event in stage.role.heard} == {link.id}
    assert stage.host.links == {}


def test_links_have_numbers_of_their_own_for_ever(stage: Stage) -> None:
    first, _ = stage.open()
    stage.host.closed(first)
    second, _ = stage.open()
    third = stage.host.dialed(FakeTransport(), "peer:b")
    assert len({first.id, second.id, third.id}) == 3
    assert stage.role.heard[-1] == ("dialed", third.id, "peer:b")


def test_a_link_closes_once(stage: Stage) -> None:
    link, _ = stage.open()
    stage.host.closed(link)
    stage.host.closed(link)
    assert [event[0] for event in stage.role.heard].count("close") == 1


def test_the_role_may_refuse_a_link_when_it_opens(stage: Stage) -> None:
    stage.role.answers["open"] = lambda link: [send(link, "full"), fx.Close(link)]
    link, transport = stage.open()
    assert (transport.sent, transport.ended) == (said("full"), "closed")
    assert link.closing


def test_a_link_that_is_being_closed_gives_the_role_nothing_more(stage: Stage) -> None:
    link, transport = stage.open()
    stage.on_words({"bye": [fx.Close(link.id)]})
    stage.host.received(link, said("hello", "bye", "ignored") + b"x" * 1000)
    stage.host.received(link, said("ignored"))
    stage.host.drained(link)
    assert stage.words_heard() == ["hello", "bye"]
    assert transport.ended == "closed"
    stage.host.closed(link)
    assert stage.role.heard[-1] == ("close", link.id)


def test_nothing_is_sent_behind_the_end(stage: Stage) -> None:
    link, transport = stage.open()
    log = Log(1000)
    stage.on_words(
        {"bye": [send(link.id, "goodbye"), fx.Close(link.id), send(link.id, "?"), fx.Follow(link.id, log, None)]}
    )
    stage.host.received(link, said("bye"))
    log.publish([chunk(1)])
    assert transport.sent == said("goodbye")


def test_closing_twice_is_closing_once(stage: Stage) -> None:
    link, transport = stage.open()
    stage.on_words({"bye": [fx.Close(link.id), fx.Close(link.id), fx.Close(link.id, at_once=True)]})
    stage.host.received(link, said("bye"))
    assert transport.ended == "closed"


def test_closing_leaves_what_was_said_before_time_to_leave(stage: Stage) -> None:
    link, transport = stage.open(room=4)
    stage.on_words({"bye": [send(link.id, "goodbye"), fx.Close(link.id)]})
    stage.host.received(link, said("bye"))
    assert transport.sent == said("goodbye")


def test_at_once_is_without_it(stage: Stage) -> None:
    link, transport = stage.open(room=4)
    stage.on_words({"bye": [send(link.id, "goodbye"), fx.Close(link.id, at_once=True)]})
    stage.host.received(link, said("bye"))
    assert (len(transport.sent), transport.ended) == (4, "aborted")


def test_who_closes_reads_no_log_any_more(stage: Stage) -> None:
    log = Log(1000)
    leaving, staying = stage.open()[0], stage.open()[0]
    for link in (leaving, staying):
        stage.host.perform([fx.Follow(link.id, log, None)])
    stage.host.perform([fx.Close(leaving.id)])
    stage.host.closed(staying)
    log.publish([chunk(1)])
    assert log.delivered == 0


def test_effects_for_a_link_that_is_gone_do_nothing(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.closed(link)
    gone: Effects = [
        send(link.id, "?"),
        fx.Close(link.id),
        fx.Hold(link.id),
        fx.Release(link.id),
        fx.Trust(link.id),
        fx.Follow(link.id, Log(1), None),
    ]
    stage.host.perform(gone)
    assert transport == FakeTransport()


def test_the_role_has_the_last_word_when_the_node_stops(stage: Stage) -> None:
    (one, to_one), (_, to_two) = stage.open(), stage.open()
    stage.role.answers["stop"] = lambda: [send(one.id, "goodbye")]
    stage.host.stop()
    assert (to_one.sent, to_one.ended) == (said("goodbye"), "closed")
    assert (to_two.sent, to_two.ended) == (b"", "closed")


def test_what_happens_to_one_link_touches_no_other(stage: Stage) -> None:
    (bad, to_bad), (good, to_good) = stage.open(), stage.open()
    stage.role.answers["message"] = lambda link, message: [send(link, "what?"), fx.Close(link)]
    stage.host.received(good, said("half a line")[:-5])
    stage.host.received(bad, b"\xff\n")
    stage.host.closed(bad)
    assert to_bad.ended
    assert to_good == FakeTransport()
    stage.host.received(good, said("half a line")[-5:])
    assert stage.words_heard() == ["not_utf8", "half a line"]

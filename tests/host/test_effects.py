"""Effects: carried out in the order of their list, and behind a `Persist` only once the disk has it."""

import pytest

from oyez.core import effects as fx
from oyez.protocol.messages import ActivityBroadcast, Address
from tests.host.fakes import Stage, said, send

BOB, EVE = fx.UserRecord("bob", "hash"), fx.UserRecord("eve", "hash")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def reported(name: str) -> fx.Report:
    return fx.Report(name, {})


def test_each_effect_reaches_the_world_in_order(stage: Stage) -> None:
    stage.host.perform(
        [
            fx.SetTimer("tick", 1.5),
            fx.CancelTimer("tick"),
            fx.Dial(Address("a", 1), "central", 2.5),
            fx.HashSecret(1, "secret"),
            fx.VerifySecret(2, None, "secret"),
            fx.Report("event", {"link": 3}),
            fx.Deliver(ActivityBroadcast(b"{}", "a.1-1")),  # type: ignore[arg-type]
            fx.Quit("enough"),
            fx.Persist((BOB, EVE)),
        ]
    )
    assert stage.world.events == [
        ("set_timer", "tick", 1.5),
        ("cancel_timer", "tick"),
        ("dial", "a:1", "central", 2.5),
        ("hash_secret", 1, "secret"),
        ("verify_secret", 2, None, "secret"),
        ("report", "event", {"link": 3}),
        ("deliver", "a.1-1"),
        ("quit", "enough"),
        ("persist", BOB, EVE),
    ]


@pytest.mark.parametrize(
    ("happen", "heard"),
    [
        (lambda host: host.start(), ("start",)),
        (lambda host: host.stop(), ("stop",)),
        (lambda host: host.timer("tick"), ("timer", "tick")),
        (lambda host: host.dial_failed("peer:b", "no route"), ("dial_failed", "peer:b", "no route")),
        (lambda host: host.hashed(1, "hash"), ("hashed", 1, "hash")),
        (lambda host: host.verified(2, True), ("verified", 2, True)),
    ],
)
def test_each_event_reaches_the_role_and_its_answer_the_world(stage: Stage, happen, heard) -> None:
    stage.role.answers[heard[0]] = lambda *what: [reported("answered")]
    happen(stage.host)
    assert stage.role.heard == [heard]
    assert stage.world.events == [("report", "answered", {})]


def test_a_flush_comes_at_the_end_of_the_turn(stage: Stage) -> None:
    stage.role.answers["flush"] = lambda: [reported("flushed")]
    stage.host.perform([fx.Flush(), reported("before")])
    assert stage.role.heard == []
    stage.world.end_turn()
    assert stage.role.heard == [("flush",)]
    assert [event[1] for event in stage.world.events] == ["before", "flushed"]


def test_what_follows_a_persist_waits_for_the_disk(stage: Stage) -> None:
    link, transport = stage.open()
    stage.host.perform([send(link.id, "before"), fx.Persist((BOB,)), send(link.id, "behind"), reported("behind")])
    assert transport.sent == said("before")
    assert stage.world.events == [("persist", BOB)]
    stage.world.finish_writing()
    assert transport.sent == said("before", "behind")
    assert stage.world.events[-1] == ("report", "behind", {})


def test_each_persist_waits_for_its_own(stage: Stage) -> None:
    stage.host.perform([fx.Persist((BOB,)), reported("one"), fx.Persist((EVE,)), reported("two")])
    stage.world.finish_writing()
    assert stage.world.events == [("persist", BOB), ("report", "one", {}), ("persist", EVE)]
    stage.world.finish_writing()
    assert stage.world.events[-1] == ("report", "two", {})


def test_other_lists_do_not_wait(stage: Stage) -> None:
    stage.host.perform([fx.Persist((BOB,)), reported("later")])
    stage.host.perform([reported("now")])
    assert stage.world.events == [("persist", BOB), ("report", "now", {})]


def test_a_link_that_is_gone_when_the_disk_has_it_is_told_nothing(stage: Stage) -> None:
    link, transport = stage.open()
    other, to_other = stage.open()
    stage.host.perform([fx.Persist((BOB,)), send(link.id, "you"), send(other.id, "them")])
    stage.host.closed(link)
    stage.world.finish_writing()
    assert (transport.sent, to_other.sent) == (b"", said("them"))


def test_an_effect_that_nobody_knows_fails_loudly(stage: Stage) -> None:
    with pytest.raises(KeyError):
        stage.host.perform([object()])  # type: ignore[list-item]


def test_what_is_current_is_what_it_is_when_its_turn_comes(stage: Stage) -> None:
    """Seed 3002811: a central voted while another list waited for the disk, which then wrote what it was before."""
    now = {"who": BOB}
    stage.host.perform([fx.Persist((BOB,)), fx.Persist((fx.Current(lambda: (now["who"],)), BOB)), reported("done")])
    now["who"] = EVE
    stage.world.finish_writing()
    assert stage.world.events[-1] == ("persist", EVE, BOB)


def test_what_one_link_is_told_in_a_row_leaves_together(stage: Stage) -> None:
    (one, first), (two, second) = stage.open(), stage.open()
    pieces: list[bytes] = []

    def take(data: bytes) -> int:
        pieces.append(data)
        return len(data)

    for transport in (first, second):
        transport.send = take  # type: ignore[method-assign]
    stage.host.perform(
        [
            send(one.id, "a"),
            send(one.id, "b"),
            send(two.id, "c"),
            send(one.id, "d"),
            reported("between"),
            send(one.id, "e"),
            send(99, "nobody"),
            send(one.id, "f"),
            fx.Close(one.id),
            send(one.id, "g"),
        ]
    )
    assert pieces == [said("a", "b"), said("c"), said("d"), said("e"), said("f")]

"""A server that shows no life is left; one that is not listened to, or never said that it would, is not."""

import pytest

from oyez.core import timing
from oyez.core.client.patience import STEP_AT_SERVER, STEP_AT_SUSPECT, WATCH
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.callers import HOME, OTHER, THERE, WELCOME, Caller, says


def noticed(bob: Caller) -> float:
    """Seconds until the client has left its server, or many."""
    begun = bob.world.time
    while not bob.world.dials and bob.world.time < begun + 60:
        bob.pass_time(0.5)
    return bob.world.time - begun


def test_a_frozen_server_is_left_at_once() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    assert timing.SUSPICION - WATCH <= noticed(bob) <= timing.SUSPICION + WATCH
    assert server.ended
    assert server._transport.ended == "aborted"  # nobody is there to take a farewell
    assert bob.disconnected == ["the server showed no life for 3 seconds"]
    assert bob.dialed() == HOME


@pytest.mark.parametrize("life", [n.Heartbeat(), says("s1.7-1")], ids=["heartbeat", "activity"])
def test_whatever_it_says_is_life(life: m.Message) -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    for _ in range(20):
        server.says(life)
        bob.pass_time(2.5)
    assert bob.disconnected == []
    server.says(life)
    assert timing.SUSPICION <= noticed(bob) <= timing.SUSPICION + WATCH


def test_a_heartbeat_is_understood() -> None:
    bob = Caller("bob")
    bob.settled_in().says(n.Heartbeat())
    assert bob.reported("not_understood") == []


def test_who_slept_gives_the_server_a_new_chance() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    for _ in range(3):
        bob.pass_time(1.5)
        bob.sleep(60.0)
        bob.pass_time(0.1)
        assert not server.ended
    assert timing.SUSPICION - WATCH <= noticed(bob) <= timing.SUSPICION + WATCH


def test_while_the_link_is_not_read_its_silence_means_nothing() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    bob.role.reading = False
    assert noticed(bob) >= 60
    bob.role.reading = True
    assert timing.SUSPICION - WATCH <= noticed(bob) <= timing.SUSPICION + WATCH
    assert server.ended


def test_a_new_link_is_read() -> None:
    bob = Caller("bob")
    server = bob.settled_in()
    bob.role.reading = False
    server.hangs_up()
    bob.resumes(bob.at_server())
    assert noticed(bob) <= timing.SUSPICION + WATCH


def test_a_server_that_never_said_that_it_would_show_life_may_be_silent() -> None:
    bob = Caller("bob")
    bob.connected()
    assert noticed(bob) >= 60


def test_nobody_watches_a_link_that_is_gone() -> None:
    bob = Caller("bob")
    bob.settled_in().hangs_up()
    assert "watch" not in bob.world.timers
    assert bob.role.on_timer(bob.world.time, "watch") == []


def test_where_it_is_sent_back_to_the_frozen_server_it_does_not_stay_long() -> None:
    """The central may notice later than it does. Once: then it may just be slow."""
    bob = Caller("bob")
    bob.settled_in()
    noticed(bob)
    frozen = bob.at_server()
    bob.pass_time(STEP_AT_SUSPECT)
    assert frozen.ended
    bob.waits()
    slow = bob.at_server()
    bob.pass_time(STEP_AT_SERVER - 0.1)
    assert not slow.ended
    slow.says(WELCOME)
    assert bob.role.live


def test_a_handshake_with_the_frozen_server_takes_no_longer() -> None:
    """Over TLS it is not the login that it leaves hanging."""
    bob = Caller("bob")
    bob.settled_in()
    noticed(bob)
    bob.answer().says(m.LoginSuccess("in"), m.Redirect(THERE.hostname, THERE.port, "permit"))
    began = bob.world.time
    bob.hang()
    assert bob.world.time - began == STEP_AT_SUSPECT
    bob.waits()
    bob.answer().says(m.LoginSuccess("in"), m.Redirect(THERE.hostname, THERE.port, "permit"))
    assert bob.world.patience[-1] == timing.REACH  # it may just be slow


def test_another_server_has_all_the_time_that_it_may_need() -> None:
    bob = Caller("bob")
    bob.settled_in()
    noticed(bob)
    bob.answer().says(m.LoginSuccess("in"), m.Redirect(OTHER.hostname, OTHER.port, "permit"))
    other = bob.answer()
    bob.pass_time(STEP_AT_SERVER - 0.1)
    assert not other.ended


def test_a_frozen_server_is_the_last_alternate() -> None:
    bob = Caller("bob")
    bob.settled_in({}, (m.Alternate(OTHER.hostname, OTHER.port, "for s2"),))
    noticed(bob)
    dialed = []
    while bob.world.dials:
        dialed.append(bob.dialed())
        bob.refuse()
    assert dialed == [HOME, OTHER, THERE]

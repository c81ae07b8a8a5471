"""A node's link to the main: one at a time, tried again for ever, the others in turn when it is lost."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.effects import Effects
from oyez.core.uplink import PURPOSE, SHUN, UNREACHED, WAIT, WELCOME, Uplink
from oyez.protocol import nodes as n
from oyez.protocol.messages import Address

ONE, TWO, THREE = (Address("central", port) for port in (1, 2, 3))
INTRODUCTION = n.Authenticate("secret", "a", "host", 1)
LINK = 7


@pytest.fixture
def uplink() -> Uplink:
    return Uplink([ONE, TWO], Random(1), lambda: INTRODUCTION)


def introduced(uplink: Uplink, now: float = 0.0) -> Effects:
    """Connected, and its turn to speak has come; returns what it does then."""
    trust, then = uplink.dialed(now, LINK)
    assert trust == fx.Trust(LINK)
    assert isinstance(then, fx.Then)
    return then.call(now)


def joined(uplink: Uplink, centrals: list[Address] | None = None) -> Uplink:
    introduced(uplink)
    uplink.welcomed(centrals or [ONE, TWO])
    return uplink


def waits(effects: Effects) -> list[float]:
    return [effect.after for effect in effects if isinstance(effect, fx.SetTimer) and effect.key == PURPOSE]


def whom(effects: Effects) -> list[Address]:
    """Who is dialed."""
    dials = [effect for effect in effects if isinstance(effect, fx.Dial)]
    assert all(dial.purpose == PURPOSE for dial in dials)
    return [dial.address for dial in dials]


def test_it_introduces_itself_on_a_link_it_trusts(uplink: Uplink) -> None:
    assert whom(uplink.dial()) == [ONE]
    assert introduced(uplink) == [fx.Send(LINK, INTRODUCTION)]
    assert uplink.introduced
    assert not uplink.joined
    assert not uplink.ever_joined
    uplink.welcomed([ONE])
    assert uplink.joined
    assert uplink.ever_joined


def test_nothing_is_said_before_the_introduction() -> None:
    """Which may have to wait for the disk, and tells how things are then, not when the link was made."""
    said = [INTRODUCTION, n.Authenticate("secret", "a", "host", 2)]
    uplink = Uplink([ONE, TWO], Random(1), lambda: said[0])
    _, then = uplink.dialed(0.0, LINK)
    assert isinstance(then, fx.Then)
    assert not uplink.introduced
    assert uplink.send(n.Heartbeat()) == []
    del said[0]
    assert then.call(0.0) == [fx.Send(LINK, n.Authenticate("secret", "a", "host", 2))]
    assert uplink.send(n.Heartbeat()) == [fx.Send(LINK, n.Heartbeat())]


def test_an_introduction_that_was_waited_for_too_long_is_not_made(uplink: Uplink) -> None:
    """Its link is gone; the next one has one of its own."""
    _, late = uplink.dialed(0.0, LINK)
    uplink.lost()
    assert isinstance(late, fx.Then)
    assert late.call(1.0) == []
    _, then = uplink.dialed(1.0, LINK + 1)
    assert late.call(1.0) == []
    assert not uplink.introduced
    assert isinstance(then, fx.Then)
    assert then.call(1.0) == [fx.Send(LINK + 1, INTRODUCTION)]


def test_every_link_has_its_own_introduction(uplink: Uplink) -> None:
    joined(uplink)
    uplink.lost()
    uplink.dialed(1.0, LINK + 1)
    assert not uplink.introduced
    assert uplink.send(n.Heartbeat()) == []


def test_every_central_is_tried_in_turn_for_ever(uplink: Uplink) -> None:
    dialed = []
    for _ in range(5):
        dialed += whom(uplink.dial())
        assert len(waits(uplink.failed())) == 1
    assert dialed == [ONE, TWO, ONE, TWO, ONE]


def test_it_waits_longer_after_each_failure_and_begins_anew_once_welcome(uplink: Uplink) -> None:
    delays = [waits(uplink.failed())[0] for _ in range(10)]
    assert delays[0] <= 0.05
    assert 0.5 <= delays[-1] <= 1.0
    joined(uplink)
    assert waits(uplink.lost())[0] <= 0.05


def test_a_central_that_hangs_up_before_it_welcomes_is_no_success(uplink: Uplink) -> None:
    delays = []
    for _ in range(10):
        uplink.dialed(0.0, LINK)
        delays += waits(uplink.lost())
    assert delays[-1] >= 0.5


def test_the_centrals_that_it_is_told_of_are_tried_from_then_on(uplink: Uplink) -> None:
    joined(uplink, [THREE, ONE])
    assert uplink.central == ONE  # clients go on being sent to the one that answered
    uplink.lost()
    tried = []
    for _ in range(4):
        tried += whom(uplink.dial())
        uplink.failed()
    assert tried == [ONE, TWO, THREE, ONE]  # and those that were given


def test_the_address_that_worked_is_kept_whatever_the_central_calls_itself(uplink: Uplink) -> None:
    """It may listen on 0.0.0.0, or be known to itself by a name that only works at home."""
    joined(uplink, [THREE])
    uplink.lost()
    tried = []
    for _ in range(4):
        tried.append(uplink.central)
        uplink.dial()
        uplink.failed()
    assert tried == [ONE, TWO, THREE, ONE]  # and what the operator named is kept, too
    other = joined(Uplink([ONE], Random(1), lambda: INTRODUCTION))
    other.not_main(TWO)
    other.lost()
    introduced(other)  # at TWO, which nobody has named
    other.welcomed([THREE])
    assert other.centrals == [THREE, ONE, TWO]


def test_what_is_said_to_nobody_is_not_said(uplink: Uplink) -> None:
    assert uplink.send(n.Heartbeat()) == []
    joined(uplink)
    assert uplink.send(n.Heartbeat()) == [fx.Send(LINK, n.Heartbeat())]
    uplink.lost()
    assert uplink.send(n.Heartbeat()) == []


def test_a_silent_central_is_left_at_once(uplink: Uplink) -> None:
    joined(uplink)
    assert uplink.watch(timing.SUSPICION - 0.1, slept=False) == []
    effects = uplink.watch(timing.SUSPICION, slept=False)
    assert fx.Close(LINK, at_once=True) in effects


def test_a_central_that_speaks_is_not(uplink: Uplink) -> None:
    joined(uplink)
    uplink.heard(2.0)
    assert uplink.watch(2.0 + timing.SUSPICION - 0.1, slept=False) == []


def test_who_has_slept_itself_gives_the_central_another_chance(uplink: Uplink) -> None:
    joined(uplink)
    assert uplink.watch(100.0, slept=True) == []
    assert uplink.watch(100.0 + timing.SUSPICION, slept=False) != []


def test_without_a_link_there_is_nothing_to_watch(uplink: Uplink) -> None:
    assert uplink.watch(100.0, slept=False) == []


def test_a_dial_has_no_longer_than_a_central_that_says_nothing(uplink: Uplink) -> None:
    """A frozen one has connections accepted by its kernel, and over TLS it is the handshake that it leaves hanging."""
    assert uplink.dial() == [fx.Dial(ONE, PURPOSE, WELCOME)]
    uplink.failed()
    assert uplink.dial() == [fx.Dial(TWO, PURPOSE, WELCOME)]
    uplink.failed()
    assert uplink.dial() == [fx.Dial(ONE, PURPOSE, timing.REACH)]  # it may just have a crowd at its door
    introduced(uplink)
    uplink.lost()
    assert uplink.dial() == [fx.Dial(TWO, PURPOSE, timing.REACH)]
    introduced(uplink)
    uplink.lost()
    assert uplink.dial() == [fx.Dial(ONE, PURPOSE, WELCOME)]


# -- finding the main -----------------------------------------------------------------------------------------------


def test_a_main_whose_link_closed_is_tried_again_first(uplink: Uplink) -> None:
    joined(uplink)
    uplink.lost()
    assert whom(uplink.dial()) == [ONE]


def test_a_main_that_fell_silent_is_not(uplink: Uplink) -> None:
    """It may be frozen, and still accept connections."""
    joined(uplink)
    uplink.watch(timing.SUSPICION, slept=False)
    uplink.lost()
    now = timing.SUSPICION
    while now < timing.SUSPICION + SHUN:
        uplink.watch(now, slept=False)
        assert whom(uplink.dial()) == [TWO]
        uplink.failed()
        now += timing.HEARTBEAT
    uplink.watch(now, slept=False)
    uplink.dial()
    uplink.failed()
    assert whom(uplink.dial()) == [ONE]  # for ever is too long: it may be the only one that is left


def test_who_is_sent_to_the_main_goes_there_next(uplink: Uplink) -> None:
    uplink.dial()
    uplink.dialed(0.0, LINK)
    assert uplink.not_main(THREE) == [fx.Close(LINK)]
    uplink.lost()
    assert whom(uplink.dial()) == [THREE]
    uplink.failed()
    assert whom(uplink.dial()) in ([ONE], [TWO])


def test_who_is_told_of_no_main_goes_to_the_next(uplink: Uplink) -> None:
    uplink.dial()
    uplink.dialed(0.0, LINK)
    uplink.not_main(None)
    uplink.lost()
    assert whom(uplink.dial()) == [TWO]


def test_nobody_is_sent_to_itself() -> None:
    """A central whose peers still believe that it is the main."""
    uplink = Uplink([ONE, TWO], Random(1), lambda: INTRODUCTION, own=THREE)
    uplink.dial()
    uplink.dialed(0.0, LINK)
    uplink.not_main(THREE)
    uplink.lost()
    assert whom(uplink.dial()) == [TWO]
    uplink.failed()
    uplink.learn([THREE, ONE])
    assert THREE not in uplink.centrals


def test_who_is_sent_to_a_main_that_fell_silent_goes_on_to_the_next(uplink: Uplink) -> None:
    joined(uplink)
    uplink.watch(timing.SUSPICION, slept=False)
    uplink.lost()
    assert whom(uplink.dial()) == [TWO]
    uplink.dialed(4.0, LINK)
    uplink.not_main(ONE)  # that is what it has been told itself
    uplink.lost()
    assert whom(uplink.dial()) == [TWO]


def test_a_central_that_says_nothing_is_left_sooner_than_a_main(uplink: Uplink) -> None:
    uplink.dialed(0.0, LINK)
    assert uplink.watch(WELCOME - 0.1, slept=False) == []
    assert fx.Close(LINK, at_once=True) in uplink.watch(WELCOME, slept=False)


def test_a_central_that_waits_itself_is_waited_for(uplink: Uplink) -> None:
    """There is no main: the one that is connected may become it, and this node may have to vote."""
    uplink.dial()
    introduced(uplink)
    for beat in range(1, round(WAIT / timing.HEARTBEAT)):
        uplink.heard(beat * timing.HEARTBEAT)
        assert uplink.watch(beat * timing.HEARTBEAT, slept=False) == []


def test_but_not_for_ever(uplink: Uplink) -> None:
    """It may never be elected, while the others have a main."""
    uplink.dial()
    introduced(uplink, 5.0)
    uplink.heard(5.0 + WAIT)
    assert uplink.watch(5.0 + WAIT - 0.1, slept=False) == []
    assert uplink.watch(5.0 + WAIT, slept=False) == [fx.Close(LINK)]
    uplink.lost()
    assert whom(uplink.dial()) == [TWO]
    introduced(uplink, 6.0 + WAIT)  # which has its own time
    uplink.heard(6.0 + 2 * WAIT - 0.1)
    assert uplink.watch(6.0 + 2 * WAIT - 0.1, slept=False) == []
    uplink.lost()
    assert whom(uplink.dial()) == [ONE]  # it has answered: it is not shunned


def test_there_must_be_another_that_can_be_reached() -> None:
    """Else this node, whose vote the one that waits may need, spends its time on dead machines."""
    alone = Uplink([ONE], Random(1), lambda: INTRODUCTION)
    alone.dial()
    introduced(alone)
    alone.heard(2 * WAIT)
    assert alone.watch(2 * WAIT, slept=False) == []
    uplink = Uplink([TWO, ONE], Random(1), lambda: INTRODUCTION)
    uplink.dial()
    uplink.failed()
    uplink.dial()
    introduced(uplink)
    now = 0.0
    while now < UNREACHED - timing.HEARTBEAT:
        now += timing.HEARTBEAT
        uplink.heard(now)
        assert uplink.watch(now, slept=False) == []
    uplink.heard(UNREACHED + WAIT)
    assert uplink.watch(UNREACHED + WAIT, slept=False) == [fx.Close(LINK)]  # it may be back


def test_who_was_welcomed_stays(uplink: Uplink) -> None:
    joined(uplink)
    uplink.heard(10 * WAIT)
    assert uplink.watch(10 * WAIT, slept=False) == []


def test_one_dial_at_a_time(uplink: Uplink) -> None:
    uplink.dial()
    assert uplink.dial() == []
    uplink.dialed(0.0, LINK)
    assert uplink.dial() == []


def test_who_needs_no_main_any_more_closes_the_link_and_may_look_again(uplink: Uplink) -> None:
    joined(uplink)
    assert uplink.give_up() == [fx.Close(LINK, at_once=True)]
    assert (uplink.link, uplink.joined, uplink.ever_joined) == (None, False, True)
    assert uplink.give_up() == []
    assert whom(uplink.dial()) == [ONE]


def test_without_any_central_there_is_nobody_to_dial() -> None:
    uplink = Uplink([], Random(1), lambda: INTRODUCTION, own=THREE)
    assert uplink.dial() == []
    uplink.learn([THREE])
    assert uplink.dial() == []
    uplink.learn([ONE, THREE])
    assert whom(uplink.dial()) == [ONE]

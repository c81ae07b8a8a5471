"""A session that posts too fast is not read for a while."""

import pytest

from oyez.core import effects as fx
from oyez.core.limits.buckets import UNLIMITED, Rate
from oyez.core.limits.pace import Pace

NOW = 1000.0


def rest(effects: fx.Effects) -> float:
    """How long the link has to rest."""
    return next((effect.after for effect in effects if isinstance(effect, fx.SetTimer)), 0.0)


def test_within_the_limit_nothing_happens() -> None:
    pace = Pace(Rate(10.0, 10.0), UNLIMITED)
    assert pace.limited
    assert pace.posted(NOW, 1, "bob", 10, 5000) == []


def test_beyond_it_the_link_rests_until_it_is_paid_for_and_the_operator_hears_once() -> None:
    pace = Pace(Rate(10.0, 10.0), UNLIMITED)
    effects = pace.posted(NOW, 7, "bob", 30, 5000)
    assert effects[0] == fx.Hold(7)
    assert rest(effects) == pytest.approx(2.0)
    assert [effect.event for effect in effects if isinstance(effect, fx.Report)] == ["slowed"]
    (timer,) = [effect for effect in effects if isinstance(effect, fx.SetTimer)]
    assert pace.timer(timer.key) == [fx.Release(7)]
    assert pace.posted(NOW + 2, 7, "bob", 1, 0) == [fx.Hold(7), fx.SetTimer(timer.key, pytest.approx(0.1))]  # type: ignore[arg-type]


def test_bytes_count_too() -> None:
    pace = Pace(UNLIMITED, Rate(1000.0, 1000.0))
    assert rest(pace.posted(NOW, 1, "bob", 1, 3000)) == pytest.approx(2.0)


def test_each_session_has_its_own() -> None:
    pace = Pace(Rate(1.0, 1.0), UNLIMITED)
    pace.posted(NOW, 1, "bob", 100, 0)
    assert pace.posted(NOW, 2, "bob", 1, 0) == []
    pace.gone(1)
    assert pace.posted(NOW, 1, "bob", 1, 0) == []
    pace.gone(3)


def test_without_limits_it_is_off() -> None:
    assert not Pace(UNLIMITED, UNLIMITED).limited


def test_other_timers_are_not_its_own() -> None:
    assert Pace.timer("tick") is None

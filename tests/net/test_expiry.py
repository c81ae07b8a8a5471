"""Certificates end, and somebody is told in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oyez.cli import certs, logs
from oyez.net import expiry
from oyez.net.expiry import LEAST, LOOK, Expiry
from oyez.net.guard import GuardedLoop
from oyez.net.identity import Ending, Identity
from tests.certificates import HERE, Authority
from tests.net.stage import node

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
FILE = Path("node.pem")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder / "ca")


class Loop(GuardedLoop):
    """Notes for how long it is asked to wait."""

    __slots__ = ("asked",)

    def later(self, after: float, callback: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        self.asked = timedelta(seconds=after)
        return super().later(after, callback, *args)


class Calendar:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.now = NOW
        self.said: list[tuple[str, Mapping[str, object]]] = []
        self.loop = Loop(asyncio.get_running_loop(), lambda error: None)
        self.expiry = Expiry(self.loop, lambda event, fields: self.said.append((event, fields)), lambda: self.now)

    def pass_until_the_next_look(self) -> timedelta:
        """As far as it has asked for."""
        timer, waited = self.expiry._next, self.loop.asked
        assert timer is not None
        assert not timer.cancelled()
        timer.cancel()
        self.now += waited
        self.said.clear()
        self.expiry._look()
        return waited


async def test_nothing_is_said_while_there_is_time() -> None:
    calendar = Calendar()
    calendar.expiry.watch((Ending(FILE, NOW + timedelta(days=31, seconds=1)),))
    assert calendar.said == []
    assert calendar.pass_until_the_next_look() == timedelta(seconds=LOOK)
    assert calendar.said == []
    calendar.pass_until_the_next_look()
    assert [event for event, _ in calendar.said] == ["certificate_ends"]
    calendar.expiry.stop()


async def test_within_thirty_days_it_is_said_each_day_and_at_the_end() -> None:
    calendar, ends = Calendar(), NOW + timedelta(days=2, hours=3)
    fields = {"file": "node.pem", "expires": f"{ends:%Y-%m-%d %H:%M}"}
    calendar.expiry.watch((Ending(FILE, ends),))
    for days, until_the_next in ((2, timedelta(days=1)), (1, timedelta(days=1)), (0, timedelta(hours=3))):
        assert calendar.said == [("certificate_ends", {**fields, "days": days})]
        assert calendar.pass_until_the_next_look() == until_the_next  # the end itself is told of
    assert calendar.said == [("certificate_ended", fields)]
    assert calendar.pass_until_the_next_look() == timedelta(seconds=LOOK)
    assert calendar.said == [("certificate_ended", fields)]
    calendar.expiry.stop()


async def test_each_file_is_told_of() -> None:
    calendar, other = Calendar(), Path("ca.pem")
    calendar.expiry.watch((Ending(FILE, NOW + timedelta(seconds=0.1)), Ending(other, NOW - timedelta(days=1))))
    assert [(event, fields["file"]) for event, fields in calendar.said] == [
        ("certificate_ends", "node.pem"),
        ("certificate_ended", "ca.pem"),
    ]
    assert calendar.pass_until_the_next_look() == timedelta(seconds=LEAST)
    calendar.expiry.stop()


async def test_another_certificate_takes_the_place_of_the_old_one() -> None:
    calendar = Calendar()
    calendar.expiry.watch((Ending(FILE, NOW + timedelta(days=1)),))
    first = calendar.expiry._next
    assert first is not None
    calendar.said.clear()
    calendar.expiry.watch((Ending(FILE, NOW + timedelta(days=100)),))
    assert first.cancelled()
    assert calendar.said == []
    second = calendar.expiry._next
    assert second is not None
    calendar.expiry.stop()
    assert second.cancelled()


async def test_a_node_warns_of_its_own_at_the_start_and_again_after_a_reload(authority: Authority) -> None:
    identity = authority.issue(days=3.5)
    async with node(identity=identity) as stage:
        said = [fields for event, fields in stage.reports if event == "certificate_ends"]
        assert [(fields["file"], fields["days"]) for fields in said] == [(str(identity.certificate), 3)]
        authority.issue(days=1.5)
        stage.node.reload()
        assert [event for event, _ in stage.reports][-2:] == ["identity_reloaded", "certificate_ends"]
        assert stage.reports[-1][1]["days"] == 1
        authority.issue(days=200)
        stage.node.reload()
        assert stage.reports[-1][0] == "identity_reloaded"


async def test_a_running_node_says_that_its_certificate_has_ended(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been up for longer than that was good for."""
    identity = authority.issue(days=3)
    async with node(identity=identity) as stage:
        monkeypatch.setattr(stage.node._expiry, "_now", lambda: datetime.now(UTC) + timedelta(days=4))
        stage.node._expiry._look()
        assert stage.reports[-1][0] == "certificate_ended"
        assert stage.reports[-1][1]["file"] == str(identity.certificate)


def test_the_first_of_a_chain_to_end_counts_and_the_last_of_the_authorities(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    for name, days in (("leaf", 300), ("between", 20)):
        certs.make(new.folder, name, HERE, now, now + timedelta(days=days))
    both = tmp_path / "both.pem"
    certs.make(old.folder, "short", HERE, now, now + timedelta(days=5))
    both.write_bytes((old.folder / "short.pem").read_bytes() + new.file.read_bytes())
    chain = tmp_path / "chain.pem"
    chain.write_bytes((new.folder / "leaf.pem").read_bytes() + (new.folder / "between.pem").read_bytes())
    contexts = Identity(chain, new.folder / "leaf.key", both).load()
    shown, believed = contexts.ends
    assert (shown.file, (shown.at - now).days) in ((chain, 19), (chain, 20))
    assert believed.file == both
    assert (believed.at - now).days > 3000


def test_what_the_log_makes_of_it() -> None:
    assert logs._level("certificate_ends") == 30
    assert logs._level("certificate_ended") == 40
    assert timedelta(days=30) == expiry.NOTICE

"""A log does not grow as fast as strangers like."""

import pytest
import structlog

from oyez.cli import logs
from oyez.core.limits.buckets import Buckets, Rate


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at once, and hardly any more after that."""
    monkeypatch.setattr(logs, "_thinned", Buckets(Rate(1e-9, 3.0)))
    monkeypatch.setattr(logs, "_left_out", type(logs._left_out)())


def test_of_what_anybody_can_cause_a_few_lines_are_logged(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with structlog.testing.capture_logs() as captured:
        for number in range(100):
            logs.report("refused", {"link": number})
            logs.report("server_lost", {"server": f"s{number}"})
        monkeypatch.setattr(logs, "_thinned", Buckets(Rate(1.0, 3.0)))
        logs.report("refused", {"link": 100})
        logs.report("refused", {"link": 101})
    refused = [entry for entry in captured if entry["event"] == "refused"]
    assert [entry["link"] for entry in refused] == [0, 1, 2, 100, 101]
    assert [entry.get("left_out") for entry in refused] == [None, None, None, 97, None]
    assert sum(entry["event"] == "server_lost" for entry in captured) == 100


@pytest.mark.parametrize("event", ["peer_complained", "tls_broken"])
def test_whoever_can_connect_can_cause_these(few: None, event: str) -> None:
    with structlog.testing.capture_logs() as captured:
        for _ in range(10):
            logs.report(event, {})
    assert len(captured) == 3


def test_each_kind_has_its_own_lines(few: None) -> None:
    with structlog.testing.capture_logs() as captured:
        for _ in range(10):
            logs.report("refused", {})
            logs.report("slowed", {})
    assert [entry["event"] for entry in captured] == ["refused", "slowed"] * 3

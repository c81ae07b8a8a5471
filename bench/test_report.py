"""Ratios are of pairs, lines have the length they should have, what two workloads want is run once, plots are drawn.

Run with `python -m pytest bench/test_report.py`.
"""

import importlib.util
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import plots, report
from bench.generator import Plan
from bench.peers.base import Peer, activity
from bench.peers.limit import Limit
from bench.runner import Sample, run_workload
from bench.workloads.base import (
    Bars,
    Column,
    Lines,
    LoadCase,
    LoadWorkload,
    Outcome,
    Ratio,
    Session,
    line_length,
    saturated,
)


class Cost(LoadWorkload):
    """Runs nothing; counts what it was asked to run."""

    name = "fanout"
    title = "Cost"
    columns = (Column("cost", "cost"),)
    ratios = (Ratio("cost", "CPU"),)
    base_word = "one server"

    def __init__(self) -> None:
        self.runs: list[str] = []

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        one, two = Plan(1), Plan(2)
        return [LoadCase("one", one), LoadCase("again one", one), LoadCase("two", two, peers=frozenset({"oyez"}))]

    def run(self, case: LoadCase, peer: Peer, session: Session) -> list[Outcome]:
        self.runs.append(case.name)
        return [Outcome(case.name, {"cost": 1.0})]


def sample(peer: str, number: int, cost: float, case: str = "one", faulty: bool = False, base: str = "") -> Sample:
    return Sample(peer, number, case, {"cost": cost}, ["lost"] if faulty else [], base or None)


def ratios(samples: list[Sample], peer: str, case: str = "one") -> report.Ratios:
    (found,) = [one for one in report.summaries(Cost(), samples) if (one.peer, one.case) == (peer, case)]
    return found.ratios["cost"]


ROUNDS = [
    *(sample("oyez", 1, 2.0), sample("limit", 1, 1.0), sample("nats", 1, 4.0), sample("redis", 1, 8.0)),
    *(sample("oyez", 2, 9.0), sample("limit", 2, 3.0), sample("nats", 2, 30.0), sample("redis", 2, 18.0)),
]


def test_a_ratio_is_taken_within_each_round() -> None:
    assert ratios(ROUNDS, "oyez").limit == report.Spread(2.5, 2.0, 3.0, 2)


def test_the_best_broker_may_be_another_one_in_each_round() -> None:
    assert ratios(ROUNDS, "oyez").best_broker == report.Spread(0.5, 0.5, 0.5, 2)
    assert ratios(ROUNDS, "nats").best_broker == report.Spread((1 + 30 / 18) / 2, 1.0, 30 / 18, 2)


def test_the_limit_is_no_broker_and_is_compared_with_nothing() -> None:
    assert ratios(ROUNDS, "limit") == report.Ratios(None, None, None)
    assert ratios(ROUNDS[:2], "oyez").best_broker is None


def test_nothing_is_compared_with_a_faulty_run() -> None:
    samples = [*ROUNDS[:2], sample("nats", 1, 0.5, faulty=True), sample("redis", 1, 8.0)]
    assert ratios(samples, "oyez").best_broker == report.Spread(0.25, 0.25, 0.25, 1)
    samples = [*ROUNDS, sample("oyez", 3, 1.0), sample("limit", 3, 1.0, faulty=True)]
    assert ratios(samples, "oyez").limit == report.Spread(2.5, 2.0, 3.0, 2)


def test_a_case_is_compared_with_its_base_on_the_same_peer() -> None:
    samples = [*ROUNDS, sample("oyez", 1, 3.0, "two", base="one"), sample("oyez", 2, 9.0, "two", base="one")]
    assert ratios(samples, "oyez", "two").base == report.Spread(1.25, 1.0, 1.5, 2)
    assert ratios(samples, "oyez").base is None


def test_columns_without_a_ratio_are_not_shown() -> None:
    titles = [title for *_, title in report.headings(Cost(), report.summaries(Cost(), ROUNDS))]
    assert titles == ["CPU × the limit", "CPU × best broker"]


@pytest.mark.parametrize("size", [100, 200, 1024, 4096, 16384])
def test_the_limits_lines_are_as_long_as_the_ones_that_it_stands_for(size: int) -> None:
    limit = Limit()
    limit.overhead = 97
    assert len(activity(size)) == size
    assert len(limit.speech(activity(size)).message) == line_length(size, 297) == size + 97


def test_a_window_is_given_in_bytes() -> None:
    small = saturated("small", 100, False, 300, size=100)
    large = saturated("large", 100, False, 300, size=16384, publishers=4)
    assert (small.plan.window, large.plan.window) == (256 * 1024 // 200, 256 * 1024 // 16484 // 4)


def test_what_was_run_in_this_round_is_not_run_again(tmp_path: Path) -> None:
    workload, session = Cost(), Session(tmp_path, lambda what, done, total: None)
    samples = run_workload(workload, {"limit": Limit()}, 2, False, 300, session, lambda what, done, total: None)
    assert workload.runs == ["one", "one"]
    assert [(one.case, one.round) for one in samples] == [("one", 1), ("one", 2), ("again one", 1), ("again one", 2)]


def results(tmp_path: Path) -> Path:
    """A file with figures of `growth` for two peers, at two sizes."""
    summaries = []
    for peer in ("oyez", "of another kind"):
        for size in (100.0, 4096.0):
            figures = {name: {"median": size, "smallest": size / 2, "largest": size * 2} for name in ("cost", "size")}
            summaries.append({"case": f"activities of {size}", "peer": peer, "figures": figures, "faulty": False})
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"workloads": [{"name": "growth", "title": "Growth", "summaries": summaries}]}), "utf-8")
    return path


@pytest.mark.parametrize(
    "chart",
    [
        Bars("chart", "Title", "cost, s", "cases", (("cost", "one"), ("size", "other"), ("missing", "missing"))),
        Lines("chart", "Title", "cost, s", "cost", "size, bytes", "size"),
    ],
)
def test_a_chart_is_drawn_as_png_and_svg(chart: Bars | Lines, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    workload = plots.read(results(tmp_path))["workloads"][0]
    assert plots.draw_chart(chart, workload, tmp_path / "chart")
    assert (tmp_path / "chart.png").stat().st_size > 1000
    assert "Title" in (tmp_path / "chart.svg").read_text("utf-8")


def test_without_matplotlib_there_is_a_word_and_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    console = Console(record=True, file=(tmp_path / "said").open("w"))
    plots.draw(results(tmp_path), console)
    assert "matplotlib is not installed" in console.export_text()
    console.file.close()

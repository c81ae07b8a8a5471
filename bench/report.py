"""What the samples say: medians with the smallest and largest, ratios pair by pair; as tables and as JSON."""

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.runner import Sample
from bench.workloads.base import Workload

BASELINE = "limit"
NOISE = 0.15
"""Cores busy with something else from which a run is called noisy."""


@dataclass(frozen=True)
class Spread:
    """Of one figure over the rounds."""

    median: float
    smallest: float
    largest: float
    rounds: int

    def shown(self, places: int, alone: bool = False) -> str:
        """The median, with the smallest and largest unless it is to stand alone."""
        text = f"{self.median:,.{places}f}"
        if alone or self.rounds == 1:
            return text
        return f"{text} ({self.smallest:,.{places}f}-{self.largest:,.{places}f})"


def spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Summary:
    """Of one case on one peer. `ratio` is its ratio to the limit, each round's to the limit's of that round."""

    case: str
    peer: str
    figures: dict[str, Spread]
    ratio: Spread | None
    faulty: bool
    """Whether anything was wrong in one of its runs; its figures are to be doubted then."""


def summaries(workload: Workload[Any], samples: list[Sample]) -> list[Summary]:
    """One for each case and peer that has figures, in the order in which they were run."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        if sample.figures:
            groups.setdefault((sample.case, sample.peer), []).append(sample)
    result = []
    for (case, peer), group in sorted(groups.items(), key=lambda item: order_of(item[0], samples)):
        figures = {name: spread([sample.figures[name] for sample in group]) for name in group[0].figures}
        ratio = ratio_to_limit(workload, group, groups.get((case, BASELINE), []))
        result.append(Summary(case, peer, figures, ratio, any(sample.faults for sample in group)))
    return result


def order_of(key: tuple[str, str], samples: list[Sample]) -> tuple[int, bool, str]:
    """Cases as they came, the limit last in each."""
    case, peer = key
    return next(i for i, sample in enumerate(samples) if sample.case == case), peer == BASELINE, peer


def ratio_to_limit(workload: Workload[Any], group: list[Sample], limits: list[Sample]) -> Spread | None:
    figure = workload.ratio
    if figure is None or group is limits:
        return None
    by_round = {sample.round: sample.figures[figure] for sample in limits}
    pairs = [(sample.figures[figure], by_round.get(sample.round)) for sample in group]
    ratios = [mine / limit for mine, limit in pairs if limit]
    return spread(ratios) if ratios else None


def show(console: Console, workload: Workload[Any], samples: list[Sample]) -> None:
    """Prints the workload's table, and every fault in full."""
    table = Table(title=workload.title, title_justify="left", title_style="bold")
    table.add_column("case", no_wrap=True)
    table.add_column("peer", no_wrap=True)
    for column in workload.columns:
        table.add_column(column.title, justify="right")
    if workload.ratio:
        table.add_column("× the limit", justify="right", style="bold")
    last = None
    for summary in summaries(workload, samples):
        if last not in (None, summary.case):
            table.add_section()
        row = [summary.case if summary.case != last else "", summary.peer + " (!)" * summary.faulty]
        for column in workload.columns:
            figure = summary.figures.get(column.figure)
            row.append(figure.shown(column.places, not column.spread) if figure else "")
        if workload.ratio:
            row.append(summary.ratio.shown(2) if summary.ratio else "")
        table.add_row(*row)
        last = summary.case
    console.print(table)
    foreign = max((sample.figures.get("foreign_cores", 0.0) for sample in samples), default=0.0)
    if foreign > NOISE:
        console.print(f"noisy: in one run, others kept {foreign:.1f} cores busy", style="yellow", highlight=False)
    for sample in samples:
        for fault in sample.faults:
            where = f"{workload.name}: {sample.case}, {sample.peer}, round {sample.round}: "
            console.print(where + fault, style="red", markup=False, highlight=False)
    console.print()


def as_json(workload: Workload[Any], samples: list[Sample]) -> dict[str, Any]:
    return {
        "name": workload.name,
        "title": workload.title,
        "summaries": [asdict(summary) for summary in summaries(workload, samples)],
        "samples": [asdict(sample) for sample in samples],
    }


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

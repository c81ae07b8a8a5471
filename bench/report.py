"""What the samples say: medians with the smallest and largest, ratios pair by pair; as tables and as JSON.

Guarantees that a ratio's two runs are of the same round, and that nothing is compared with a run that was faulty.
"""

import json
import math
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.runner import Sample
from bench.workloads.base import Workload

BASELINE = "limit"
NO_BROKERS = ("oyez", "oyez-ws", BASELINE)
"""The others are what is meant by the best broker."""
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
        """The median, with the smallest and largest unless it is to stand alone; fewer places of a large one."""
        places = max(0, places - len(str(int(abs(self.median)))) + 1)
        text = f"{self.median:,.{places}f}"
        if alone or self.rounds == 1:
            return text
        return f"{text} ({self.smallest:,.{places}f}-{self.largest:,.{places}f})"


def spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Ratios:
    """Of one figure, each round's to the other's of that round; None where there is nothing to compare with."""

    limit: Spread | None
    best_broker: Spread | None
    """To the least of the brokers in that round."""
    base: Spread | None
    """To the same peer in the case's base."""


@dataclass(frozen=True)
class Summary:
    """Of one case on one peer. `ratios` are those of the workload's figures, by figure."""

    case: str
    peer: str
    figures: dict[str, Spread]
    ratios: dict[str, Ratios]
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
        names = {name: None for sample in group for name in sample.figures}
        figures = {name: spread([one.figures[name] for one in group if name in one.figures]) for name in names}
        ratios = {ratio.figure: ratios_of(ratio.figure, group, samples) for ratio in workload.ratios}
        result.append(Summary(case, peer, figures, ratios, any(sample.faults for sample in group)))
    return result


def order_of(key: tuple[str, str], samples: list[Sample]) -> tuple[int, bool, str]:
    """Cases as they came, the limit last in each."""
    case, peer = key
    return next(i for i, sample in enumerate(samples) if sample.case == case), peer == BASELINE, peer


def ratios_of(figure: str, group: list[Sample], samples: list[Sample]) -> Ratios:
    """Of the runs of one case on one peer, out of all samples."""
    mine = group[0]
    sound = [sample for sample in samples if figure in sample.figures and not sample.faults]
    rivals = [sample for sample in sound if sample.case == mine.case and sample.peer != mine.peer]
    limit = pairs(figure, group, [sample for sample in rivals if sample.peer == BASELINE])
    # A broker's own run takes part, so that the best one has 1: how far the others are behind is seen.
    brokers = [sample for sample in sound if sample.case == mine.case and sample.peer not in NO_BROKERS]
    best = pairs(figure, group, brokers) if mine.peer != BASELINE else None
    base = pairs(figure, group, [sample for sample in sound if (sample.case, sample.peer) == (mine.base, mine.peer)])
    return Ratios(limit, best, base)


def pairs(figure: str, group: list[Sample], others: list[Sample]) -> Spread | None:
    """The group's figures, each by the least of the others' in the same round."""
    least: dict[int, float] = {}
    for other in others:
        least[other.round] = min(other.figures[figure], least.get(other.round, math.inf))
    ratios = [one.figures[figure] / least[one.round] for one in group if least.get(one.round, 0) > 0]
    return spread(ratios) if ratios else None


def headings(workload: Workload[Any], found: list[Summary]) -> list[tuple[str, str, str]]:
    """The ratio columns that have something in them: figure, kind of ratio, title."""
    words = {"limit": "the limit", "best_broker": "best broker", "base": workload.base_word}
    return [
        (ratio.figure, kind, f"{ratio.title} × {word}")
        for ratio in workload.ratios
        for kind, word in words.items()
        if any(getattr(summary.ratios[ratio.figure], kind) for summary in found)
    ]


def show(console: Console, workload: Workload[Any], samples: list[Sample]) -> None:
    """Prints the workload's table, and every fault in full."""
    table = Table(title=workload.title, title_justify="left", title_style="bold")
    table.add_column("case", no_wrap=True)
    table.add_column("peer", no_wrap=True)
    for column in workload.columns:
        table.add_column(column.title, justify="right", overflow="fold")
    found = summaries(workload, samples)
    ratio_columns = headings(workload, found)
    for _, _, title in ratio_columns:
        table.add_column(title, justify="right", style="bold", overflow="fold")
    last = None
    for summary in found:
        if last not in (None, summary.case):
            table.add_section()
        row = [summary.case if summary.case != last else "", summary.peer + " (!)" * summary.faulty]
        for column in workload.columns:
            figure = summary.figures.get(column.figure)
            row.append(figure.shown(column.places, not column.spread) if figure else "")
        for name, kind, _ in ratio_columns:
            ratio: Spread | None = getattr(summary.ratios[name], kind)
            row.append(ratio.shown(2) if ratio else "")
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

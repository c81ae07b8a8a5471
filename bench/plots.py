"""Draws a results file: bar and line charts as PNG and SVG beside it.

Knows only what the JSON has, and the charts that each workload declares; so a file can be drawn again at any time.
Without matplotlib it says so and draws nothing.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.errors import BenchError
from bench.workloads import WORKLOADS
from bench.workloads.base import Bars, Lines

COLOURS = {
    "oyez": "#d1495b",
    "oyez-ws": "#e8a0aa",
    "limit": "#333333",
    "nats": "#27aae1",
    "redis": "#e08e2b",
    "mosquitto": "#3c8d5a",
    "websockets": "#8a6fb0",
}
"""Of each peer, in the order in which they are drawn; any other is OTHER."""
OTHER = "#999999"
FAR_APART = 20.0
"""Largest by smallest from which an axis is logarithmic."""
INCHES = 4.8
"""Height of a chart."""

Json = dict[str, Any]


def draw(path: Path, console: Console) -> None:
    """All charts of this results file, with a word about where they are. Raises BenchError if it is none."""
    if importlib.util.find_spec("matplotlib") is None:
        console.print("no plots: matplotlib is not installed (pip install -e '.[bench]')", style="yellow", markup=False)
        return
    drawn = 0
    for workload in read(path)["workloads"]:
        known = WORKLOADS.get(workload["name"])
        for chart in known.charts if known else ():
            drawn += draw_chart(chart, workload, path.with_name(f"{path.stem}-{workload['name']}-{chart.name}"))
    console.print(f"{drawn} plots beside it, as PNG and as SVG: {path.stem}-*", highlight=False, markup=False)


def read(path: Path) -> Json:
    try:
        content: Json = json.loads(path.read_text("utf-8"))
        content["workloads"][:]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path} is no results file: {error!r}") from error
    return content


def draw_chart(chart: Bars | Lines, workload: Json, stem: Path) -> bool:
    """Whether there was anything to draw."""
    from matplotlib.figure import Figure

    summaries = [one for one in workload["summaries"] if one["case"].startswith(chart.prefix)]
    if isinstance(chart, Bars):
        groups = groups_of(chart, summaries)
        if not groups:
            return False
        figure = Figure(figsize=(max(7.2, 2.6 + 1.9 * len(groups)), INCHES), layout="constrained")
        draw_bars(figure.add_subplot(), groups)
    else:
        lines = lines_of(chart, summaries)
        if not lines:
            return False
        figure = Figure(figsize=(7.2, INCHES), layout="constrained")
        draw_lines(figure.add_subplot(), lines)
    axes = figure.axes[0]
    axes.set_title(chart.title, loc="left", fontsize=10)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    for handle, peer in zip(*axes.get_legend_handles_labels(), strict=True):
        # As in the tables: something was lost, or failed, in one of the runs that are drawn here.
        handle.set_label(peer + " (!)" * any(one["faulty"] for one in summaries if one["peer"] == peer))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    for kind in ("png", "svg"):
        figure.savefig(f"{stem}.{kind}", dpi=150)
    return True


# --- what is drawn: by peer, three figures each -----------------------------------------------------------------------

Point = dict[str, float]
"""A figure's median, smallest and largest."""


def groups_of(chart: Bars, summaries: list[Json]) -> dict[str, dict[str, Point]]:
    """By the group's word, by peer; a group that no peer has a figure for is left out."""
    cases = list(dict.fromkeys(one["case"] for one in summaries))
    groups: dict[str, dict[str, Point]] = {}
    for case in cases:
        for figure, word in chart.figures:
            words = [case] * (len(cases) > 1 or len(chart.figures) == 1) + [word] * (len(chart.figures) > 1)
            found = {
                one["peer"]: one["figures"][figure]
                for one in summaries
                if one["case"] == case and figure in one["figures"]
            }
            if found:
                groups[", ".join(words).removeprefix(chart.prefix).strip(", ")] = found
    return groups


def lines_of(chart: Lines, summaries: list[Json]) -> dict[str, list[tuple[float, Point]]]:
    """By peer, in the order of x."""
    lines: dict[str, list[tuple[float, Point]]] = {}
    for one in summaries:
        figures = one["figures"]
        if chart.figure in figures and chart.x_figure in figures:
            lines.setdefault(one["peer"], []).append((figures[chart.x_figure]["median"], figures[chart.figure]))
    return {peer: sorted(lines[peer], key=lambda point: point[0]) for peer in in_order(lines)}


def in_order(peers: Any) -> list[str]:
    """Those with a colour first, in the order of the colours."""
    known = list(COLOURS)
    return sorted(peers, key=lambda peer: (known.index(peer) if peer in known else len(known), peer))


# --- how --------------------------------------------------------------------------------------------------------------


def whiskers(points: list[Point]) -> list[list[float]]:
    """From the median down to the smallest and up to the largest."""
    return [
        [point["median"] - point["smallest"] for point in points],
        [point["largest"] - point["median"] for point in points],
    ]


def draw_bars(axes: Any, groups: dict[str, dict[str, Point]]) -> None:
    peers = in_order({peer for found in groups.values() for peer in found})
    width = 0.8 / len(peers)
    for peer in peers:
        places, points = [], []
        for place, found in enumerate(groups.values()):
            if peer in found:
                # In the middle of its group, also where that lacks some peers.
                index = in_order(found).index(peer)
                places.append(place + (index - (len(found) - 1) / 2) * width)
                points.append(found[peer])
        axes.bar(
            places,
            [point["median"] for point in points],
            width * 0.92,
            yerr=whiskers(points),
            label=peer,
            color=COLOURS.get(peer, OTHER),
            error_kw={"elinewidth": 0.9, "capsize": 2},
        )
    axes.set_xticks(range(len(groups)), [name.replace(", ", ",\n") for name in groups])
    choose_scale(axes, [point["median"] for found in groups.values() for point in found.values()])


def draw_lines(axes: Any, lines: dict[str, list[tuple[float, Point]]]) -> None:
    places = sorted({x for points in lines.values() for x, _ in points})
    for peer, points in lines.items():
        axes.errorbar(
            [x for x, _ in points],
            [point["median"] for _, point in points],
            yerr=whiskers([point for _, point in points]),
            label=peer,
            color=COLOURS.get(peer, OTHER),
            marker="o",
            markersize=4,
            capsize=2,
        )
    choose_scale(axes, [point["median"] for points in lines.values() for _, point in points])
    if places[0] > 0 and places[-1] / places[0] >= FAR_APART:
        axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:,.0f}" for place in places])
    axes.minorticks_off()


def choose_scale(axes: Any, values: list[float]) -> None:
    """Logarithmic where the peers are far apart, as long as there is nothing at or below 0; else from 0 on."""
    if min(values) > 0 and max(values) / min(values) >= FAR_APART:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    else:
        axes.set_ylim(bottom=0)

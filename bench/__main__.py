"""The command line: `python -m bench [WORKLOAD...] [--rounds 3] [--quick] [--out bench/results]`, or to draw the plots
of a results file again, `python -m bench plot FILE.json`.

Exits 1 when anything was lost, came twice or failed, whatever the figures; a slow figure is never a failure.
"""

import argparse
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import machine, plots, report
from bench.errors import BenchError
from bench.peers import all_peers
from bench.peers.base import Peer
from bench.runner import Sample, measure_line, run_workload
from bench.workloads import USUAL, WORKLOADS
from bench.workloads.base import Session

RESULTS = machine.ROOT / "bench" / "results"
PAGE_WIDTH = 190
"""Characters in a line where the output goes to a file or a pipe."""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures Oyez and its peers over loopback, the server on one core, the load on another.",
        epilog="Example: python -m bench fanout --rounds 5 --peers oyez,limit",
    )
    parser.add_argument(
        "workloads",
        nargs="*",
        metavar="WORKLOAD",
        help=f"of: {', '.join(WORKLOADS)} (usual: {' '.join(USUAL)})",
    )
    parser.add_argument("--rounds", type=int, help="how often each case is run on each peer (usual: 3; quick: 1)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load: shows that it works, not how fast")
    parser.add_argument("--peers", help="names with commas between (usual: all that are here)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose names have this in them")
    parser.add_argument("--oyez", metavar="COMMAND", help="run this in place of this checkout's oyez")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON file (usual: bench/results)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are: {', '.join(WORKLOADS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.workloads = options.workloads or USUAL
    return options


def choose_peers(options: argparse.Namespace, console: Console) -> dict[str, Peer]:
    """The peers asked for; those that can't run here are left out, with a word."""
    known = all_peers(shlex.split(options.oyez) if options.oyez else None)
    names = options.peers.split(",") if options.peers else list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BenchError(f"no peer {', '.join(unknown)}; there are: {', '.join(known)}")
    chosen = {}
    for name in names:
        missing = known[name].missing()
        if missing:
            console.print(f"without {name}: {missing}", style="yellow")
        else:
            chosen[name] = known[name]
    if not chosen:
        raise BenchError("there is nothing to measure")
    return chosen


def measure(options: argparse.Namespace, peers: dict[str, Peer], facts: dict[str, Any], console: Console) -> bool:
    """Runs everything, shows and writes it as it comes; True when nothing was lost and nothing failed."""
    path = options.out / f"{facts['date'].replace(':', '').replace('+0000', 'Z')}.json"
    content = {"machine": facts, "rounds": options.rounds, "quick": options.quick, "workloads": []}
    faultless = True
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        runs, inside = progress.add_task("starting", total=None), progress.add_task("", total=None)

        def on_run(what: str, done: int, total: int) -> None:
            progress.update(runs, description=what, completed=done, total=total)

        def on_progress(what: str, done: int, total: int) -> None:
            progress.update(inside, description=what, completed=done, total=total)

        session = Session(Path(scratch), on_progress)
        content["line_bytes"] = line_bytes = measure_line(peers, session)
        for name in options.workloads:
            workload = WORKLOADS[name]
            samples: list[Sample] = run_workload(
                workload, peers, options.rounds, options.quick, line_bytes, session, on_run, options.only
            )
            report.show(console, workload, samples)
            content["workloads"].append(report.as_json(workload, samples))
            report.write(path, content)
            faultless = faultless and not any(sample.faults for sample in samples)
    console.print(f"written to {path}", highlight=False)
    plots.draw(path, console)
    return faultless


def plot(files: list[str], console: Console) -> int:
    """Draws these results files again."""
    try:
        if not files:
            raise BenchError("which file? python -m bench plot bench/results/DATE.json")
        for file in files:
            plots.draw(Path(file), console)
    except BenchError as failure:
        Console(stderr=True).print(str(failure), style="red", markup=False, highlight=False)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    console = Console()
    if not console.is_terminal:
        console = Console(width=PAGE_WIDTH)
    if arguments[:1] == ["plot"]:
        return plot(arguments[1:], console)
    options = parse(arguments)
    machine.raise_descriptor_limit()
    facts = machine.facts(arguments)
    try:
        peers = choose_peers(options, console)
        console.print(f"{facts['cpu']}, {facts['cores']} cores, {facts['kernel']}, {facts['python']}", highlight=False)
        return 0 if measure(options, peers, facts, console) else 1
    except BenchError as failure:
        Console(stderr=True).print(str(failure), style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""docs/metrics.md, made of the metrics that the code declares. `python -m tools.pages` writes it."""

from collections.abc import Iterable
from pathlib import Path

from oyez.host import measures
from oyez.web import metrics, process
from oyez.web.exposition import Family
from tools.table import table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"

HEAD = """# Metrics

Each node tells its own at `/metrics`, on its one port, in the text format of Prometheus: `curl localhost:3780/metrics`.
What they mean for whoever runs a network, and which ones to be woken by, is in [operations.md](operations.md#metrics).

They are read from the node's state at the moment of a scrape; nothing is counted for each activity. A scrape takes a
step for each session and each node: 0.8 ms with 5000 sessions. No usernames and no addresses are in it; the ids of
nodes are. Counters begin with the process. This page is made from the code (`python -m tools.pages`).
"""

TIMES = f"""
Times are histograms in seconds. `oyez_loop_lag_seconds` is looked at every {measures.LAG_EVERY:g} s.
`oyez_argon2_seconds` begins when a thread begins with it: what waits for a thread is not in it. Bytes are those of
lines as they stand in the logs, without what WebSocket, TLS and TCP put around them, and what nodes tell each other.
"""


def page() -> str:
    """The whole page."""
    common = [family for family in metrics.COMMON if family not in process.FAMILIES]
    parts = [
        HEAD,
        section("Every node", common),
        section("Servers", metrics.OF_SERVERS),
        section("Centrals", metrics.OF_CENTRALS),
        TIMES,
        section("The process", process.FAMILIES),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def section(title: str, families: Iterable[Family]) -> str:
    rows = [
        [f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), f"{one.about}."]
        for one in families
    ]
    return f"## {title}\n\n{table(['metric', 'kind', 'labels', 'says'], rows)}"

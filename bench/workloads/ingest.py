"""Ingest: how many activities a server accepts in a second where few receive them, so that taking one in counts."""

from bench.generator import Plan
from bench.workloads.base import Bars, Column, LoadCase, LoadWorkload, Ratio, saturated, saturated_seconds

SUBSCRIBERS = 10


class Ingest(LoadWorkload):
    """Ten subscribers besides the publishers. Saturated, and each publisher waiting for each echo."""

    name = "ingest"
    title = f"Ingest: activities accepted, with {SUBSCRIBERS} subscribers besides their publishers"
    columns = (
        Column("sent_per_second", "accepted per s", 0),
        Column("sent_per_cpu_second", "per server CPU s", 0, spread=False),
        Column("cpu_us_per_sent", "server CPU µs each", 2),
        Column("server_core_percent", "server core %", 0, spread=False),
        Column("load_core_percent", "load core %", 0, spread=False),
        Column("latency_p50_ms", "delay p50 ms", 2, spread=False),
        Column("latency_p99_ms", "p99 ms", 2, spread=False),
    )
    ratios = (Ratio("cpu_us_per_sent", "CPU"),)
    charts = (
        Bars(
            "accepted",
            title,
            "activities accepted per second of server CPU",
            "who posts, and when",
            (("sent_per_cpu_second", "accepted"),),
        ),
    )

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        seconds = saturated_seconds(quick)
        awaited = Plan(SUBSCRIBERS, 50, window=1, window_at_echo=True, seconds=seconds, latency=True)
        return [
            saturated("1 publisher, saturated", SUBSCRIBERS, quick, line_bytes),
            saturated("50 publishers, saturated", SUBSCRIBERS, quick, line_bytes, publishers=50),
            LoadCase("50 publishers, each awaited", awaited),
        ]

"""Paced: delay from the time a message is due to each delivery, at a rate that leaves the server idle in between."""

from bench.generator import Plan
from bench.workloads.base import Bars, Column, LoadCase, LoadWorkload, Ratio


class Paced(LoadWorkload):
    """50 messages a second to 1000 subscribers.

    A delay begins when the message was due, so the generator's own lateness is in it; how late it was is shown.
    """

    name = "paced"
    title = "Paced: 50 messages per second to 1000 subscribers"
    columns = (
        Column("latency_p50_ms", "p50 ms", 2, spread=False),
        Column("latency_p99_ms", "p99 ms", 2),
        Column("latency_max_ms", "max ms", 1, spread=False),
        Column("server_cpu_seconds", "server CPU s", 2),
        Column("late_p99_ms", "load late p99 ms", 2, spread=False),
        Column("late_max_ms", "max ms", 1, spread=False),
        Column("load_core_percent", "load core %", 0, spread=False),
    )
    ratios = (Ratio("server_cpu_seconds", "CPU"), Ratio("latency_p99_ms", "p99"))
    charts = (
        Bars(
            "latency",
            title,
            "delay of a delivery, ms",
            "quantile",
            (("latency_p50_ms", "p50"), ("latency_p99_ms", "p99"), ("latency_max_ms", "max")),
        ),
        Bars("cpu", title, "server CPU, seconds", "length of the run", (("server_cpu_seconds", "CPU"),)),
    )

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        seconds = 2 if quick else 10
        return [LoadCase(f"{seconds} s", Plan(1000, messages=50 * seconds, warmup=25, rate=50, latency=True))]

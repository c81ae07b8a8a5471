"""Fan-out: what one delivery costs the server, saturated and with one message at a time."""

from bench.generator import Plan
from bench.workloads.base import (
    COST,
    DELIVERY_COLUMNS,
    Bars,
    Column,
    LoadCase,
    LoadWorkload,
    Ratio,
    saturated,
    saturated_seconds,
)

ONE_AT_A_TIME = (100, 1000)


class FanOut(LoadWorkload):
    """One publisher, N subscribers; a message is finished when the slowest subscriber has it."""

    name = "fanout"
    title = "Fan-out: 200-byte activities from one publisher to N subscribers"
    columns = (
        *DELIVERY_COLUMNS,
        Column("load_cpu_per_million", "load CPU s per M", 3, spread=False),
    )
    ratios = (Ratio("cpu_per_million", "CPU"),)
    charts = (
        Bars("saturated", "Fan-out, saturated", COST, "N subscribers", (("cpu_per_million", "CPU"),), "saturated"),
        Bars(
            "one-at-a-time",
            "Fan-out, one message at a time",
            COST,
            "N subscribers",
            (("cpu_per_million", "CPU"),),
            "one at a time",
        ),
    )

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        seconds = saturated_seconds(quick)
        return [
            *(
                saturated(f"saturated, N={n}", n, quick, line_bytes)
                for n in ((100, 1000) if quick else (100, 1000, 5000))
            ),
            *(LoadCase(f"one at a time, N={n}", Plan(n, seconds=seconds)) for n in ONE_AT_A_TIME),
        ]

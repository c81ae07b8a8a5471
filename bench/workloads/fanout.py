"""Fan-out: what one delivery costs the server, saturated and with one message at a time."""

from bench.generator import Plan
from bench.workloads.base import (
    SATURATED_SECONDS,
    Bars,
    Column,
    LoadCase,
    LoadWorkload,
    Ratio,
    saturated,
)

ONE_AT_A_TIME = (100, 1000)
COST = "server CPU, seconds per million deliveries"


class FanOut(LoadWorkload):
    """One publisher, N subscribers; a message is finished when the slowest subscriber has it."""

    name = "fanout"
    title = "Fan-out: 200-byte activities from one publisher to N subscribers"
    columns = (
        Column("cpu_per_million", "server CPU s per M deliveries", 3),
        Column("deliveries_per_second", "deliveries per s", 0, spread=False),
        Column("deliveries_per_read", "per read", 1, spread=False),
        Column("server_core_percent", "server core %", 0, spread=False),
        Column("load_core_percent", "load core %", 0, spread=False),
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
        seconds = SATURATED_SECONDS / 5 if quick else SATURATED_SECONDS
        return [
            *(
                saturated(f"saturated, N={n}", n, quick, line_bytes)
                for n in ((100, 1000) if quick else (100, 1000, 5000))
            ),
            *(LoadCase(f"one at a time, N={n}", Plan(n, seconds=seconds)) for n in ONE_AT_A_TIME),
        ]

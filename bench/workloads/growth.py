"""Growth: how the cost of a delivery grows with subscribers, with the length of an activity, and with servers."""

from bench.peers.base import ACTIVITY_BYTES
from bench.workloads.base import COST, DELIVERY_COLUMNS, OYEZ, Lines, LoadCase, LoadWorkload, Ratio, saturated

SIZES = {"100 B": 100, "200 B": ACTIVITY_BYTES, "1 KiB": 1024, "4 KiB": 4096, "16 KiB": 16384}


class Growth(LoadWorkload):
    """One publisher, saturated. Over several servers the subscribers are as many in all as on one: so each message is
    as many deliveries, and as many sockets are written to; what is added is what servers say to each other."""

    name = "growth"
    title = "Growth: cost of a delivery against subscribers, length of an activity (N=100), and servers (N=1000 in all)"
    columns = DELIVERY_COLUMNS
    ratios = (Ratio("cpu_per_million", "CPU"),)
    base_word = "one server"
    charts = (
        Lines("subscribers", "Cost against subscribers", COST, "cpu_per_million", "subscribers", "subscribers", "N="),
        Lines(
            "size",
            "Cost against the length of an activity (N=100)",
            COST,
            "cpu_per_million",
            "bytes of an activity",
            "activity_bytes",
            "activities",
        ),
        Lines(
            "servers",
            "Cost against servers (N=1000 in all)",
            COST,
            "cpu_per_million",
            "servers, all on one core",
            "servers",
            "servers",
        ),
    )

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        subscribers = (10, 100, 1000) if quick else (10, 100, 1000, 5000)
        sizes = {name: SIZES[name] for name in ("200 B", "16 KiB")} if quick else SIZES
        return [
            *(saturated(f"N={n}", n, quick, line_bytes) for n in subscribers),
            *(saturated(f"activities of {name}", 100, quick, line_bytes, size=size) for name, size in sizes.items()),
            *(self.several(servers, quick, line_bytes) for servers in (1, 2, 4)),
        ]

    def several(self, servers: int, quick: bool, line_bytes: int) -> LoadCase:
        base = None if servers == 1 else "servers: 1"
        return saturated(f"servers: {servers}", 1000, quick, line_bytes, servers=servers, peers=OYEZ, base=base)

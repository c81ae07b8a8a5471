"""Senders: everybody posts and everybody receives, on one server and on several."""

from bench.workloads.base import COST, OYEZ, Bars, Column, LoadCase, LoadWorkload, Ratio, saturated

CLIENTS = 100


class Senders(LoadWorkload):
    """A hundred clients that all post and all receive, saturated, with as many of them at each server.

    All servers are on one core, so a rate is that of one core for all of them, and server CPU is their sum. From two
    servers on, an activity is held by a second one before anybody sees it, as usual.
    """

    name = "senders"
    title = f"Senders: {CLIENTS} clients that all post and all receive 200-byte activities"
    columns = (
        Column("sent_per_second", "accepted per s", 0, spread=False),
        Column("deliveries_per_second", "deliveries per s", 0, spread=False),
        Column("cpu_us_per_sent", "server CPU µs each", 2, spread=False),
        Column("cpu_per_million", "s per M deliveries", 3),
        Column("server_core_percent", "server core %", 0, spread=False),
        Column("load_core_percent", "load core %", 0, spread=False),
    )
    ratios = (Ratio("cpu_per_million", "CPU"),)
    base_word = "one server"
    charts = (
        Bars("cost", title, COST, "servers, all on one core", (("cpu_per_million", "CPU"),)),
        Bars(
            "accepted",
            title,
            "activities accepted per second",
            "servers, all on one core",
            (("sent_per_second", "accepted"),),
        ),
    )

    def cases(self, quick: bool, line_bytes: int) -> list[LoadCase]:
        def case(name: str, servers: int) -> LoadCase:
            several = servers > 1
            return saturated(
                name,
                0,
                quick,
                line_bytes,
                publishers=CLIENTS,
                servers=servers,
                peers=OYEZ if several else None,
                base="1 server" if several else None,
            )

        return [case("1 server", 1), *(case(f"{count} servers", count) for count in (2, 4))]

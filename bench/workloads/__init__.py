"""The workloads, by name. Another one is a file here and a line in WORKLOADS."""

from typing import Any

from bench.workloads.attack import Attacked, Flood
from bench.workloads.base import Workload
from bench.workloads.copies import Copies
from bench.workloads.failover import Failover
from bench.workloads.fanout import FanOut
from bench.workloads.growth import Growth
from bench.workloads.idle import Idle
from bench.workloads.ingest import Ingest
from bench.workloads.leaving import Drain, Rolling
from bench.workloads.login import Login
from bench.workloads.paced import Paced
from bench.workloads.registrations import Registrations
from bench.workloads.senders import Senders
from bench.workloads.silence import Silence
from bench.workloads.snapshot import Snapshot
from bench.workloads.storm import Storm
from bench.workloads.tls import Tls

WORKLOADS: dict[str, Workload[Any]] = {
    workload.name: workload
    for workload in (
        FanOut(),
        Paced(),
        Ingest(),
        Senders(),
        Login(),
        Storm(),
        Idle(),
        Growth(),
        Failover(),
        Registrations(),
        Snapshot(),
        Silence(),
        Drain(),
        Rolling(),
        Copies(),
        Tls(),
        Attacked(),
        Flood(),
    )
}
USUAL = ["fanout", "paced", "ingest", "senders", "login", "idle", "growth"]
"""What is run when nothing is named."""

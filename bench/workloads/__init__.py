"""The workloads, by name. Another one is a file here and a line in WORKLOADS."""

from typing import Any

from bench.workloads.base import Workload
from bench.workloads.fanout import FanOut
from bench.workloads.idle import Idle
from bench.workloads.ingest import Ingest
from bench.workloads.login import Login
from bench.workloads.paced import Paced

WORKLOADS: dict[str, Workload[Any]] = {
    workload.name: workload for workload in (FanOut(), Ingest(), Login(), Idle(), Paced())
}
USUAL = ["fanout", "ingest", "login", "idle"]
"""What is run when nothing is named."""

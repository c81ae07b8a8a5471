"""What the system knows of this process, under the names that Prometheus' own libraries give it.

Guarantees: what a system does not tell is left out. Must not know: nodes.
"""

import os
import resource
import time
from contextlib import suppress
from pathlib import Path

from oyez.web.exposition import Family, Page

CPU = Family("process_cpu_seconds_total", "counter", "Processor time that was used, in the process and for it")
STARTED = Family("process_start_time_seconds", "gauge", "When it began, in seconds since 1970")
RESIDENT = Family("process_resident_memory_bytes", "gauge", "Memory that it holds (Linux alone)")
DESCRIPTORS = Family("process_open_fds", "gauge", "File descriptors that are open (Linux alone)")
MOST_DESCRIPTORS = Family("process_max_fds", "gauge", "Most file descriptors that it may have")
FAMILIES = (CPU, STARTED, RESIDENT, DESCRIPTORS, MOST_DESCRIPTORS)

_STARTED = time.time()  # when this was imported, which a node does as it begins
_PROC = Path("/proc/self")


def tell(page: Page) -> None:
    """All of it."""
    page.add(CPU, time.process_time())
    page.add(STARTED, _STARTED)
    with suppress(OSError):
        page.add(RESIDENT, int((_PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        page.add(DESCRIPTORS, sum(1 for _ in (_PROC / "fd").iterdir()) - 1)  # the one that lists them is closed again
    page.add(MOST_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[0])

"""What processes used between two moments, and what the rest of the machine used meanwhile."""

import time

from bench.machine import busy_seconds
from bench.processes import Process


class Meter:
    """Begins when it is made; `stop` ends it. One entry per process, in their order, in CPU seconds."""

    def __init__(self, *processes: Process) -> None:
        self._processes = processes
        self._began = time.monotonic()
        self._cpu = [process.cpu_seconds() for process in processes]
        self._busy, self._own = busy_seconds(), time.process_time()
        self.used: list[float] = []

    def stop(self) -> None:
        """Raises BenchError when a process has ended by itself."""
        for process in self._processes:
            process.check_alive()
        self.used = [process.cpu_seconds() - before for process, before in zip(self._processes, self._cpu, strict=True)]
        self._busy, self._own = busy_seconds() - self._busy, time.process_time() - self._own
        self._took = time.monotonic() - self._began

    def foreign_cores(self, load_cpu: float) -> float:
        """Cores kept busy by others than the processes, this one, and the load generator with its CPU seconds."""
        return max(0.0, self._busy - self._own - sum(self.used) - load_cpu) / self._took

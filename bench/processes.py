"""A child process that is measured: started on a core, awaited until it is ready, its CPU and memory read, stopped.

Ends only what it started. It must not know what the process serves.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BenchError
from bench.machine import on_core

READY_SECONDS = 30
STOP_SECONDS = 10


@dataclass(frozen=True)
class Memory:
    """Of one process, in KiB, from smaps_rollup."""

    resident: int
    private: int


class Process:
    """One child; leaving its `with` block stops it (SIGTERM, and SIGKILL after STOP_SECONDS)."""

    def __init__(
        self, name: str, command: list[str], *, core: int, scratch: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        # Files, not pipes: however much it says, it never waits for somebody to read it.
        said = f"{name}-{time.monotonic_ns()}"
        self._stdout, self._stderr = scratch / f"{said}.stdout", scratch / f"{said}.stderr"
        with on_core(core), self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, "OYEZ_CONFIG": os.devnull, **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_ready(self) -> tuple[str, int]:
        """Host and port from the first line on stdout that begins with "ready": `ready WHAT HOST:PORT`.

        Raises BenchError when the process ends, or when there is no such line within READY_SECONDS.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            ended = self._child.poll() is not None
            for line in self._stdout.read_text("utf-8", "replace").splitlines(keepends=True):
                if line.startswith("ready ") and line.endswith("\n"):
                    host, _, port = line.split()[-1].rpartition(":")
                    return host, int(port)
            if ended:
                raise BenchError(f"{self.name} ended before it was ready. {self.last_words()}")
            time.sleep(0.01)
        raise BenchError(f"{self.name} was not ready within {READY_SECONDS} s. {self.last_words()}")

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far.

        It is what /proc/PID/stat gives as utime + stime, read from the process's CPU clock, because stat counts in
        steps of 10 ms.
        """
        return time.clock_gettime((~self._child.pid << 3) | 2)

    def memory(self) -> Memory:
        sizes = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0}
        for line in Path(f"/proc/{self._child.pid}/smaps_rollup").read_text("ascii").splitlines():
            name, _, value = line.partition(":")
            if name in sizes:
                sizes[name] = int(value.split()[0])
        return Memory(sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"])

    def check_alive(self) -> None:
        """Raises BenchError when the process has ended by itself."""
        code = self._child.poll()
        if code is not None:
            raise BenchError(f"{self.name} ended by itself with {code}. {self.last_words()}")

    def last_words(self) -> str:
        said = self._stderr.read_text("utf-8", "replace").splitlines()[-15:]
        return "Its last words were:\n" + "\n".join(said) if said else "It said nothing."

    def signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        self._child.send_signal(number)

    def wait_end(self, seconds: float) -> None:
        """Until it has ended with 0. Raises BenchError."""
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self.name} has not ended within {seconds:.0f} s. {self.last_words()}") from None
        if code != 0:
            raise BenchError(f"{self.name} ended with {code}. {self.last_words()}")

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

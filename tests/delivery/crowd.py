"""The handle on a process of library clients that post and check (talkers.py)."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.blackbox.processes import environment
from tests.blackbox.wire import Address

TALKERS = Path(__file__).with_name("talkers.py")

ANSWER = 240.0
"""Seconds for one answer: the last one waits for every post."""

ON_THE_WAY = 120.0
"""Seconds in which a network that has all it needs has delivered more, however busy the machine is."""

Counts = dict[str, Any]


class Crowd:
    """So many clients, that post `rate` messages a second in all. Use as a context manager."""

    def __init__(self, centrals: Iterable[Address], folder: Path, *, clients: int, rate: float, named: int = 0) -> None:
        self._errors = folder / "crowd.stderr"
        with self._errors.open("ab") as errors:
            self._child = subprocess.Popen(
                [sys.executable, str(TALKERS), ",".join(map(str, centrals)), str(clients), str(rate), str(named)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=environment(),
            )
        self._received = b""

    def __enter__(self) -> Self:
        try:
            assert self._line() == b"ready"
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._child.kill()
        self._child.communicate()

    def progress(self) -> Counts:
        """Counts so far."""
        return self._ask("progress")

    def wait_for_more(self, count: int = 40) -> None:
        """Until so many more posts were acknowledged."""
        wanted = self.progress()["acknowledged"] + count
        deadline = time.monotonic() + ON_THE_WAY
        while (now := self.progress())["acknowledged"] < wanted:
            assert time.monotonic() < deadline, f"the network does not go on: {now}"
            time.sleep(0.05)

    def finish(self) -> Counts:
        """No more posts; everybody has all that was acknowledged to its sender, once and in order, or this fails."""
        counts = self._ask("finish")
        assert not counts["wrong"], f"{counts['complaints']} are wrong: {counts}"
        assert counts["acknowledged"] > 0
        return counts

    def _ask(self, what: str) -> Counts:
        assert self._child.stdin is not None
        self._child.stdin.write(what.encode() + b"\n")
        self._child.stdin.flush()
        return dict(json.loads(self._line()))

    def _line(self) -> bytes:
        assert self._child.stdout is not None
        deadline = time.monotonic() + ANSWER
        while b"\n" not in self._received:
            readable, _, _ = select.select([self._child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, f"the clients said nothing for {ANSWER} s\n{self.log()}"
            data = os.read(self._child.stdout.fileno(), 1 << 16)
            assert data, f"the clients ended\n{self.log()}"
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line

    def log(self) -> str:
        """The end of what they wrote on standard error."""
        return self._errors.read_text(errors="replace")[-6000:]

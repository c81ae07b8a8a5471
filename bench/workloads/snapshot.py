"""Snapshot: how long a new backup takes to be in sync with a large directory, and what people notice meanwhile."""

import math
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.line import Lost, ask
from bench.network import Network, wait
from bench.peers.base import Peer
from bench.peers.oyez import Oyez
from bench.workloads.base import Case, Column, Outcome, Session, Workload, quantiles
from bench.workloads.registrations import faults_of, register_all, write_users

BEFORE = 5.0
"""Seconds for which logins are measured before the backup comes."""

PACE = 0.01
"""Seconds from one login to the next."""


@dataclass(frozen=True)
class SnapshotCase(Case):
    """So many users in the directory."""

    users: int


class Snapshot(Workload[SnapshotCase]):
    """A main with many users (registered without argon2, with hashes as long), a server, and then a backup.

    The time begins when the backup has been welcomed, which it says by its `ready` line, and ends when the main counts
    it as in sync. Logins are by `anonymous`, one after the other, at the main.
    """

    name = "snapshot"
    title = "Snapshot: a new backup of a large directory, and the main's logins before and meanwhile"
    columns = (
        Column("seconds", "s until in sync", 2),
        Column("main_cpu_seconds", "main CPU s", 2),
        Column("backup_cpu_seconds", "backup CPU s", 2),
        Column("login_before_p50_ms", "login before p50 ms", 2, spread=False),
        Column("login_before_p99_ms", "p99 ms", 2, spread=False),
        Column("login_during_p50_ms", "meanwhile p50 ms", 2, spread=False),
        Column("login_during_p99_ms", "p99 ms", 2),
        Column("login_during_max_ms", "max ms", 2),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[SnapshotCase]:
        users = 5_000 if quick else 100_000
        return [SnapshotCase(f"{users:,} users", users)]

    def run(self, case: SnapshotCase, peer: Peer, session: Session) -> list[Outcome]:
        with (
            Network(Oyez(list(Oyez.CHEAP)), session.scratch, backups=1, servers=1, late=1) as network,
            tempfile.TemporaryDirectory(dir=session.scratch) as folder,
        ):
            users = write_users(Path(folder) / "users", case.users)
            _, result = register_all(network, users, case.users, session)
            with Logins(network) as logins:
                time.sleep(BEFORE)
                network.start("c2")
                main, backup = network.centrals["c1"], network.centrals["c2"]
                backup.wait_ready()
                began, cpu = time.monotonic(), (main.cpu_seconds(), backup.cpu_seconds())
                wait(lambda: in_sync(network) == 2, "the backup is in sync", pause=0.005)
                ended = time.monotonic()
                used = main.cpu_seconds() - cpu[0], backup.cpu_seconds() - cpu[1]
        figures = {"users": case.users, "seconds": ended - began}
        figures |= {"main_cpu_seconds": used[0], "backup_cpu_seconds": used[1]}
        figures |= quantiles("login_before", logins.between(0.0, began)) | quantiles(
            "login_during", logins.between(began, ended)
        )
        return [Outcome(case.name, figures, [*faults_of(result), *logins.faults])]


class Logins:
    """One after the other, in a thread, as long as the `with` block lasts."""

    def __init__(self, network: Network) -> None:
        self.faults: list[str] = []
        self._address = network.addresses["c1"]
        self._took: list[tuple[float, float]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._log_in)

    def __enter__(self) -> "Logins":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def between(self, since: float, until: float) -> list[float]:
        """Seconds that each took, of those that were under way then."""
        return [took for began, took in self._took if began < until and began + took > since] or [math.nan]

    def _log_in(self) -> None:
        while not self._end.wait(PACE):
            began = time.monotonic()
            try:
                answer = ask(self._address, command="LOGIN", username="anonymous")
            except Lost as lost:
                self.faults.append(f"a login was lost: {lost}")
                continue
            self._took.append((began, time.monotonic() - began))
            if answer["command"] != "LOGIN_SUCCESS":
                self.faults.append(f"a login was refused: {answer}")


def in_sync(network: Network) -> int:
    report = network.status("c1")
    return 0 if report is None else sum(one.get("in_sync", True) for one in report["centrals"])

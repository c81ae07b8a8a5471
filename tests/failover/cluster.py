"""Centrals and servers as processes, of which some are killed, stopped, woken and started again.

Each process gets a fixed port, so that it comes back where it was. Nothing of the product is imported.
"""

import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Process, free_port
from tests.blackbox.wire import Address, eventually
from tests.failover.line import Lost, ask

Report = dict[str, Any]

ANSWER = 1.0
"""Seconds in which a central that is well answers STATUS; one that is frozen never does."""

SETTLED = 60.0
"""Seconds in which a network has found itself again, however busy the machine is."""


class Cluster:
    """`c1` is the first main, the other centrals its backups; use as a context manager.

    Leaving it stops every process with SIGTERM and fails where one does not exit with 0. `central_options` are those of
    all centrals: here nobody is moved to make loads even, because raw links don't follow.
    """

    central_options: Sequence[str] = ("--no-rebalance",)

    def __init__(self, folder: Path, *, centrals: int = 2, servers: int = 2) -> None:
        self.folder = folder
        self.processes: dict[str, Process] = {}
        self.ended: list[Process] = []
        self.centrals = {name: self.place(name) for name in _names("c", centrals)}
        self.servers = {name: self.place(name) for name in _names("s", servers)}

    # -- where they run: tests with namespaces say so otherwise --------------------------------------------------

    def place(self, name: str) -> Address:
        """Where this process listens."""
        return Address(LOOPBACK, free_port())

    def prefix(self, name: str) -> Sequence[str]:
        """The command that runs it, if it is not started as it is."""
        return ()

    def options(self, name: str) -> Sequence[str]:
        """What else it is told."""
        return ()

    # -- starting and ending -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self.start_central("c1", alone=True)
            self.start_all([name for name in self.centrals if name != "c1"])
            self.start_all(list(self.servers))
            self.wait_until_whole()
        except BaseException:
            self.kill_all()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        wrong = []
        try:
            for name in sorted(self.processes, reverse=True):  # the servers before the centrals
                wrong += self.processes[name].stop()
        finally:
            self.kill_all()
        if kind is None:
            assert not wrong, "\n".join([*wrong, self.logs()])
            tracebacks = [found for process in self._every if (found := process.new_traceback())]
            assert not tracebacks, "\n".join(tracebacks)

    def kill_all(self) -> None:
        """SIGKILL to everything, at once."""
        self.kill_together(list(self.processes))

    def kill_together(self, names: Sequence[str]) -> None:
        """SIGKILL to these, before any of them hears of another's death."""
        for name in names:
            if self.processes[name].running():
                self.processes[name].signal(signal.SIGKILL)
        for name in names:
            self.kill(name)

    def start_central(self, name: str, *, alone: bool = False, ready: bool = True) -> Process:
        """Start it, or start it again: as a backup of the others, unless it is `alone`."""
        at = self.centrals[name]
        others = ",".join(str(address) for other, address in self.centrals.items() if other != name)
        arguments = ["central", "--host", at.hostname, "--port", str(at.port), "--data", str(self.folder / name)]
        arguments += [*self.central_options, "--log-level", "debug"]
        if others and not alone:
            arguments += ["--backup-of", others]
        process = self._start(name, arguments)
        if ready:
            assert process.ready("central") == at
        return process

    def start_server(self, name: str) -> None:
        """Start the server with this id."""
        at = self.servers[name]
        known = ",".join(map(str, self.centrals.values()))
        arguments = ["server", "--host", at.hostname, "--port", str(at.port), "--central", known, "--id", name]
        process = self._start(name, arguments)
        assert process.ready("server") == at

    def start_all(self, names: Sequence[str]) -> None:
        """Start these at the same time, and wait until each is ready."""
        with ThreadPoolExecutor(max(1, len(names))) as pool:
            list(pool.map(lambda name: self.start_central(name) if name[0] == "c" else self.start_server(name), names))

    def _start(self, name: str, arguments: list[str]) -> Process:
        process = Process(
            name, [*arguments, *self.options(name)], self.folder, {"OYEZ_SECRET": CLUSTER_SECRET}, self.prefix(name)
        )
        self.processes[name] = process
        return process

    def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self.processes.pop(name)
        process.kill()
        self.ended.append(process)

    def freeze(self, name: str) -> None:
        """SIGSTOP: it answers nobody, and its links stay open."""
        self.processes[name].signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT."""
        self.processes[name].signal(signal.SIGCONT)

    # -- how it is -----------------------------------------------------------------------------------------------

    def report(self, name: str) -> Report | None:
        """The STATUS_REPORT of this central, or None where it does not answer."""
        try:
            return ask(self.centrals[name], {"command": "STATUS"}, ANSWER)
        except Lost:
            return None

    def reports(self) -> dict[str, Report]:
        """Of the centrals that answer."""
        found = {name: self.report(name) for name in self.centrals if name in self.processes}
        return {name: report for name, report in found.items() if report is not None}

    def main(self) -> str | None:
        """The central that believes that it is main, in the highest term where several do."""
        mains = {
            report["term"]: name for name, report in self.reports().items() if report.get("role", "main") == "main"
        }
        return mains[max(mains)] if mains else None

    def wait_for_main(self, but: str = "") -> str:
        """Wait until there is one that is not `but`."""
        found: list[str] = []

        def is_there() -> bool:
            name = self.main()
            found[:] = [] if name is None or name == but else [name]
            return bool(found)

        eventually(is_there, f"a main that is not {but}" if but else "a main", seconds=SETTLED)
        return found[0]

    def wait_until_whole(self) -> str:
        """Wait until the main has all centrals in sync and all servers ready; returns its name."""
        eventually(self._is_whole, "everybody is there, by STATUS of the main", seconds=SETTLED)
        main = self.main()
        assert main is not None
        return main

    def _is_whole(self) -> bool:
        name = self.main()
        report = None if name is None else self.report(name)
        if report is None:
            return False
        in_sync = [one for one in report["centrals"] if one.get("in_sync", True) and one["role"] != "away"]
        ready = [one for one in report["servers"] if one.get("ready", True)]
        up = [name for name in self.processes if name in self.centrals]
        steady = report.get("acknowledging", True) and not report.get("changing", False)
        return len(in_sync) == len(up) and len(ready) == len(self.servers) and steady

    def loads(self) -> dict[str, int]:
        """Sessions by server, as the main counts them."""
        report = self.report(self.wait_for_main())
        return {} if report is None else {one["id"]: one["load"] for one in report["servers"]}

    @property
    def _every(self) -> list[Process]:
        return [*self.ended, *self.processes.values()]

    def logs(self) -> str:
        """The ends of all logs, for the report of a failure."""
        return "\n".join(f"--- {process.name}\n{process.log()}" for process in self._every)

    def logged(self, name: str, event: str) -> int:
        """How often this process has logged this event, in all its lives."""
        return (self.folder / f"{name}.stderr").read_text().count(f'"event": "{event}"')


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{number}" for number in range(1, count + 1)]

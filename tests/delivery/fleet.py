"""Two centrals and several servers, of which some are drained, told to end, killed and started again."""

from tests.blackbox.commands import Outcome, oyez
from tests.blackbox.processes import CLUSTER_SECRET, Process
from tests.blackbox.wire import eventually
from tests.failover.cluster import SETTLED, Cluster

SERVERS = 4


class Fleet(Cluster):
    """A cluster whose servers may leave, and whose loads are made even."""

    central_options = ()

    @property
    def known(self) -> str:
        """The centrals, as commands take them."""
        return ",".join(map(str, self.centrals.values()))

    def command(self, *arguments: str, secret: str = CLUSTER_SECRET) -> Outcome:
        """An oyez command that asks the centrals, with the cluster's secret, to its end."""
        return oyez(*arguments, "--central", self.known, variables={"OYEZ_SECRET": secret})

    def drain(self, name: str) -> None:
        """`oyez drain`, by which the command and the server both end with 0."""
        outcome = self.command("drain", name)
        assert outcome.code == 0, (outcome, self.processes[name].log())
        self._has_ended(self._taken(name).wait(SETTLED, "oyez drain"))

    def terminate(self, name: str) -> None:
        """SIGTERM, on which it ends with 0."""
        self._has_ended(self._taken(name).stop(SETTLED))

    def _has_ended(self, wrong: list[str]) -> None:
        assert not wrong, "\n".join([*wrong, self.ended[-1].log()])

    def _taken(self, name: str) -> Process:
        process = self.processes.pop(name)
        self.ended.append(process)
        return process

    def bring_back(self, name: str) -> None:
        """Start it again, and wait until everybody is there."""
        if name in self.centrals:
            self.start_central(name)
        else:
            self.start_server(name)
        self.wait_until_whole()

    def wait_until_gone(self, name: str) -> None:
        """Until the main sends nobody to this server."""
        eventually(lambda: name not in self.ready(), f"the main has noticed that {name} is gone", seconds=SETTLED)

    def ready(self) -> set[str]:
        """The servers that the main sends clients to; all of them while there is no main to say."""
        main = self.main()
        report = None if main is None else self.report(main)
        if report is None:
            return set(self.servers)
        return {one["id"] for one in report["servers"] if one.get("ready", True)}

    def wait_until_even(self, sessions: int) -> dict[str, int]:
        """Until all these sessions are there, and the fullest server has a tenth more than the mean at most, or the
        servers differ by 1; returns the loads."""
        loads: dict[str, int] = {}

        def is_even() -> bool:
            loads.clear()
            loads.update(self.loads())
            if sum(loads.values()) != sessions or len(loads) != len(self.servers):
                return False
            most, mean = max(loads.values()), sessions / len(loads)
            return most <= 1.1 * mean or most - min(loads.values()) <= 1

        try:
            eventually(is_even, f"{sessions} sessions, evenly, by STATUS", seconds=SETTLED)
        except AssertionError as error:
            raise AssertionError(f"{error}: {loads}") from None
        return dict(loads)

"""The way of activities through a server, for whoever looks for one that is missed: kept only where it is asked for.

Guarantees: one report for each run of sequences, origin and turn, however many activities there are. Knows nothing of
what is in them.
"""

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.log import Chunk


class Trace:
    """What has become of which activities since the last `reports`."""

    def __init__(self) -> None:
        self.accepted: list[Chunk] = []  # posted here
        self.held: list[Chunk] = []  # come from another server
        self.shown: list[Chunk] = []  # published to the clients

    def reports(self) -> Effects:
        """Each run: its origin, first and last sequence."""
        accepted, self.accepted = self.accepted, []
        held, self.held = self.held, []
        shown, self.shown = self.shown, []
        return [
            *[fx.Report("accepted", run) for run in _runs(accepted)],
            *[fx.Report("held", run) for run in _runs(held)],
            *[fx.Report("shown", run) for run in _runs(shown)],
        ]


def _runs(chunks: list[Chunk]) -> list[dict[str, str | int]]:
    runs: list[dict[str, str | int]] = []
    open_runs: dict[str, dict[str, str | int]] = {}
    for chunk in chunks:
        run = open_runs.get(chunk.origin)
        if run is not None and run["last"] == chunk.first - 1:
            run["last"] = chunk.last
        else:
            run = open_runs[chunk.origin] = {"origin": chunk.origin, "first": chunk.first, "last": chunk.last}
            runs.append(run)
    return runs

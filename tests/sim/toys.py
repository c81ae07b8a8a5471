"""Small roles and owners, for tests of the simulated world itself."""

from oyez.core import effects as fx
from oyez.core.role import Quiet
from oyez.protocol import messages as m
from oyez.sim.wire import End


class Owner:
    """Holds an end, and writes down what it is told."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.reads = True
        self.got = b""
        self.finished = ""
        self.why = ""
        self.room = 0
        end.owner = self

    def readable(self) -> None:
        if self.reads:
            self.got += self.end.source.read(1 << 20)
            self.finished = self.end.source.ended

    def writable(self) -> None:
        self.room += 1

    def broken(self, why: str) -> None:
        self.why = why


class Echo(Quiet):
    """Answers each WHO with its username, in a WHO_REPORT, once that is on disk."""

    def on_start(self, now: float) -> fx.Effects:
        return [fx.Report("ready", {}), fx.SetTimer("tick", 1.0)]

    def on_timer(self, now: float, key: str) -> fx.Effects:
        return [fx.Report("ticked", {"now": now}), fx.SetTimer("tick", 1.0)]

    def on_message(self, now: float, link: int, message: m.Message) -> fx.Effects:
        if isinstance(message, m.Who):
            return [
                fx.Persist((fx.UserRecord(message.username, "hash"),)),
                fx.Send(link, m.WhoReport(1, [m.Presence(message.username, "echo", 1)])),
                fx.Report("answered", {"username": message.username}),
            ]
        return [fx.Close(link)]

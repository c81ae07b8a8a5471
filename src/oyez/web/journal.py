"""What has happened lately, for people who look: the newest of a node's reports, of those that concern the network.

Guarantees: bounded, however much happens; numbered, so that whoever asks again gets what is new; no username, nothing
secret: of each report only the fields that are named here. Must not know: who asks, and what the reports bring about.
"""

from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct

KEPT = 200
"""Most events that are kept."""

TERMS = 20
"""Most terms that are kept."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "backup_joined": ("central",),
    "backup_lost": ("central",),
    "backup_silent": ("central",),
    "central_silent": ("central",),
    "draining": ("server",),
    "elected": ("term", "central"),
    "following": ("term", "main"),
    "main_lost": ("central",),
    "moved": ("server", "sessions"),
    "server_joined": ("server", "address"),
    "server_left": ("server",),
    "server_lost": ("server",),
    "server_removed": ("server",),
    "stepped_down": ("term",),
}
"""Which reports are kept, and which fields of each."""

Log = Callable[[str, Mapping[str, object]], None]


class Event(Struct):
    """A report. `at` is in seconds since 1970. Several moves from one server, with nothing between, are one event: its
    number is that of the last, `first` that of the first."""

    number: int
    first: int
    at: float
    event: str
    fields: dict[str, object]


class Reign(Struct):
    """Since when, by this node's clock, it knows a term, and whose it is: a central's id, or its address."""

    term: int
    main: str
    at: float


class Journal:
    """Of one lifetime of a node. `clock` gives seconds since 1970; `began`, in milliseconds, names the journal."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.began = int(clock() * 1000)
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.terms: deque[Reign] = deque(maxlen=TERMS)
        self._number = 0

    def before(self, log: Log) -> Log:
        """A log that keeps what it hears here, and hands it on."""

        def report(event: str, fields: Mapping[str, object]) -> None:
            self.report(event, fields)
            log(event, fields)

        return report

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        """What a role reports."""
        names = KINDS.get(event)
        if names is None:
            return
        self._number += 1
        kept = Event(self._number, self._number, self._clock(), event, {name: fields[name] for name in names})
        if event == "moved":
            self._join(kept)
        self.events.append(kept)
        if event in ("elected", "following"):
            self._reigns(kept)

    def _join(self, moved: Event) -> None:
        """A drain, or a rebalance, is reported in many small parts."""
        last = self.events[-1] if self.events else None
        if last is None or last.event != "moved" or last.fields["server"] != moved.fields["server"]:
            return
        del self.events[-1]
        moved.first = last.first
        moved.fields["sessions"] = _count(last) + _count(moved)

    def _reigns(self, event: Event) -> None:
        term, main = event.fields["term"], event.fields.get("central") or event.fields.get("main")
        assert isinstance(term, int)
        if not self.terms or self.terms[-1].term != term:
            self.terms.append(Reign(term, str(main), event.at))

    def after(self, began: int, number: int) -> list[Event]:
        """What is newer than what the reader has: of the journal that `began` then, up to `number`."""
        if began != self.began:
            return list(self.events)
        return [event for event in self.events if event.number > number]

    def now(self) -> float:
        """By the clock of the events."""
        return self._clock()


def _count(moved: Event) -> int:
    sessions = moved.fields["sessions"]
    assert isinstance(sessions, int)
    return sessions

"""Links as TCP gives them: two byte streams, each in order, with latency, a bounded window, and every way of failing.

Guarantees: what arrives is a prefix of what was sent, whole unless the link broke; a writer is given no more than the
window before the reader has taken something; nothing calls an owner back from within its own call. An owner learns
that there is something to read (bytes, the end of the stream, or both), that there is room to write, or that the link
broke. Must not know: hosts, roles, what the bytes say.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from oyez.sim.clock import Clock

EVERYTHING = 1 << 30
"""A limit for reads that is none."""


@dataclass(slots=True, frozen=True)
class Conditions:
    """What links are like in one world, drawn from its seed."""

    latency: tuple[float, float] = (0.0002, 0.004)
    """Seconds that a byte travels, drawn for each link and direction."""
    jitter: float = 0.001
    """Most seconds more, drawn for each segment."""
    window: tuple[int, int] = (4096, 262144)
    """Bytes that are taken before the reader reads: the buffers of both kernels together."""
    crumbs: float = 0.0
    """How often a read gives only a part of what is there."""
    silence: float = 35.0
    """Seconds after which a kernel gives up a peer that answers nothing any more, or takes nothing."""


class Owner(Protocol):
    """Whoever holds an end: a process, or a simulated program."""

    def readable(self) -> None:
        """There are bytes to read, or the stream has ended."""
        ...

    def writable(self) -> None:
        """A `send` that took less than it was given may be continued."""
        ...

    def broken(self, why: str) -> None:
        """The link is over in both directions; what has arrived can still be read."""
        ...


class Nobody:
    """Who owns an end until somebody does: keeps the news that mattered."""

    why = ""

    def readable(self) -> None:
        """It stays where it is."""

    def writable(self) -> None:
        """Nobody has tried to write."""

    def broken(self, why: str) -> None:
        """The link broke before anybody owned it."""
        self.why = why


class Pipe:
    """One direction of a link. `ended` tells why the writer finished, once the reader has come to that."""

    __slots__ = (
        "_acknowledged",
        "_clock",
        "_due",
        "_flight",
        "_full",
        "_held",
        "_jitter",
        "_latency",
        "_load",
        "_pumping",
        "_random",
        "_silence",
        "_unread",
        "_watching",
        "_window",
        "back",
        "broken",
        "ended",
        "full_since",
        "reader",
        "writer",
    )

    back: "Pipe"
    reader: "End"
    writer: "End"

    def __init__(self, clock: Clock, random: Random, conditions: Conditions) -> None:
        low, high = conditions.window
        self._clock = clock
        self._random = random
        self._latency = random.uniform(*conditions.latency)
        self._jitter = conditions.jitter
        self._silence = conditions.silence
        self._watching = False
        self._window = round(low * (high / low) ** random.random())
        self._flight: deque[tuple[float, bytes, str]] = deque()
        self._due = 0.0  # when what was sent last arrives
        self._pumping = False
        self._held = 0  # reasons for which nothing moves
        self._load = 0  # bytes taken and not yet acknowledged
        self._acknowledged = 0  # bytes read of which the writer does not know yet
        self._full = False
        self._unread = b""
        self.broken = False
        self.ended = ""
        self.full_since: float | None = None
        """Since when the writer has waited for room in vain."""

    # -- the writer's side --------------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        """Take what fits. A broken pipe takes everything."""
        if self.broken:
            return len(data)
        room = self._window - self._load
        if room < len(data):
            if not self._full:
                self._full = True
                self.full_since = self._clock.now
                self._watch(self._silence)
            if self.reader.over:
                self.reader.link.retry(self.reader.knock)
            if room <= 0:
                return 0
            data = data[:room]
        self._load += len(data)
        self._fly(data, "")
        return len(data)

    def finish(self, why: str) -> None:
        """Nothing more will be sent."""
        if not self.broken:
            self._fly(b"", why)

    def _fly(self, data: bytes, why: str) -> None:
        self._due = max(self._due, self._clock.now + self._latency + self._jitter * self._random.random())
        self._flight.append((self._due, data, why))
        if not self._pumping and not self._held:
            self._pumping = True
            self._clock.at(self._due, self._arrive)

    def _watch(self, seconds: float) -> None:
        if not self._watching:
            self._watching = True
            self._clock.after(seconds, self._look)

    def _look(self) -> None:
        """The writer's kernel has waited for room: how long?"""
        self._watching = False
        if self.full_since is not None and not self.broken:
            left = self.full_since + self._silence - self._clock.now
            if left <= 0:
                self.writer.expire()
            else:
                self._watch(left)

    # -- in between ---------------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        self._pumping = False
        if self._held or self.broken:
            return
        flight, now = self._flight, self._clock.now
        while flight and flight[0][0] <= now:
            _, data, why = flight.popleft()
            self._unread += data
            self.ended = self.ended or why
        if flight:
            self._pumping = True
            self._clock.at(flight[0][0], self._arrive)
        if self.reader.over:
            self.reader.knock()
        else:
            self.reader.owner.readable()

    def hold(self) -> None:
        """Nothing moves, acknowledgements of the other direction neither, until as many calls of `free`."""
        self._held += 1

    def free(self) -> None:
        """What was held up moves on, after a moment: TCP tries again only now and then."""
        self._held -= 1
        if self._held:
            return
        delay = 0.2 * self._random.random()
        if self._flight and not self._pumping:
            self._pumping = True
            self._due = max(self._due, self._clock.now + delay)
            self._clock.after(delay, self._arrive)
        self._clock.after(delay, self.back.acknowledge)

    def tear(self) -> None:
        """The link broke: a part of what was under way still arrives, the rest is lost."""
        if not self.broken:
            self.broken = True
            for _ in range(self._random.randrange(len(self._flight) + 1)):
                self._unread += self._flight.popleft()[1]
            self._flight.clear()

    # -- the reader's side --------------------------------------------------------------------------------------

    def read(self, limit: int) -> bytes:
        """At most `limit` bytes of those that have arrived."""
        data = self._unread
        if len(data) > limit:
            self._unread = data[limit:]
            data = data[:limit]
        else:
            self._unread = b""
        self._acknowledged += len(data)
        if self._full and not self.back._held:
            self._clock.after(self._latency, self.acknowledge)
        else:
            self.acknowledge()
        return data

    def acknowledge(self) -> None:
        """Let the writer know what was read, if the way back is open."""
        if self.back._held or self.broken:
            return
        if self._acknowledged and self._full:
            self.full_since = self._clock.now
        self._load -= self._acknowledged
        self._acknowledged = 0
        if self._full and self._load * 3 <= self._window * 2:
            self._full = False
            self.full_since = None
            if not self.writer.over:
                self.writer.owner.writable()

    @property
    def held(self) -> bool:
        """Whether nothing moves at present."""
        return self._held > 0

    @property
    def waiting(self) -> int:
        """Bytes that have arrived and were not read."""
        return len(self._unread)


class End:
    """One end of a link. `over`: its owner is told nothing more."""

    __slots__ = ("link", "machine", "out", "over", "owner", "source")

    owner: Owner

    def __init__(self, link: "Link", machine: str, out: Pipe, source: Pipe) -> None:
        self.link = link
        self.machine = machine
        self.out = out
        self.source = source
        self.over = False
        out.writer = source.reader = self

    @property
    def peer(self) -> "End":
        """The other end."""
        return self.out.reader

    def leave(self) -> None:
        """The owner is done with this end."""
        self.over = True
        if self.peer.over:
            self.link.vanished()

    def reset(self, why: str) -> None:
        """The owner ends the link at once, in both directions; the peer learns it a little later.

        What tells it is never sent again: if it does not get through, the peer learns when it next sends something,
        or its kernel gives up.
        """
        lost = self.out.held
        self.out.tear()
        self.leave()
        if lost:
            self.link.give_up(self.peer)
        else:
            self.source.tear()
            self.link.later(partial(self.peer.fail, why))

    def fail(self, why: str) -> None:
        """The link is over, and the owner learns it now."""
        if not self.over:
            self.out.tear()
            self.source.tear()
            self.leave()
            self.owner.broken(why)

    def expire(self) -> None:
        """The kernel has waited long enough: it resets the link, and the owner learns it now."""
        if not self.over:
            self.reset("timed out")
            self.owner.broken("timed out")

    def disappear(self) -> None:
        """The power goes: the owner is no more, and the peer hears nothing of it."""
        self.out.tear()
        self.leave()
        self.link.give_up(self.peer)
        if self.source.full_since is not None:
            self.link.retry(self.knock)  # the peer asks for room, again and again

    def knock(self) -> None:
        """The peer sends, or asks for room, after the owner was done: the kernel says so, once it can."""
        if self.peer.over:
            return
        if self.link.answers(self.machine) and not self.out.held:
            self.link.later(partial(self.peer.fail, "reset"))
        else:
            self.link.retry(self.knock)


class Link:
    """Two ends. `number` names the link in the history."""

    __slots__ = ("_clock", "_random", "_silence", "answers", "ends", "forget", "number")

    def __init__(
        self,
        clock: Clock,
        random: Random,
        conditions: Conditions,
        number: int,
        machines: tuple[str, str],
        answers: Callable[[str], bool],
        forget: Callable[["Link"], None],
    ) -> None:
        there, back = Pipe(clock, random, conditions), Pipe(clock, random, conditions)
        there.back, back.back = back, there
        self.number = number
        self.answers = answers
        """Whether the machine of that name is up, and would say that nobody listens there any more."""
        self.forget = forget
        self.ends = (End(self, machines[0], there, back), End(self, machines[1], back, there))
        self._clock = clock
        self._random = random
        self._silence = conditions.silence

    def __str__(self) -> str:
        return f"link {self.number} of {self.ends[0].machine} with {self.ends[1].machine}"

    def later(self, action: Callable[[], None]) -> None:
        """In the time that news take to the other end."""
        self._clock.after(0.005 * self._random.random(), action)

    def retry(self, action: Callable[[], None]) -> None:
        """When TCP tries again."""
        self._clock.after(0.3 + 0.7 * self._random.random(), action)

    def vanished(self) -> None:
        """Both ends are over."""
        self.forget(self)

    def give_up(self, end: End) -> None:
        """The peer of `end` answers nothing from now on: its kernel notices in the end."""
        self._clock.after(self._silence, end.expire)

    # -- faults -------------------------------------------------------------------------------------------------

    def reset(self, why: str) -> None:
        """Both ends see the link break, neither at the same moment; a part of what was under way is lost."""
        for end in self.ends:
            end.out.tear()
            self.later(partial(end.fail, why))

    def hold(self) -> None:
        """Nothing moves in either direction, until `free`."""
        for end in self.ends:
            end.out.hold()

    def free(self) -> None:
        """The opposite of `hold`."""
        for end in self.ends:
            end.out.free()
